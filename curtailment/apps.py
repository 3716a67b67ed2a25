"""curtailment as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CurtailmentConfig(AppConfig):
    """Switches machines off for the grid or the price, and surely on again."""

    name = "curtailment"
    verbose_name = _("Curtailment")

    def ready(self) -> None:
        """Register event kinds, alerts and jobs."""
        from curtailment import registrations  # noqa: PLC0415  (app ready)

        registrations.register()
