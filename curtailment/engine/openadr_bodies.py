"""What we send to OpenADR 3 servers: our registration, and what we measured."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

PAGE = 50  # the most a server gives at once


def ven_body(name: str, *, newer: bool) -> dict[str, Any]:
    """Our registration."""
    return {"objectType": "VEN_VEN_REQUEST" if newer else "VEN", "venName": name}


def resource_body(name: str, *, ven_id: str, newer: bool) -> dict[str, Any]:
    """That of a site."""
    if newer:
        return {"objectType": "VEN_RESOURCE_REQUEST", "resourceName": name, "venID": ven_id}
    return {"objectType": "RESOURCE", "resourceName": name, "venID": ven_id}


@dataclass(frozen=True, slots=True)
class Quarter:
    """What was measured in a quarter of an hour."""

    starts_at: datetime
    kwh: Decimal
    minutes: int = 15

    @property
    def kw(self) -> Decimal:
        """Mean power."""
        return self.kwh * 60 / self.minutes


REPORTED = {"USAGE": ("KWH", "SUMMED"), "DEMAND": ("KW", "MEAN")}


def report_body(
    *, event_id: str, program_id: str, client: str, resource: str, interval: int, quarters: Sequence[Quarter],
    kinds: Iterable[str], newer: bool, is_estimated: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Measured energy and power of a site, a quarter of an hour each. ``interval`` is that of the event.

    ``is_estimated``: no meter says it, and the type of the readings is ESTIMATED.
    """
    wanted = [kind for kind in kinds if kind in REPORTED]
    body: dict[str, Any] = {
        "eventID": event_id,
        "clientName": client,
        "reportName": f"{event_id}-{resource}-{quarters[0].starts_at:%Y%m%dT%H%MZ}"[:128],
        "payloadDescriptors": [
            {
                "objectType": "REPORT_PAYLOAD_DESCRIPTOR", "payloadType": kind, "units": REPORTED[kind][0],
                "readingType": "ESTIMATED" if is_estimated else REPORTED[kind][1],
            }
            for kind in wanted
        ],
        "resources": [
            {
                "resourceName": resource,
                "intervals": [
                    {
                        "id": interval,
                        "intervalPeriod": {
                            "start": one.starts_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                            "duration": f"PT{one.minutes}M",
                        },
                        "payloads": [
                            {"type": kind, "values": [float(one.kwh if kind == "USAGE" else one.kw)]}
                            for kind in wanted
                        ],
                    }
                    for one in quarters
                ],
            }
        ],
    }  # fmt: skip
    return body if newer else {"objectType": "REPORT", "programID": program_id, **body}
