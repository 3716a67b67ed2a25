"""hosting as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HostingConfig(AppConfig):
    """Holds no tables yet."""

    name = "hosting"
    verbose_name = _("Hosting")
