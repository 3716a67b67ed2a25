"""Hours of a local clock, over midnight and over changes of the clock."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curtailment.engine.hours import Hours, Span, within

BERLIN = ZoneInfo("Europe/Berlin")
ALL = range(7)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-02 08:59", None), ("2026-03-02 09:00", ("2026-03-02 09:00", "2026-03-02 17:00")),
        ("2026-03-02 17:00", None), ("2026-03-07 12:00", None),
    ],
)  # fmt: skip
def test_working_hours(at: str, expected: tuple[str, str] | None) -> None:
    hours = Hours(range(5), time(9), time(17), BERLIN)
    assert hours.span_at(local(at)) == (expected and Span(local(expected[0]), local(expected[1])))


def test_over_midnight_belongs_to_the_day_it_begins_on() -> None:
    hours = Hours({4}, time(22), time(6), BERLIN)  # Friday
    assert hours.span_at(local("2026-03-07 05:59")) == Span(local("2026-03-06 22:00"), local("2026-03-07 06:00"))
    assert hours.span_at(local("2026-03-06 05:00")) is None


def test_days_that_follow_each_other_are_one_span() -> None:
    hours = Hours(range(5), time(0), time(0), BERLIN)
    assert hours.span_at(local("2026-03-04 12:00")) == Span(local("2026-03-02 00:00"), local("2026-03-07 00:00"))
    assert Hours(ALL, time(6), time(6), BERLIN).span_at(local("2026-03-04 12:00")) == Span(None, None)
    assert Hours((), time(0), time(0), BERLIN).span_at(local("2026-03-04 12:00")) is None


def test_the_day_of_the_changed_clock_has_23_hours() -> None:
    found = Hours({6}, time(0), time(0), BERLIN).span_at(local("2026-03-29 12:00"))
    assert found is not None
    assert found.start is not None
    assert found.end is not None
    assert found.end - found.start == timedelta(hours=23)


# --- whether a time lies in the hours of a clock ----------------------------------------------------------------------
MINUTE = timedelta(minutes=1)
CHANGES = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25"), "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"),
    "America/New_York": ("2026-03-08", "2026-11-01"), "UTC": ("2026-03-29",),
    "America/St_Johns": ("2026-03-08", "2026-11-01"), "Europe/London": ("2026-03-29", "2026-10-25"),
}  # fmt: skip


def walked(start: datetime, end: datetime, time_from: time, time_to: time, zone: ZoneInfo) -> bool:
    """The same minute by minute: what the clock on the wall shows."""

    def inside(shown: time) -> bool:
        if time_from == time_to:
            return True
        after, before = shown >= time_from, shown < time_to
        return (after and before) if time_from < time_to else (after or before)

    moment = start
    while moment < end:
        if not inside(moment.astimezone(zone).time()):
            return False
        moment += MINUTE
    return True


minutes_of_a_day = st.integers(0, 24 * 60 - 1)


@settings(max_examples=600, deadline=None)
@given(
    place=st.sampled_from([(name, day) for name, days in CHANGES.items() for day in days]),
    begin=st.integers(-26 * 60, 27 * 60), length=st.integers(1, 30 * 60), time_from=minutes_of_a_day,
    time_to=minutes_of_a_day, from_night=st.booleans(),
)  # fmt: skip
@example(place=("Europe/Berlin", "2026-10-25"), begin=130, length=60, time_from=120, time_to=150, from_night=False)
@example(place=("Europe/Berlin", "2026-10-25"), begin=130, length=50, time_from=120, time_to=150, from_night=False)
@example(place=("Europe/Berlin", "2026-10-25"), begin=125, length=115, time_from=120, time_to=180, from_night=False)
@example(place=("Europe/Berlin", "2026-03-29"), begin=60, length=90, time_from=60, time_to=210, from_night=False)
def test_hours_are_exact_on_days_of_23_24_and_25_hours(
    place: tuple[str, str], begin: int, length: int, time_from: int, time_to: int, from_night: bool
) -> None:
    zone = ZoneInfo(place[0])
    midnight = datetime.fromisoformat(place[1]).replace(tzinfo=zone).astimezone(UTC)
    if from_night:  # most of what is asked lies beside the change
        begin, time_from, time_to = begin % 240, time_from % 240, time_to % 240
        length = length % 240 + 1
    start = midnight + begin * MINUTE
    hours = [time(value // 60, value % 60) for value in (time_from, time_to)]
    found = within(start, start + length * MINUTE, time_from=hours[0], time_to=hours[1], zone=zone)
    assert found == walked(start, start + length * MINUTE, hours[0], hours[1], zone)


def test_a_second_too_much_is_too_much() -> None:
    hours = {"time_from": time(22), "time_to": time(6), "zone": BERLIN}
    start, end = local("2026-10-24 22:00"), local("2026-10-25 06:00")
    assert end - start == timedelta(hours=9)
    assert within(start, end, **hours)
    assert not within(start, end + timedelta(microseconds=1), **hours)
    assert not within(start - timedelta(microseconds=1), end, **hours)
    assert within(
        local("2026-10-24 23:59"), local("2026-10-25 00:00"), time_from=time(23), time_to=time(0), zone=BERLIN
    )
