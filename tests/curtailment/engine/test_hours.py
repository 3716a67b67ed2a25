"""Hours of a local clock, over midnight and over changes of the clock."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from curtailment.engine.hours import Hours, Span

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
