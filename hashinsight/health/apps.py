"""Health as a Django app, for its command."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HealthConfig(AppConfig):
    """Health pages, figures and the doctor."""

    name = "hashinsight.health"
    label = "health"
    verbose_name = _("Health")
