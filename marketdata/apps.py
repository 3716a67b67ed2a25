"""marketdata as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MarketdataConfig(AppConfig):
    """What is known of the network, of prices and of coins."""

    name = "marketdata"
    verbose_name = _("Market data")

    def ready(self) -> None:
        """Register event kinds, jobs, alerts and retention."""
        from marketdata import registrations  # noqa: PLC0415  (app ready)

        registrations.register()
