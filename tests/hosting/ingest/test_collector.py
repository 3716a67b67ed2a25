"""The reference collector: what it stored outlives kills and outages, and reaches the tables once."""

import base64
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.models import User
from hosting.clients.edge_server import EdgeServer, ServerAway, ServerRefused
from hosting.clients.edge_store import EdgeStore
from hosting.domain import edge
from hosting.models import EdgeBatch, Miner, Telemetry, Zone
from hosting.simulator.process import start_fleet
from tests.support import children

MEGABYTE = 1_000_000


def test_a_batch_is_in_the_file_whole_or_not_at_all_and_keeps_its_id(tmp_path: Path) -> None:
    path = tmp_path / "w.sqlite3"
    with closing(EdgeStore(path, most_bytes=MEGABYTE)) as store:
        store.put(lambda name: name.encode(), readings=1)
        with pytest.raises(ZeroDivisionError):
            store.put(lambda name: b"x" * (1 // 0), readings=1)
        first = store.oldest()
    assert path.stat().st_mode & 0o077 == 0
    with closing(EdgeStore(path, most_bytes=MEGABYTE)) as store:
        assert store.oldest() == first
        assert store.waiting() == 1
        assert first is not None
        store.done(first.number)
        store.put(lambda name: name.encode(), readings=1)
        second = store.oldest()
    assert second is not None
    assert second.body != first.body


def test_a_full_file_lets_the_oldest_go_and_says_how_many(tmp_path: Path) -> None:
    with closing(EdgeStore(tmp_path / "w.sqlite3", most_bytes=250)) as store:
        dropped = [store.put(lambda _name: b"x" * 100, readings=7) for _batch in range(4)]
        waiting = store.oldest()
    assert dropped == [0, 0, 7, 7]
    assert waiting is not None
    assert waiting.number == 3


def test_what_the_server_refuses_for_good_is_kept_and_does_not_stop_the_others(tmp_path: Path) -> None:
    with closing(EdgeStore(tmp_path / "w.sqlite3", most_bytes=MEGABYTE)) as store:
        for _batch in range(2):
            store.put(lambda name: name.encode(), readings=1)
        store.refuse(1, "413")
        waiting = store.oldest()
        assert waiting is not None
        assert (waiting.number, store.waiting()) == (2, 1)


class _Answers(BaseHTTPRequestHandler):
    status, body, headers_ = 200, b"{}", {}

    def do_POST(self) -> None:
        self.send_response(self.status)
        for name, value in self.headers_.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@pytest.mark.parametrize(
    ("status", "body", "trouble"),
    [
        (503, b"", ServerAway), (429, b"", ServerAway), (200, b"<html>", ServerAway), (200, b"[]", ServerAway),
        (413, b'{"code": "body_too_large"}', ServerRefused), (400, b"\xff", ServerRefused), (401, b"", ServerRefused),
    ],
)  # fmt: skip
def test_troubles_that_pass_and_troubles_that_do_not(status: int, body: bytes, trouble: type[Exception]) -> None:
    handler = type("Handler", (_Answers,), {"status": status, "body": body, "headers_": {"Retry-After": "7"}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(trouble) as found:
            EdgeServer(f"http://127.0.0.1:{server.server_port}").push(b"x")
    finally:
        server.shutdown()
        server.server_close()
    if isinstance(found.value, ServerAway) and status != 200:
        assert found.value.wait_s == 7
    with pytest.raises(ServerAway):
        EdgeServer(f"http://127.0.0.1:{server.server_port}").push(b"x")


def test_a_token_of_the_back_office_is_asked_for_and_kept_beside_the_key(tmp_path: Path) -> None:
    command = [
        sys.executable, "manage.py", "edge_collect", "--server", "http://127.0.0.1:9", "--state", str(tmp_path),
        "--once", "--token",
    ]  # fmt: skip
    identity = tmp_path / "identity.json"
    key = base64.b64encode(bytes(range(32))).decode()
    before = {"token": "old", "device_id": "d", "private_key": key}

    def told(text: str) -> str:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=120, cwd=settings.BASE_DIR, check=False
        )
        return done.stderr

    assert "no token yet" in told("x\n")
    identity.write_text(json.dumps(before))
    identity.chmod(0o600)
    assert "this is no token" in told("hie_short\n")
    assert json.loads(identity.read_text()) == before
    token = "hie_Abcdefg1_" + "x" * 43
    told(f"{token}\n")  # nobody listens there; the token is kept all the same
    assert json.loads(identity.read_text()) == {**before, "token": token}
    assert identity.stat().st_mode & 0o077 == 0


@pytest.fixture
def quick(settings: Any) -> None:
    """No limit on calls: the collector of the test reads far more often than a real one."""
    rates = {**settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "edge": "100000/min"}
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}


@pytest.fixture
def fleet_of_eight() -> Iterator[str]:
    """Simulated machines; returns their network."""
    process = start_fleet(["--miners", "8", "--network", "127.91.0.0/16", "--port", "14028", "--makes", "antminer:1"])
    yield "127.91.0"
    process.stop()


@pytest.mark.django_db(transaction=True)
def test_killed_at_any_moment_nothing_stored_is_lost_and_nothing_doubled(
    live_server: Any, quick: None, fleet_of_eight: str, placed: Callable[[int], list[Miner]], zone: Zone, root: User,
    tmp_path: Path, nightly: bool,
) -> None:  # fmt: skip
    for number, miner in enumerate(placed(8), 1):
        Miner.objects.filter(pk=miner.pk).update(address=f"{fleet_of_eight}.{number}", port=14028)
    _device, code = edge.register_device(serial="E-K", name="K", site=zone.site, zone=zone, by=root, at=timezone.now())
    command = [
        sys.executable, "manage.py", "edge_collect", "--server", live_server.url, "--state", str(tmp_path),
        "--interval", "0.2",
    ]  # fmt: skip
    try:
        for turn in range(50 if nightly else 3):
            process = _started(command + (["--enrol", code] if turn == 0 else []))
            _wait_for_batches(2)
            time.sleep(0.05 * (turn % 7))
            process.send_signal(signal.SIGKILL)
            process.wait()
        process = _started(command)
        _wait_for_batches(3)  # one may have been on its way when the one before was killed
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        # Whatever still waits is handed over by one more start that reads once.
        assert _started([*command, "--once"]).wait(120) == 0
        with closing(sqlite3.connect(tmp_path / "waiting.sqlite3")) as rows:
            (waiting,) = rows.execute("SELECT count(*) FROM batch").fetchone()
            (made,) = rows.execute("SELECT seq FROM sqlite_sequence WHERE name = 'batch'").fetchone()
        batches = list(EdgeBatch.objects.all())
        assert waiting == 0
        assert sorted(int(batch.batch_id.rpartition("-")[2]) for batch in batches) == list(range(1, made + 1))
        assert {(batch.readings, batch.stored, batch.duplicates, batch.quarantined) for batch in batches} == {
            (8, 8, 0, 0)
        }
        ids = list(Miner.objects.values_list("pk", flat=True))
        stored = Telemetry.objects.filter(miner_id__in=ids)
        assert stored.count() == 8 * made
        assert not stored.filter(recorded_at__lt=timezone.now() - timedelta(hours=1)).exists()
        assert (tmp_path / "identity.json").stat().st_mode & 0o077 == 0
    finally:
        with connection.cursor() as cursor:  # no model of Django's, so it is not emptied after the test
            cursor.execute("DELETE FROM hosting_telemetry")


def _started(command: list[str]) -> "subprocess.Popen[bytes]":
    process: subprocess.Popen[bytes] = children.start(command, env=dict(os.environ), cwd=settings.BASE_DIR)
    return process


def _wait_for_batches(more: int) -> None:
    wanted, end = EdgeBatch.objects.count() + more, time.monotonic() + 120
    while EdgeBatch.objects.count() < wanted:
        assert time.monotonic() < end, "the collector handed nothing over"
        time.sleep(0.05)
