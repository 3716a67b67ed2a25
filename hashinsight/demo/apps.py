"""The demo as a Django app: it has commands and no tables."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DemoConfig(AppConfig):
    """Builds a company to look at; wiring, imported by nobody."""

    name = "hashinsight.demo"
    label = "demo"
    verbose_name = _("Demo")
