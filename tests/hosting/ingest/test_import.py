"""Logs of real machines, written by somebody else, load as they are."""

import csv
import gzip
import os
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Avg

from hosting.engine.ingest.columns import UNREACHABLE
from hosting.models import Miner, Telemetry

FOLDER = Path(os.environ.get("HASHINSIGHT_SAMPLE_DATA") or Path(settings.BASE_DIR).parent / "shared" / "data")
LONG = FOLDER / "telemetry" / "bitaxe_gamma_3units_2025-05-29.csv.gz"
SHORT = FOLDER / "telemetry" / "bitaxe_gamma_3units_2025-06-18_a.csv.gz"
RESTARTS = """
    SELECT count(*) FROM (
        SELECT uptime_s < lag(uptime_s) OVER (PARTITION BY miner_id ORDER BY recorded_at) AS fell
        FROM hosting_telemetry WHERE state IS DISTINCT FROM 6 AND uptime_s IS NOT NULL
    ) answered WHERE fell
"""
pytestmark = pytest.mark.django_db


def load(path: Path, miners: list[Miner]) -> str:
    """What the command says."""
    said = StringIO()
    names = [f"--miner=Gamma-{number}={miner.serial}" for number, miner in enumerate(miners, 1)]
    call_command("import_telemetry", str(path), *names, "--time-zone", "Europe/Vienna", stdout=said)
    return said.getvalue().strip()


@pytest.mark.sample
@pytest.mark.skipif(
    not LONG.exists(), reason=f"NO SAMPLE DATA in {FOLDER}: set HASHINSIGHT_SAMPLE_DATA to load the logs"
)
def test_the_long_log_loads_with_its_restarts_and_without_its_offline_zeros(
    machines: Callable[[int], list[Miner]],
) -> None:
    made = machines(3)
    with gzip.open(LONG, "rt") as lines:
        rows = list(csv.DictReader(lines))
    offline = [row for row in rows if row["status"] == "OFFLINE"]
    rates = [float(row["hashrate_th"]) for row in rows if row["status"] != "OFFLINE" and row["hashrate_th"]]
    assert load(LONG, made) == f"{len(rows)} stored, 0 there already, 0 put aside"
    assert load(LONG, made) == f"0 stored, {len(rows)} there already, 0 put aside"
    silent = Telemetry.objects.filter(state=UNREACHABLE)
    assert (silent.count(), silent.filter(hashrate_ths__isnull=False).count()) == (len(offline), 0)
    mean = Telemetry.objects.aggregate(mean=Avg("hashrate_ths"))["mean"]
    assert mean == pytest.approx(sum(rates) / len(rates), rel=1e-6)
    with connection.cursor() as cursor:
        cursor.execute(RESTARTS)
        assert cursor.fetchone() == (72,)


@pytest.mark.sample
@pytest.mark.skipif(
    not SHORT.exists(), reason=f"NO SAMPLE DATA in {FOLDER}: set HASHINSIGHT_SAMPLE_DATA to load the logs"
)
def test_the_short_log_has_other_columns_and_loads_the_same(machines: Callable[[int], list[Miner]]) -> None:
    made = machines(3)
    assert load(SHORT, made) == "291 stored, 0 there already, 0 put aside"
    first = Telemetry.objects.filter(miner_id=made[0].pk).order_by("recorded_at").first()
    assert first is not None
    assert first.recorded_at.isoformat() == "2025-06-18T12:48:26.170719+00:00"
    assert (round(first.hashrate_ths, 4), round(first.power_w, 3)) == (1.1299, 14.791)
    assert (first.fan_min_rpm, first.fan_max_rpm, first.chip_temp_c, first.board_temp_c) == (4008, 4008, 60.125, 52)
    assert (first.uptime_s, first.shares_accepted, first.shares_rejected) == (6651, 1654, 13)


def test_what_cannot_be_read_is_said_and_a_bad_cell_costs_itself(
    machines: Callable[[int], list[Miner]], tmp_path: Path
) -> None:
    (miner,) = machines(1)
    path = tmp_path / "log.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(CommandError, match="a column of times"):
        call_command("import_telemetry", str(path))
    path.write_text(
        f"time,serial,watt,uptime_s\n2026-11-20T09:30:00Z,{miner.serial},12.5,soon\nnever,{miner.serial},1,1\n"
    )
    said = StringIO()
    call_command("import_telemetry", str(path), "--column=watt=power_w", stdout=said)
    assert said.getvalue().strip() == "1 stored, 0 there already, 1 put aside"
    row = Telemetry.objects.get()
    assert (row.power_w, row.uptime_s, row.miner_id) == (12.5, None, miner.pk)
    with pytest.raises(CommandError, match="no machine has the serial"):
        call_command("import_telemetry", str(path), f"--miner={miner.serial}=nobody")
