"""Meters over Modbus TCP: a real server in a process of its own, and servers that misbehave in each way there is."""

import asyncio
import dataclasses
import json
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import User
from hosting.clients.edge_meters import MeterReader, MetersRefused
from hosting.clients.edge_server import ServerAway, ServerRefused
from hosting.clients.edge_store import EdgeStore
from hosting.clients.limits import Limits
from hosting.clients.modbus import Figure, MeterShown, ModbusMeter, meter_of, read_meter, read_meters
from hosting.domain import edge
from hosting.engine.metering.wire import read_batch
from hosting.models import EdgeBatch, EdgeDevice, MeterReading
from tests.hosting.meters.conftest import Make
from tests.support import children

D = Decimal
QUICK = Limits(connect_s=0.5, silence_s=0.4, total_s=1.5)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """The port of a real one."""
    port = free_port()
    command = [sys.executable, "-m", "tests.hosting.meters.modbus_server", str(port)]
    process = children.start(
        command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield port
    process.kill()
    process.wait()
    process.stdout.close()


def meter(port: int, **fields: Any) -> ModbusMeter:
    said: dict[str, Any] = {
        "key": "m", "address": "127.0.0.1", "port": port, "unit": 1, "function": 4, "low_first": False,
        "power": Figure(52, "float32", D("0.001")), "energy": Figure(72, "uint64", D("0.001")),
    }  # fmt: skip
    return ModbusMeter(**{**said, **fields})


def read(one: ModbusMeter, limits: Limits = QUICK) -> MeterShown:
    return asyncio.run(read_meter(one, limits=limits))


def test_a_meter_shows_power_and_register(server: int) -> None:
    assert read(meter(server)) == MeterShown("m", D("6118.4"), D("48211877.2"))
    assert read(meter(server, unit=2, energy=None)) == MeterShown("m", D("512.25"))
    holding = meter(server, function=3, power=Figure(10, "int16", D("-0.1")), energy=Figure(20, "uint32", D(1)))
    assert read(holding) == MeterShown("m", D("25.0"), D(70_000))


@pytest.mark.parametrize(
    ("fields", "power", "register", "trouble"),
    [
        ({"power": Figure(300, "float32", D(1))}, None, D("48211877.2"), "register not known"),
        ({"energy": Figure(90, "uint32", D(1))}, D("6118.4"), None, "uint32 without a value"),
        ({"function": 3}, None, None, "register not known; register not known"),
    ],
)
def test_of_two_figures_the_one_that_is_there_counts(
    server: int, fields: dict[str, Any], power: Decimal | None, register: Decimal | None, trouble: str
) -> None:
    shown = read(meter(server, **fields))
    assert (shown.power_kw, shown.register_kwh) == (power, register)
    assert trouble in shown.trouble


def test_many_are_read_beside_each_other_and_those_of_one_address_in_turn(server: int) -> None:
    async def all_of_them() -> list[MeterShown]:
        many = [dataclasses.replace(meter(server), key=f"{n}", unit=1 + n % 2) for n in range(6)]
        many.append(meter(free_port(), key="away"))
        return [one async for one in read_meters(many, limits=QUICK)]

    shown = {one.key: one for one in asyncio.run(all_of_them())}
    assert {key: one.power_kw for key, one in shown.items()} == {
        **{f"{n}": D("512.25") if n % 2 else D("6118.4") for n in range(6)}, "away": None,
    }  # fmt: skip
    assert shown["away"].trouble == "refused"


# --- servers that misbehave -----------------------------------------------------------------------------------------
Answer = Callable[[bytes, socket.socket], None]


@pytest.fixture
def odd() -> Iterator[Callable[[Answer], int]]:
    """Starts a server that does with each request what it is told; returns its port."""
    listening: list[socket.socket] = []

    def start(answer: Answer) -> int:
        door = socket.create_server(("127.0.0.1", 0))
        listening.append(door)

        def serve() -> None:
            while True:
                try:
                    line, _who = door.accept()
                except OSError:
                    return
                threading.Thread(target=talk, args=(line,), daemon=True).start()

        def talk(line: socket.socket) -> None:
            with line:
                try:
                    while request := line.recv(260):
                        answer(request, line)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        return int(door.getsockname()[1])

    yield start
    for door in listening:
        door.close()


def framed(request: bytes, pdu: bytes, *, tid: bytes | None = None, unit: int = 1, protocol: bytes = b"\0\0") -> bytes:
    return (tid or request[:2]) + protocol + (len(pdu) + 1).to_bytes(2, "big") + bytes([unit]) + pdu


def right(request: bytes) -> bytes:
    """6118400 W, whatever was asked, in as many registers."""
    count = int.from_bytes(request[10:12], "big")
    words = bytes.fromhex("4abab780")[: 2 * count].ljust(2 * count, b"\0")
    return bytes([4, 2 * count]) + words


def in_pieces(request: bytes, line: socket.socket) -> None:
    for byte in framed(request, right(request)):
        line.sendall(bytes([byte]))
        time.sleep(0.002)


def two_at_once(request: bytes, line: socket.socket) -> None:
    line.sendall(framed(request, right(request)) + framed(request, right(request), tid=b"\xee\xee"))


@pytest.mark.parametrize("answer", [in_pieces, two_at_once])
def test_an_answer_in_pieces_or_with_more_behind_it_is_read(odd: Any, answer: Answer) -> None:
    shown = read(meter(odd(answer), energy=None))
    assert (shown.power_kw, shown.trouble) == (D("6118.336"), "")


def sends(*pieces: Any) -> Answer:
    def answer(request: bytes, line: socket.socket) -> None:
        for piece in pieces:
            line.sendall(piece(request) if callable(piece) else piece)

    return answer


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        pytest.param(sends(), "broken", id="hangs"),
        pytest.param(sends(lambda one: framed(one, right(one))[:7]), "broken", id="stops in the middle"),
        pytest.param(sends(lambda one: framed(one, bytes([3, 4]) + b"\0\0\0\1")), "function 3", id="wrong function"),
        pytest.param(sends(lambda one: framed(one, bytes([4, 2, 0, 1]))), "no float32", id="too few registers"),
        pytest.param(sends(lambda one: framed(one, bytes([4, 8]) + bytes(8))), "no float32", id="too many registers"),
        pytest.param(sends(lambda one: framed(one, right(one), tid=b"\xaa\xaa")), "broken", id="wrong transaction"),
        pytest.param(sends(lambda one: framed(one, right(one), unit=9)), "broken", id="wrong unit"),
        pytest.param(sends(lambda one: framed(one, right(one), protocol=b"\0\1")), "broken", id="wrong protocol"),
        pytest.param(sends(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "broken", id="speaks HTTP"),
        pytest.param(sends(bytes(100_000)), "", id="zeros without end"),
        *(pytest.param(sends(lambda one, code=code: framed(one, bytes([0x84, code]))), words, id=f"exception {code}")
          for code, words in ((1, "function not known"), (2, "register not known"), (4, "device failed"),
                              (6, "device busy"), (11, "does not answer"), (99, "exception 99"))),
    ],
)  # fmt: skip
def test_whatever_a_meter_does_is_told_and_takes_no_longer_than_its_limit(
    odd: Any, answer: Answer, trouble: str
) -> None:
    port, begun = odd(answer), time.monotonic()
    shown = read(meter(port, energy=None))
    assert time.monotonic() - begun < QUICK.total_s + 1
    assert shown.power_kw is None
    assert shown.trouble
    assert trouble in shown.trouble


def test_a_connection_that_ends_is_told(odd: Any) -> None:
    shown = read(meter(odd(lambda _request, line: line.shutdown(socket.SHUT_RDWR)), energy=None))
    assert shown.power_kw is None
    assert shown.trouble


@pytest.mark.parametrize(
    "change",
    [{"function": 6}, {"power_type": "bcd"}, {"power_scale": "much"}, {"address": None, "port": "x"}, {"unit": []}],
)
def test_a_meter_that_is_told_badly_is_no_meter(change: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        meter_of({"id": "m", "modbus": {**told(1)["modbus"], **change}})


def told(port: int, name: str = "m") -> dict[str, Any]:
    """As the server tells of it."""
    return {
        "id": name, "name": name, "interval_s": 60,
        "modbus": {
            "address": "127.0.0.1", "port": port, "unit": 1, "function": 4, "word_order": "high_first",
            "power_register": 52, "power_type": "float32", "power_scale": "0.001", "energy_register": 72,
            "energy_type": "uint64", "energy_scale": "0.001",
        },
    }  # fmt: skip


class Backoffice:
    """Of which the list of meters is fetched."""

    def __init__(self, listed: Any) -> None:
        self.listed = listed

    def meters(self) -> dict[str, Any]:
        if isinstance(self.listed, Exception):
            raise self.listed
        return {"meters": self.listed}


def test_what_was_read_waits_in_the_file_also_while_the_server_is_away(server: int, tmp_path: Path) -> None:
    said: list[str] = []
    known = [told(server), {"id": "own", "interval_s": 60, "modbus": None}, {"id": "bad", "modbus": {}}]
    office: Any = Backoffice(known)
    with closing(EdgeStore(tmp_path / "w.sqlite3", most_bytes=10**6)) as store:
        reader = MeterReader(office, store, said.append, limits=QUICK)
        assert asyncio.run(reader.read_due()) == 1
        assert asyncio.run(reader.read_due()) == 0  # its time has not come again
        office.listed = ServerAway("nobody")
        again = MeterReader(office, store, said.append, limits=QUICK)
        assert asyncio.run(again.read_due()) == 1
        waiting = store.oldest()
        assert (store.waiting(), waiting is not None) == (2, True)
    assert waiting is not None
    batch = read_batch(waiting.body)
    (row,) = batch.by_meter["m"]
    assert (row.power_kw, row.register_kwh) == (D("6118.4"), D("48211877.2"))
    assert any("not understood" in line for line in said)
    assert any("server is away" in line for line in said)


def test_an_older_server_knows_no_meters_and_a_lost_token_ends_the_reading(tmp_path: Path) -> None:
    with closing(EdgeStore(tmp_path / "w.sqlite3", most_bytes=10**6)) as store:
        older: Any = Backoffice(ServerRefused(404, "not_found", ""))
        assert asyncio.run(MeterReader(older, store, print, limits=QUICK).read_due()) == 0
        lost: Any = Backoffice(ServerRefused(401, "invalid_token", ""))
        with pytest.raises(MetersRefused):
            asyncio.run(MeterReader(lost, store, print, limits=QUICK).read_due())


def test_a_trouble_is_said_once_and_that_it_is_over(server: int, tmp_path: Path) -> None:
    said: list[str] = []
    office: Any = Backoffice([told(free_port())])
    with closing(EdgeStore(tmp_path / "w.sqlite3", most_bytes=10**6)) as store:
        reader = MeterReader(office, store, said.append, limits=QUICK)
        for _turn in range(2):
            assert asyncio.run(reader.read_due(all_of_them=True)) == 0
        reader._meters = [(meter(server), 60.0)]
        assert asyncio.run(reader.read_due(all_of_them=True)) == 1
    assert said == ["meter m: refused", "meter m: well again"]


@pytest.mark.django_db(transaction=True)
def test_the_collector_reads_a_meter_into_the_tables(
    live_server: Any, server: int, make: Make, device: EdgeDevice, root: User, tmp_path: Path
) -> None:
    one = make(
        ratio=D(2), modbus_address="127.0.0.1", modbus_port=server, power_register=52, power_scale=D("0.001"),
        energy_register=72, energy_type="uint64", energy_scale=D("0.001"), most_kw=D(20_000),
    )  # fmt: skip
    code = edge.give_code(device, by=root, at=timezone.now())
    command = [
        sys.executable, "manage.py", "edge_collect", "--server", live_server.url, "--state", str(tmp_path), "--once",
        "--enrol", code,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, cwd=settings.BASE_DIR, check=False)
    assert done.returncode == 0, done.stderr
    row = MeterReading.objects.get(meter=one)
    assert (row.power_kw, row.register_kwh, row.source) == (D("12236.8"), D("96423754.4"), 1)
    answer = EdgeBatch.objects.get().answer
    assert (answer["stored"], answer["quarantined"]) == (1, 0)
    with closing(sqlite3.connect(tmp_path / "waiting.sqlite3")) as rows:
        assert rows.execute("SELECT count(*) FROM batch").fetchone() == (0,)
    assert json.dumps(answer)
