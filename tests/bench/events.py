"""Events a second through outbox, relay and one consumer, against a bare SKIP LOCKED loop over the same rows.

Ours is the real relay process with a consumer that writes a row per event: claimed in the order of each aggregate,
inbox entry, effect and the event's state in one transaction. The limit does nothing but lock a batch of the same
size, read it and mark it. Both take turns, each from a vacuumed table. A second leg publishes while the relay runs:
the whole way in one clock, and the lag from the moment of the fact to the commit of its effect.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import django
import psycopg

from tests.support import children

ROOT = Path(__file__).resolve().parents[2]
KIND, GROUP = "bench.counted", "bench"
EVENTS, AGGREGATES, ROUNDS = 50_000, 5_000, 3
BATCH = 1_000  # as EVENT_BATCH
REPLAY_LOCK = 7_310_411  # which every batch of the relay shares
OFFERED, SECONDS = 5_000, 10  # events a second of the second leg
PATIENCE_SECONDS = 300


def main() -> int:
    """Measure, print and write ``events.json``; with ``relay`` be the relay of it."""
    django.setup()
    _know_the_kind()
    if sys.argv[1:2] == ["relay"]:
        return _be_the_relay(Path(sys.argv[2]))
    with _owner() as owner:
        _tables(owner)
        ours, limits = [], []
        for _ in range(ROUNDS):
            _publish(owner)
            ours.append(EVENTS / _drain(owner))
            _pending_again(owner)
            limits.append(EVENTS / _bare_loop(owner))
        whole = _whole_way(owner, paced=False)
        paced = _whole_way(owner, paced=True)
        _tidy(owner)
    _report(median(ours), median(limits), whole, paced)
    return 0


def _know_the_kind() -> None:
    from hashinsight.events.registry import EventKind, register

    register(EventKind(KIND, "The bench counts.", {"number": "integer", "text": "string"}))


# --- the relay ------------------------------------------------------------------------------------------------
def _be_the_relay(lags: Path) -> int:
    """``manage.py run_relay`` with one consumer more; writes the lag of each event to a file at the end."""
    from django.core.management import call_command
    from django.db import connection, transaction

    from hashinsight.events import consumers
    from hashinsight.events.consumers import Consumer, Event, register_consumer

    waited: list[float] = []

    def write(events: Sequence[Event]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO bench_effect (event_id, aggregate, number)"
                " SELECT * FROM unnest(%s::uuid[], %s::text[], %s::int[])",
                [
                    [event.event_id for event in events],
                    [event.aggregate_id for event in events],
                    [event.payload["number"] for event in events],
                ],
            )
        born = [event.created_at.timestamp() for event in events]

        def committed() -> None:
            now = time.time()
            waited.extend(now - moment for moment in born)

        transaction.on_commit(committed)

    consumers._consumers.clear()  # one consumer, as the headline says
    register_consumer(Consumer(GROUP, "The bench's.", frozenset({KIND}), write))
    call_command("run_relay")
    lags.write_text(json.dumps(waited))
    return 0


@contextmanager
def _relay(lags: Path) -> Iterator["subprocess.Popen[bytes]"]:
    lags.unlink(missing_ok=True)
    with (_folder() / "events-relay.log").open("ab") as log:
        process = children.start(
            children.python("tests.bench.events", "relay", str(lags)), cwd=ROOT, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


# --- ours -----------------------------------------------------------------------------------------------------
def _publish(owner: Any, count: int = EVENTS, start: int = 0) -> None:
    """Through the product's own function, a thousand to a transaction."""
    from django.db import transaction

    from hashinsight.events.domain.bulk import Fact, publish_many

    if start == 0:
        owner.execute("TRUNCATE bench_effect RESTART IDENTITY")
        owner.execute("DELETE FROM events_inboxentry WHERE consumer_group = %s", [GROUP])
        owner.execute("DELETE FROM events_outboxevent WHERE kind = %s", [KIND])
    for first in range(start, start + count, 1000):
        numbers = range(first, min(first + 1000, start + count))
        facts = [Fact(f"a{n % AGGREGATES}", {"number": n, "text": "one thing happened " * 4}) for n in numbers]
        with transaction.atomic():
            publish_many(KIND, facts, aggregate_type="bench")


def _drain(owner: Any) -> float:
    """Seconds from the first effect's beginning to the last one's commit; the relay starts before the clock does."""
    owner.execute("VACUUM ANALYZE events_outboxevent")
    owner.execute("VACUUM ANALYZE events_inboxentry")
    owner.execute("SELECT pg_advisory_lock(%s)", [REPLAY_LOCK])  # holds the relay back until it is warm
    with _relay(_folder() / "events-lags.json") as process:
        time.sleep(4)
        started = time.perf_counter()
        owner.execute("SELECT pg_advisory_unlock(%s)", [REPLAY_LOCK])
        _wait_for_effects(owner, EVENTS, process)
        seconds = time.perf_counter() - started
    _check(owner, EVENTS)
    return seconds


def _wait_for_effects(owner: Any, count: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.perf_counter() + PATIENCE_SECONDS
    written = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM bench_effect_place_seq"  # costs nothing
    while owner.execute(written).fetchone()[0] < count or _effects(owner) < count:
        if process.poll() is not None or time.perf_counter() > deadline:
            raise RuntimeError(f"the relay did not finish; see {_folder() / 'events-relay.log'}")
        time.sleep(0.02)


def _effects(owner: Any) -> int:
    found: int = owner.execute("SELECT count(*) FROM bench_effect").fetchone()[0]
    return found


def _check(owner: Any, count: int) -> None:
    """Each once, each aggregate in order: a fast relay that loses or shuffles is no relay."""
    row = owner.execute("SELECT count(*), count(DISTINCT event_id) FROM bench_effect").fetchone()
    shuffled = owner.execute(
        "SELECT count(*) FROM (SELECT number < lag(number) OVER (PARTITION BY aggregate ORDER BY at, place) AS bad"
        " FROM bench_effect) looked WHERE bad"
    ).fetchone()
    if row != (count, count) or shuffled != (0,):
        raise AssertionError(f"{row} effects of {count} events, {shuffled[0]} out of order")


# --- the limit ------------------------------------------------------------------------------------------------
def _pending_again(owner: Any) -> None:
    owner.execute("UPDATE events_outboxevent SET status = 'pending', processed_at = NULL WHERE kind = %s", [KIND])
    owner.execute("VACUUM ANALYZE events_outboxevent")


def _bare_loop(owner: Any) -> float:
    """Lock, read, mark, commit."""
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url, autocommit=False) as connection:
        started = time.perf_counter()
        while True:
            rows = connection.execute(
                "SELECT id, event_id, kind, aggregate_type, aggregate_id, payload FROM events_outboxevent"
                " WHERE status = 'pending' ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
                [BATCH],
            ).fetchall()
            if not rows:
                return time.perf_counter() - started
            connection.execute(
                "UPDATE events_outboxevent SET status = 'processed', processed_at = now() WHERE id = ANY (%s)",
                [[row[0] for row in rows]],
            )
            connection.commit()


# --- the whole way --------------------------------------------------------------------------------------------
def _whole_way(owner: Any, *, paced: bool) -> dict[str, float]:
    """Publishing and relay at once: events a second from the first fact to the last effect, and the lag."""
    _publish(owner, 0)
    lags = _folder() / "events-lags.json"
    count = OFFERED * SECONDS if paced else EVENTS
    with _relay(lags) as process:
        time.sleep(4)
        started = time.perf_counter()
        step = OFFERED // 20 if paced else 1000
        for number, first in enumerate(range(0, count, step)):
            _publish(owner, step, first or 1)
            if paced:
                time.sleep(max(0.0, started + (number + 1) * step / OFFERED - time.perf_counter()))
        published = time.perf_counter() - started
        _wait_for_effects(owner, count, process)
        seconds = time.perf_counter() - started
    _check(owner, count)
    waited = sorted(json.loads(lags.read_text()))
    return {
        "rate": count / seconds,
        "published": count / published,
        "p50": waited[len(waited) // 2],
        "p99": waited[int(len(waited) * 0.99)],
        "worst": waited[-1],
    }


# --- tables, report -------------------------------------------------------------------------------------------
@contextmanager
def _owner() -> Iterator[Any]:
    url = os.environ.get("DATABASE_OWNER_URL", os.environ["DATABASE_URL"])
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def _tables(owner: Any) -> None:
    owner.execute("DROP TABLE IF EXISTS bench_effect")
    owner.execute(
        "CREATE TABLE bench_effect (place bigint GENERATED ALWAYS AS IDENTITY, event_id uuid, aggregate text,"
        " number int, at timestamptz DEFAULT clock_timestamp())"
    )


def _tidy(owner: Any) -> None:
    _publish(owner, 0)
    owner.execute("DROP TABLE bench_effect")


def _folder() -> Path:
    folder = Path(os.environ.get("HASHINSIGHT_BENCH_DIR", ROOT / "var" / "bench"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _report(ours: float, limit: float, whole: dict[str, float], paced: dict[str, float]) -> None:
    rows = [
        {"name": "outbox, relay and one consumer", "value": ours, "unit": "events/s", "limit": limit},
        {"name": "publishing in the same clock", "value": whole["rate"], "unit": "events/s", "limit": limit},
        {"name": f"p99 lag, {OFFERED} events/s offered", "value": paced["p99"], "unit": "s", "limit": 1.0},
        {"name": f"median lag, {OFFERED} events/s offered", "value": paced["p50"], "unit": "s", "limit": 1.0},
        {"name": "offered load that went through", "value": paced["rate"], "unit": "events/s", "limit": OFFERED},
    ]
    rows = [{**row, "value": round(row["value"], 4), "limit": round(row["limit"], 4),
             "ratio": round(row["value"] / row["limit"], 3)} for row in rows]  # fmt: skip
    (_folder() / "events.json").write_text(json.dumps({"bench": "events", "results": rows}, indent=2) + "\n")
    for row in rows:
        shown = f"{row['value']:>11.3f} {row['unit']:<9} limit {row['limit']:>11.3f}  ratio {row['ratio']:.3f}"
        sys.stdout.write(f"{row['name']:<42} {shown}\n")


if __name__ == "__main__":
    sys.exit(main())
