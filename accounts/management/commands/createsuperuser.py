"""Django's command, by e-mail address only; the new superuser can sign in at once."""

from typing import Any

from django.contrib.auth.management.commands.createsuperuser import Command as DjangoCommand

from accounts.domain.users import confirm_console_superusers


class Command(DjangoCommand):
    """Who may run commands on the server needs no mail to prove the address."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the superuser, then count the address as proven."""
        super().handle(*args, **options)
        confirm_console_superusers()
