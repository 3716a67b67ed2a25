"""marketdata as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MarketdataConfig(AppConfig):
    """Holds no tables yet."""

    name = "marketdata"
    verbose_name = _("Market data")
