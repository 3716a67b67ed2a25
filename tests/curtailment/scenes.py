"""Rows for the tasks of curtailment to work on."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.models import User
from curtailment.domain import plans
from curtailment.domain.dispatch import dispatches
from curtailment.domain.rules.keeping import create_rule
from curtailment.engine.dispatching import Call
from curtailment.models import (
    CurtailmentEvent,
    CurtailmentPlan,
    CurtailmentPlanMiner,
    Dispatch,
    PeakRule,
    StrikeRule,
    VtnConnection,
)
from hosting.domain import fleet, places
from hosting.domain.collection import period_of
from hosting.domain.fleet import Spot
from hosting.models import Miner, MinerModel, Site
from marketdata.domain.prices import store
from marketdata.engine.price_files import Interval
from marketdata.models import PriceSeries
from tests import factories
from tests.curtailment.programme import make_programme
from tests.factories import NOW

Kwargs = dict[str, Any]


def machine_off(by: User) -> Kwargs:
    """At an address where nobody listens; its site is read once an hour, so that a later run is of the same period."""
    site = places.create_site(
        name="Odessa", capacity_kw=Decimal(100), time_zone="UTC", currency="USD", collection_interval_s=3600, at=NOW
    )
    model = MinerModel.objects.create(name="S21", manufacturer="Bitmain", hashrate_ths=200, power_w=3500)
    (miner,) = fleet.register_miners([Miner(serial="OFF1", model=model, address="127.99.99.1", port=1)], by=by, at=NOW)
    fleet.place_miners([miner], spot=Spot(site), by=by, at=NOW)
    return {"site_id": site.pk, "period_start": period_of(site, NOW).isoformat()}


def plan_of_a_machine_nobody_reaches(by: User) -> Kwargs:
    """Approved, and its time has come; the machine has lost its address since, and another plan was never approved."""
    kwargs = machine_off(by)
    site, (miner,) = Site.objects.get(pk=kwargs["site_id"]), Miner.objects.filter(site_id=kwargs["site_id"])
    fleet.set_intent([miner], to="active", by=by, at=NOW)
    given = {"cause": "price", "reason": "x", "goal": "by", "goal_kw": Decimal(1), "selection": "efficiency"}
    for start, end in ((NOW, NOW + timedelta(hours=1)), (NOW - timedelta(hours=1), NOW - timedelta(minutes=1))):
        at = min(start, NOW)
        plan = plans.create_plan(site=site, by=by, at=at, starts_at=start, ends_at=end, **given)
        if end > NOW:
            for person in (by, factories.UserFactory(is_staff=True)):  # it is all of the site
                plans.approve_plan(plan, by=person, at=at)
    Miner.objects.filter(pk=miner.pk).update(address=None)
    return {}


def site_to_control(by: User) -> Kwargs:
    plan_of_a_machine_nobody_reaches(by)
    return {"site_id": CurtailmentPlan.objects.latest("pk").site_id}


def dispatches_in_time(by: User) -> Kwargs:
    """One that begins now, one that is over, and one whose later end has no plan yet."""
    kwargs = machine_off(by)
    site, (miner,) = Site.objects.get(pk=kwargs["site_id"]), Miner.objects.filter(site_id=kwargs["site_id"])
    fleet.set_intent([miner], to="active", by=by, at=NOW)
    earlier = NOW - timedelta(minutes=10)
    programme = make_programme(by, site, on_unusual="run")
    for name, starts, ends in (("now", 10, 60), ("over", 1, 9), ("longer", 2, 40)):
        call = Call(
            name,
            starts_at=earlier + timedelta(minutes=starts),
            ends_at=earlier + timedelta(minutes=ends),
            kw=Decimal(1),
        )
        dispatches.type_dispatch(programme, call, site=site, by=by, at=earlier)
    Dispatch.objects.filter(reference="longer").update(ends_at=NOW + timedelta(hours=1))
    return {}


def event_that_is_over(by: User) -> Kwargs:
    """A machine was off for an hour until an hour ago, and nobody has reckoned it yet."""
    kwargs = machine_off(by)
    site, miner = Site.objects.get(pk=kwargs["site_id"]), Miner.objects.get(site_id=kwargs["site_id"])
    start, end = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
    event = CurtailmentEvent.objects.create(number=1, site=site, status="over", started_at=start, ended_at=end)
    plan = CurtailmentPlan.objects.create(
        number=1, site=site, cause="price", reason="x", goal_kw=1, starts_at=start, ends_at=end, status="recovered",
        target_kw=1, event=event, recovered_at=end,
    )  # fmt: skip
    CurtailmentPlanMiner.objects.create(
        plan=plan, miner=miner, shutdown_order=1, draw_w=3500, result="back", ordered_at=start, off_at=start,
        back_at=end,
    )  # fmt: skip
    return {}


def event_to_reckon(by: User) -> Kwargs:
    event_that_is_over(by)
    return {"event_id": CurtailmentEvent.objects.get().pk}


def rules_that_want(by: User) -> Kwargs:
    """Energy is dear now, the grid is near its peak, and a third rule has heard nothing for days."""
    kwargs = machine_off(by)
    site, (miner,) = Site.objects.get(pk=kwargs["site_id"]), Miner.objects.filter(site_id=kwargs["site_id"])
    fleet.set_intent([miner], to="active", by=by, at=NOW)
    day = timedelta(days=1)
    prices, silent, loads = (
        PriceSeries.objects.create(code=code, name=code, currency=currency, unit=unit, kind=kind, highest=10**6)
        for code, currency, unit, kind in (
            ("dear", site.currency, "MWh", "energy"), ("silent", site.currency, "MWh", "energy"),
            ("load", "XXX", "MW", "load"),
        )
    )  # fmt: skip
    for series, end, last in ((prices, NOW, 60), (silent, NOW - 2 * day, 40), (loads, NOW, 60)):
        values = [Decimal(40)] * 23 + [Decimal(last)]
        store(series, [Interval(end - day + n * day / 24, end - day + (n + 1) * day / 24, one)
                       for n, one in enumerate(values)], at=end)  # fmt: skip
    given = {"site": site, "goal_kw": Decimal(1), "stale_after_minutes": 90, "by": by, "at": NOW - day}
    for name, series in (("dear", prices), ("silent", silent)):
        create_rule(StrikeRule, name=name, series=series, strike=Decimal("0.05"), windows_off=1, **given)
    create_rule(
        PeakRule, name="peak", series=loads, months=[NOW.month], valid_from=(NOW - day).date(), floor_mw=Decimal(50),
        interval_minutes=60, **given,
    )  # fmt: skip
    return {}


def rule_that_wants(by: User) -> Kwargs:
    rules_that_want(by)
    return {"kind": "strike", "rule_id": StrikeRule.objects.get(name="dear").pk}


def servers_nobody_may_call(by: User) -> Kwargs:
    """Two of OpenADR, inside of our own network."""
    site = Site.objects.get(pk=machine_off(by)["site_id"])
    programme = make_programme(by, site)
    made = [
        VtnConnection.objects.create(
            name=name, programme=programme, base_url="https://10.0.0.1/openadr3", client_id="x", ven_name="x",
            created_at=NOW - timedelta(hours=1),
        )
        for name in ("A", "B")
    ]  # fmt: skip
    return {"connection_id": made[0].pk}


def due_servers(by: User) -> Kwargs:
    """The same for whoever looks for them."""
    servers_nobody_may_call(by)
    return {}


def build_programme(site: Site, by: User, now: datetime) -> list[Any]:
    """A programme, its server, a dispatch that waits to be authorised, and the message it came by."""
    programme = make_programme(by, site, on_unauthorised="wait", name="Scene")
    server = VtnConnection.objects.create(
        name="Scene", programme=programme, base_url="https://vtn.example/openadr3", client_id="x", ven_name="x"
    )
    call = Call("Scene", starts_at=now, ends_at=now + timedelta(hours=1), is_authorised=False)
    heard = dispatches.Heard(call, "webhook", "{}", site=str(site.public_id))
    message, _before = dispatches.receive(programme, heard, at=now)
    return [programme, server, message.dispatch, message]
