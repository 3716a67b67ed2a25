"""``manage.py rotate_secrets``: bring stored secrets under the first key of SECRETS_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hashinsight.common.secret_rotation import rotate_all
from hashinsight.common.secrets import current_key_id


class Command(BaseCommand):
    """Safe to run while the product works, to kill and to start again."""

    help = (
        "Brings all stored secrets under the current key; afterwards the older keys may be taken out of SECRETS_KEYS."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """One line; an error when a secret does not open."""
        outcome = rotate_all()
        self.stdout.write(f"key {current_key_id()}: {outcome.renewed} renewed, {outcome.current} current")
        if outcome.unreadable:
            shown = ", ".join(outcome.unreadable[:20])
            raise CommandError(f"{len(outcome.unreadable)} rows do not open, keep the old keys: {shown}")
