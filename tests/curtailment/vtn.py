"""Asking a server of OpenADR on loopback (the fixtures ``server`` and ``link``), and what it calls."""

from datetime import timedelta
from typing import Any

import pytest

from curtailment.domain.dispatch import openadr
from curtailment.domain.dispatch.openadr import Polled
from curtailment.models import VtnConnection
from tests.curtailment.site import Ground

BOTH = pytest.mark.parametrize("server", [True, False], indirect=True, ids=["3.1", "3.0"])


def ask(link: VtnConnection, ground: Ground) -> Polled:
    """One poll at the ground's time."""
    link.refresh_from_db()
    polled = openadr.poll(link, clock=ground.clock)
    assert polled is not None
    link.refresh_from_db()
    return polled


def body(
    ground: Ground, minutes: float = 0, length: str | None = "PT30M", level: Any = 3, **more: Any
) -> dict[str, Any]:
    """An event so many minutes from now."""
    start = (ground.now + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
    period = {"start": more.pop("start", start), **({"duration": length} if length else {})}
    payload = more.pop("payload", {"type": "SIMPLE", "values": [level]})
    return {
        "programID": "program-1", "eventName": "Peak", "intervalPeriod": period,
        "intervals": [{"id": 0, "payloads": [payload]}], **more,
    }  # fmt: skip
