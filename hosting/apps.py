"""hosting as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HostingConfig(AppConfig):
    """What stands where, whose it is, what it does, and at what price."""

    name = "hosting"
    verbose_name = _("Hosting")

    def ready(self) -> None:
        """Register event kinds and guards."""
        from hosting import registrations  # noqa: PLC0415  (app ready)

        registrations.register()
