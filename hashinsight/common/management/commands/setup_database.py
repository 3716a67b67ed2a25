"""Create the group roles and grants that the wall needs; safe to run again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.utils import ProgrammingError

from hashinsight.common.scoping import CLIENT_ROLE, STAFF_ROLE


class Command(BaseCommand):
    """``manage.py setup_database``: run once with a login that may create roles, before the first migration."""

    help = "Creates the roles hashinsight_staff and hashinsight_client and grants them to this login."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Create what is missing."""
        with connection.cursor() as cursor:
            for role in (STAFF_ROLE, CLIENT_ROLE):
                cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
                if cursor.fetchone() is None:
                    self._execute(cursor, f"CREATE ROLE {role} NOLOGIN NOBYPASSRLS")
                    self.stdout.write(f"created role {role}")
                cursor.execute("SELECT pg_has_role(current_user, %s, 'MEMBER')", [role])
                if not cursor.fetchone()[0]:
                    self._execute(cursor, f"GRANT {role} TO CURRENT_USER")
                    self.stdout.write(f"granted {role} to this login")

    def _execute(self, cursor: Any, statement: str) -> None:
        try:
            cursor.execute(statement)
        except ProgrammingError as error:
            raise CommandError(
                f"This login may not run: {statement}. Let an administrator run it. ({error})"
            ) from error
