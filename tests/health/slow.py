"""The product behind a door that opens after a second: a request that is under way when the stop comes."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from hashinsight.wsgi import application as product


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """``/health/live``, late."""
    time.sleep(1)
    answer: Iterable[bytes] = product(environ, start_response)
    return answer
