"""What the fan chart draws: what came, what was said of it seven days before, and what is said of the days ahead."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from intelligence.enums import ForecastKind
from intelligence.models import ForecastPoint, ForecastRun
from marketdata.domain.prices import best_known
from marketdata.models import MarketDay

BACK_DAYS = 60
PAST_HORIZON = 7
BACK_HOURS = 48


@dataclass(frozen=True)
class FanPoint:
    """A day: what came (None: not yet, or unknown), what was forecast for it seven days before, and the fan."""

    day: date
    actual: Decimal | None = None
    past: Decimal | None = None
    past_lower: Decimal | None = None
    past_upper: Decimal | None = None
    value: Decimal | None = None
    lower: Decimal | None = None
    upper: Decimal | None = None
    naive: Decimal | None = None


def current_run(kind: ForecastKind) -> ForecastRun | None:
    """The forecast that stands, however old."""
    found: ForecastRun | None = ForecastRun.objects.current().filter(kind=kind, series=None).first()
    return found


def fan(run: ForecastRun) -> list[FanPoint]:
    """Sixty days back and the points ahead; the last day known begins the fan, without width."""
    last = (run.issued_at - timedelta(seconds=1)).astimezone(UTC).date()
    first = last - timedelta(days=BACK_DAYS)
    column = "close_usd" if run.kind == ForecastKind.PRICE else "difficulty"
    rows = MarketDay.objects.filter(day__gte=first, day__lte=last + timedelta(days=PAST_HORIZON))
    actual = dict(rows.values_list("day", column))
    past = {_day(point.at): point for point in _past(run, first, last)}
    ahead = {_day(point.at): point for point in run.points.all()}
    found = []
    for number in range(BACK_DAYS + PAST_HORIZON + 1):
        day = first + timedelta(days=number)
        before, next_ = past.get(day), ahead.get(day)
        value = actual.get(day) if day <= last else None
        edge = value if day == last else None
        found.append(
            FanPoint(
                day, actual.get(day), before.value if before else None, before.lower if before else None,
                before.upper if before else None, next_.value if next_ else edge, next_.lower if next_ else edge,
                next_.upper if next_ else edge, next_.naive if next_ else edge,
            )
        )  # fmt: skip
    return found


def fan_of_hours(run: ForecastRun, *, at: datetime) -> list[tuple[datetime, FanPoint]]:
    """Two days back and the hours ahead of a market, by the start of each hour."""
    assert run.series is not None
    begin = run.issued_at - timedelta(hours=BACK_HOURS)
    parts = 60 // run.series.step_minutes
    came: dict[datetime, list[Decimal]] = {}
    for one in best_known(run.series, start=begin, end=run.issued_at + timedelta(days=1), at=at):
        came.setdefault(one.start.astimezone(UTC).replace(minute=0), []).append(one.value)
    ahead = {point.at.astimezone(UTC): point for point in run.points.all()}
    found = []
    for number in range(BACK_HOURS + len(ahead)):
        start = (begin + timedelta(hours=number)).astimezone(UTC)
        values, point = came.get(start, []), ahead.get(start)
        actual = sum(values, Decimal(0)) / parts if len(values) == parts else None
        fan_point = FanPoint(
            start.date(), actual, value=point.value if point else None, lower=point.lower if point else None,
            upper=point.upper if point else None, naive=point.naive if point else None,
        )  # fmt: skip
        found.append((start, fan_point))
    return found


def _past(run: ForecastRun, first: date, last: date) -> list[ForecastPoint]:
    begin, end = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (first, last))
    rows = ForecastPoint.objects.filter(
        run__kind=run.kind, run__series=None, run__model_version=run.model_version, horizon=PAST_HORIZON,
        at__gt=begin, at__lte=end + timedelta(days=1),
    )  # fmt: skip
    return list(rows.order_by("run__computed_at"))


def _day(at: datetime) -> date:
    """The UTC day that ends at a moment."""
    return (at - timedelta(seconds=1)).astimezone(UTC).date()
