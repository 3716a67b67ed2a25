"""A database of its own for a bench: a copy of the bench's own, which is up to date and stays empty."""

import os
from urllib.parse import urlsplit, urlunsplit

import psycopg


def with_database(url: str, name: str) -> str:
    """The same address with another database."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))


def fresh_copy(name: str) -> dict[str, str]:
    """Make it anew, in a second; returns the environment of a process that works in it as the application."""
    owner = os.environ.get("DATABASE_OWNER_URL", os.environ["DATABASE_URL"])
    template = urlsplit(owner).path.strip("/")
    with psycopg.connect(with_database(owner, "postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "hashinsight.settings.test",
        "DATABASE_URL": with_database(os.environ["DATABASE_URL"], name),
    }
