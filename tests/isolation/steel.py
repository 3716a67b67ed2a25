"""The hosting part of a tenant: contracts, a site of its own, prices, terms and machines."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from crm.domain import contracts
from curtailment.domain import plans
from curtailment.models import CurtailmentEvent, CurtailmentPlan, CurtailmentPlanMiner, EventMachine, EventShare
from hashinsight.journal.domain import NewFile
from hosting.domain import fleet, places, prices, repairs, terms, tickets
from hosting.domain.fleet import Spot, quarter_hour
from hosting.domain.meters.keeping import create_meter
from hosting.engine.tariff import Window
from hosting.models import (
    Demand15Min,
    ExcusedInterval,
    HostingTerms,
    MeterReading,
    Miner,
    MinerLatest,
    MinerModel,
    MinerOwnership,
    PriceComponent,
    PricePlan,
    PricePlanVersion,
    Rack,
    Site,
    Telemetry,
    TelemetryDay,
    TelemetryFiveMinutes,
    Usage15Min,
    Zone,
)
from tests import factories

NOW, TODAY = factories.NOW, factories.TODAY
COUNTS = (
    "expected_samples", "samples", "online_samples", "hashrate_samples", "power_samples", "restarts",
)  # fmt: skip


# What the API shows of the hosting part.
STEEL = (
    Site, Zone, Rack, PricePlan, PricePlanVersion, PriceComponent, HostingTerms, MinerModel, Miner, MinerOwnership,
)  # fmt: skip


def steel_rows(tenant: Any) -> list[Any]:
    """All that was built for a tenant, the house's own rows too."""
    rows = tenant.rows
    sites = Site.objects.filter(pk__in=[rows[name].pk for name in ("site", "empty site", "archived site")])
    return [
        sites,
        Zone.objects.filter(site__in=sites),
        Rack.objects.filter(zone__site__in=sites),
        PricePlan.objects.filter(pk=rows["price plan"].pk),
        PricePlanVersion.objects.filter(plan=rows["price plan"]),
        PriceComponent.objects.filter(plan_version__plan=rows["price plan"]),
        HostingTerms.objects.filter(site__in=sites),
        MinerModel.objects.filter(pk=rows["model"].pk),
        Miner.objects.filter(model=rows["model"]),
    ]


def build_steel(tenant: Any) -> None:
    """All rows, by way of the domain."""
    _contracts(tenant)
    _places(tenant)
    _prices(tenant)
    _terms(tenant)
    _machines(tenant)
    _telemetry(tenant)
    _usage(tenant)
    _tickets(tenant)
    _repairs(tenant)
    _curtailments(tenant)


def _contracts(tenant: Any) -> None:
    rows, root = tenant.rows, tenant.root
    for name, mark in (
        ("draft contract", tenant.house),
        ("cancelled contract", tenant.house),
        ("contract", tenant.own),
        ("ended contract", tenant.own),
    ):
        rows[name] = contracts.create_contract(
            customer=rows["customer"], number=mark(), title=mark(), internal_note=tenant.house(),
            starts_on=TODAY - timedelta(days=60), by=root, at=NOW,
        )  # fmt: skip
    for name in ("contract", "ended contract"):
        rows[name] = contracts.activate_contract(rows[name], by=root, at=NOW)
    rows["ended contract"] = contracts.end_contract(rows["ended contract"], on=TODAY, by=root, reason=tenant.own())
    rows["cancelled contract"] = contracts.cancel_contract(rows["cancelled contract"], by=root, reason=tenant.house())


def _places(tenant: Any) -> None:
    rows = tenant.rows
    common: dict[str, Any] = {"capacity_kw": Decimal(10), "at": NOW}
    for name in ("empty site", "archived site"):
        rows[name] = places.create_site(name=tenant.house(), location=tenant.house(), time_zone="UTC", **common)
    rows["archived site"] = places.archive(rows["archived site"], by=tenant.root, reason=tenant.house())
    rows["site"] = places.create_site(
        name=tenant.own(), location=tenant.own(), internal_note=tenant.house(), capacity_kw=Decimal(1000),
        time_zone="America/Chicago", at=NOW,
    )  # fmt: skip
    rows["zone"] = places.create_zone(site=rows["site"], name=tenant.own(), capacity_kw=Decimal(500), at=NOW)
    for name in ("empty zone", "archived zone", "zone of drafts"):
        rows[name] = places.create_zone(site=rows["site"], name=tenant.house(), **common)
    rows["archived zone"] = places.archive(rows["archived zone"], by=tenant.root, reason=tenant.house())
    rows["empty rack"] = places.create_rack(
        zone=rows["zone"], building=tenant.house(), row=tenant.house(), name=tenant.house(), at=NOW
    )
    rows["rack"] = places.create_rack(
        zone=rows["zone"], building=tenant.own(), row=tenant.own(), name=tenant.own(), at=NOW
    )


def _prices(tenant: Any) -> None:
    rows = tenant.rows
    rows["price plan"] = prices.create_plan(name=tenant.own(), description=tenant.own(), currency="USD", at=NOW)
    for name, day in (("version", TODAY - timedelta(days=60)), ("draft version", TODAY + timedelta(days=60))):
        version = prices.draft_version(rows["price plan"], valid_from=day, note=tenant.own(), at=NOW)
        if name == "version":
            component = PriceComponent.objects.create(
                plan_version=version, kind="pass_through", description=tenant.own(), market_series=tenant.own(),
                market_factor=1,
            )  # fmt: skip
            energy = PriceComponent.objects.create(
                plan_version=version, kind="energy", description=tenant.own(), price=Decimal("0.06")
            )
            prices.set_windows(energy, windows=(Window(days="sunday"),))
            rows["component"] = component
            version = prices.publish_version(version, at=NOW)
        rows[name] = version


def _terms(tenant: Any) -> None:
    rows = tenant.rows
    common: dict[str, Any] = {
        "contract": rows["contract"], "site": rows["site"], "zone": rows["zone"], "price_plan": rows["price plan"],
        "contracted_kw": Decimal(100), "valid_from": TODAY - timedelta(days=30), "at": NOW,
    }  # fmt: skip
    agreed = terms.agree_terms(terms.draft_terms(**common), by=tenant.root, at=NOW)
    rows["former terms"] = agreed
    rows["terms"] = terms.amend_terms(
        agreed, on=TODAY - timedelta(days=10), changes={"contracted_kw": Decimal(120)}, reason=tenant.own(),
        by=tenant.root, at=NOW,
    )  # fmt: skip
    rows["draft terms"] = terms.draft_terms(**{**common, "zone": rows["zone of drafts"]})


def _machines(tenant: Any) -> None:
    rows, root = tenant.rows, tenant.root
    rows["model"] = MinerModel.objects.create(
        name=tenant.own(), manufacturer=tenant.own(), hashrate_ths=Decimal(200), power_w=Decimal(3500),
        chip=tenant.own(), source=tenant.own(), note=tenant.own(),
    )  # fmt: skip
    serials = [
        Miner(
            serial=tenant.own(), model=rows["model"], model_text=tenant.own(), mac=_mac(tenant, place),
            internal_note=tenant.house(),
        )
        for place in range(3)
    ]  # fmt: skip
    made = fleet.register_miners(serials, by=root, at=NOW)
    fleet.place_miners(
        made, spot=Spot(rows["site"], rows["zone"], rows["rack"], {m.pk: n for n, m in enumerate(made, 1)}), by=root,
        at=NOW,
    )  # fmt: skip
    fleet.assign_miners(made[:2], customer=rows["customer"], since=quarter_hour(NOW), by=root, at=NOW)
    rows["miner"], rows["other miner"], rows["house miner"] = (miner.reload() for miner in made)
    (sold,) = fleet.register_miners(
        [Miner(serial=tenant.house(), model=rows["model"], mac=_mac(tenant, 3), internal_note=tenant.house())],
        by=root, at=NOW,
    )  # fmt: skip
    for owner, days in ((rows["customer"], 3), (None, 2)):
        fleet.assign_miners([sold], customer=owner, since=quarter_hour(NOW - timedelta(days=days)), by=root, at=NOW)
    rows["sold miner"] = sold.reload()


def _telemetry(tenant: Any) -> None:
    """Readings of the own machine and of the house's; the former owner's time of the own one stays the house's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT hosting_ensure_partitions(%s, %s)", [TODAY - timedelta(days=1), TODAY])
    own, house, customer_id = tenant.rows["miner"].pk, tenant.rows["house miner"].pk, tenant.rows["customer"].pk
    for miner_id, owner, at in (
        (own, customer_id, NOW), (own, None, NOW - timedelta(days=1)), (house, None, NOW),
    ):  # fmt: skip
        start = quarter_hour(at)
        Telemetry.objects.create(
            miner_id=miner_id, recorded_at=at, customer_id=owner, hashrate_ths=100, power_w=3000, source=1
        )
        rollup: dict[str, Any] = dict.fromkeys(COUNTS, 1) | {"miner_id": miner_id, "customer_id": owner}
        TelemetryFiveMinutes.objects.create(bucket_start=start, **rollup)
        TelemetryDay.objects.create(day=at.date(), **rollup)
        MinerLatest.objects.update_or_create(
            miner_id=miner_id, defaults={"customer_id": owner, "recorded_at": at, "received_at": at}
        )
    MinerLatest.objects.filter(miner_id=own).update(customer_id=customer_id)


def _usage(tenant: Any) -> None:
    """Of former terms and of those that hold, an earlier version too; of draft terms the house's alone."""
    common: dict[str, Any] = {"quality": "measured", "coverage": 1, "source": "machines", "rule": "mark_missing"}
    start = quarter_hour(NOW)
    for name, interval, version, superseded in (
        ("former terms", start - timedelta(days=15), 1, None), ("terms", start, 1, NOW), ("terms", start, 2, None),
        ("draft terms", start, 1, None),
    ):  # fmt: skip
        terms_row = tenant.rows[name]
        tenant.rows[f"usage of {name}"] = Usage15Min.objects.create(
            terms=terms_row, interval_start=interval, version=version, superseded_at=superseded, kwh=version, **common
        )
    meter = tenant.rows["meter"] = create_meter(
        site=tenant.rows["site"], zone=tenant.rows["zone"], name=tenant.house(), serial=tenant.house(),
        measures="zone", feed="api", valid_from=TODAY - timedelta(days=60), note=tenant.house(), at=NOW,
    )  # fmt: skip
    tenant.rows["meter reading"] = MeterReading.objects.create(
        meter=meter, recorded_at=start, power_kw=20, ratio=1, source=3
    )
    tenant.rows["demand"] = Demand15Min.objects.create(
        zone=tenant.rows["zone"], interval_start=start, kwh=5, kw=20, source="machines", quality="measured", coverage=1
    )


def _tickets(tenant: Any) -> None:
    rows, root = tenant.rows, tenant.root
    common: dict[str, Any] = {"customer": rows["customer"], "by": root, "at": NOW}
    rows["ticket"] = tickets.open_ticket(
        subject=tenant.own(), description=tenant.own(), site=rows["site"], miners=[rows["miner"]], **common
    )
    rows["hidden ticket"] = tickets.open_ticket(
        subject=tenant.house(), description=tenant.house(), miners=[rows["miner"]], client_visible=False, **common
    )
    rows["resolved ticket"] = tickets.open_ticket(subject=tenant.own(), **common)
    tickets.resolve_ticket(rows["resolved ticket"], resolution=tenant.own(), by=root, at=NOW)
    for mark, visible in ((tenant.own, True), (tenant.house, False)):
        tickets.write_note(rows["ticket"], body=mark(), client_visible=visible, by=root, at=NOW)
        name = "file" if visible else "hidden file"
        content = NewFile(f"{mark()}.txt", "text/plain", mark().encode())
        rows[name] = tickets.add_file(rows["ticket"], file=content, client_visible=visible, by=root, at=NOW)


def _repairs(tenant: Any) -> None:
    """Of an own machine, over and open; and of one of ours. What we write of them stays among us."""
    rows, root = tenant.rows, tenant.root
    step: dict[str, Any] = {"by": root, "at": NOW}
    for name, owner, place in (("sick", rows["customer"], 4), ("our sick", None, 5)):
        row = Miner(
            serial=tenant.house() if owner is None else tenant.own(), model=rows["model"], mac=_mac(tenant, place)
        )
        (miner,) = fleet.register_miners([row], **step)
        fleet.assign_miners([miner], customer=owner, since=quarter_hour(NOW), **step)
        rows[f"{name} miner"] = miner
    for name, machine, ticket, over in (
        ("former repair", "sick miner", "hidden ticket", "returned"), ("repair", "sick miner", "ticket", None),
        ("house repair", "our sick miner", None, None),
    ):  # fmt: skip
        rows[name] = repairs.order_repair(
            rows[machine].reload(), reason=tenant.house(), vendor=tenant.house(), rma_number=tenant.house(),
            ticket=rows.get(ticket), **step,
        )  # fmt: skip
        if over:
            rows[name] = repairs.finish_repair(rows[name], to=over, outcome=tenant.house(), **step)


def _curtailments(tenant: Any) -> None:
    """A plan and an event with an own machine and one of ours, and one of each that is ours alone."""
    rows = tenant.rows
    ours = {"customer": None, "miner": rows["our sick miner"]}
    theirs = {"customer": rows["customer"], "miner": rows["sick miner"]}
    for name, reason, machines in (
        ("plan", tenant.own(), (theirs, ours)),
        ("house plan", tenant.house(), (ours,)),
    ):
        plan = plans.create_plan(
            site=rows["site"], by=tenant.root, at=NOW, cause="price", reason=reason, goal="by", goal_kw=Decimal(1),
            selection="efficiency", starts_at=NOW, ends_at=NOW + timedelta(hours=1),
        )  # fmt: skip
        rows[name] = plan
        for place, machine in enumerate(machines, start=1):
            CurtailmentPlanMiner.objects.create(plan=plan, shutdown_order=place, draw_w=3500, **machine)
        ours_alone = {name: tenant.house() for name in ("source_key", "end_reason", "review")}
        CurtailmentPlan.objects.filter(pk=plan.pk).update(**ours_alone)
    number = CurtailmentEvent.objects.count() + 1
    event = CurtailmentEvent.objects.create(number=number, site=rows["site"], started_at=NOW)
    for name, reason, machine in (("event", tenant.own(), theirs), ("house event", tenant.house(), ours)):
        share = EventShare.objects.create(
            event=event, customer=machine["customer"], site=rows["site"], cause="price", reason=reason, started_at=NOW
        )
        rows[name] = share
        back = NOW + timedelta(minutes=9)
        EventMachine.objects.create(
            event=event, share=share, told_at=NOW, off_at=NOW, back_at=back, baseline_w=1, baseline_ths=1, **machine
        )
        ExcusedInterval.objects.create(starts_at=NOW, ends_at=back, reason=reason, source_key=reason, **machine)


def _mac(tenant: Any, place: int) -> str:
    return f"02:00:00:00:{ord(tenant.name):02X}:{place:02X}"
