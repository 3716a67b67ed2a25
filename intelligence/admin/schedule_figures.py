"""The figures of a schedule as its page and its file show them."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.display import moment_text, money_text, number_text, percent_text, price_text
from hosting.meter_enums import LoadSource
from intelligence.admin.schedule_picture import labels_of
from intelligence.models import ScheduleClass, ScheduleRun

HEADERS = [
    "starts_at_utc", "minutes", "class", "action", "machines_on", "machines_off", "machines_throttled", "load_kw",
    "expected_profit", "actual_kwh", "actual_profit", "currency", "status", "plan",
]  # fmt: skip
NEARLY = 1e-9
_BY_ZONES = gettext_lazy("energy by the sum of all machines at the site, times the PUE")
ENERGY_FROM = {
    "site_meter": gettext_lazy("energy by the site's meter"),
    "zone_meters": gettext_lazy("energy by the meters of all zones"),
    "zones": _BY_ZONES,
    "meter": _BY_ZONES,  # as schedules of before have it, which no meter had measured
    "machines": gettext_lazy("energy by the machines of the schedule, times the PUE"),
}


def file_rows(run: ScheduleRun) -> Iterator[list[Any]]:
    """Steps by class."""
    names = dict(ScheduleClass.objects.filter(run=run).values_list("place", "name"))
    for one in run.entries.select_related("plan__site").order_by("starts_at", "place"):
        yield [
            one.starts_at.isoformat(), one.minutes, names.get(one.place, ""), one.action, one.machines_on,
            one.machines_off, one.machines_throttled, one.load_kw, one.expected_profit, one.actual_kwh,
            one.actual_profit, run.currency, one.status, str(one.plan or ""),
        ]  # fmt: skip


def gap_text(run: ScheduleRun) -> str:
    """How much more the best plan may earn, as a share of it; empty where nobody knows."""
    return "" if run.gap is None else f"{number_text(Decimal(repr(round(100 * run.gap, 4))))} %"


def strike_text(run: ScheduleRun) -> str:
    """The best price at which to stop, of a kWh; empty where each class has its own."""
    return price_text(run.strike_price and run.strike_price.quantize(Decimal("0.0001")), run.currency)


def answer_facts(run: ScheduleRun) -> list[tuple[Any, Any]]:
    """What came out, and how sure that is."""
    found: list[tuple[Any, Any]] = [(_("status"), run.get_status_display())]
    if run.profit is not None:
        found.append((_("profit"), money_text(run.profit, run.currency)))
    if run.profit is not None and run.always_on_profit is not None:
        found.append((_("more than always on"), money_text(run.profit - run.always_on_profit, run.currency)))
    if run.bound is not None:
        found.append((_("no plan earns more than"), money_text(run.bound, run.currency)))
    if run.gap is not None:
        found.append((_("gap"), gap_text(run)))
    return [
        *found, (_("as known at"), moment_text(run.known_at)), (_("took"), f"{number_text(round(run.took_s, 2))} s"),
        (_("asked by"), str(run.asked_by or _("the daily job"))),
    ]  # fmt: skip


def input_facts(run: ScheduleRun) -> list[tuple[Any, Any]]:
    """What it was made from."""
    inputs, market = run.inputs, run.inputs["market"]
    forecast = sum(one == "forecast" for one in inputs["price_from"])
    missing = sum(one is None for one in inputs["price"])
    known = len(inputs["price"]) - forecast - missing
    said = {"known": known, "forecast": forecast, "missing": missing}
    found: list[tuple[Any, Any]] = [
        (_("prices"), inputs["series_name"] or "–"),
        (_("of them"), _("%(known)s published, %(forecast)s forecast, %(missing)s missing") % said),
        (_("added per kWh"), price_text(Decimal(repr(inputs["adders"][0])), run.currency)),
        (_("losses"), f"{number_text(Decimal(inputs['loss_percent']))} %"),
    ]
    if market:
        found += [
            (_("Bitcoin"), money_text(Decimal(market["btc_usd"]), "USD")),
            (_("difficulty"), f"{number_text(round(Decimal(market['difficulty']) / 10**12, 2))} T"),
            (_("a PH/s earns in a day"), money_text(Decimal(repr(inputs["revenue"][0] * 24_000)), run.currency)),
        ]
    if inputs["demand"]:
        charge = inputs["demand"]
        found += [
            (_("demand charge today"), f"{price_text(_round(charge['per_kw_today']), run.currency)} / kW"),
            (_("peak of the month so far"), _peak_text(charge)),
        ]
    for name, key in ((_("the site's limit"), "limit_kw"), (_("ramp up in a step"), "ramp_up_kw"),
                      (_("ramp down in a step"), "ramp_down_kw")):  # fmt: skip
        if inputs[key] is not None:
            found.append((name, f"{number_text(_round(inputs[key], 1))} kW"))
    found += [(_("promised"), one["name"]) for one in inputs["commitments"]]
    return found


def _peak_text(charge: dict[str, Any]) -> str:
    """With where it is from; schedules of before did not keep that."""
    kw, source = f"{number_text(_round(charge['sunk_kw'], 1))} kW", charge.get("sunk_from", "")
    return f"{kw} ({LoadSource(source).label})" if source in LoadSource.values else kw


def _round(value: float, digits: int = 4) -> Decimal:
    return Decimal(repr(round(value, digits)))


def money_rows(run: ScheduleRun) -> list[tuple[Any, ...]]:
    """The plan, and its rivals: revenue, energy, demand charge, starts, profit, and what they would break."""
    if run.profit is None:
        return []
    mine = (run.revenue, run.energy_cost, run.demand_cost, run.switching_cost, run.profit)
    found: list[tuple[Any, ...]] = [(_("this schedule"), *(money_text(one, run.currency) for one in mine), "")]
    strike = strike_text(run)
    best = _("best strike price (%(price)s)") % {"price": strike} if strike else _("each class at its break-even")
    names = {"always on": _("always on"), "strike price": best}
    for one in run.answer.get("rivals", []):
        figures = (one[key] for key in ("revenue", "energy", "demand", "switching", "profit"))
        name = names.get(one["name"], one["name"])
        texts = (money_text(Decimal(repr(value)), run.currency) for value in figures)
        found.append((name, *texts, "; ".join(one["problems"])))
    return found


def shadow_rows(run: ScheduleRun) -> list[tuple[Any, Any, Any]]:
    """What one more kW would be worth where something binds: what, when, how much."""
    shadow = run.answer.get("shadow")
    if not shadow:
        return []
    labels, found = labels_of(run), []
    if shadow["peak"] > NEARLY:
        found.append((_("peak of the month"), _("all day"), price_text(_round(shadow["peak"]), run.currency)))
    named = [
        (_("the site's limit"), shadow["limit"]), (_("ramp up"), shadow["ramp_up"]),
        (_("ramp down"), shadow["ramp_down"]), *shadow["commitments"],
        *((_("zone %(name)s") % {"name": _zone(run, name)}, values) for name, values in shadow["zones"]),
    ]  # fmt: skip
    for name, values in named:
        begin = None
        for place in range(len(values) + 1):
            binds = place < len(values) and values[place] > NEARLY
            if binds and begin is None:
                begin = place
            elif not binds and begin is not None:
                mean = sum(values[begin:place]) / (place - begin)
                end = labels[place] if place < len(labels) else labels[0]
                found.append((name, f"{labels[begin]}–{end}", price_text(_round(mean), run.currency)))
                begin = None
    return found


def _zone(run: ScheduleRun, key: str) -> str:
    one = run.classes.filter(zone_id=int(key)).select_related("zone").first()
    return str(one.zone.name) if one and one.zone else key


def score_facts(run: ScheduleRun) -> list[tuple[Any, Any]]:
    """What the day came to, once it is over."""
    if run.scored_at is None:
        return []
    found: list[tuple[Any, Any]] = []
    if run.actual_profit is not None:
        found.append((_("actual profit"), money_text(run.actual_profit, run.currency)))
        if run.profit is not None:
            found.append((_("against expected"), money_text(run.actual_profit - run.profit, run.currency)))
        if run.actual_always_on_profit is not None:
            gain = run.actual_profit - run.actual_always_on_profit
            found.append((_("against always on, as prices came"), money_text(gain, run.currency)))
    if run.actual_kwh is not None:
        kwh = number_text(round(run.actual_kwh, 1))
        found.append((ENERGY_FROM.get(run.actuals.get("energy_from", ""), _("energy")), f"{kwh} kWh"))
    if run.actual_btc is not None:
        found.append((_("mined, by the measured hashrate"), f"{number_text(run.actual_btc)} BTC"))
    if "coverage" in run.actuals:
        found.append((_("measured"), percent_text(run.actuals["coverage"])))
    if run.actuals.get("why"):
        found.append((_("remark"), run.actuals["why"]))
    return [*found, (_("scored at"), moment_text(run.scored_at))]
