"""T19: a fleet sixty times as fast as it is: nothing is lost, reckoning keeps up, pages and API answer meanwhile.

The ordinary run is a smoke case (300 machines, 8 seconds); at night 6,000 machines send for two minutes beside a
hundred million readings that are there already, and the limits of time count.
"""

import os
import random
import signal
import time
from datetime import timedelta
from statistics import quantiles
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from crm.domain.memberships import grant_membership
from hosting.domain import rollups
from hosting.domain.telemetry import store_readings
from hosting.engine.ingest.columns import Columns
from hosting.engine.ingest.spans import microseconds
from hosting.enums import ReadingSource
from hosting.models import Miner, RollupDue, Telemetry, TelemetryFiveMinutes
from tests import factories
from tests.api.client import Caller
from tests.hosting.series.test_killed import AT, BEGIN, LATER, begin, build
from tests.support.database import owner_login

pytestmark = pytest.mark.django_db(transaction=True)
SMALL = {"machines": 300, "seconds": 8, "rows": 0}
LARGE = {"machines": 6_000, "seconds": 120, "rows": int(os.environ.get("HASHINSIGHT_LOAD_ROWS", "100000000"))}
LAG_S, API_MS, ADMIN_MS = 5.0, 300, 800
OLD = """
INSERT INTO hosting_telemetry (miner_id, recorded_at, hashrate_ths, power_w, state, power_source, source, clock_skewed)
SELECT m.id, %(start)s::timestamptz + n * interval '1 second', 200, 3400, 1, 1, 2, false
  FROM hosting_miner m, generate_series(0, %(each)s - 1) n
"""


def fill(rows: int) -> None:
    """Readings of the day before, as many as wished, by SQL."""
    if not rows:
        return
    start = BEGIN.replace(hour=0) - timedelta(days=1)
    with owner_login(), connection.cursor() as cursor:
        cursor.execute("SELECT hosting_ensure_partitions(%s, %s)", [start.date(), AT.date()])
        cursor.execute(OLD, {"start": start, "each": rows // Miner.objects.count()})
        cursor.execute("ANALYZE hosting_telemetry")


def minute(ids: Any, number: int) -> Columns:
    """One reading of each machine."""
    power = np.random.default_rng(number).normal(3400, 80, len(ids))
    one = np.ones(len(ids), np.uint8)
    moments = np.full(len(ids), microseconds(BEGIN + timedelta(minutes=number)), np.int64)
    return Columns(ids, moments, one, one, {"power_w": power, "hashrate_ths": power / 17})


def reckoner() -> None:
    """As the worker does, over and over; ended by a signal."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        if not rollups.reckon_five_minutes(at=LATER).taken:
            time.sleep(0.05)


class Askers:
    """A client's program and somebody in the back office."""

    def __init__(self, customer: Any) -> None:
        root = User.objects.get(is_superuser=True)
        person = factories.UserFactory(email="client@example.test")
        grant_membership(person, customer, role="customer_admin", by=root)
        self.caller = Caller(person)
        self.browser = Client()
        self.browser.force_login(root, backend="accounts.backends.TimeLimitedBackend")
        self.ids = [str(one) for one in Miner.objects.values_list("public_id", flat=True)[:50]]
        self.api: list[float] = []
        self.admin: list[float] = []
        self.asked: list[str] = []

    def ask(self) -> None:
        """Two calls and a page."""
        span = f"starts_from={BEGIN:%Y-%m-%dT%H:%M:%SZ}&starts_before={LATER:%Y-%m-%dT%H:%M:%SZ}"
        one = random.choice(self.ids)
        for path in ("/miners/", f"/miners/{one}/telemetry/?resolution=5min&{span}"):
            self._timed(self.api, lambda path=path: self.caller.get(path))
        self._timed(self.admin, lambda: self.browser.get("/admin/hosting/miner/"))

    def _timed(self, kept: list[float], call: Any) -> None:
        cache.clear()  # no limit of calls, no remembered count
        with CaptureQueriesContext(connection) as seen:
            began = time.perf_counter()
            answer = call()
            kept.append(1000 * (time.perf_counter() - began))
        assert answer.status_code == 200, answer.content
        self.asked += [query["sql"] for query in seen]


def test_a_fleet_sixty_times_as_fast_loses_nothing_and_is_kept_up_with(nightly: bool) -> None:
    size = LARGE if nightly else SMALL
    customer = build(size["machines"])
    fill(size["rows"])
    before = size["rows"] // size["machines"] * size["machines"]
    ids = np.array(list(Miner.objects.order_by("pk").values_list("pk", flat=True)), np.int64)
    askers = Askers(customer)
    pid = begin(reckoner)
    try:
        began, late = time.monotonic(), 0.0
        for number in range(size["seconds"]):
            store_readings(minute(ids, number), source=ReadingSource.EDGE, at=BEGIN + timedelta(minutes=number + 1))
            askers.ask()
            late = max(late, time.monotonic() - began - number - 1)
            time.sleep(max(0.0, began + number + 1 - time.monotonic()))
        last = time.monotonic()
        while RollupDue.objects.exists() and time.monotonic() - last < 60:
            time.sleep(0.05)
        lag = time.monotonic() - last + max(0.0, late)
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
    sent = size["machines"] * size["seconds"]
    assert Telemetry.objects.filter(recorded_at__gte=BEGIN).count() == sent
    assert sum(TelemetryFiveMinutes.objects.values_list("samples", flat=True)) == sent
    api, admin = (quantiles(times, n=20)[-1] for times in (askers.api, askers.admin))
    print(f"\n{before:,} there before, {sent:,} sent; lag {lag:.1f} s, API p95 {api:.0f} ms, admin p95 {admin:.0f} ms")
    counting = [sql for sql in askers.asked if "COUNT(" in sql.upper() or sql.startswith("EXPLAIN")]
    counts = [sql for sql in counting if "hosting_telemetry" in sql]
    assert counts == []
    slack = 1 if nightly else 6  # others run beside the ordinary one
    assert lag < LAG_S * slack
    assert api < API_MS * slack
    assert admin < ADMIN_MS * slack


def test_control_a_reckoner_that_stands_still_is_seen() -> None:
    """Without it rows stay due, and the sum of the five minutes is not what was sent."""
    build(20)
    ids = np.array(list(Miner.objects.values_list("pk", flat=True)), np.int64)
    store_readings(minute(ids, 0), source=ReadingSource.EDGE, at=BEGIN + timedelta(minutes=1))
    assert RollupDue.objects.exists()
    assert not TelemetryFiveMinutes.objects.exists()
