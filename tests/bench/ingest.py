"""Readings over HTTP in columns, validated and stored, against a bare COPY of prebuilt rows.

Server (gunicorn, one worker), PostgreSQL and sender on this machine. Fresh rows each round, ours and the limit in turn,
into the same partition with its key. Beside it: JSON, replay, and what 20,000 machines a minute cost.
"""

import gzip
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import django
import numpy as np
import psycopg

from tests.support import children

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "bench_ingest"
MACHINES, TIMES, ROUNDS = 5_000, 24, 5
FLEET, MINUTES = 20_000, 10
MINUTE = timedelta(minutes=1)


def main() -> int:
    """Build, measure, print and write ``ingest.json``."""
    owner = os.environ.get("DATABASE_OWNER_URL", os.environ["DATABASE_URL"])
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "hashinsight.settings.test",
        "DATABASE_URL": _with_database(os.environ["DATABASE_URL"]),
    }
    as_owner = {**environment, "DATABASE_URL": _with_database(owner), "BENCH_ADMIN_URL": owner}
    command = [sys.executable, "-m", "tests.bench.ingest", "build"]
    built = subprocess.run(command, env=as_owner, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    facts = json.loads(built.stdout.splitlines()[-1])
    server = Server(environment)
    try:
        with psycopg.connect(_with_database(owner), autocommit=True) as bare:
            rows = _measure(server, bare, facts)
    finally:
        server.stop()
    _report(rows)
    return 0


def _measure(server: "Server", bare: psycopg.Connection[Any], facts: dict[str, Any]) -> list[dict[str, Any]]:
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    ids, names = facts["ids"][:MACHINES], facts["names"][:MACHINES]
    count = MACHINES * TIMES
    ours, tuples, stream, replay, in_json = [], [], [], [], []
    for turn in range(ROUNDS + 1):
        begin = start + turn * timedelta(hours=4)
        body = columns_body(f"c{turn}", names, begin, TIMES)
        taken, answer = server.send(facts["tokens"][0], body, columns=True)
        _expect(answer["stored"], count)
        again, answer = server.send(facts["tokens"][0], columns_body(f"r{turn}", names, begin, TIMES), columns=True)
        _expect(answer["stored"], 0)
        written = bare_rows(bare, ids, begin + timedelta(hours=1), facts["customer"])
        streamed = bare_stream(bare, ids, begin + timedelta(hours=2), facts["customer"])
        plain, answer = server.send(facts["tokens"][1], json_body(f"j{turn}", names[:1000], begin + 3 * 60 * MINUTE))
        _expect(answer["stored"], 1000 * TIMES)
        if turn:  # the first one warms up
            for kept, value in (
                (ours, taken),
                (tuples, written),
                (stream, streamed),
                (replay, again),
                (in_json, plain),
            ):
                kept.append(value)
    limit = count / median(tuples)
    rows = [
        _row("columns over HTTP, fresh rows", count / median(ours), limit),
        _row("the same against a prebuilt stream of bytes", count / median(ours), count / median(stream)),
        _row("replay of the same rows", count / median(replay), limit),
        _row("JSON over HTTP, fresh rows", 1000 * TIMES / median(in_json), limit),
    ]
    return [*rows, _fleet(server, bare, facts)]


def _fleet(server: "Server", bare: psycopg.Connection[Any], facts: dict[str, Any]) -> dict[str, Any]:
    """Ten minutes of 20,000 machines, sent one after another; the share of one core it takes of ten minutes."""
    now = datetime.now(UTC).replace(second=0, microsecond=0) - (MINUTES + 1) * MINUTE
    # No more calls than a device may make: four devices, ten calls each.
    halls = [facts["names"][first : first + MACHINES] for first in range(0, FLEET, MACHINES)]
    bodies = [
        (device, columns_body(f"f{minute}", names, now + minute * MINUTE, 1))
        for minute in range(MINUTES)
        for device, names in enumerate(halls)
    ]
    before = server.cpu_seconds() + _postgres_seconds(bare)
    stored = sum(server.send(facts["tokens"][2 + device], body, columns=True)[1]["stored"] for device, body in bodies)
    used = server.cpu_seconds() + _postgres_seconds(bare) - before
    _expect(stored, FLEET * MINUTES)
    share = used / (MINUTES * 60)
    return {"name": "20,000 machines a minute, share of one core", "value": round(100 * share, 2), "unit": "%",
            "limit": 20.0, "ratio": round(share / 0.2, 3)}  # fmt: skip


def _expect(found: int, wanted: int) -> None:
    if found != wanted:
        raise SystemExit(f"{found} rows were stored, {wanted} expected")


def _row(name: str, value: float, limit: float) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(value),
        "unit": "rows/s",
        "limit": round(limit),
        "ratio": round(value / limit, 3),
    }


def _report(rows: list[dict[str, Any]]) -> None:
    folder = Path(os.environ.get("HASHINSIGHT_BENCH_DIR", ROOT / "var" / "bench"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ingest.json").write_text(json.dumps({"bench": "ingest", "results": rows}, indent=2) + "\n")
    for row in rows:
        sys.stdout.write(
            f"{row['name']:<45} {row['value']:>10} {row['unit']:<7} limit {row['limit']:>9}  ratio {row['ratio']:.3f}\n"
        )


# --- what is sent -----------------------------------------------------------------------------------------------
def figures(count: int) -> dict[str, Any]:
    """Of healthy machines; every fiftieth gave no answer."""
    chance = np.random.default_rng(1)
    silent = np.arange(count) % 50 == 7
    values = {
        "hashrate_ths": chance.normal(200, 5, count), "power_w": chance.normal(3500, 50, count),
        "chip_temp_c": chance.normal(70, 3, count), "board_temp_c": chance.normal(60, 3, count),
        "inlet_temp_c": chance.normal(25, 1, count), "fan_min_rpm": chance.normal(5000, 100, count),
        "fan_max_rpm": chance.normal(5800, 100, count), "uptime_s": np.floor(chance.uniform(0, 1e6, count)),
        "shares_accepted": np.floor(chance.uniform(0, 1e6, count)),
        "shares_rejected": np.floor(chance.uniform(0, 99, count)),
    }  # fmt: skip
    return {name: np.where(silent, np.nan, series) for name, series in values.items()} | {"silent": silent}


def columns_body(batch_id: str, names: list[str], begin: datetime, times: int) -> bytes:
    """``times`` readings of each, a minute apart."""
    from hosting.engine.ingest.columns import Columns
    from hosting.engine.ingest.spans import microseconds
    from hosting.engine.ingest.wire import write_columns

    count = len(names) * times
    said = figures(count)
    silent = said.pop("silent")
    moments = microseconds(begin) + np.repeat(np.arange(times), len(names)) * 60_000_000
    columns = Columns(
        np.zeros(count, np.int64), moments, np.where(silent, 6, 1).astype(np.uint8), (~silent).astype(np.uint8), said
    )
    return write_columns(batch_id, names, np.tile(np.arange(len(names)), times), columns)


def json_body(batch_id: str, names: list[str], begin: datetime) -> bytes:
    """The same in JSON."""
    said = figures(len(names) * TIMES)
    said.pop("silent")
    rows = []
    for number in range(len(names) * TIMES):
        row = {name: round(float(series[number]), 2) for name, series in said.items() if not np.isnan(series[number])}
        moment = (begin + number // len(names) * MINUTE).isoformat()
        state = {"state": "mining", "power_source": "reported"} if row else {"state": "unreachable"}
        rows.append({"machine": names[number % len(names)], "recorded_at": moment, **state, **row})
    return gzip.compress(json.dumps({"batch_id": batch_id, "readings": rows}).encode(), 1)


# --- the limit --------------------------------------------------------------------------------------------------
COLUMNS = (
    "miner_id", "recorded_at", "customer_id", "hashrate_ths", "power_w", "chip_temp_c", "board_temp_c", "inlet_temp_c",
    "fan_min_rpm", "fan_max_rpm", "uptime_s", "shares_accepted", "shares_rejected", "state", "power_source", "source",
    "clock_skewed",
)  # fmt: skip
TYPES = ("int8", "timestamptz", "int8", *("float4",) * 7, *("int8",) * 3, *("int2",) * 3, "bool")


def _copy(day: datetime) -> str:
    return f"COPY hosting_telemetry_p{day:%Y%m%d} ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"


def bare_rows(bare: psycopg.Connection[Any], ids: list[int], begin: datetime, customer: int) -> float:
    """Seconds of a COPY of rows that are there already as tuples."""
    said = figures(len(ids) * TIMES)
    silent = said.pop("silent")
    lists = [series.tolist() for series in said.values()]
    whole = {7, 8, 9}
    rows = [
        (
            ids[n % len(ids)], begin + n // len(ids) * MINUTE, customer,
            *(None if silent[n] else int(v[n]) if p in whole else v[n] for p, v in enumerate(lists)),
            6 if silent[n] else 1, 0 if silent[n] else 1, 2, False,
        )
        for n in range(len(ids) * TIMES)
    ]  # fmt: skip
    started = time.perf_counter()
    with bare.cursor() as cursor, cursor.copy(_copy(begin)) as copy:
        copy.set_types(TYPES)
        for row in rows:
            copy.write_row(row)
    return time.perf_counter() - started


def bare_stream(bare: psycopg.Connection[Any], ids: list[int], begin: datetime, customer: int) -> float:
    """Seconds of a COPY of bytes that are there already."""
    from hosting.engine.ingest.packing import Cell, copy_stream
    from hosting.engine.ingest.spans import microseconds

    count = len(ids) * TIMES
    said = figures(count)
    silent = said.pop("silent")
    cells = [
        Cell(">i8", np.tile(np.array(ids), TIMES)),
        Cell("time", microseconds(begin) + np.repeat(np.arange(TIMES), len(ids)) * 60_000_000),
        Cell(">i8", np.full(count, customer)),
        *(Cell(">f4" if n < 7 else ">i8", np.where(silent, 0, v), ~silent) for n, v in enumerate(said.values())),
        *(Cell(">i2", np.full(count, 1)) for _column in range(3)),
        Cell("?", np.zeros(count, bool)),
    ]
    whole = b"".join(bytes(part) for part in copy_stream(cells))
    started = time.perf_counter()
    with bare.cursor() as cursor, cursor.copy(_copy(begin)) as copy:
        copy.write(whole)
    return time.perf_counter() - started


# --- the server -------------------------------------------------------------------------------------------------
class Server:
    """gunicorn with one worker, as in production."""

    def __init__(self, environment: dict[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "hashinsight.wsgi", "--workers", "1", "--worker-class", "gthread",
                   "--threads", "2", "--bind", f"127.0.0.1:{self.port}", "--timeout", "120",
                   "--log-level", "warning"]  # fmt: skip
        self.process = children.start(command, env=environment, cwd=ROOT)
        for _try in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/live", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise SystemExit("the server did not start")

    def send(self, token: str, body: bytes, *, columns: bool = False) -> tuple[float, dict[str, Any]]:
        """Seconds of one batch, from the first byte to the answer, and the answer."""
        kind = "application/vnd.hashinsight.columns" if columns else "application/json"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        if not columns:
            headers["Content-Encoding"] = "gzip"
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v1/edge/batches/", body, headers)
        started = time.perf_counter()
        with urllib.request.urlopen(request, timeout=120) as answer:
            said = json.load(answer)
        return time.perf_counter() - started, said

    def cpu_seconds(self) -> float:
        """Of the server and its workers."""
        return sum(cpu_of(pid) for pid in (self.process.pid, *_children(self.process.pid)))

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def cpu_of(pid: int) -> float:
    """User and system seconds, of ended children too."""
    fields = _stat(pid)
    return sum(int(value) for value in fields[11:15]) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def _children(pid: int) -> list[int]:
    everybody = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return [other for other in everybody if (fields := _stat(other)) and int(fields[1]) == pid]


def _postgres_seconds(bare: psycopg.Connection[Any]) -> float:
    """Of all processes of the database server, those that write for the others too."""
    backend = bare.execute("SELECT pg_backend_pid()").fetchone()
    parent = int(_stat(backend[0])[1])  # type: ignore[index]
    return sum(cpu_of(pid) for pid in (parent, *_children(parent)))


# --- the fleet --------------------------------------------------------------------------------------------------
def build() -> int:
    """A fresh database with 20,000 machines in four zones, and devices for them; prints what the bench needs."""
    admin = os.environ["BENCH_ADMIN_URL"]
    template = urlsplit(admin).path.strip("/")
    with psycopg.connect(_with_database(admin, "postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')
        # The bench's own database is up to date and empty: a copy of it is made in a second.
        connection.execute(f'CREATE DATABASE "{DATABASE}" TEMPLATE "{template}"')
    django.setup()
    from django.db import connection as own

    facts = _fill()
    with own.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    sys.stdout.write(json.dumps(facts) + "\n")
    return 0


def _fill() -> dict[str, Any]:
    from accounts.models import User
    from hosting.domain import edge, places
    from hosting.models import Miner, MinerModel
    from tests import factories

    at = datetime.now(UTC) - timedelta(days=3)
    root = User.objects.create_user("root@example.test", None, is_staff=True, is_superuser=True)
    customer = factories.CustomerFactory(legal_entity=factories.LegalEntityFactory(name="Bench Hosting GmbH"))
    site = places.create_site(name="Bench", capacity_kw=100_000, time_zone="UTC", at=at)
    model = MinerModel.objects.create(name="S21", manufacturer="Bitmain", hashrate_ths=200, power_w=3500)
    names, ids, tokens = [], [], []
    for hall in range(FLEET // MACHINES):
        zone = places.create_zone(site=site, name=f"Hall {hall}", capacity_kw=25_000, at=at)
        # The first hall has three devices: each may make sixty calls a minute.
        for copy in range(3 if hall == 0 else 1):
            _device, code = edge.register_device(
                serial=f"E{hall}-{copy}", name=f"E{hall}", site=site, zone=zone, by=root, at=datetime.now(UTC)
            )
            tokens.append(edge.enrol(code, public_key="AQ" + "A" * 41 + "=", at=datetime.now(UTC))[1])
        _machines(hall, [site.pk, zone.pk, model.pk, customer.pk], at)
        for pk, public_id in Miner.objects.filter(zone=zone).order_by("pk").values_list("pk", "public_id"):
            ids.append(pk)
            names.append(str(public_id))
    return {"ids": ids, "names": names, "tokens": tokens, "customer": customer.pk}


MACHINE_ROWS = """
WITH machine AS (
    INSERT INTO hosting_miner (public_id, created_at, updated_at, version, serial, manufacturer, model_id, model_text,
        site_id, zone_id, customer_id, port, is_collected, mac, intent, health, curtailment, internal_note)
    SELECT gen_random_uuid(), %(at)s, %(at)s, 1, %(hall)s || '-' || n, 'Bitmain', %(model)s, '', %(site)s, %(zone)s,
        %(customer)s, 4028, true, '', 'active', 'unknown', 'inherit', ''
      FROM generate_series(1, %(count)s) n RETURNING id
), place AS (
    INSERT INTO hosting_minerplacement (
        public_id, created_at, updated_at, version, miner_id, site_id, zone_id, valid_from)
    SELECT gen_random_uuid(), %(at)s, %(at)s, 1, id, %(site)s, %(zone)s, %(at)s FROM machine
)
INSERT INTO hosting_minerownership (public_id, created_at, updated_at, version, miner_id, customer_id, valid_from)
SELECT gen_random_uuid(), %(at)s, %(at)s, 1, id, %(customer)s, date_bin('15 minutes', %(at)s, to_timestamp(0))
  FROM machine
"""
QUIET = ("hosting_miner", "hosting_minerplacement", "hosting_minerownership")


def _machines(hall: int, place: list[int], at: datetime) -> None:
    """By SQL, with the guards off: only taking readings in is measured."""
    from django.db import connection

    site, zone, model, customer = place
    facts = {
        "hall": hall,
        "site": site,
        "zone": zone,
        "model": model,
        "customer": customer,
        "at": at,
        "count": MACHINES,
    }
    with connection.cursor() as cursor:
        for switch in ("DISABLE", "ENABLE"):
            if switch == "ENABLE":
                cursor.execute(MACHINE_ROWS, facts)
            for table in QUIET:
                cursor.execute(f"ALTER TABLE {table} {switch} TRIGGER USER")


def _with_database(url: str, name: str = DATABASE) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))


if __name__ == "__main__":
    sys.exit(build() if sys.argv[1:2] == ["build"] else main())
