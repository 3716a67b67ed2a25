"""The environment of the product's processes: how they reach the servers, and nothing of ours by accident."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit

from hashinsight.devtools import local_secrets
from hashinsight.devtools.paths import ROOT, Place, var_dir

SETTINGS = "hashinsight.settings.local"
LOCAL_CACHE = "locmem://"


@dataclass(frozen=True)
class Endpoints:
    """Where database, broker and cache answer; ``owner`` may change the schema, ``app`` is for everything else."""

    owner_url: str
    app_url: str
    broker_url: str
    cache_url: str
    base_url: str = "http://127.0.0.1:8000"
    backup_url: str = ""
    wal_archive: str = ""
    pg_bin: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def external_database() -> tuple[str, str] | None:
    """Owner's and app's URL of a server that is not ours, when the person named one."""
    app_url = os.environ.get("DATABASE_URL")
    return (os.environ.get("DATABASE_OWNER_URL") or app_url, app_url) if app_url else None


def external_broker() -> str | None:
    return os.environ.get("CELERY_BROKER_URL") or None


def cache_beside(broker_url: str) -> str:
    """The cache follows the broker into database 1 when that is a Redis or Valkey, else stays in memory."""
    parts = urlsplit(broker_url)
    if parts.scheme == "redis+socket":
        password = f"password={found[0]}&" if (found := parse_qs(parts.query).get("password")) else ""
        return f"unix://{parts.path}?{password}db=1"
    if parts.scheme in {"redis", "rediss"}:
        return urlunsplit((parts.scheme, parts.netloc, "/1", parts.query, ""))
    return LOCAL_CACHE


def child_env(place: Place, endpoints: Endpoints, *, owner: bool = False, settings: str = SETTINGS) -> dict[str, str]:
    """What a process of the product sees. Values the person set win, except where the servers are."""
    embedded = external_database() is None
    env = {key: value for key, value in os.environ.items() if not (embedded and key.startswith("PG"))}
    for key in ("HASHINSIGHT_CALLER_DIR", "DATABASE_OWNER_URL"):
        env.pop(key, None)
    secrets = local_secrets.load_or_create(place.secrets)
    env.setdefault("SECRET_KEY", secrets.secret_key)
    env.setdefault("API_KEY_PEPPER", secrets.api_key_pepper)
    env.setdefault("DJANGO_SETTINGS_MODULE", settings)
    env.setdefault("CACHE_URL", endpoints.cache_url)
    env.setdefault("BASE_URL", endpoints.base_url)
    env.setdefault("ALLOWED_HOSTS", "127.0.0.1,localhost")
    env.update(
        DATABASE_URL=endpoints.owner_url if owner else endpoints.app_url,
        CELERY_BROKER_URL=endpoints.broker_url,
        HASHINSIGHT_VAR=str(place.root),
        PYTHONUNBUFFERED="1",
        PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")])),
    )
    for name, value in (
        ("BACKUP_DATABASE_URL", endpoints.backup_url),
        ("BACKUP_WAL_DIR", endpoints.wal_archive),
        ("HASHINSIGHT_PG_BIN", endpoints.pg_bin),
    ):
        if value:
            env.setdefault(name, value)
    _keep_caches_here(env)
    return env


def _keep_caches_here(env: dict[str, str]) -> None:
    """Libraries that draw keep font caches under the home folder; ours go to var/ instead."""
    browsers = Path(env.get("HOME") or "/nonexistent") / ".cache" / "ms-playwright"
    if "XDG_CACHE_HOME" not in env:
        env["XDG_CACHE_HOME"] = str(var_dir() / "cache")
        if browsers.is_dir():
            env.setdefault("PLAYWRIGHT_BROWSERS_PATH", str(browsers))
