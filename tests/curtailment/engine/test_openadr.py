"""OpenADR 3 events as the standard's guide explains them: when each interval is, and what it asks for."""

import contextlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curtailment.engine.openadr import Ask, Event, event_of
from curtailment.engine.openadr_time import Duration, NotUnderstood, duration_of, moment_of

AT = datetime(2026, 11, 29, 16, tzinfo=UTC)
HOUR = timedelta(hours=1)
START = "2026-11-29T17:00:00Z"


def simple(*levels: int) -> list[dict[str, Any]]:
    """Intervals with levels."""
    return [{"id": n, "payloads": [{"type": "SIMPLE", "values": [level]}]} for n, level in enumerate(levels)]


def event(at: datetime = AT, **said: Any) -> Event:
    """One as a server gives it."""
    units, reduces = said.pop("units", {}), said.pop("relative_reduces", False)
    forever = said.pop("no_duration_is_forever", False)
    body = {"id": "e-1", "programID": "p-1", "intervals": simple(2), **said}
    return event_of(body, units=units, at=at, whose="ven", relative_reduces=reduces, no_duration_is_forever=forever)


def period(start: str | None = START, duration: str | None = "PT1H", **more: Any) -> dict[str, Any]:
    """An intervalPeriod."""
    found = {"start": start, "duration": duration, **more}
    return {name: value for name, value in found.items() if value is not None}


def times(found: Event) -> list[tuple[float | None, float | None]]:
    """Hours from five o'clock, of each part."""
    base = datetime(2026, 11, 29, 17, tzinfo=UTC)

    def hours(moment: datetime | None) -> float | None:
        return None if moment is None else (moment - base) / HOUR

    return [(hours(part.starts_at), hours(part.ends_at)) for part in found.parts]


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("PT1H", timedelta(hours=1)), ("P1D", timedelta(days=1)), ("P2W", timedelta(days=14)),
        ("PT90M", timedelta(minutes=90)), ("PT0.5S", timedelta(seconds=0.5)), ("P1DT2H3M4S", timedelta(1, 7384)),
        ("-PT5M", timedelta(minutes=-5)), ("PT0S", timedelta(0)), ("PT0H", timedelta(0)),
    ],
)  # fmt: skip
def test_durations(text: str, length: timedelta) -> None:
    assert duration_of(text) == Duration(rest=length)


@pytest.mark.parametrize("text", ["", "P", "PT", "1H", "PT1", "P1H", "PT1H1D", "p1d", "P1Y1W1D", 5, None, "P٣D"])
def test_what_is_no_duration(text: Any) -> None:
    with pytest.raises(NotUnderstood):
        duration_of(text)


def test_months_and_years_go_by_the_calendar() -> None:
    last = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert duration_of("P1M").after(last) == datetime(2026, 2, 28, 12, tzinfo=UTC)
    assert duration_of("P1Y2M").after(last) == datetime(2027, 3, 31, 12, tzinfo=UTC)
    assert duration_of("P9999Y").after(last) is None
    assert duration_of("P9999Y").forever


@given(st.text(max_size=30))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    with contextlib.suppress(NotUnderstood):
        duration_of(text).after(AT)


@pytest.mark.parametrize("text", ["0001-01-01", "0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "0000-00-00"])
def test_the_beginning_of_time_is_now(text: str) -> None:
    assert moment_of(text) is None


FAR = ["1999-01-01", "9999-12-31", "0001-01-02T00:00:00+14:00"]


@pytest.mark.parametrize("text", ["", "soon", 5, None, "2026-13-01", "x" * 50, *FAR])
def test_what_is_no_time(text: Any) -> None:
    with pytest.raises(NotUnderstood):
        moment_of(text)


# --- when ---------------------------------------------------------------------------------------------------------
def test_intervals_follow_each_other_and_equal_neighbours_are_one() -> None:
    found = event(intervalPeriod=period(), intervals=simple(1, 1, 2, 0, 3))
    assert times(found) == [(0, 2), (2, 3), (4, 5)]
    assert [part.ask.level for part in found.parts] == [1, 2, 3]
    assert [part.interval for part in found.parts] == [0, 2, 4]


def test_an_interval_may_have_a_period_of_its_own() -> None:
    rows = simple(1, 2, 3)
    rows[1]["intervalPeriod"] = period("2026-11-29T20:00:00+00:00", "PT30M")
    rows[2]["intervalPeriod"] = {"duration": "PT2H"}
    assert times(event(intervalPeriod=period(), intervals=rows)) == [(0, 1), (3, 3.5), (3.5, 5.5)]


def test_the_beginning_of_time_in_an_interval_means_after_the_one_before() -> None:
    rows = simple(1, 2)
    for row in rows:
        row["intervalPeriod"] = period("0001-01-01", "PT30M")
    assert times(event(intervalPeriod=period(), intervals=rows)) == [(0, 0.5), (0.5, 1)]


def test_now_and_for_ever() -> None:
    assert times(event(intervalPeriod=period("0001-01-01", "P9999Y"))) == [(None, None)]
    rows = simple(3)
    rows[0]["intervalPeriod"] = period("0001-01-01T00:00:00", "P9999Y")
    assert times(event(intervals=rows)) == [(None, None)]


def test_what_began_with_the_beginning_of_time_and_ends_is_over_since_long() -> None:
    with pytest.raises(NotUnderstood, match="over since long"):
        event(intervalPeriod=period("0001-01-01", "PT1H"))
    assert event(intervalPeriod=period("0001-01-01", "PT0S")).parts == (), "so the guide cancels"


def test_no_duration() -> None:
    assert times(event(intervalPeriod=period(duration=None))) == [(0, None)]
    assert times(event(intervalPeriod=period(duration="PT0S"))) == []
    assert times(event(intervalPeriod=period(duration="PT0S"), no_duration_is_forever=True)) == [(0, None)]


def test_without_any_start_nobody_knows_when() -> None:
    with pytest.raises(NotUnderstood, match="nowhere"):
        event()


def test_the_duration_of_an_event_cuts_or_repeats() -> None:
    rows = simple(1, 2, 3)
    assert times(event(intervalPeriod=period(), intervals=rows, duration="PT90M")) == [(0, 1), (1, 1.5)]
    twice = event(intervalPeriod=period(), intervals=rows, duration="PT5H")
    assert times(twice) == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
    late = event(datetime(2026, 12, 2, 5, tzinfo=UTC), intervalPeriod=period(), intervals=rows, duration="P9999Y")
    first = late.parts[0].starts_at
    assert first is not None
    assert timedelta(0) <= datetime(2026, 12, 2, 5, tzinfo=UTC) - first < 3 * HOUR
    assert len(late.parts) <= 200


def test_a_random_start_is_the_same_each_time_and_another_for_others() -> None:
    def start(name: str, whose: str) -> Any:
        body = {
            "id": name, "programID": "p", "intervals": simple(1),
            "intervalPeriod": period(randomizeStart="PT10M"),
        }  # fmt: skip
        return event_of(body, units={}, at=AT, whose=whose).parts[0].starts_at

    base = datetime(2026, 11, 29, 17, tzinfo=UTC)
    shifts = [(start(f"e{n}", "ven") - base).total_seconds() for n in range(400)]
    assert start("e1", "ven") == start("e1", "ven")
    assert start("e1", "ven") != start("e1", "other")
    assert -600 <= min(shifts) < -500
    assert 500 < max(shifts) <= 600
    assert abs(sum(shifts) / 400) < 60, "evenly to both sides"


# --- what ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "value", "units", "ask"),
    [
        ("SIMPLE", 1, "", Ask(level=1)),
        ("SIMPLE", 3.0, "", Ask(level=3)),
        ("IMPORT_CAPACITY_LIMIT", 500, "KW", Ask(goal="to", kw=Decimal(500))),
        ("IMPORT_CAPACITY_LIMIT", 1.5, "MW", Ask(goal="to", kw=Decimal(1500))),
        ("IMPORT_CAPACITY_LIMIT", 2000, "W", Ask(goal="to", kw=Decimal(2))),
        ("IMPORT_CAPACITY_LIMIT", 7, "", Ask(goal="to", kw=Decimal(7))),
        ("DISPATCH_SETPOINT", 0, "KW", Ask(goal="to", kw=Decimal(0))),
        ("DISPATCH_SETPOINT_RELATIVE", -250, "KW", Ask(goal="by", kw=Decimal(250))),
    ],
)
def test_payloads(kind: str, value: Any, units: str, ask: Ask) -> None:
    rows = [{"id": 0, "payloads": [{"type": kind, "values": [value]}]}]
    descriptors = [{"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": kind, "units": units}] if units else None
    found = event(intervalPeriod=period(), intervals=rows, payloadDescriptors=descriptors)
    assert [part.ask for part in found.parts] == [ask]


def test_a_positive_relative_set_point_is_more_load_unless_said_otherwise() -> None:
    rows = [{"id": 0, "payloads": [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [250]}]}]
    assert event(intervalPeriod=period(), intervals=rows).parts == ()
    found = event(intervalPeriod=period(), intervals=rows, relative_reduces=True)
    assert found.parts[0].ask == Ask(goal="by", kw=Decimal(250))


def test_units_come_from_the_program_unless_the_event_has_them() -> None:
    rows = [{"id": 0, "payloads": [{"type": "IMPORT_CAPACITY_LIMIT", "values": [2]}]}]
    units = {"IMPORT_CAPACITY_LIMIT": "MW"}
    assert event(intervalPeriod=period(), intervals=rows, units=units).parts[0].ask.kw == 2000


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "SIMPLE", "values": [4]}, {"type": "SIMPLE", "values": [1.5]}, {"type": "SIMPLE", "values": ["1"]},
        {"type": "SIMPLE", "values": [True]}, {"type": "DISPATCH_SETPOINT", "values": [1e300]},
        {"type": "DISPATCH_SETPOINT", "values": [float("nan")]},
    ],
)  # fmt: skip
def test_values_that_make_no_sense_are_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(NotUnderstood):
        event(intervalPeriod=period(), intervals=[{"id": 0, "payloads": [payload]}])


def test_other_units_than_power_are_refused() -> None:
    rows = [{"id": 0, "payloads": [{"type": "DISPATCH_SETPOINT", "values": [2]}]}]
    with pytest.raises(NotUnderstood, match="PERCENT"):
        event(intervalPeriod=period(), intervals=rows, units={"DISPATCH_SETPOINT": "PERCENT"})


@pytest.mark.parametrize("kind", ["PRICE", "GHG", "ALERT_GRID_EMERGENCY", "EXPORT_CAPACITY_LIMIT", "ours"])
def test_what_does_not_speak_of_our_load_asks_for_nothing(kind: str) -> None:
    rows = [{"id": 0, "payloads": [{"type": kind, "values": [1]}, {"type": "SIMPLE", "values": []}]}]
    assert event(intervalPeriod=period(), intervals=rows).parts == ()


def test_targets_of_both_versions() -> None:
    assert event(intervalPeriod=period(), targets=["a", "b"]).targets == ("a", "b")
    older = [{"type": "RESOURCE_NAME", "values": ["a"]}, {"type": "GROUP", "values": ["b", "c"]}]
    assert event(intervalPeriod=period(), targets=older).targets == ("a", "b", "c")
    assert event(intervalPeriod=period(), targets=None).targets == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = ("id", "programID", "intervals", "intervalPeriod", "duration", "targets", "payloadDescriptors",
         "reportDescriptors", "priority", "modificationDateTime", "eventName")  # fmt: skip


@given(st.dictionaries(st.sampled_from(NAMES), JSON), st.dictionaries(st.sampled_from(["start", "duration"]), JSON))
def test_nothing_a_server_says_breaks_us(said: dict[str, Any], when: dict[str, Any]) -> None:
    body = {"id": "e", "programID": "p", "intervals": simple(1), "intervalPeriod": when, **said}
    with contextlib.suppress(NotUnderstood):
        event_of(body, units={}, at=AT, whose="v")


LENGTHS = st.sampled_from(["PT0S", "PT1H", "P1D", "P9999Y", "-PT1H", "P300Y", "PT1S", "P1M", None])


@given(
    st.sampled_from([START, "0001-01-01", "2199-12-31T23:59:59Z", None]), st.lists(LENGTHS, min_size=1, max_size=4),
    LENGTHS, LENGTHS, LENGTHS,
)  # fmt: skip
def test_parts_are_in_order_and_whole_whatever_the_periods(
    start: Any, lengths: list[Any], standard: Any, whole: Any, dice: Any
) -> None:
    rows = simple(*[1 + n % 3 for n in range(len(lengths))])
    for row, length in zip(rows, lengths, strict=True):
        row["intervalPeriod"] = period(None, length)
    with contextlib.suppress(NotUnderstood):
        found = event(
            intervals=rows, intervalPeriod=period(start, standard, **({"randomizeStart": dice} if dice else {})),
            **({"duration": whole} if whole else {}),
        )  # fmt: skip
        for part in found.parts:
            assert part.starts_at is None or part.ends_at is None or part.starts_at < part.ends_at
        assert all(part.ends_at is not None for part in found.parts[:-1])
