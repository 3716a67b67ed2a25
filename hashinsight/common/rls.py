"""Row security as migration operations: which rows the client role may read, and nothing but read."""

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from hashinsight.common.scoping import CLIENT_ROLE, STAFF_ROLE

CUSTOMER_IDS = "(SELECT hashinsight_customer_ids())::bigint[]"
USER_ID = "(SELECT hashinsight_user_id())"


class ClientPolicy(Operation):
    """FORCE row security on a model's table: staff logins see all rows, the client role those of ``condition``.

    ``condition`` is SQL over the table's own columns; ``CUSTOMER_IDS`` (a bigint array) and ``USER_ID`` (a uuid)
    stand for what the running request may see. A table reached through a parent uses EXISTS on the parent, whose
    own policy then decides.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, model_name: str, condition: str) -> None:
        self.model_name = model_name
        self.condition = condition

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """As any operation."""
        return (self.__class__.__name__, [self.model_name, self.condition], {})

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Row security is no part of Django's model state."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Create both policies and the grant."""
        table = schema_editor.quote_name(to_state.apps.get_model(app_label, self.model_name)._meta.db_table)
        for statement in (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY staff_all ON {table} TO {STAFF_ROLE} USING (true) WITH CHECK (true)",
            f"CREATE POLICY client_own ON {table} FOR SELECT TO {CLIENT_ROLE} USING ({self.condition})",
            f"GRANT SELECT ON {table} TO {CLIENT_ROLE}",
        ):
            schema_editor.execute(statement)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Take all of it back."""
        table = schema_editor.quote_name(from_state.apps.get_model(app_label, self.model_name)._meta.db_table)
        for statement in (
            f"REVOKE SELECT ON {table} FROM {CLIENT_ROLE}",  # noqa: S608  (quoted table, constant role)
            f"DROP POLICY client_own ON {table}",
            f"DROP POLICY staff_all ON {table}",
            f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        ):
            schema_editor.execute(statement)

    def describe(self) -> str:
        """Shown by ``migrate --plan``."""
        return f"Row security on {self.model_name}"


FUNCTIONS = """
CREATE FUNCTION hashinsight_customer_ids() RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(string_to_array(nullif(current_setting('app.customer_ids', true), ''), ',')::bigint[], '{}')
$$;
CREATE FUNCTION hashinsight_user_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('app.user_id', true), '')::uuid
$$;
"""
DROP_FUNCTIONS = "DROP FUNCTION hashinsight_customer_ids(); DROP FUNCTION hashinsight_user_id();"
# Tables made later by the same login reach the staff logins by themselves; the client role gets each by name.
GRANTS = f"""
GRANT USAGE ON SCHEMA public TO {STAFF_ROLE}, {CLIENT_ROLE};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {STAFF_ROLE};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {STAFF_ROLE};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {STAFF_ROLE};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {STAFF_ROLE};
"""


def base_grants() -> migrations.RunSQL:
    """First operation of the first migration."""
    return migrations.RunSQL(GRANTS, migrations.RunSQL.noop)


def base_functions() -> migrations.RunSQL:
    """The two functions that policies ask."""
    return migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS)
