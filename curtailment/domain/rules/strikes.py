"""Strike prices at work: read what is known, step the hysteresis, want or want no more, hold when data are bad."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from curtailment.domain.rules.acting import Acting, Book, Wanted, doubt_of_age, moment_of, text_of
from curtailment.domain.rules.points import PER_KWH, points
from curtailment.domain.worth import usd_per_ths_hour
from curtailment.engine.strike import Levels, State, Window, doubtful, judged, step
from curtailment.enums import Doubt, RuleKind, StrikeBasis
from curtailment.models import StrikeRule
from hashinsight.common.transitions import lock_row
from hosting.enums import MinerIntent
from hosting.models import Miner, MinerModel, Site
from marketdata.domain.exchange import usd_per
from marketdata.engine.hashprice import break_even_usd_per_kwh
from marketdata.engine.numbers import exactly

LEAST_HISTORY = timedelta(hours=12)  # a median of less says nothing
PLACES = Decimal("0.00001")


@dataclass(frozen=True)
class Looked:
    """New windows with whether each is doubtful, how far they are judged now, and up to when anything is known."""

    new: Sequence[tuple[Window, bool]]
    judged_to: datetime | None
    known_to: datetime | None


def doubts_of(rule: StrikeRule, windows: Sequence[Window]) -> list[bool]:
    """Which of the windows are doubtful."""
    return doubtful(windows, span=timedelta(days=rule.median_days), times=rule.median_times, least=least_history(rule))


def least_history(rule: StrikeRule) -> int:
    """How many windows it takes before anything can be believed."""
    return max(1, int(LEAST_HISTORY.total_seconds() // 60 // rule.series.step_minutes))


def look(rule: StrikeRule, book: Book, *, at: datetime) -> Looked:
    """What has become known since the last look."""
    judged_to = moment_of(book.rest.get("judged_to"))
    start = judged_to or moment_of(book.rest.get("from")) or rule.created_at
    found = points(rule.series, start=start - timedelta(days=rule.median_days + 1), at=at, divide_by=per_kwh(rule))
    rows = judged(found, at=at)
    new = []
    for one, doubt in zip(rows, doubts_of(rule, rows), strict=True):
        is_new = one.end > start if judged_to is None else one.start >= judged_to
        if is_new:
            new.append((one, doubt))
            judged_to = one.end
    return Looked(new, judged_to, max((one.end for one in rows), default=None))


def per_kwh(rule: StrikeRule) -> Decimal:
    """What a value of the series is divided by."""
    return PER_KWH.get(rule.series.unit, Decimal(1))


@transaction.atomic
def evaluate_strike(rule: StrikeRule, *, at: datetime) -> bool:
    """One look at a rule; False when it does not act. Safe to call at any time, from anywhere, again and again."""
    locked = lock_row(rule)
    if not locked.is_active:
        return False
    book = Book.read(locked.state)
    acting = Acting(locked, RuleKind.STRIKE, book, at)
    unit = unit_fault(locked)
    if not unit:
        _step(locked, book, look(locked, book, at=at), at=at)
    if locked.hours.span_at(at) is None:
        acting.stop(_("Outside of the hours of the rule."))
    else:
        doubt = (Doubt.UNIT, unit, at) if unit else _doubt(locked, book, at=at)
        _decide(acting, locked, doubt)
    locked.state, locked.evaluated_at = book.written(), at
    locked.save(update_fields=["state", "evaluated_at"])
    return True


def unit_fault(rule: StrikeRule) -> str:
    """Why the series does not fit the site; empty when it does."""
    series, site = rule.series, rule.site
    if series.currency != site.currency:
        return _("The series is in %(series)s, the site reckons in %(site)s.") % {
            "series": series.currency, "site": site.currency,
        }  # fmt: skip
    if series.unit not in PER_KWH:
        return _("The series is per %(unit)s, not per kWh or MWh.") % {"unit": series.unit}
    return ""


def _step(rule: StrikeRule, book: Book, seen: Looked, *, at: datetime) -> None:
    kept = {name: _read(state) for name, state in book.rest.get("classes", {}).items()}
    names = class_names(rule)
    levels = LevelsBook(rule)
    states = {name: kept.get(name, State()) for name in names}
    for window, doubt in seen.new:
        cost = rule.adders.cost(window.value)
        for name in names:
            states[name] = step(
                states[name], window, cost=cost, levels=levels.of(name, window.judged_at), patience=rule.patience,
                trusted=not doubt,
            )  # fmt: skip
    book.rest = {
        "classes": {name: _written(state) for name, state in states.items()},
        "from": book.rest.get("from"), "judged_to": text_of(seen.judged_to), "known_to": text_of(seen.known_to),
        "jump": seen.new[-1][1] if seen.new else bool(book.rest.get("jump")),
        "newest": str(seen.new[-1][0].value.quantize(PLACES)) if seen.new else book.rest.get("newest"),
    }  # fmt: skip


def _doubt(rule: StrikeRule, book: Book, *, at: datetime) -> tuple[Doubt, str, datetime] | None:
    """Why the newest data are not to be trusted, and since when."""
    known_to = moment_of(book.rest.get("known_to"))
    if known_to is None or at - known_to > timedelta(minutes=rule.stale_after_minutes):
        return doubt_of_age(rule, known_to, at=at)
    if book.rest.get("jump"):
        text = _("%(value)s %(currency)s/kWh is more than %(times)s times the median of %(days)s days.") % {
            "value": book.rest.get("newest"), "currency": rule.site.currency, "days": rule.median_days,
            "times": f"{rule.median_times.normalize():f}",
        }  # fmt: skip
        return Doubt.JUMP, text, at
    if rule.basis == StrikeBasis.BREAK_EVEN and LevelsBook(rule).worth(at) is None:
        return Doubt.MARKET, _("No good market data, or no exchange rate."), at
    return None


def _decide(acting: Acting, rule: StrikeRule, doubt: tuple[Doubt, str, datetime] | None) -> None:
    book = acting.book
    states = {name: _read(state) for name, state in book.rest.get("classes", {}).items()}
    levels = LevelsBook(rule)
    inputs = {
        "series": rule.series.code, "price": book.rest.get("newest"), "judged_to": book.rest.get("judged_to"),
        "currency": rule.site.currency, "windows_off": rule.windows_off, "windows_on": rule.windows_on,
    }  # fmt: skip
    if doubt is not None:
        kind, text, since = doubt
        acting.hold(kind, text, since=min(since, acting.at), inputs=inputs)
        return

    def is_dear(name: str) -> bool:
        state, level = states.get(name, State()), levels.of(name, acting.at)
        return state.off and state.cost is not None and level is not None and state.cost >= level.resume

    acting.trust(inputs, wake=is_dear)
    wanted = {}
    for name, state in states.items():
        one = _wanted(rule, name, state, levels, inputs, at=acting.at)
        if one is not None:
            wanted[name] = one
    acting.act(wanted, over=_("A kWh costs less than it earns again."), inputs=inputs)


def _wanted(
    rule: StrikeRule, name: str, state: State, levels: "LevelsBook", inputs: dict[str, Any], *, at: datetime
) -> Wanted | None:
    span = rule.hours.span_at(at)
    if not state.off or state.since is None or span is None:
        return None
    begin = max(state.since, span.start or state.since)
    ends_at = begin + timedelta(minutes=rule.longest_minutes)
    ends_at = min(ends_at, span.end or ends_at)
    level = levels.of(name, state.since) or Levels(Decimal(0), Decimal(0))
    figures = {
        **inputs, "cost": str(state.cost), "since": state.since.isoformat(), "strike": _text(level.strike),
        "resume_below": _text(level.resume), "high_strike": _text(level.high), "model": name,
    }  # fmt: skip
    reason = _("A kWh costs more than it earns.")  # clients read it: what we pay is among the figures, for us
    if not name:
        return Wanted(begin, ends_at, reason, figures)
    machines = Miner.objects.filter(site=rule.site, model_id=int(name)).exclude(intent=MinerIntent.RETIRED)
    ids = tuple(machines.order_by("pk").values_list("pk", flat=True))
    model = str(MinerModel.objects.get(pk=int(name)))
    return Wanted(begin, ends_at, f"{model}: {reason}", {**figures, "model": model}, only=ids)


def _text(value: Decimal | None) -> str:
    return "" if value is None else f"{value.quantize(PLACES).normalize():f}"


# --- classes and their levels ------------------------------------------------------------------------------------
def class_names(rule: StrikeRule) -> list[str]:
    """One without a name for typed prices, else one for each model at the site (its key)."""
    if rule.basis == StrikeBasis.PRICE:
        return [""]
    rows = Miner.objects.filter(site=rule.site, model__efficiency_j_th__gt=0).exclude(intent=MinerIntent.RETIRED)
    return [str(pk) for pk in rows.order_by("model_id").values_list("model_id", flat=True).distinct()]


class LevelsBook:
    """Levels of each class at a moment: typed, or by what its model earned then."""

    def __init__(self, rule: StrikeRule) -> None:
        self.rule = rule
        self._worth: dict[datetime, Decimal | None] = {}
        self._models: dict[str, MinerModel] = {}

    def of(self, name: str, at: datetime) -> Levels | None:
        """None where nobody knows."""
        rule = self.rule
        if rule.basis == StrikeBasis.PRICE:
            strike = rule.strike or Decimal(0)
            return Levels(strike, strike if rule.resume_below is None else rule.resume_below, rule.high_strike)
        earned = self.worth(at)
        if earned is None:
            return None
        model = (
            self._models.setdefault(name, MinerModel.objects.get(pk=int(name)))
            if name not in self._models
            else (self._models[name])
        )
        strike = break_even_usd_per_kwh(earned, model.efficiency_j_th or 0, rule.pool_fee_percent, rule.site.pue)
        return Levels(strike, strike * (1 - rule.resume_margin_percent / 100))

    def worth(self, at: datetime) -> Decimal | None:
        """Of 1 PH/s in a day, in the currency of the site."""
        if at not in self._worth:
            self._worth[at] = hashprice_at(self.rule.site, at=at)
        return self._worth[at]


def hashprice_at(site: Site, *, at: datetime) -> Decimal | None:
    """What 1 PH/s earns in a day in the currency of a site; None where the market or the rate is not known."""
    earned, rate = usd_per_ths_hour(at=at), usd_per(site.currency, at=at)
    if earned is None or rate is None:
        return None
    with exactly():
        return earned * 24 * 1000 / rate


# --- what is kept --------------------------------------------------------------------------------------------------
def _read(state: dict[str, Any]) -> State:
    cost = state.get("cost")
    return State(
        off=state["off"], since=moment_of(state["since"]), above=state["above"], below=state["below"],
        judged_to=moment_of(state["judged_to"]), cost=None if cost is None else Decimal(cost),
    )  # fmt: skip


def _written(state: State) -> dict[str, Any]:
    return {
        "off": state.off, "since": text_of(state.since), "above": state.above, "below": state.below,
        "judged_to": text_of(state.judged_to), "cost": None if state.cost is None else str(state.cost),
    }  # fmt: skip
