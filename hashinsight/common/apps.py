"""The common base as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CommonConfig(AppConfig):
    """Holds idempotency claims and the system checks of the base."""

    name = "hashinsight.common"
    label = "common"
    verbose_name = _("Common base")

    def ready(self) -> None:
        """Register the system checks and what follows each ``migrate``."""
        from hashinsight.common import checks, receivers  # noqa: F401, PLC0415  (app ready)
