"""What a strike rule would have done over a stretch of the past, by what was known then; nothing is kept."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median

from curtailment.domain.planning import PlanRefused, Wish, preview
from curtailment.domain.rules.points import points
from curtailment.domain.rules.strikes import LevelsBook, class_names, doubts_of, least_history, per_kwh
from curtailment.engine.strike import Levels, Off, State, Window, judged, run, times_off
from curtailment.enums import Goal, Selection
from curtailment.models import StrikeRule
from hosting.enums import MinerIntent
from hosting.models import Miner, MinerModel
from marketdata.domain.exchange import usd_per

HOUR = timedelta(hours=1)
THOUSAND = Decimal(1000)


@dataclass(frozen=True)
class Class:
    """What goes off together: its name, the power and hashrate that go off, the levels of now."""

    name: str
    kw: Decimal
    ths: Decimal
    levels: Levels | None
    usd_per_hour: Decimal | None


@dataclass(frozen=True)
class Spell:
    """One time off: how dear energy was in it, what was not bought, and what would have been mined (USD by now)."""

    start: datetime
    end: datetime
    name: str
    highest: Decimal
    mean: Decimal
    kwh: Decimal
    avoided: Decimal
    forgone_usd: Decimal | None

    @property
    def hours(self) -> Decimal:
        """How long."""
        return Decimal(int((self.end - self.start).total_seconds())) / 3600


@dataclass(frozen=True)
class Replayed:
    """Windows with what a kWh cost, those that were not believed, the times off and what goes off in them.

    ``usd_per`` the currency of the site, ``believed_to`` which price per kWh: as of now, None where nobody knows.
    """

    windows: tuple[tuple[Window, Decimal], ...]
    doubtful: int
    spells: tuple[Spell, ...]
    classes: tuple[Class, ...]
    usd_per: Decimal | None
    believed_to: Decimal | None

    @property
    def hours(self) -> Decimal:
        """Off in all; of several classes the hours of each."""
        return sum((one.hours for one in self.spells), Decimal(0))

    @property
    def kwh(self) -> Decimal:
        """Not bought."""
        return sum((one.kwh for one in self.spells), Decimal(0))

    @property
    def avoided(self) -> Decimal:
        """What that would have cost, in the currency of the site."""
        return sum((one.avoided for one in self.spells), Decimal(0))

    @property
    def forgone_usd(self) -> Decimal | None:
        """What would have been mined; None where nobody knows."""
        parts = [one.forgone_usd for one in self.spells]
        return None if None in parts else sum((one for one in parts if one is not None), Decimal(0))


class HourlyLevels(LevelsBook):
    """Levels by the market of each hour; where nobody knew them then, by that of now."""

    def __init__(self, rule: StrikeRule, now: datetime) -> None:
        super().__init__(rule)
        self.now = now

    def worth(self, at: datetime) -> Decimal | None:
        """As known in that hour."""
        return super().worth(at.replace(minute=59, second=0, microsecond=0)) or super().worth(self.now)


def replay_strike(rule: StrikeRule, *, start: datetime, at: datetime) -> Replayed:
    """From a moment to now."""
    found = points(
        rule.series, start=start - timedelta(days=rule.median_days + 1), at=at, divide_by=per_kwh(rule), nominal=True
    )
    rows = judged(found, at=at)
    doubts = doubts_of(rule, rows)
    pairs = [(one, doubt) for one, doubt in zip(rows, doubts, strict=True) if one.end > start]
    levels = HourlyLevels(rule, at)
    by_start = {one.start: rule.adders.cost(one.value) for one, _doubt in pairs}
    classes, spells = [], []
    for name in class_names(rule):
        states = list(_states(rule, pairs, levels, name))
        one = _class(rule, name, levels, at)
        classes.append(one)
        spells += [_spell(rule, one, begin, end, by_start) for begin, end in acted(rule, times_off(states), at)]
    shown = tuple((one, by_start[one.start]) for one, _doubt in pairs)
    early = {one.start for one in rows[: least_history(rule)]}  # nobody knew yet what is usual
    doubted = sum(doubt for one, doubt in pairs if one.start not in early)
    ordered = tuple(sorted(spells, key=lambda one: (one.start, one.name)))
    return Replayed(
        shown, doubted, ordered, tuple(classes), usd_per(rule.site.currency, at=at), believed_to(rule, rows)
    )


def believed_to(rule: StrikeRule, windows: Sequence[Window]) -> Decimal | None:
    """Up to which price per kWh the next value would be believed; None where too little is known."""
    recent = [abs(one.value) for one in windows if one.start >= windows[-1].start - timedelta(days=rule.median_days)]
    return rule.median_times * median(recent) if len(recent) >= least_history(rule) else None


def _states(rule: StrikeRule, pairs: Iterable[tuple[Window, bool]], levels: LevelsBook, name: str) -> Iterator[State]:
    return run(
        State(), pairs, adders=rule.adders, levels=lambda window: levels.of(name, window.judged_at),
        patience=rule.patience,
    )  # fmt: skip


def acted(rule: StrikeRule, offs: Iterable[Off], at: datetime) -> list[tuple[datetime, datetime]]:
    """Of the times in which machines were to be off those in its hours, and no longer than the longest."""
    step, longest = timedelta(minutes=rule.series.step_minutes), timedelta(minutes=rule.longest_minutes)
    hours = rule.hours
    found: list[tuple[datetime, datetime]] = []
    for off in offs:
        end, moment = off.end or at, off.start
        while moment < end:
            span = hours.span_at(moment)
            begin = off.start if span is None else max(off.start, span.start or off.start)
            until = min(moment + step, end, (span.end or end) if span else end)
            if span is not None and moment < begin + longest:
                until = min(until, begin + longest)
                if found and found[-1][1] == moment:
                    found[-1] = (found[-1][0], until)
                else:
                    found.append((moment, until))
                moment = until
            else:
                moment += step
    return found


def _class(rule: StrikeRule, name: str, levels: LevelsBook, at: datetime) -> Class:
    """By the machines of now."""
    wish = Wish(rule.site, rule.goal, rule.goal_kw or Decimal(0), rule.selection, at, at + HOUR)
    label = ""
    if name:
        machines = Miner.objects.filter(site=rule.site, model_id=int(name)).exclude(intent=MinerIntent.RETIRED)
        ids = tuple(machines.values_list("pk", flat=True))
        wish = Wish(rule.site, Goal.REDUCE_BY, Decimal(10**9), Selection.MARGIN, at, at + HOUR, only=ids)
        label = str(MinerModel.objects.get(pk=int(name)))
    try:
        seen = preview(wish, at=at)
    except PlanRefused:
        return Class(label, Decimal(0), Decimal(0), levels.of(name, at), None)
    ths = Decimal(str(round(sum(one.hashrate_ths for one in seen.chosen.first), 3)))
    return Class(label, seen.off_kw, ths, levels.of(name, at), seen.forgone_usd)


def _spell(rule: StrikeRule, one: Class, start: datetime, end: datetime, cost: Mapping[datetime, Decimal]) -> Spell:
    """Quarter by quarter (or whatever the series has) at the price that held."""
    step = timedelta(minutes=rule.series.step_minutes)
    weighted, highest, hours = Decimal(0), Decimal(0), Decimal(0)
    seconds = int(step.total_seconds())
    moment = start
    while moment < end:
        begin = datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, tz=start.tzinfo)
        until = min(begin + step, end)
        part = Decimal(int((until - moment).total_seconds())) / 3600
        if begin in cost:
            weighted, hours, highest = weighted + cost[begin] * part, hours + part, max(highest, cost[begin])
        moment = until
    whole = Decimal(int((end - start).total_seconds())) / 3600
    return Spell(
        start, end, one.name, highest, weighted / hours if hours else Decimal(0), one.kw * whole, weighted * one.kw,
        None if one.usd_per_hour is None else one.usd_per_hour * whole,
    )  # fmt: skip
