"""Peak rules at work: how near the load of a grid is to the highest of its period, now and as forecast."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Avg
from django.utils.translation import gettext as _

from curtailment.domain.rules.acting import Acting, Book, Wanted, doubt_of_age, moment_of, text_of
from curtailment.domain.rules.points import ahead, points
from curtailment.engine.peaks import Load, Near, Peak, SoFar, intervals, near_ahead, near_now, peaks_of
from curtailment.engine.strike import Window, doubtful, judged
from curtailment.enums import Doubt, RuleKind
from curtailment.models import ControlSample, PeakRule
from hashinsight.common.transitions import lock_row

LEAST_HISTORY = timedelta(hours=12)
LONGEST_INTERVAL = timedelta(hours=1)
PLACES = Decimal("0.001")


@transaction.atomic
def evaluate_peak(rule: PeakRule, *, at: datetime) -> bool:
    """One look at a rule; False when it does not act. Safe to call at any time, again and again."""
    locked = lock_row(rule)
    today = at.astimezone(ZoneInfo(locked.site.time_zone)).date()
    book = Book.read(locked.state)
    acting = Acting(locked, RuleKind.PEAK, book, at)
    in_force = locked.valid_from <= today and (locked.valid_to is None or today < locked.valid_to)
    if not locked.is_active or not in_force:
        if book.plans or book.stale_key:
            acting.stop(_("The rule is not valid any more."))
            _save(locked, book, at)
        return False
    _step(locked, book, at=at)
    near = _near(locked, book, at=at)
    if not locked.terms.period_of(at) and near is None:
        acting.stop(_("Outside of the months and hours of the rule."))
        book.rest["since"] = None  # what is near the next time is another time
    else:
        _decide(acting, locked, near)
    _save(locked, book, at)
    return True


def _save(rule: PeakRule, book: Book, at: datetime) -> None:
    rule.state, rule.evaluated_at = book.written(), at
    rule.save(update_fields=["state", "evaluated_at"])


def _step(rule: PeakRule, book: Book, *, at: datetime) -> None:
    """Intervals that have become known since the last look, each judged by what had been before it."""
    terms, so_far = rule.terms, _read(book)
    begun = so_far.judged_to or _first_day(rule, at)
    rows = judged(points(rule.series, start=begun - timedelta(days=rule.median_days + 1), at=at), at=at)
    least = max(1, int(LEAST_HISTORY.total_seconds() // 60 // rule.series.step_minutes))
    doubts = doubtful(rows, span=timedelta(days=rule.median_days), times=rule.median_times, least=least)
    bad = {one.start for one, doubt in zip(rows, doubts, strict=True) if doubt}
    ordered = sorted(rows, key=lambda one: one.start)
    near: Near | None = None
    for load in intervals((one for one in ordered if one.start >= begun and one.start not in bad), terms.step):
        found = near_now(load, so_far, terms)
        near = found if found is not None else near
        so_far = so_far.after(load, terms)
    newest = ordered[-1] if ordered else None
    book.rest = {
        "period": so_far.period, "highest": {name: str(mw) for name, mw in so_far.highest.items()},
        "judged_to": text_of(so_far.judged_to), "known_to": None if newest is None else text_of(newest.end),
        "newest": None if newest is None else str(newest.value.quantize(PLACES)),
        "jump": newest is not None and newest.start in bad, "since": book.rest.get("since"),
        "near": _written(near) if near is not None else book.rest.get("near"),
    }  # fmt: skip


def _first_day(rule: PeakRule, at: datetime) -> datetime:
    """A new rule learns what its period has shown so far: at most a year of it."""
    zone = ZoneInfo(rule.site.time_zone)
    first = datetime.combine(rule.valid_from, datetime.min.time(), tzinfo=zone)
    return max(first, at - timedelta(days=366))


def _near(rule: PeakRule, book: Book, *, at: datetime) -> dict[str, Any] | None:
    """What machines are off for now: an interval measured a moment ago, or one that is forecast."""
    kept = book.rest.get("near")
    measured = kept if kept and at < datetime.fromisoformat(kept["until"]) else None
    if rule.forecast_series is None:
        return measured
    lead = timedelta(minutes=rule.lead_minutes)
    rows = ahead(rule.forecast_series, start=at - LONGEST_INTERVAL, end=at + lead + LONGEST_INTERVAL, at=at)
    windows = [Window(one.start, one.end, one.value, one.known_at) for one in rows]
    found = near_ahead(intervals(windows, rule.terms.step), _read(book), rule.terms, at=at)
    ahead_now = [_written(one) for one in found]
    return max([one for one in (measured, *ahead_now) if one is not None], key=lambda one: one["until"], default=None)


def _written(near: Near) -> dict[str, Any]:
    return {
        "start": near.load.start.isoformat(), "until": near.off_until.isoformat(), "mw": f"{near.load.mw:.3f}",
        "trigger": f"{near.trigger:.3f}", "forecast": near.is_forecast,
    }  # fmt: skip


def _read(book: Book) -> SoFar:
    rest = book.rest
    highest = {name: Decimal(mw) for name, mw in rest.get("highest", {}).items()}
    return SoFar(rest.get("period", ""), highest, moment_of(rest.get("judged_to")))


def _doubt(rule: PeakRule, book: Book, *, at: datetime) -> tuple[Doubt, str, datetime] | None:
    known_to = moment_of(book.rest.get("known_to"))
    if known_to is None or at - known_to > timedelta(minutes=rule.stale_after_minutes):
        return doubt_of_age(rule, known_to, at=at)
    if book.rest.get("jump"):
        text = _("%(value)s MW is more than %(times)s times the median of %(days)s days.") % {
            "value": book.rest.get("newest"), "days": rule.median_days, "times": f"{rule.median_times.normalize():f}",
        }  # fmt: skip
        return Doubt.JUMP, text, at
    return None


def _decide(acting: Acting, rule: PeakRule, near: dict[str, Any] | None) -> None:
    book, at = acting.book, acting.at
    inputs = {
        "series": rule.series.code, "load_mw": book.rest["newest"], "known_to": book.rest["known_to"],
        "period": book.rest["period"], "floor_mw": f"{rule.floor_mw:f}", "near_percent": f"{rule.near_percent:f}",
    }  # fmt: skip
    doubt = _doubt(rule, book, at=at)
    if doubt is not None:
        kind, text, since = doubt
        acting.hold(kind, text, since=min(since, at), inputs=inputs)
        return
    acting.trust(inputs, wake=lambda _name: near is not None)
    over = _("The load is not near a peak any more.")
    if near is None:
        book.rest["since"] = None
        acting.act({}, over=over, inputs=inputs)
        return
    begin = moment_of(book.rest.get("since")) or at
    book.rest["since"] = text_of(begin)
    reason = _("The load of the grid is near a peak: %(mw)s MW, near is %(trigger)s MW.") % near
    if near["forecast"]:
        reason = _("The load of the grid is forecast to be near a peak: %(mw)s MW, near is %(trigger)s MW.") % near
    wanted = Wanted(begin, begin + timedelta(minutes=rule.longest_minutes), reason, {**inputs, **near})
    acting.act({"": wanted}, over=over, inputs=inputs)


# --- afterwards -----------------------------------------------------------------------------------------------------
def loads_of(rule: PeakRule, *, start: datetime, end: datetime, at: datetime) -> list[Load]:
    """Whole intervals of a time as they are known now, restated values and all."""
    rows = ahead(rule.series, start=start, end=end, at=at, nominal=True)
    windows = [Window(one.start, one.end, one.value, max(one.start, one.known_at)) for one in rows]
    return [one for one in intervals(windows, rule.terms.step) if one.start >= start]


def loads_as_known(rule: PeakRule, *, start: datetime, at: datetime) -> list[Load]:
    """Whole intervals of a time as they were known first, for what the rule would have done."""
    rows = judged(points(rule.series, start=start, at=at, nominal=True), at=at)
    return [one for one in intervals(rows, rule.terms.step) if one.start >= start]


def real_peaks(rule: PeakRule, *, at: datetime) -> list[tuple[Peak, Decimal]]:
    """The peaks of each period up to now, with how much of the site was seen off in each (kW, mean)."""
    zone = ZoneInfo(rule.site.time_zone)
    start = datetime.combine(rule.valid_from, datetime.min.time(), tzinfo=zone)
    end = at if rule.valid_to is None else min(at, datetime.combine(rule.valid_to, datetime.min.time(), tzinfo=zone))
    return [
        (peak, off_kw(rule, peak.load)) for peak in peaks_of(loads_of(rule, start=start, end=end, at=at), rule.terms)
    ]


def off_kw(rule: PeakRule, load: Load) -> Decimal:
    """What the control of the site saw off in an interval; nothing where it did not act."""
    rows = ControlSample.objects.filter(site=rule.site, at__gte=load.start, at__lt=load.end)
    return (rows.aggregate(kw=Avg("off_kw"))["kw"] or Decimal(0)).quantize(PLACES)
