"""System checks of people and access."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

from accounts.clients.geoip import GeoIpUnusable, reader


@register(Tags.files)
def check_geoip(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """A GeoIP file that is named can be read; without it people sign in all the same, their records name no place."""
    if not settings.GEOIP_FILE:
        return []
    try:
        reader()
    except GeoIpUnusable as error:
        hint = "Put an MMDB file there and install requirements/geoip.txt, or empty GEOIP_FILE."
        return [Warning(f"GEOIP_FILE: {error}.", hint=hint, id="accounts.W001")]
    return []
