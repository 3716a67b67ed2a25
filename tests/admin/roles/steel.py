"""The hosting rows of the scene: drafts where only drafts can be edited."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from accounts.models import User
from crm.domain import contracts
from crm.models import Customer
from curtailment.domain import plans
from curtailment.domain.control import kill_switch
from curtailment.models import (
    CurtailmentEvent,
    CurtailmentPlanMiner,
    MachineOrder,
    PeakRule,
    RuleExecution,
    SiteControl,
    SiteRestore,
    StandingApproval,
    StrikeRule,
)
from hosting.domain import edge, fleet, lease_keys, miner_secrets, places, prices, repairs, terms, tickets
from hosting.domain.meters.keeping import create_meter
from hosting.domain.miner_import import steps
from hosting.models import (
    Demand15Min,
    DemandLedgerMonth,
    EdgeBatch,
    MeterReading,
    Miner,
    MinerAlertRule,
    MinerModel,
    MinerOperation,
    QuarantinedReading,
    ServiceLevel,
    Usage15Min,
)
from marketdata.models import PriceSeries
from tests.curtailment.scenes import build_programme
from tests.intelligence.world import build_site_schedule


def build_steel(customer: Customer, root: User, now: datetime) -> list[Any]:
    """One row of each kind."""
    day = now.date()
    site = places.create_site(name="Scene", capacity_kw=Decimal(1000), time_zone="UTC", at=now)
    zone = places.create_zone(site=site, name="Hall", capacity_kw=Decimal(500), at=now)
    contract = contracts.create_contract(customer=customer, number="C-scene", title="x", starts_on=day, by=root, at=now)
    plan = prices.create_plan(name="Scene", currency="USD", at=now)
    model = MinerModel.objects.create(name="Scene", manufacturer="Maker", hashrate_ths=1, power_w=1)
    (miner,) = fleet.register_miners([Miner(serial="SCENE", model=model)], by=root, at=now)
    quarter: dict[str, Any] = {
        "interval_start": fleet.quarter_hour(now),
        "quality": "measured",
        "coverage": 1,
        "kwh": 1,
    }
    draft = terms.draft_terms(
        contract=contract, site=site, price_plan=plan, contracted_kw=Decimal(1), valid_from=day, at=now
    )
    return [
        Demand15Min.objects.create(zone=zone, kw=4, source="machines", **quarter),
        Usage15Min.objects.create(terms=draft, source="machines", rule="mark_missing", **quarter),
        DemandLedgerMonth.objects.create(
            zone=zone, month=day.replace(day=1), kwh=1, intervals=1, measured=1, estimated=0, missing=0
        ),
        contract,
        site,
        zone,
        places.create_rack(zone=zone, name="R", at=now),
        plan,
        prices.draft_version(plan, valid_from=day, at=now),
        draft,
        model,
        miner,
        MinerOperation.objects.filter(miner=miner).earliest("pk"),
        tickets.open_ticket(subject="Scene", customer=customer, by=root, at=now),
        repairs.order_repair(miner, reason="Scene", by=root, at=now),
        ServiceLevel.objects.get(priority="low"),
        MinerAlertRule.objects.create(name="Scene", kind="chip", threshold=Decimal(90)),
        *miner_secrets.set_login([miner], username="x", password="y", mode=1, by=root, at=now),
        steps.receive(b"serial,model\nFILE,Scene\n", name="scene.csv", by=root, at=now),
        *_edge(site, root, now),
        *_meter(site, now),
        *_curtailment(site, miner, root, now),
        *build_programme(site, root, now),
        *build_site_schedule(site, at=now),
    ]


def _curtailment(site: Any, miner: Any, root: User, now: datetime) -> list[Any]:
    """A plan that waits, a machine of it, an order, a control, an unsigned approval and the kill switch."""
    plan = plans.create_plan(
        site=site, by=root, at=now, cause="price", reason="Scene", goal="by", goal_kw=Decimal(1),
        selection="efficiency", starts_at=now, ends_at=now + timedelta(hours=1),
    )  # fmt: skip
    prices = PriceSeries.objects.create(code="scene-energy", name="Scene", currency="USD")
    loads = PriceSeries.objects.create(code="scene-load", name="Scene", kind="load", currency="XXX", unit="MW")
    return [
        plan,
        CurtailmentPlanMiner.objects.create(plan=plan, miner=miner, shutdown_order=1, draw_w=1),
        MachineOrder.objects.create(
            plan=plan, site=site, miner=miner, action="pause", not_before=now, expires_at=now + timedelta(seconds=30),
            fencing_token=1, tick_number=1, draw_w=1, created_at=now,
        ),
        SiteControl.objects.create(site=site),
        CurtailmentEvent.objects.create(number=1, site=site, status="over", started_at=now, ended_at=now),
        StandingApproval.objects.create(
            site=site, cause="price", most_kw=1, time_from=time(0), time_to=time(0), valid_from=now.date(),
            valid_until=now.date(),
        ),
        kill_switch.set_switch(site=site, reason="Scene", by=root, at=now),
        SiteRestore.objects.create(
            site=site, reason="Scene", restored_by=None, restored_at=now, plan_ids=[plan.pk], review_due_on=now.date()
        ),
        RuleExecution.objects.create(kind="strike", rule_id="x", site=site, plan=plan, decision="wanted", at=now),
        StrikeRule.objects.create(
            name="Scene", site=site, series=prices, strike=1, goal_kw=1, created_at=now,
        ),
        PeakRule.objects.create(
            name="Scene", site=site, series=loads, months=[7], floor_mw=1, goal_kw=1, valid_from=now.date(),
        ),
    ]  # fmt: skip


def _meter(site: Any, now: datetime) -> list[Any]:
    """A meter that files are read for, and what it showed once; nothing protects another one from being deleted."""
    meter = create_meter(site=site, name="Scene", valid_from=now.date(), at=now)
    read = create_meter(site=site, name="Read", valid_from=now.date(), at=now)
    return [meter, MeterReading.objects.create(meter=read, recorded_at=now, power_kw=1, ratio=1, source=3)]


def _edge(site: Any, root: User, now: datetime) -> list[Any]:
    """A device, a batch of it, and a reading that was put aside."""
    device, _code = edge.register_device(serial="E-scene", name="Edge", site=site, by=root, at=now)
    numbers = dict.fromkeys(("readings", "stored", "duplicates", "quarantined"), 0)
    batch = EdgeBatch.objects.create(device=device, batch_id="b", digest="", received_at=now, answer={}, **numbers)
    return [
        device,
        batch,
        lease_keys.active_keys()[0],
        QuarantinedReading.objects.create(batch=batch, device=device, place=0, reason="no_time", received_at=now),
    ]
