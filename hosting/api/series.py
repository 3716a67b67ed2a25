"""What the API shows of the readings of a machine: the same columns for readings, five minutes and days."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from hosting.api.examples import shown
from hosting.domain.series import SERIES, starts_at
from hosting.enums import PowerSource, TelemetryState
from hosting.models import Telemetry

_STATES = {state.value: state.name.lower() for state in TelemetryState}
_WRITTEN = serializers.DateTimeField()
_SOURCES = {source.value: source.name.lower() for source in PowerSource}
ROW: dict[str, Any] = {
    "starts_at": "2026-11-01T05:00:00Z", "hashrate_ths": 201.5, "power_w": 3490.0, "power_max_w": 3502.0,
    "power_source": "reported", "chip_temp_c": 71.0, "board_temp_c": 66.0, "inlet_temp_c": 24.5,
    "fan_min_rpm": 4100.0, "fan_max_rpm": 4300.0, "shares_accepted": 412, "shares_rejected": 1, "restarts": 0,
    "uptime_s": None, "state": None, "samples": 5, "expected_samples": 5, "coverage": 1.0, "online_ratio": 1.0,
}  # fmt: skip


def _number(*, whole: bool = False) -> Any:
    field = serializers.IntegerField if whole else serializers.FloatField
    return field(read_only=True, allow_null=True)


class TelemetryRowSerializer(serializers.Serializer[Any]):
    """A reading, five minutes or a day. Null is what nobody said, or what this resolution does not have."""

    starts_at = serializers.DateTimeField(read_only=True)
    hashrate_ths = _number()
    power_w = _number()
    power_max_w = _number()
    power_source = serializers.ChoiceField(choices=[(name, name) for name in _SOURCES.values()], read_only=True)
    chip_temp_c = _number()
    board_temp_c = _number()
    inlet_temp_c = _number()
    fan_min_rpm = _number()
    fan_max_rpm = _number()
    shares_accepted = _number(whole=True)
    shares_rejected = _number(whole=True)
    restarts = _number(whole=True)
    uptime_s = _number(whole=True)
    state = serializers.ChoiceField(
        choices=[(name, name) for name in _STATES.values()], read_only=True, allow_null=True
    )
    samples = _number(whole=True)
    expected_samples = _number(whole=True)
    coverage = _number()
    online_ratio = _number()


@extend_schema_serializer(examples=[shown(resolution="5min", next=None, previous=None, results=[ROW])])
class TelemetrySerializer(serializers.Serializer[Any]):
    """A page of the series of a machine, oldest first; ``next`` goes on where it ends."""

    resolution = serializers.ChoiceField(choices=[(name, name) for name in SERIES], read_only=True)
    next = serializers.URLField(read_only=True, allow_null=True)
    previous = serializers.URLField(read_only=True, allow_null=True)
    results = TelemetryRowSerializer(many=True, read_only=True)


def row_body(row: Any) -> dict[str, Any]:
    """One row as TelemetryRowSerializer would write it; a page has a thousand of them, and fields take their time."""
    body: dict[str, Any] = dict.fromkeys(ROW)
    body |= {name: getattr(row, name) for name in ROW if hasattr(row, name)}
    body["starts_at"] = _WRITTEN.to_representation(starts_at(row))
    body["power_source"] = _SOURCES[row.power_source]
    if isinstance(row, Telemetry):
        body["state"] = _STATES.get(row.state) if row.state is not None else None
    else:
        body["chip_temp_c"], body["board_temp_c"] = row.chip_temp_max_c, row.board_temp_max_c
    return body
