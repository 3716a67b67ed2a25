"""Where an address is, out of a GeoIP file on this machine (MMDB, such as GeoLite2 City); nobody is asked."""

import logging
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings

logger = logging.getLogger(__name__)


class GeoIpUnusable(Exception):
    """The file or the package that reads it is missing or broken; says which."""


def locate(ip: str | None) -> str:
    """City and country in English as far as the file knows, else the empty text. Never raises: a sign-in goes on."""
    if not settings.GEOIP_FILE or ip is None:
        return ""
    try:
        return _in_words(reader().get(ip))
    except Exception as error:  # noqa: BLE001  (a broken file must not lock anybody out)
        logger.warning("no location for an address: %s", error)
        return ""


def reader() -> Any:
    """The open file; opened anew when it was replaced. Raises GeoIpUnusable."""
    path = Path(settings.GEOIP_FILE)
    try:
        return _opened(str(path), path.stat().st_mtime_ns)
    except ImportError as error:
        raise GeoIpUnusable("the package maxminddb is not installed (requirements/geoip.txt)") from error
    except Exception as error:
        raise GeoIpUnusable(f"{path} cannot be read: {type(error).__name__}: {error}") from error


@lru_cache(maxsize=1)
def _opened(path: str, changed_at: int) -> Any:
    return import_module("maxminddb").open_database(path)


def _in_words(found: Any) -> str:
    if not isinstance(found, dict):
        return ""
    names = [_name(found.get("city")), _name(found.get("country"))]
    return ", ".join(name for name in names if name)


def _name(part: Any) -> str:
    names = part.get("names") if isinstance(part, dict) else None
    return str(names.get("en", "")) if isinstance(names, dict) else ""
