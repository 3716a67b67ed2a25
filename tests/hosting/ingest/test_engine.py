"""The arithmetic of ingest beside slow, plain versions of the same."""

import random
from datetime import UTC, datetime

import numpy as np

from hosting.engine.ingest import spans
from hosting.engine.ingest.checking import Doubts, check
from hosting.engine.ingest.columns import (
    ESTIMATED,
    FIGURES,
    NO_POWER,
    POWER_SOURCES,
    REPORTED,
    STATES,
    UNREACHABLE,
    Columns,
    columns_of,
)  # fmt: skip
from hosting.engine.ingest.packing import Cell, copy_stream
from hosting.engine.ingest.spans import BUCKET_US, SECOND_US, Period
from hosting.engine.machines.reading import Algorithm, MiningState, PowerSource, Reading
from hosting.enums import PowerSource as StoredSource
from hosting.enums import TelemetryState

NOW_US = spans.microseconds(datetime(2026, 11, 20, 9, 30, tzinfo=UTC))


def test_the_numbers_are_those_of_the_table() -> None:
    assert {state.name: number for state, number in STATES.items()} | {"UNREACHABLE": UNREACHABLE} == {
        state.name: state.value for state in TelemetryState
    }
    assert {source.name: number for source, number in POWER_SOURCES.items()} == {
        source.name: source.value for source in StoredSource
    }


def test_a_reading_becomes_a_row_and_none_a_silent_one() -> None:
    said = Reading(
        dialect="antminer", known=True, state=MiningState.PAUSED, hashrate_ths=0.0, power_w=35.0,
        power_source=PowerSource.ESTIMATED, chip_temp_max_c=40.0, fans_rpm=(None, 1200.0, 900.0), uptime_s=12.9,
        shares_accepted=7,
    )  # fmt: skip
    scrypt = Reading(dialect="antminer", known=True, algorithm=Algorithm.SCRYPT, hashrate_ths=0.5)
    columns = columns_of([(1, NOW_US, said), (2, NOW_US, None), (3, NOW_US, scrypt)])
    believed, _places = check(columns, oldest_us=0, newest_us=NOW_US, doubts=Doubts())
    rows = [
        {name: None if np.isnan(values[at]) else float(values[at]) for name, values in believed.figures.items()}
        for at in range(3)
    ]
    unknown = dict.fromkeys(FIGURES)
    assert rows == [
        {
            **unknown, "hashrate_ths": 0.0, "power_w": 35.0, "chip_temp_c": 40.0, "fan_min_rpm": 900.0,
            "fan_max_rpm": 1200.0, "uptime_s": 12.0, "shares_accepted": 7.0,
        },
        unknown,
        unknown,
    ]  # fmt: skip
    assert believed.state.tolist() == [STATES[MiningState.PAUSED], UNREACHABLE, 0]
    assert believed.power_source.tolist() == [ESTIMATED, NO_POWER, NO_POWER]


def test_power_nobody_vouches_for_is_the_weaker_kind_and_codes_nobody_knows_are_none() -> None:
    columns = Columns(
        np.array([1, 2, 3]),
        np.full(3, NOW_US),
        np.array([1, 7, 1], np.uint8),
        np.array([NO_POWER, 9, REPORTED], np.uint8),
        {"power_w": np.array([10.0, 10.0, np.nan])},
    )
    doubts = Doubts()
    believed, _places = check(columns, oldest_us=0, newest_us=NOW_US, doubts=doubts)
    assert believed.power_source.tolist() == [ESTIMATED, ESTIMATED, NO_POWER]
    assert believed.state.tolist() == [1, 0, 1]
    assert [(d.place, d.figure, d.value) for d in doubts.listed] == [(1, "state", "7"), (1, "power_source", "9")]


def test_any_pattern_of_nulls_is_written_as_postgresql_reads_it() -> None:
    chance = random.Random(5)
    for _round in range(30):
        count = chance.randint(0, 40)
        cells = [
            Cell(kind, np.array([chance.randint(0, 1) if kind == "?" else chance.randint(0, 99) for _ in range(count)]),
                 None if chance.random() < 0.3 else np.array([chance.random() < 0.5 for _ in range(count)], bool))
            for kind in (">i8", "time", ">f4", ">i2", "?")
        ]  # fmt: skip
        wanted = sorted(tuple(_sent(cell, row) for cell in cells) for row in range(count))
        assert sorted(_rows(b"".join(bytes(part) for part in copy_stream(cells)), len(cells))) == wanted


def _sent(cell: Cell, row: int) -> bytes:
    if cell.valid is not None and not cell.valid[row]:
        return b"NULL"
    return (
        np.array([int(cell.values[row]) - (946_684_800_000_000 if cell.kind == "time" else 0)])
        .astype(cell.wire)
        .tobytes()
    )


def _rows(stream: bytes, width: int) -> list[tuple[bytes, ...]]:
    assert stream[:19] == b"PGCOPY\n\xff\r\n\0" + bytes(8)
    assert stream[-2:] == b"\xff\xff"
    rows, at = [], 19
    while at < len(stream) - 2:
        assert int.from_bytes(stream[at : at + 2]) == width
        at, row = at + 2, []
        for _cell in range(width):
            size = int.from_bytes(stream[at : at + 4], signed=True)
            at += 4
            row.append(b"NULL" if size < 0 else stream[at : at + size])
            at += max(size, 0)
        rows.append(tuple(row))
    return rows


def test_holders_and_marks_equal_a_plain_reckoning() -> None:
    chance = random.Random(7)
    for _round in range(40):
        count = chance.randint(1, 60)
        ids = np.array([chance.randint(1, 5) for _ in range(count)], np.int64)
        moments = np.array([NOW_US + chance.randint(-3600, 3600) * SECOND_US for _ in range(count)], np.int64)
        periods = []
        for machine in range(1, 8):  # some that nobody asks about
            begin = NOW_US // SECOND_US - 7200
            while begin < NOW_US // SECOND_US + 7200:
                end = begin + chance.randint(1, 9) * 900
                if chance.random() < 0.7:
                    periods.append(Period(machine, chance.randint(1, 9), begin, end if end % 1800 else end - 900))
                begin = end
        held = spans.holders(ids, moments, chance.sample(periods, len(periods)))
        assert held.tolist() == [_holder(m, t // SECOND_US, periods) for m, t in zip(ids, moments, strict=True)]
        columns = Columns(ids, moments, np.ones(count, np.uint8), np.zeros(count, np.uint8))
        marked = {(at, m) for at, ms in spans.due(columns) for m in ms.tolist()}
        assert marked == {(t - t % BUCKET_US, m) for m, t in zip(ids.tolist(), moments.tolist(), strict=True)}


def _holder(machine: int, second: int, periods: list[Period]) -> int:
    for period in periods:
        if period.miner_id == machine and period.from_s <= second < (period.to_s or 2**40):
            return period.holder_id
    return 0
