"""Bring the shipped groups in line with the written table."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.domain.roles import sync_roles
from accounts.role_page import roles_page
from hashinsight.common.audit import audit_context


class Command(BaseCommand):
    """``manage.py sync_roles``: safe to run at every start; ``--page FILE`` only writes the page about them."""

    help = "Gives each shipped group exactly the permissions of the role table."

    def add_arguments(self, parser: CommandParser) -> None:
        """One option."""
        parser.add_argument("--page", type=Path, help="write the page about the roles to this file and stop")

    def handle(self, *args: Any, page: Path | None = None, **options: Any) -> None:
        """Sync, and say what changed."""
        if page is not None:
            page.write_text(roles_page(), encoding="utf-8")
            return
        with audit_context(actor="system", reason="sync_roles"):
            changed = sync_roles()
        self.stdout.write(f"Roles changed: {', '.join(changed)}" if changed else "Roles are as written.")
