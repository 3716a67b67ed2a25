"""intelligence as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntelligenceConfig(AppConfig):
    """Holds no tables yet."""

    name = "intelligence"
    verbose_name = _("Intelligence")
