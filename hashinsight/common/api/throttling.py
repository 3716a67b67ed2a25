"""Limits on calls: per key for those who hold one, per address for everybody else.

A fixed window counted in the shared cache by one atomic increment, so that parallel processes count together.
When the cache is away, calls pass: a limit must not take the API down.
"""

import logging
import time
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from hashinsight.common.requests import client_ip

logger = logging.getLogger(__name__)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Standing:
    """How many calls of the window are used, and when it begins anew."""

    limit: int
    used: int
    reset: int

    def headers(self) -> dict[str, str]:
        """What every answer carries."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "RateLimit-Reset": str(self.reset),
        }


class KeyThrottle(BaseThrottle):
    """``api`` per key, ``anonymous`` per address; the rates are DEFAULT_THROTTLE_RATES."""

    standing: Standing | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count this call; False when the window is used up."""
        if request.user.is_authenticated:
            return self.count("api", str(getattr(request.auth, "pk", None) or request.user.pk))
        return self.count("anonymous", client_ip(request._request) or "unknown")

    def count(self, rate_name: str, who: str) -> bool:
        """Count one call of ``who``."""
        limit, window = parse_rate(str(api_settings.DEFAULT_THROTTLE_RATES[rate_name]))
        now = time.time()
        reset = int(window - now % window) + 1
        name = f"throttle:{rate_name}:{who}:{int(now // window)}"
        try:
            used = 1 if cache.add(name, 1, timeout=window + 5) else int(cache.incr(name))
        except Exception:
            logger.warning("calls are not counted: the cache does not answer", exc_info=True)
            used = 1
        self.standing = Standing(limit, used, reset)
        return used <= limit

    def wait(self) -> float | None:
        """Seconds until the window begins anew."""
        return float(self.standing.reset) if self.standing else None


def parse_rate(rate: str) -> tuple[int, int]:
    """``600/min`` as (600, 60)."""
    count, _slash, period = rate.partition("/")
    return int(count), _SECONDS[period[0]]
