"""Demand and usage equal a recomputation, keep every version, and never say what nobody measured."""

import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import User
from crm.domain import contracts
from crm.models import Contract, Customer
from hosting.domain import fleet, ledger, places, prices, terms, usage_marks
from hosting.domain.fleet import Spot
from hosting.domain.usage import reckon_quarters
from hosting.engine import grid
from hosting.models import (
    Demand15Min,
    DemandLedgerMonth,
    HostingTerms,
    Miner,
    PriceComponent,
    Site,
    Usage15Min,
    UsageClock,
    UsageDue,
    Zone,
)
from tests.hosting.series import oracle, usage_oracle
from tests.hosting.series.history import ensure_partitions, reckon_all, store
from tests.hosting.series.oracle import Reading
from tests.hosting.series.workshop import REPAIRS, Workshop
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
NIGHTLY = bool(os.environ.get("HASHINSIGHT_NIGHTLY"))
BEGIN = datetime(2026, 11, 1, 4, 0, tzinfo=UTC)  # an hour before the day with 100 quarter-hours begins in Texas
MIDNIGHT = BEGIN + timedelta(hours=1)
END, LATER = BEGIN + timedelta(hours=4), BEGIN + timedelta(days=2)
QUARTER, MINUTE = timedelta(minutes=15), timedelta(minutes=1)
MOVED = BEGIN + timedelta(minutes=67)
STARTS = [BEGIN + QUARTER * n for n in range(16)]
Machines = Callable[..., list[Miner]]


def reckon_everything(at: datetime = LATER, portion: int = 48) -> None:
    reckon_all(at)
    while reckon_quarters(at=at, portion=portion).more:
        pass


@pytest.fixture
@standing
def hall(site: Site, now: datetime) -> list[Zone]:
    """Two zones at a site read every minute."""
    Site.objects.filter(pk=site.pk).update(collection_interval_s=60)
    return [
        places.create_zone(site=Site.objects.get(pk=site.pk), name=name, capacity_kw=Decimal(100), at=now)
        for name in ("Hall 1", "Hall 2")
    ]


@pytest.fixture
@standing
def four(hall: list[Zone], machines: Machines, root: User) -> list[Miner]:
    """Three in the first hall, one of them moving to the second, where the fourth stands; all switched on."""
    miners = machines(4)
    placed = BEGIN - timedelta(days=1)
    fleet.place_miners(miners[:3], spot=Spot(hall[0].site, hall[0]), by=root, at=placed)
    fleet.place_miners(miners[3:], spot=Spot(hall[0].site, hall[1]), by=root, at=placed)
    fleet.set_intent(miners, to="active", by=root, at=placed)
    fleet.place_miners([miners[2]], spot=Spot(hall[0].site, hall[1]), by=root, at=MOVED)
    ensure_partitions(date(2026, 10, 30), date(2026, 11, 4))
    usage_marks.close_quarters(at=BEGIN)
    UsageDue.objects.all().delete()
    UsageClock.objects.update(closed_until=BEGIN)
    return [miner.reload() for miner in miners]


@pytest.fixture
@standing
def agree(site: Site, root: User, now: datetime) -> Callable[..., HostingTerms]:
    """Terms of a customer with a plan of their own."""

    def make(customer: Customer, basis: str = "metered", zone: Zone | None = None, rule: str = "mark_missing") -> Any:
        number = Contract.objects.count()
        plan = prices.create_plan(name=f"Plan {number}", currency="USD", at=now)
        version = prices.draft_version(plan, valid_from=date(2026, 1, 1), at=now)
        PriceComponent.objects.create(plan_version=version, kind="energy", description="Energy", price=1)
        type(version).objects.filter(pk=version.pk).update(missing_rule=rule)
        prices.publish_version(version, at=now)
        draft = contracts.create_contract(
            customer=customer, number=f"C-{number}", title="Hosting", starts_on=date(2026, 11, 1), by=root, at=now
        )
        row = terms.draft_terms(
            contract=contracts.activate_contract(draft, by=root, at=now), site=site, zone=zone, price_plan=plan,
            basis=basis, contracted_kw=Decimal(10), valid_from=date(2026, 11, 1), at=now,
        )  # fmt: skip
        return terms.agree_terms(row, by=root, at=now)

    return make


def minutes(miner: Miner, start: datetime, count: int = 15, **fields: Any) -> list[Reading]:
    fields.setdefault("power_w", 3000.0)
    return [Reading(miner.pk, start + timedelta(minutes=n, seconds=7), **fields) for n in range(count)]


BLOCK = st.builds(
    dict,
    miner=st.integers(0, 3),
    start=st.integers(0, 15),
    length=st.integers(1, 6),
    power_w=st.sampled_from([3000.0, 3300.0, 3600.0, 0.0, None]),
    state=st.sampled_from([1, 1, 1, 6]),
    skip=st.sampled_from([0, 0, 0, 2, 5]),
)
STEP = st.one_of(
    st.tuples(st.just("store"), st.lists(BLOCK, min_size=1, max_size=5)),
    st.tuples(st.just("assign"), st.tuples(st.integers(0, 3), st.sampled_from([0, 1, None]), st.integers(0, 15))),
    *REPAIRS,
    st.tuples(st.just("reckon"), st.integers(1, 9)),
    st.tuples(st.just("close"), st.integers(1, 16)),
)
INTENTS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 230), st.sampled_from(["paused", "active", "maintenance"])), max_size=5
)


def run_through(
    steps: list[Any], miners: list[Miner], customers: list[Customer], root: User, workshop: Workshop
) -> Any:
    readings: dict[Any, Reading] = {}
    owned: dict[int, list[oracle.Span]] = {miner.pk: [] for miner in miners}
    for kind, what in steps:
        if kind == "store":
            for block in what:
                batch = [
                    Reading(
                        miners[block["miner"]].pk, BEGIN + QUARTER * block["start"] + timedelta(minutes=n),
                        state=block["state"], power_w=None if block["state"] == 6 else block["power_w"],
                    )
                    for n in range(block["length"] * 15)
                    if (not block["skip"] or n % block["skip"]) and BEGIN + QUARTER * block["start"] + MINUTE * n < END
                ]  # fmt: skip
                store(batch)
                for reading in batch:
                    readings.setdefault((reading.miner_id, reading.at), reading)
        elif kind == "assign":
            miner, owner, quarter = what
            since, customer = BEGIN + QUARTER * quarter, None if owner is None else customers[owner]
            fleet.assign_miners([miners[miner]], customer=customer, since=since, by=root, at=LATER)
            cut = [(a, since if b is None or b > since else b, c) for a, b, c in owned[miners[miner].pk] if a < since]
            owned[miners[miner].pk] = [*cut, *([] if customer is None else [(since, None, customer.pk)])]
        elif kind == "repair":
            workshop.order(miners[what[0]], *what[1:])
        elif kind == "over":
            workshop.over(miners[what[0]], *what[1:])
        elif kind == "reckon":
            reckon_all(LATER)
            reckon_quarters(at=LATER, portion=what)
        else:
            usage_marks.close_quarters(at=BEGIN + QUARTER * what)
    return list(readings.values()), owned


@settings(
    max_examples=2_000 if NIGHTLY else 12, deadline=None, database=None, derandomize=not NIGHTLY,
    suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate],
)  # fmt: skip
@given(
    steps=st.lists(STEP, min_size=3, max_size=9),
    intents=INTENTS,
    rule=st.sampled_from(["mark_missing", "carry_forward", "interpolate"]),
    basis=st.sampled_from(["metered", "peak_share", "nameplate", "contracted"]),
)
def test_demand_and_usage_equal_a_recomputation(
    steps: list[Any],
    intents: list[Any],
    rule: str,
    basis: str,
    four: list[Miner],
    hall: list[Zone],
    agree: Callable[..., HostingTerms],
    customer_a: Customer,
    customer_b: Customer,
    root: User,
) -> None:
    with transaction.atomic():
        placed = BEGIN - timedelta(days=1)
        log = {miner.pk: [(placed, "active")] for miner in four}
        for miner, minute, word in sorted(intents, key=lambda item: item[1]):
            row = four[miner]
            if log[row.pk][-1][1] == word or (log[row.pk][-1][1], word) == ("paused", "paused"):
                continue
            at = BEGIN + timedelta(minutes=minute, seconds=30)
            fleet.set_intent([row], to=word, by=root, at=at)
            log[row.pk].append((at, word))
        agreed = [agree(customer_a, "metered", rule=rule), agree(customer_b, basis, hall[0], rule)]
        agreed.append(agree(customer_b, "metered"))
        workshop = Workshop(BEGIN, log, root)
        readings, owned = run_through(steps, four, [customer_a, customer_b], root, workshop)
        log = {miner: sorted(said, key=lambda pair: pair[0]) for miner, said in log.items()}
        usage_marks.close_quarters(at=END)
        reckon_everything(portion=5)
        first, second = (zone.pk for zone in hall)
        zones = {four[0].pk: [(placed, None, first)], four[1].pk: [(placed, None, first)]}
        zones[four[2].pk] = [(placed, MOVED, first), (MOVED, None, second)]
        zones[four[3].pk] = [(placed, None, second)]
        machines = usage_oracle.Machines(zones, owned, log, 3500, 5, workshop.repairs())
        intervals = {miner.pk: [(placed, None, 60)] for miner in four}
        fives = oracle.five_minutes(readings, owned, intervals)
        said = [
            usage_oracle.Terms(row.pk, row.contract.customer_id, row.zone_id, row.basis, one_rule, 10, MIDNIGHT)
            for row, one_rule in zip(agreed, [rule, rule, "mark_missing"], strict=True)
        ]
        for start in STARTS:
            wanted = usage_oracle.demand(machines, fives, [first, second], start)
            rows = Demand15Min.objects.current().filter(interval_start=start)
            assert {row.zone_id: (near(row.kwh), row.quality) for row in rows} == {
                zone: (near(kwh), quality) for zone, (kwh, quality, _coverage) in wanted.items()
            }
        wanted = usage_oracle.usage(machines, fives, said, STARTS)
        rows = Usage15Min.objects.current()
        found = {(row.terms_id, row.interval_start): (near(row.kwh), row.quality) for row in rows}
        assert found == {key: (near(kwh), quality) for key, (kwh, quality) in wanted.items()}
        assert UsageDue.objects.count() == 0
        transaction.set_rollback(True)


def near(kwh: Any) -> str | None:
    """To a hundredth of a watt-hour: the database keeps means as reals."""
    return None if kwh is None else f"{float(kwh) + 1e-9:.4f}"


def quarter_of(miners: list[Miner], start: datetime, **fields: Any) -> None:
    store([reading for miner in miners for reading in minutes(miner, start, **fields)])


def test_a_late_reading_makes_a_new_version_and_the_old_one_stays(
    four: list[Miner], agree: Callable[..., HostingTerms], customer_a: Customer, root: User
) -> None:
    agree(customer_a)
    fleet.assign_miners(four[:1], customer=customer_a, since=BEGIN, by=root, at=LATER)
    store(minutes(four[0], MIDNIGHT, 10))
    reckon_everything()
    store(minutes(four[0], MIDNIGHT + timedelta(minutes=10), 5, power_w=3600.0))
    reckon_everything(LATER + QUARTER)
    rows = Usage15Min.objects.filter(interval_start=MIDNIGHT).order_by("version")
    assert [(row.version, row.kwh, row.quality, row.coverage, row.superseded_at) for row in rows] == [
        (1, None, "missing", Decimal("0.6667"), LATER + QUARTER),
        (2, Decimal("0.8"), "measured", Decimal(1), None),
    ]
    usage_marks.mark(four[0].site, MIDNIGHT, MIDNIGHT + QUARTER)
    reckon_everything(LATER + 2 * QUARTER)
    assert rows.count() == 2  # the same figure is no new version


@pytest.mark.parametrize(
    "change", [{"kwh": Decimal(9)}, {"superseded_at": None}, {"superseded_at": LATER + QUARTER}, {"version": 7}]
)
def test_rows_only_give_way_once(change: dict[str, Any], four: list[Miner]) -> None:
    usage_marks.mark(four[0].site, MIDNIGHT, MIDNIGHT + QUARTER)
    reckon_everything()
    row = Demand15Min.objects.first()
    assert row is not None
    Demand15Min.objects.filter(pk=row.pk).update(superseded_at=LATER)
    with pytest.raises(IntegrityError), transaction.atomic():
        Demand15Min.objects.filter(pk=row.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Demand15Min.objects.filter(pk=row.pk).delete()


@pytest.mark.parametrize(
    "fields",
    [
        {"interval_start": MIDNIGHT + timedelta(minutes=5)},
        {"interval_start": MIDNIGHT + timedelta(microseconds=1)},
        {"quality": "guessed"},
        {"kwh": None},
        {"coverage": Decimal("1.1")},
        {"version": 2},  # while the first is current
    ],
)
def test_the_database_refuses(fields: dict[str, Any], hall: list[Zone]) -> None:
    row = {
        "zone": hall[0], "interval_start": MIDNIGHT, "kwh": Decimal(1), "kw": Decimal(4), "source": "machines",
        "quality": "measured", "coverage": Decimal(1),
    }  # fmt: skip
    Demand15Min.objects.create(**row)
    with pytest.raises(IntegrityError), transaction.atomic():
        Demand15Min.objects.create(**{**row, "interval_start": MIDNIGHT + QUARTER, "version": 2, **fields}) if (
            "version" not in fields
        ) else Demand15Min.objects.create(**{**row, **fields})


def test_a_machine_switched_off_and_silent_counts_as_zero_and_says_so(
    four: list[Miner], agree: Callable[..., HostingTerms], customer_a: Customer, root: User
) -> None:
    agree(customer_a)
    fleet.assign_miners(four[:2], customer=customer_a, since=BEGIN, by=root, at=LATER)
    fleet.set_intent([four[1]], to="paused", by=root, at=MIDNIGHT - timedelta(minutes=1))
    quarter_of(four[:1], MIDNIGHT)
    quarter_of(four[1:2], MIDNIGHT, power_w=None, state=6)
    quarter_of(four[:1], MIDNIGHT + QUARTER)
    quarter_of(four[1:2], MIDNIGHT + QUARTER, power_w=None, state=3)  # it answers, but says no power: nobody knows
    reckon_everything()
    rows = Usage15Min.objects.filter(interval_start__lt=MIDNIGHT + 2 * QUARTER).order_by("interval_start")
    assert [(row.kwh, row.quality, row.machines, row.machines_off) for row in rows] == [
        (Decimal("0.75"), "measured", 2, 1),
        (None, "missing", 2, 0),
    ]


def test_terms_agreed_or_ended_for_the_past_are_charged_or_let_go(
    four: list[Miner], agree: Callable[..., HostingTerms], customer_a: Customer, root: User
) -> None:
    fleet.assign_miners(four, customer=customer_a, since=BEGIN, by=root, at=LATER)
    quarter_of(four, MIDNIGHT)
    usage_marks.close_quarters(at=LATER)
    reckon_everything()
    assert Usage15Min.objects.count() == 0
    row = agree(customer_a, basis="contracted")
    reckon_everything()
    assert Usage15Min.objects.current().get(interval_start=MIDNIGHT).kwh == Decimal("2.5")
    assert Usage15Min.objects.current().count() == 47 * 4 - 1  # the last one waits for its grace
    terms.end_terms(row, on=date(2026, 11, 2), reason="gone", by=root)
    reckon_everything()
    assert Usage15Min.objects.current().count() == 100  # the day on which clocks go back
    assert Usage15Min.objects.filter(superseded_at__isnull=False).count() == 47 * 4 - 1 - 100


def test_quarter_hours_without_any_reading_are_closed_too_and_once(four: list[Miner]) -> None:
    assert usage_marks.close_quarters(at=BEGIN + timedelta(minutes=31)) == 2
    assert usage_marks.close_quarters(at=BEGIN + timedelta(minutes=31)) == 0
    reckon_everything(BEGIN + timedelta(minutes=33, seconds=59))
    assert Demand15Min.objects.filter(quality="missing").count() == 2
    reckon_everything(BEGIN + timedelta(minutes=34))
    assert Demand15Min.objects.filter(quality="missing").count() == 4


@pytest.mark.parametrize(("month", "expected"), [(date(2026, 3, 1), 2972), (date(2026, 11, 1), 2884)])
def test_a_month_is_that_of_the_site_and_has_the_quarter_hours_of_its_clock(
    month: date, expected: int, hall: list[Zone]
) -> None:
    first, past = grid.month_span(month, grid.ZoneInfo("America/Chicago"))
    base = {"zone": hall[0], "source": "machines", "quality": "measured", "coverage": Decimal(1)}
    for start, kw in ((first - QUARTER, 90), (first, 40), (past - 2 * QUARTER, 60), (past - QUARTER, 60), (past, 99)):
        Demand15Min.objects.create(**base, interval_start=start, kw=Decimal(kw), kwh=Decimal(kw) / 4, created_at=LATER)
    assert ledger.close_months(at=past) == 2  # the last quarter-hour of the month before makes that one too
    row = DemandLedgerMonth.objects.get(month=month)
    assert (row.peak_kw, row.peak_at, row.kwh) == (Decimal(60), past - 2 * QUARTER, Decimal(40))
    assert (row.intervals, row.measured, row.missing) == (expected, 3, expected - 3)
    assert ledger.close_months(at=past + QUARTER) == 0
    old = Demand15Min.objects.get(interval_start=first)
    Demand15Min.objects.filter(pk=old.pk).update(superseded_at=past)
    Demand15Min.objects.create(
        **base, interval_start=first, kw=Decimal(80), kwh=Decimal(20), version=2, created_at=past + QUARTER
    )
    assert ledger.close_months(at=past + 2 * QUARTER) == 1
    assert DemandLedgerMonth.objects.current().get(month=month).peak_at == first


@pytest.mark.parametrize(
    ("day", "quarters"), [(date(2026, 3, 8), 92), (date(2026, 11, 1), 100), (date(2026, 11, 2), 96)]
)
def test_a_day_has_the_quarter_hours_of_its_clock(day: date, quarters: int) -> None:
    zone = grid.ZoneInfo("America/Chicago")
    assert grid.quarters_of_day(day, zone) == quarters
    assert len(list(grid.quarters(grid.day_start(day, zone), grid.day_start(day + grid.DAY, zone)))) == quarters


def test_demand_is_the_sum_of_the_machines_in_the_zone(four: list[Miner], hall: list[Zone]) -> None:
    quarter_of(four[:3], MIDNIGHT)
    quarter_of(four[3:], MIDNIGHT, power_w=1500.0)
    reckon_everything()
    rows = Demand15Min.objects.filter(interval_start=MIDNIGHT)
    # The third moved at seven minutes past: five minutes begun in the first hall belong to it.
    assert {row.zone_id: (row.kw, row.machines, row.samples) for row in rows} == {
        hall[0].pk: (Decimal(8), 3, 40),
        hall[1].pk: (Decimal("2.5"), 2, 20),
    }


def test_a_quarter_hour_waits_for_its_five_minutes(
    four: list[Miner], agree: Callable[..., HostingTerms], customer_a: Customer
) -> None:
    """Else it is missing first, and reckoned again as soon as they are there."""
    agree(customer_a)
    quarter_of(four, MIDNIGHT)
    usage_marks.mark(four[0].site, MIDNIGHT, MIDNIGHT + QUARTER)
    reckon_quarters(at=LATER)
    rows = Usage15Min.objects.filter(interval_start=MIDNIGHT)
    assert not rows.exists()
    reckon_everything()
    assert [row.version for row in rows] == [1]
