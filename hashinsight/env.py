"""Typed reading of the environment: each helper refuses nonsense and names the variable."""

import base64
import binascii
import ipaddress
import os
import re
from collections.abc import Collection
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


def env_str(name: str, default: str | None = None) -> str:
    """Text of a variable, or of the file that ``NAME_FILE`` points at; refuses when both are missing."""
    file_name = os.environ.get(f"{name}_FILE")
    if file_name:
        try:
            return Path(file_name).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE: cannot read {file_name}: {error}") from error
    value = os.environ.get(name, default)
    if value is None or (value == "" and default is None):
        raise ImproperlyConfigured(f"Set the environment variable {name} (or {name}_FILE).")
    return value


def env_bool(name: str, default: bool) -> bool:
    """``1/true/yes/on`` or ``0/false/no/off``; anything else is refused."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def env_int(name: str, default: int, *, minimum: int = 0, maximum: int = 10**9) -> int:
    """A whole number within bounds."""
    value = os.environ.get(name)
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from error
    if not minimum <= number <= maximum:
        raise ImproperlyConfigured(f"{name} must lie between {minimum} and {maximum}, not {number}.")
    return number


def env_zone(name: str, default: str) -> str:
    """The name of a time zone this machine knows."""
    value = os.environ.get(name) or default
    try:
        ZoneInfo(value)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise ImproperlyConfigured(f"{name} must name a time zone such as Europe/Berlin, not {value!r}.") from error
    return value


def env_list(name: str, default: list[str] | None = None) -> list[str]:
    """Comma-separated words; refuses when missing and no default is given."""
    value = os.environ.get(name)
    if value is None:
        if default is None:
            raise ImproperlyConfigured(f"Set the environment variable {name} (comma-separated).")
        return default
    return [word.strip() for word in value.split(",") if word.strip()]


def env_ports(name: str) -> list[int]:
    """Comma-separated port numbers, none by default."""
    words = env_list(name, [])
    if not all(word.isdecimal() and 0 < int(word) < 65536 for word in words):
        raise ImproperlyConfigured(f"{name} must list port numbers, not {','.join(words)!r}.")
    return [int(word) for word in words]


def env_networks(name: str) -> list[str]:
    """Comma-separated networks such as ``10.20.0.0/16``, none by default."""
    words = env_list(name, [])
    for word in words:
        try:
            ipaddress.ip_network(word)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} must list networks such as 10.20.0.0/16: {error}.") from error
    return words


def env_choice(name: str, default: str, choices: Collection[str]) -> str:
    """One of a few words, as written."""
    value = os.environ.get(name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return value


def env_servers(name: str) -> str:
    """``host:port`` one or several, with commas between them; empty when there is none."""
    servers = env_list(name, [])
    for server in servers:
        host, _, port = server.rpartition(":")
        if (
            not re.fullmatch(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]", host)
            or not port.isdigit()
            or not 0 < int(port) < 65536
        ):
            raise ImproperlyConfigured(f"{name}: {server!r} is not of the form host:port.")
    return ",".join(servers)


def env_keys(name: str) -> dict[str, bytes]:
    """Named keys of 32 bytes, ``id:base64`` separated by commas, the current one first; none when missing."""
    keys: dict[str, bytes] = {}
    for word in filter(None, (part.strip() for part in env_str(name, "").split(","))):
        key_id, _colon, text = word.partition(":")
        try:
            key = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ImproperlyConfigured(f"{name}: the key {key_id[:20]!r} is not base64.") from error
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,20}", key_id) or key_id == "0" or key_id in keys or len(key) != 32:
            raise ImproperlyConfigured(
                f"{name}: each key reads id:base64 with 32 bytes; ids are letters and digits, each once, 0 is taken."
            )
        keys[key_id] = key
    return keys


def database_from_url(name: str) -> dict[str, object]:
    """Django's DATABASES entry from ``postgresql://user:password@host:port/db?host=/socket&sslmode=…``."""
    url = env_str(name)
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(f"{name} must start with postgresql://, HashInsight runs on PostgreSQL only.")
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", None) or unquote(parts.hostname or "")
    database = unquote(parts.path.lstrip("/"))
    if not database:
        raise ImproperlyConfigured(f"{name} names no database.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database,
        "USER": unquote(parts.username or options.pop("user", "")),
        "PASSWORD": unquote(parts.password or options.pop("password", "")),
        "HOST": host,
        "PORT": str(parts.port or options.pop("port", "")),
        "OPTIONS": options,
    }


def cache_from_url(name: str, default: str = "locmem://") -> dict[str, object]:
    """Django's CACHES entry: ``locmem://``, ``redis://host:port/db`` or ``unix:///path?db=1``."""
    url = env_str(name, default)
    if url.startswith("locmem:"):
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    if url.startswith(("redis:", "rediss:", "unix:")):
        return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url, "KEY_PREFIX": "hi"}
    raise ImproperlyConfigured(f"{name} must start with locmem:, redis:, rediss: or unix:.")


def email_from_url(name: str, default: str) -> dict[str, object]:
    """E-mail settings: ``file:///folder``, ``console:``, ``smtp://user:pw@host:port``, ``smtps://…``."""
    parts = urlsplit(env_str(name, default))
    backend = "django.core.mail.backends."
    if parts.scheme == "file":
        return {"EMAIL_BACKEND": backend + "filebased.EmailBackend", "EMAIL_FILE_PATH": unquote(parts.path)}
    if parts.scheme == "console":
        return {"EMAIL_BACKEND": backend + "console.EmailBackend"}
    if parts.scheme in {"smtp", "smtps"}:
        return {
            "EMAIL_BACKEND": backend + "smtp.EmailBackend",
            "EMAIL_HOST": unquote(parts.hostname or "localhost"),
            "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 587),
            "EMAIL_HOST_USER": unquote(parts.username or ""),
            "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
            "EMAIL_USE_SSL": parts.scheme == "smtps",
            "EMAIL_USE_TLS": parts.scheme == "smtp" and dict(parse_qsl(parts.query)).get("tls", "1") == "1",
            "EMAIL_TIMEOUT": 20,
        }
    raise ImproperlyConfigured(f"{name} must start with file:, console:, smtp: or smtps:.")
