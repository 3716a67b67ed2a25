"""intelligence as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntelligenceConfig(AppConfig):
    """What is made of what is known: forecasts and how they did."""

    name = "intelligence"
    verbose_name = _("Intelligence")

    def ready(self) -> None:
        """Register event kinds, jobs and retention."""
        from intelligence import registrations  # noqa: PLC0415  (app ready)

        registrations.register()
