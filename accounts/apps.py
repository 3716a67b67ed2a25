"""Accounts as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """People, their roles and access grants, login records and API keys."""

    name = "accounts"
    verbose_name = _("People and access")

    def ready(self) -> None:
        """Connect the receivers of library hooks; register events, sections and the scheme of the keys."""
        from accounts import checks, receivers, registrations  # noqa: F401, PLC0415  (app ready)
        from accounts.api import schema  # noqa: F401, PLC0415  (app ready)

        registrations.register_all()
