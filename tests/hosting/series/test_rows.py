"""Rows of a series are written without fields; they must be what the fields would write."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from hosting.api.series import ROW, TelemetryRowSerializer, row_body
from hosting.enums import PowerSource, TelemetryState
from hosting.models import Telemetry, TelemetryDay, TelemetryFiveMinutes

AT = datetime(2026, 11, 1, 5, 0, 30, 250_000, tzinfo=UTC)
FIGURES: dict[str, Any] = {
    "hashrate_ths": 201.5, "power_w": 3490.0, "inlet_temp_c": None, "fan_min_rpm": 4100.0, "fan_max_rpm": None,
    "shares_accepted": 412, "shares_rejected": None, "power_source": PowerSource.ESTIMATED,
}  # fmt: skip
ROLLED: dict[str, Any] = {
    **FIGURES, "power_max_w": 3502.0, "chip_temp_max_c": 71.0, "board_temp_max_c": None, "restarts": 1,
    "expected_samples": 5, "samples": 4, "online_samples": 3,
}  # fmt: skip
ROWS = [
    Telemetry(miner_id=1, recorded_at=AT, chip_temp_c=71.0, uptime_s=90, state=TelemetryState.FAULT, **FIGURES),
    Telemetry(miner_id=1, recorded_at=AT, **{**FIGURES, "power_source": PowerSource.NONE}),
    TelemetryFiveMinutes(miner_id=1, bucket_start=AT.replace(second=0, microsecond=0), **ROLLED),
    TelemetryFiveMinutes(miner_id=1, bucket_start=AT, **{**ROLLED, "samples": 0, "expected_samples": 0}),
    TelemetryDay(miner_id=1, day=date(2026, 11, 1), **ROLLED),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: type(row).__name__)
def test_a_row_is_what_its_fields_would_write(row: Any) -> None:
    body = row_body(row)
    written = TelemetryRowSerializer(body).data
    assert body == written
    assert list(body) == list(written) == list(ROW)
    assert [type(value) for value in body.values()] == [type(value) for value in written.values()]


def test_moments_are_written_with_their_zone() -> None:
    assert [row_body(row)["starts_at"] for row in (ROWS[0], ROWS[2], ROWS[4])] == [
        "2026-11-01T05:00:30.250000Z", "2026-11-01T05:00:00.000000Z", "2026-11-01T00:00:00.000000Z",
    ]  # fmt: skip
