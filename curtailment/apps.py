"""curtailment as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CurtailmentConfig(AppConfig):
    """Holds no tables yet."""

    name = "curtailment"
    verbose_name = _("Curtailment")
