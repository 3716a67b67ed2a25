"""What Django announces and the base must hear."""

from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate
from django.dispatch import receiver

from hashinsight.common.guards import close_guards


@receiver(post_migrate)
def after_migrate(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Close the guards once at the very end of each ``migrate``.

    Django announces it for every app in turn, and the library behind the history makes one of its functions anew at
    its own turn: so the last app's is the one.
    """
    last = [config for config in apps.get_app_configs() if config.models_module is not None][-1]
    if sender.label == last.label:
        close_guards(using)
