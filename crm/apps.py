"""crm as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CrmConfig(AppConfig):
    """The commercial truth: customers, leads, deals, invoices, payments."""

    name = "crm"
    verbose_name = _("Customers and invoices")

    def ready(self) -> None:
        """Register event kinds, due work and periodic jobs."""
        from crm import checks, money_registrations, receivers, registrations  # noqa: F401, PLC0415  (app ready)

        registrations.register()
        money_registrations.register()
