"""Hostile batches: the readers answer with a batch or a refusal, and nothing unbelievable is passed on."""

import gzip
import json
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from hosting.engine.ingest.checking import check
from hosting.engine.ingest.columns import FIGURES, Columns
from hosting.engine.ingest.spans import microseconds
from hosting.engine.ingest.wire import Batch, BatchRefused, inflate, read_columns, read_json, write_columns

NOW_US = microseconds(datetime(2026, 11, 20, 9, 30, tzinfo=UTC))
SAMPLE, WHOLE = 4_000, 100_000
SLOWEST_S = 0.001  # of all but the slowest hundredth
TOKENS = (
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"9" * 400, b"9" * 5000, b"null", b"true", b'""', b"[]",
    b"{}", b'"NaN"', b'"\\u0000"', b'"\\ud800"', b"[" * 300, b"{" * 300, b"}{", b"\x00", b"\xff\xfe",
    b"<html><body>502 Bad Gateway</body></html>", b"STATUS=S,When=1,Code=22|", b"", b"-0", b"0.1e-400", b",,", b"1.5",
)  # fmt: skip


def test_hostile_batches_end_in_a_batch_or_a_refusal_and_quickly(nightly: bool) -> None:
    chance = random.Random(11)
    corpus: list[tuple[Callable[[bytes], Batch], bytes]] = [(read_json, _json()), (read_columns, _columns())]
    refused = read = 0
    times = []
    for _turn in range(WHOLE if nightly else SAMPLE):
        reader, body = chance.choice(corpus)
        hostile = _spoilt(body, chance)
        begun = time.process_time()
        try:
            batch = reader(hostile)
        except BatchRefused:
            batch = None
        times.append(time.process_time() - begun)
        if batch is None:
            refused += 1
        else:
            read += 1
            _look_at(batch)
    assert min(refused, read) > (refused + read) / 20  # both ways are tried
    assert sorted(times)[len(times) * 99 // 100] < SLOWEST_S


def test_hostile_gzip_is_refused(nightly: bool) -> None:
    chance = random.Random(12)
    body = gzip.compress(_json())
    for _turn in range(20_000 if nightly else 1_000):
        try:
            inflate(_spoilt(body, chance), largest=100_000)
        except BatchRefused:
            continue


def _look_at(batch: Batch) -> None:
    """Passed on is only what the tables may hold."""
    columns = batch.columns
    named = Columns(
        np.where(batch.at_name >= 0, batch.at_name + 1, 0), columns.recorded_us, columns.state, columns.power_source,
        columns.figures,
    )  # fmt: skip
    believed, places = check(named, oldest_us=0, newest_us=NOW_US, doubts=batch.doubts)
    assert len(places) == len(believed)
    assert set(believed.state.tolist()) <= set(range(7))
    assert set(believed.power_source.tolist()) <= {0, 1, 2}
    for name, values in believed.figures.items():
        known = values[~np.isnan(values)]
        assert np.isfinite(known).all()
        assert ((known >= FIGURES[name].low) & (known <= FIGURES[name].high)).all()
    assert all(doubt.value.isprintable() for doubt in batch.doubts.listed)


def _spoilt(body: bytes, chance: random.Random) -> bytes:
    for _wound in range(chance.randint(1, 3)):
        at = chance.randrange(len(body) + 1)
        way = chance.random()
        if way < 0.2:
            body = body[:at]
        elif way < 0.6:
            body = body[:at] + chance.choice(TOKENS) + body[at + chance.randrange(6) :]
        elif way < 0.8:
            body = body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :]
        else:
            values = [n for n, sign in enumerate(body) if sign in b":,"] or [0]
            at = chance.choice(values) + 1
            end = next((n for n in range(at, len(body)) if body[n] in b",}"), len(body))
            body = body[:at] + chance.choice(TOKENS) + body[end:]
    return body


def _json() -> bytes:
    row = {"machine": "a", "recorded_at": "2026-11-20T09:29:00Z", "state": "mining", "power_source": "reported"}
    figures = {name: 12.5 if name[:2] in ("ha", "po", "ch", "bo", "in") else 12 for name in FIGURES}
    return json.dumps({"batch_id": "b", "readings": [{**row, **figures, "machine": name} for name in "abc"]}).encode()


def _columns() -> bytes:
    columns = Columns(
        np.zeros(3, np.int64), np.full(3, NOW_US), np.ones(3, np.uint8), np.ones(3, np.uint8),
        {name: np.full(3, 12.0) for name in FIGURES},
    )  # fmt: skip
    return write_columns("b", ["a", "b", "c"], np.arange(3), columns)
