"""Accounts as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """People, their roles and access grants, login records and API keys."""

    name = "accounts"
    verbose_name = _("People and access")

    def ready(self) -> None:
        """Connect the receivers of library hooks."""
        from accounts import receivers  # noqa: F401, PLC0415  (app ready)
