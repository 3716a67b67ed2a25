"""Roles and database of the embedded cluster. With an external DATABASE_URL, ``setup_database`` does this."""

import importlib
from typing import Any
from urllib.parse import quote

from hashinsight.devtools.home import ServerHome
from hashinsight.devtools.local_secrets import LocalSecrets
from hashinsight.devtools.postgres import SUPERUSER

DATABASE = "hashinsight"
OWNER, APP, INGEST = "hashinsight_owner", "hashinsight_app", "hashinsight_ingest"
BACKUP = "hashinsight_backup"
STAFF, CLIENT = "hashinsight_staff", "hashinsight_client"
MEMBERS = {STAFF: (OWNER, APP, INGEST), CLIENT: (OWNER, APP)}


def login_url(home: ServerHome, role: str, password: str, database: str = DATABASE) -> str:
    return f"postgresql://{role}:{quote(password, safe='')}@/{database}?host={home.sockets}"


def prepare_roles(home: ServerHome, secrets: LocalSecrets) -> None:
    """Idempotent: logins, the groups the policies name, and the database with its owner."""
    psycopg: Any = importlib.import_module("psycopg")  # a package of the product; ``stop`` and ``help`` need none
    url = login_url(home, SUPERUSER, secrets.superuser_password, "postgres")
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        logins = {OWNER: secrets.owner_password, APP: secrets.app_password, INGEST: secrets.ingest_password}
        logins[BACKUP] = secrets.backup_password
        known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        for role, password in logins.items():
            verb = "ALTER" if role in known else "CREATE"
            extra = {OWNER: " CREATEDB", BACKUP: " REPLICATION BYPASSRLS"}.get(role, "")
            literal = psycopg.sql.Literal(password).as_string(connection)
            connection.execute(f"{verb} ROLE {role} LOGIN{extra} PASSWORD {literal}")
        for group, members in MEMBERS.items():
            if group not in known:
                connection.execute(f"CREATE ROLE {group} NOLOGIN")
            connection.execute(f"GRANT {group} TO {', '.join(members)}")
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        connection.execute(f"GRANT pg_read_all_data TO {BACKUP}")
    # Rights on functions belong to one database.
    with psycopg.connect(login_url(home, SUPERUSER, secrets.superuser_password), autocommit=True) as connection:
        connection.execute(f"GRANT EXECUTE ON FUNCTION pg_switch_wal() TO {BACKUP}")
