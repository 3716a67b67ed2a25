"""What is believed of a meter, and what its readings say of quarter-hours: figures reckoned by hand."""

import random
import struct
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from curtailment.engine.metered import Step, agrees, settled
from hosting.engine.grid import QUARTER
from hosting.engine.ingest.checking import Doubts, Reason
from hosting.engine.ingest.wire import BatchRefused
from hosting.engine.metering.judging import Bounds, Judged, judge
from hosting.engine.metering.quarters import means
from hosting.engine.metering.registers import SIZES, NoFigure, figure_of
from hosting.engine.metering.sheets import Wrong, read_rows
from hosting.engine.metering.values import Change, Point, Register, Said, parts_between
from hosting.engine.metering.wire import MOST_READINGS, read_batch

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
D = Decimal


def bounds(**fields: Any) -> Bounds:
    said: dict[str, Any] = {
        "ratio": D(1), "most_kw": D(1000), "oldest": NOON - timedelta(days=9), "newest": NOON + 10 * MINUTE,
        "used_from": NOON - timedelta(days=99),
    }  # fmt: skip
    return Bounds(**{**said, **fields})


def tried(
    *said: Said, known: tuple[Point, ...] = (), line: tuple[Register, ...] = (), changes: tuple[Change, ...] = (),
    **fields: Any,
) -> tuple[Judged, list[tuple[str, str, int]]]:  # fmt: skip
    doubts = Doubts()
    judged = judge(said, bounds(**fields), {one.at: one for one in known}, line, changes, doubts)
    return judged, sorted((one.reason.value, one.figure, one.place) for one in doubts.listed)


# --- believing ------------------------------------------------------------------------------------------------------
def test_figures_are_multiplied_once_and_rounded_to_a_watt() -> None:
    judged, doubts = tried(Said(0, NOON, D("15.2960004"), D("120.5296935")), ratio=D(40), most_kw=D(1000))
    assert (judged.fresh, doubts) == ([Point(NOON, D("611.840"), D("4821.187740"), D(40))], [])


@pytest.mark.parametrize(
    ("power", "register", "told"),
    [
        (D("1000.1"), None, ("out_of_range", "power_kw", 0)),
        (D("-0.001"), None, ("negative", "power_kw", 0)),
        (D("NaN"), None, ("not_finite", "power_kw", 0)),
        (D("1e999999"), None, ("out_of_range", "power_kw", 0)),
        (None, D(-1), ("negative", "register_kwh", 0)),
        (None, D("1e12"), ("out_of_range", "register_kwh", 0)),
    ],
)
def test_a_figure_beyond_its_bounds_is_put_aside_alone(
    power: Decimal | None, register: Decimal | None, told: tuple[str, str, int]
) -> None:
    judged, doubts = tried(Said(0, NOON, power, register))
    assert (judged.fresh, doubts) == ([], [told])
    whole = Said(0, NOON, power or D(5), register or D(7))
    judged, doubts = tried(whole)
    (point,) = judged.fresh
    assert doubts == [told]
    assert (point.power_kw is None, point.register_kwh is None) == (power is not None, register is not None)


def test_the_same_twice_changes_nothing_another_figure_is_refused_and_what_is_unknown_is_added() -> None:
    known = (Point(NOON, D("5.000"), None), Point(NOON + MINUTE, D("6.000"), D("7.000000")))
    judged, doubts = tried(
        Said(0, NOON, D(5)), Said(1, NOON, D("5.0004")), Said(2, NOON, D("5.1")), Said(3, NOON, D(5), D(7)),
        Said(4, NOON + MINUTE, D(6), D(8)), Said(5, NOON + 2 * MINUTE, D(1)), Said(6, NOON + 2 * MINUTE, D(1)),
        Said(7, NOON + 2 * MINUTE, D(2)), known=known, line=(Register(NOON + MINUTE, D(7)),),
    )  # fmt: skip
    assert judged.duplicates == 3
    assert judged.filled == [Point(NOON, D("5.000"), D("7.000000"))]
    assert judged.fresh == [Point(NOON + 2 * MINUTE, D("1.000"), None)]
    assert doubts == [("differs", "", 2), ("differs", "", 4), ("differs", "", 7)]


def test_a_changed_ratio_does_not_make_an_old_reading_differ() -> None:
    known = (Point(NOON, D("50.000"), None, D(10)),)
    judged, doubts = tried(Said(0, NOON, D(5)), known=known, ratio=D(20))
    assert (judged.duplicates, doubts) == (1, [])


def test_moments_too_old_ahead_and_out_of_use_are_refused() -> None:
    used = {"used_from": NOON - HOUR, "used_to": NOON + 5 * MINUTE}
    _judged, doubts = tried(
        Said(0, NOON - timedelta(days=10), D(1)), Said(1, NOON + 11 * MINUTE, D(1)), Said(2, NOON - 2 * HOUR, D(1)),
        Said(3, NOON + 5 * MINUTE, D(1)), Said(4, NOON - HOUR, D(1)), **used,
    )  # fmt: skip
    assert doubts == [("in_future", "", 1), ("not_in_use", "", 2), ("not_in_use", "", 3), ("too_old", "", 0)]


def test_a_register_runs_on_whatever_the_order_in_which_readings_come() -> None:
    line = (Register(NOON - HOUR, D(100)), Register(NOON + 5 * MINUTE, D(200)))
    judged, doubts = tried(
        Said(0, NOON, register_kwh=D(150)), Said(1, NOON - 30 * MINUTE, register_kwh=D(99)),
        Said(2, NOON + MINUTE, register_kwh=D(201)), Said(3, NOON + 2 * MINUTE, D(7), D(140)), line=line,
    )  # fmt: skip
    assert [one.register_kwh for one in judged.fresh] == [D(150), None]
    assert [one.power_kw for one in judged.fresh] == [None, D("7.000")]  # the power of a doubtful register stays
    assert doubts == [("register_back", "register_kwh", place) for place in (1, 2, 3)]


def test_a_register_that_runs_too_fast_is_put_aside_so_that_one_slip_does_not_stop_all_others() -> None:
    line = (Register(NOON - HOUR, D(100)),)
    judged, doubts = tried(
        Said(0, NOON - 30 * MINUTE, register_kwh=D(90_000)), Said(1, NOON, register_kwh=D(1_100)), line=line
    )
    assert [one.register_kwh for one in judged.fresh] == [D(1_100)]
    assert doubts == [("register_jump", "register_kwh", 0)]


def test_a_coarse_register_may_go_on_by_a_step() -> None:
    line = (Register(NOON - MINUTE, D(4_000)),)
    judged, _doubts = tried(Said(0, NOON, register_kwh=D(11)), line=line, ratio=D(400))
    assert len(judged.fresh) == 1  # 400 kWh within a minute are one step of its display


def test_over_a_recorded_change_the_register_may_begin_anew_and_nowhere_else() -> None:
    line = (Register(NOON - HOUR, D("999_900")),)
    roll = Change(NOON - 30 * MINUTE, D(1_000_000), D(0))
    judged, doubts = tried(Said(0, NOON, register_kwh=D(50)), line=line, changes=(roll,))
    assert (len(judged.fresh), doubts) == (1, [])
    assert parts_between(line[0], Register(NOON, D(50)), [roll]) == [D(100), D(50)]
    for changes in ((), (Change(NOON + MINUTE, D(1_000_000), D(0)),), (Change(NOON - 30 * MINUTE, D(5), D(0)),)):
        assert tried(Said(0, NOON, register_kwh=D(50)), line=line, changes=changes)[1] == [
            ("register_back", "register_kwh", 0)
        ]


# --- as it comes ----------------------------------------------------------------------------------------------------
def test_a_batch_keeps_each_digit_and_one_bad_reading_harms_no_other() -> None:
    body = (
        b'{"batch_id":"b","readings":[{"meter":"m","recorded_at":"2026-11-29T12:00:00Z","register_kwh":123456789012.345678},'
        b'{"meter":"m","recorded_at":"yesterday","power_kw":1},{"meter":"m","recorded_at":"2026-11-29T12:00:00","power_kw":1},'
        b'7,{"meter":"m","recorded_at":"2026-11-29T12:00:00Z"},{"meter":5,"recorded_at":"2026-11-29T13:00:00+01:00","power_kw":1},'
        b'{"meter":"m","recorded_at":"2026-11-29T12:01:00Z","power_kw":NaN,"register_kwh":"12"},'
        b'{"meter":"m","recorded_at":"2026-11-29T12:02:00Z","power_kw":true},'
        b'{"meter":"m","recorded_at":"0001-01-01T00:00:00+14:00","power_kw":1}]}'
    )
    batch = read_batch(body)
    assert batch.by_meter["m"][0] == Said(0, NOON, None, D("123456789012.345678"))
    assert batch.by_meter[""] == [Said(5, NOON, D(1))]
    assert batch.readings == 9
    assert {(reason.value, figure): count for (reason, figure), count in batch.doubts.counts.items()} == {
        ("no_time", ""): 3, ("not_a_reading", ""): 2, ("not_finite", "power_kw"): 1,
        ("not_a_number", "register_kwh"): 1, ("not_a_number", "power_kw"): 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\xff", "malformed_json"), (b"{", "malformed_json"), (b"[" * 100_000, "malformed_json"),
        (b"[]", "not_an_object"),
        (b'{"batch_id":"b"}', "no_readings"), (b'{"readings":[]}', "no_batch_id"),
        (b'{"batch_id":"a b","readings":[]}', "no_batch_id"),
        (b'{"batch_id":1,"readings":[]}', "no_batch_id"),
        (b'{"batch_id":"b","readings":[' + b"0," * MOST_READINGS + b"0]}", "too_many_readings"),
    ],
)  # fmt: skip
def test_what_is_no_batch_is_refused_as_a_whole(body: bytes, code: str) -> None:
    with pytest.raises(BatchRefused) as found:
        read_batch(body)
    assert found.value.code == code


def test_hostile_numbers_are_no_figures() -> None:
    digits = "9" * 200_000
    body = f'{{"batch_id":"b","readings":[{{"meter":"m","recorded_at":"2026-11-29T12:00:00Z","power_kw":{digits}}}]}}'
    batch = read_batch(body.encode())
    judged, doubts = tried(*batch.by_meter["m"])
    assert (judged.fresh, doubts) == ([], [("out_of_range", "power_kw", 0)])


# --- quarter-hours --------------------------------------------------------------------------------------------------
def every(seconds: int, start: datetime, end: datetime, kw: Any, register: Any = None) -> list[Point]:
    found, moment = [], start
    while moment <= end:
        found.append(Point(moment, kw(moment), register(moment) if register else None))
        moment += timedelta(seconds=seconds)
    return found


def test_a_quarter_hour_is_the_mean_of_its_samples_by_the_time_each_held() -> None:
    def kw(moment: datetime) -> Decimal:
        return D(600) if moment < NOON + 5 * MINUTE else D(300)

    found = means(every(60, NOON, NOON + HOUR, kw), [], NOON, NOON + HOUR, interval=MINUTE)
    assert found == {NOON: D(400), **{NOON + QUARTER * n: D(300) for n in (1, 2, 3)}}


def test_over_a_gap_nothing_is_guessed() -> None:
    points = [one for one in every(60, NOON, NOON + HOUR, lambda _at: D(600)) if not 20 <= one.at.minute < 28]
    assert set(means(points, [], NOON, NOON + HOUR, interval=MINUTE)) == {NOON + QUARTER * n for n in (0, 2, 3)}
    short = [one for one in every(60, NOON, NOON + HOUR, lambda _at: D(600)) if one.at.minute != 20]
    assert len(means(short, [], NOON, NOON + HOUR, interval=MINUTE)) == 4


def test_a_meter_that_tells_its_register_alone_gives_the_same_energy() -> None:
    def register(moment: datetime) -> Decimal:
        return D(1000) + D((moment - NOON) / HOUR) * 480

    points = every(600, NOON - 10 * MINUTE, NOON + HOUR, lambda _at: None, register)
    found = means(points, [], NOON, NOON + HOUR, interval=10 * MINUTE)
    assert found == dict.fromkeys((NOON + QUARTER * n for n in range(4)), D("480.000"))
    sparse = [points[0], points[-1]]
    assert means(sparse, [], NOON, NOON + HOUR, interval=10 * MINUTE) == {}


def test_energy_over_a_roll_over_is_whole() -> None:
    roll = Change(NOON + 22 * MINUTE, D(10_000), D(0))

    def register(moment: datetime) -> Decimal:
        kwh = D(9_956) + D((moment - NOON) / HOUR) * 120
        return kwh if moment < roll.at else kwh - 10_000

    points = every(60, NOON, NOON + HOUR, lambda _at: None, register)
    found = means(points, [roll], NOON, NOON + HOUR, interval=MINUTE)
    assert found == dict.fromkeys((NOON + QUARTER * n for n in range(4)), D("120.000"))
    far = [one for one in points if one.at.minute % 20 == 0]
    assert sum(means(far, [roll], NOON, NOON + HOUR, interval=MINUTE).values()) == D("480.000")


def test_quarter_hours_add_up_to_the_register_whatever_the_load_does() -> None:
    dice = random.Random(7)
    kwh, points, moment = D(5_000), [], NOON
    while moment <= NOON + 6 * HOUR:
        points.append(Point(moment, None, kwh))
        kwh += D(dice.randrange(0, 2_000)) / 100
        moment += timedelta(seconds=dice.choice((30, 55, 60, 61)))
    found = means(points, [], NOON, NOON + 5 * HOUR, interval=MINUTE)
    assert len(found) == 20
    edge = next(one for one in reversed(points) if one.at <= NOON + 5 * HOUR)
    after = next(one for one in points if one.at > NOON + 5 * HOUR)
    assert edge.register_kwh is not None
    assert after.register_kwh is not None
    total = sum(found.values()) / 4
    assert edge.register_kwh - 5_000 - D("0.01") <= total <= after.register_kwh - 5_000 + D("0.01")


# --- Modbus ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "form", "value"),
    [
        ("uint16", ">H", 61234), ("int16", ">h", -1234), ("uint32", ">I", 4_100_200_300), ("int32", ">i", -7),
        ("uint64", ">Q", 12_345_678_901_234), ("float32", ">f", 6118.4),
    ],
)  # fmt: skip
def test_registers_read_as_struct_writes_them_in_either_order(kind: str, form: str, value: float) -> None:
    raw = struct.pack(form, value)
    words = [int.from_bytes(raw[place : place + 2], "big") for place in range(0, len(raw), 2)]
    assert len(words) == SIZES[kind]
    assert figure_of(words, kind) == D(str(value))
    assert figure_of(words[::-1], kind, low_first=True) == D(str(value))


@pytest.mark.parametrize(
    ("registers", "kind"),
    [
        ([0xFFFF], "uint16"), ([0x8000], "int16"), ([0xFFFF] * 2, "uint32"), ([0x8000, 0], "int32"),
        ([0xFFFF] * 4, "uint64"), ([0x7FC0, 0], "float32"), ([0x7F80, 0], "float32"), ([1], "uint32"), ([], "uint16"),
        ([1, 2, 3], "uint32"), ([70_000], "uint16"), ([1], "bcd"),
    ],
)  # fmt: skip
def test_what_meters_show_where_there_is_nothing_is_no_figure(registers: list[int], kind: str) -> None:
    with pytest.raises(NoFigure):
        figure_of(registers, kind)


# --- files ----------------------------------------------------------------------------------------------------------
def test_local_times_of_a_file_follow_the_clock_of_the_site() -> None:
    zone = ZoneInfo("Europe/Berlin")
    texts = ["2026-10-25 01:45", "2026-10-25 02:15", "2026-10-25 02:45", "2026-10-25 02:15", "2026-10-25 03:00"]
    read = read_rows([{"recorded_at": text, "power_kw": "1"} for text in texts], zone)
    assert [f"{one.at:%H:%M}" for one in read.said] == ["23:45", "00:15", "00:45", "01:15", "02:00"]
    alone = read_rows([{"recorded_at": "2026-10-25 02:15", "power_kw": "1"}], zone)
    assert alone.said[0].at == datetime(2026, 10, 25, 0, 15, tzinfo=UTC)
    spring = read_rows([{"recorded_at": "2026-03-29 02:30", "power_kw": "1"}], zone)
    assert [(one.wrong, one.value) for one in spring.troubles] == [(Wrong.NO_SUCH_TIME, "2026-03-29 02:30")]
    offset = read_rows([{"recorded_at": "2026-10-25T02:15:00+01:00", "power_kw": "1"}], zone)
    assert offset.said[0].at == datetime(2026, 10, 25, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize("cell", ["1,5", "1_000", "nan", "inf", "=1+1", "x", "١٢", "1" * 41])
def test_a_cell_that_is_no_plain_number_is_a_trouble_of_its_row(cell: str) -> None:
    read = read_rows([{"recorded_at": "2026-11-29 12:00", "power_kw": cell}], ZoneInfo("UTC"))
    assert [one.wrong for one in read.troubles] == [Wrong.NUMBER]


def test_a_row_that_says_nothing_is_a_trouble() -> None:
    read = read_rows([{"recorded_at": "2026-11-29 12:00", "power_kw": ""}, {"recorded_at": ""}], ZoneInfo("UTC"))
    assert [one.wrong for one in read.troubles] == [Wrong.EMPTY, Wrong.TIME]


# --- agreeing -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("machines", "meter", "before", "fine"),
    [(9_800, 6_100, 12_000, False), (9_800, 9_000, 12_000, True), (100, 320, 12_000, True), (0, 400, 12_000, False),
     (100, 110, 100, True), (100, 80, 100, False)],
)  # fmt: skip
def test_machines_and_meter_agree_within_a_tenth_or_the_noise_of_the_site(
    machines: int, meter: int, before: int, fine: bool
) -> None:
    assert agrees(D(machines), D(meter), D(before)) is fine


def test_nothing_is_compared_while_it_still_moves() -> None:
    assert settled([Step(D(100), D(5))] * 3)
    assert not settled([Step(D(100), D(5))] * 2)
    assert not settled([Step(D(kw), D(5)) for kw in (100, 104, 110)])
    assert not settled([Step(D(0), D(5))] * 5)


def test_every_reason_has_words() -> None:
    from hosting.enums import QuarantineReason

    assert {one.value for one in Reason} == set(QuarantineReason.values)
