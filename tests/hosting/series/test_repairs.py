# ruff: noqa: F811  (fixtures of another file)
"""A repair that pauses billing leaves its machine out of what is charged, and out of nothing else."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from crm.models import Customer
from hosting.domain import evidence, fleet, places, repairs, terms, usage, usage_marks
from hosting.domain.fleet import Spot
from hosting.domain.repairs import RepairRefused
from hosting.models import Demand15Min, HostingTerms, Miner, Site, Usage15Min, UsageDue, Zone
from tests.hosting.series.history import ensure_partitions
from tests.hosting.series.test_usage import (  # noqa: F401  (fixtures)
    BEGIN,
    LATER,
    MIDNIGHT,
    QUARTER,
    agree,
    four,
    hall,
    quarter_of,
    reckon_everything,
)
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
Agree = Callable[..., HostingTerms]
MINUTE = timedelta(minutes=1)


@pytest.fixture
@standing
def read(four: list[Miner], customer_a: Customer, customer_b: Customer, root: User) -> list[Miner]:
    """The first two machines are one customer's, the third (in the first hall still) and fourth another's; all read."""
    fleet.assign_miners(four[:2], customer=customer_a, since=BEGIN, by=root, at=LATER)
    fleet.assign_miners(four[2:], customer=customer_b, since=BEGIN, by=root, at=LATER)
    for number in range(4):
        quarter_of(four, MIDNIGHT - QUARTER + QUARTER * number)
    usage_marks.close_quarters(at=MIDNIGHT + 4 * QUARTER)
    return four


def charged(row: HostingTerms, number: int = 0) -> tuple[Decimal | None, int, int]:
    """What is charged for a quarter-hour after midnight, for how many machines, and how many are in repair."""
    found = Usage15Min.objects.current().get(terms=row, interval_start=MIDNIGHT + QUARTER * number)
    return found.kwh, found.machines, found.machines_paused


@pytest.mark.parametrize(
    ("basis", "before", "during"),
    [
        ("metered", "1.5", "0.75"),
        ("nameplate", "1.75", "0.875"),  # 3.5 kW each
        ("contracted", "2.5", "1.625"),  # 10 kW
        ("peak_share", "1.5", "0.75"),
    ],
)
def test_each_basis_leaves_the_machine_out_while_the_zone_drew_what_it_drew(
    basis: str, before: str, during: str, read: list[Miner], agree: Agree, customer_a: Customer, customer_b: Customer,
    root: User,
) -> None:  # fmt: skip
    mine, theirs = agree(customer_a, basis), agree(customer_b, "peak_share")
    reckon_everything()
    assert (charged(mine), charged(theirs)[0]) == ((Decimal(before), 2, 0), Decimal("1.5"))
    order = repairs.order_repair(read[0], reason="Fan", by=root, at=MIDNIGHT + 4 * MINUTE)
    reckon_everything(LATER + QUARTER)
    assert charged(mine) == (Decimal(during), 1, 1)
    assert charged(theirs)[0] == Decimal("1.5")  # nobody else pays for it
    zone = Demand15Min.objects.current().get(zone=read[0].zone, interval_start=MIDNIGHT)
    assert (zone.kwh, zone.machines) == (Decimal("2.0"), 3)
    repairs.finish_repair(order, to="returned", outcome="New fan", by=root, at=MIDNIGHT + 16 * MINUTE)
    reckon_everything(LATER + 2 * QUARTER)
    assert [charged(mine, number)[0] for number in (0, 1, 2)] == [Decimal(during), Decimal(during), Decimal(before)]


def test_a_cancelled_repair_is_charged_after_all(
    read: list[Miner], agree: Agree, customer_a: Customer, root: User
) -> None:
    row = agree(customer_a)
    order = repairs.order_repair(read[0], reason="Noise", by=root, at=MIDNIGHT)
    reckon_everything()
    assert [charged(row, number)[0] for number in (0, 2)] == [Decimal("0.75")] * 2
    repairs.finish_repair(order, to="cancelled", outcome="The radio", by=root, at=LATER)
    reckon_everything(LATER + QUARTER)
    assert [charged(row, number) for number in (0, 2)] == [(Decimal("1.5"), 2, 0)] * 2
    assert UsageDue.objects.count() == 0


def test_a_machine_sent_away_still_counts_against_the_power_contracted_for_it(
    read: list[Miner], agree: Agree, customer_a: Customer, root: User
) -> None:
    row = agree(customer_a, "contracted")
    order = repairs.order_repair(read[0], reason="Board", by=root, at=MIDNIGHT + MINUTE)
    fleet.take_out_miners([read[0]], by=root, at=MIDNIGHT + 2 * MINUTE, reason="To the workshop")
    reckon_everything()
    assert [charged(row, number) for number in (0, 1)] == [(Decimal("1.625"), 1, 1)] * 2
    repairs.finish_repair(order, to="written_off", outcome="Burnt", by=root, at=MIDNIGHT + 20 * MINUTE)
    reckon_everything(LATER + QUARTER)
    assert [charged(row, number)[0] for number in (1, 2)] == [Decimal("1.625"), Decimal("2.5")]


def test_more_in_repair_than_contracted_costs_nothing_and_never_less(
    read: list[Miner], agree: Agree, customer_a: Customer, root: User
) -> None:
    row = agree(customer_a, "contracted")
    Miner.objects.filter(pk=read[0].pk).update(nameplate_w=10_500)
    repairs.order_repair(read[0], reason="Fan", by=root, at=MIDNIGHT)
    reckon_everything()
    assert charged(row)[0] == Decimal(0)


def test_all_machines_in_repair_are_no_missing_figure(
    four: list[Miner], agree: Agree, customer_a: Customer, root: User
) -> None:
    fleet.assign_miners(four[:1], customer=customer_a, since=BEGIN, by=root, at=LATER)
    row = agree(customer_a)
    repairs.order_repair(four[0], reason="Dead", by=root, at=MIDNIGHT)
    usage_marks.close_quarters(at=MIDNIGHT + QUARTER)
    reckon_everything()
    found = Usage15Min.objects.current().get(terms=row, interval_start=MIDNIGHT)
    assert (found.kwh, found.quality, found.machines, found.machines_paused) == (Decimal(0), "measured", 0, 1)


def test_a_repair_that_pauses_nothing_marks_and_changes_nothing(
    read: list[Miner], agree: Agree, customer_a: Customer, root: User
) -> None:
    row = agree(customer_a)
    reckon_everything()
    repairs.order_repair(read[0], reason="Dust", by=root, at=MIDNIGHT, pauses_billing=False)
    assert UsageDue.objects.count() == 0
    usage_marks.mark(read[0].site, MIDNIGHT, MIDNIGHT + QUARTER)
    reckon_everything(LATER + QUARTER)
    assert charged(row) == (Decimal("1.5"), 2, 0)


def test_two_repairs_in_one_quarter_hour_leave_the_machine_out_once(
    read: list[Miner], agree: Agree, customer_a: Customer, root: User
) -> None:
    row = agree(customer_a, "contracted")
    order = repairs.order_repair(read[0], reason="Fan", by=root, at=MIDNIGHT + MINUTE)
    repairs.finish_repair(order, to="returned", outcome="", by=root, at=MIDNIGHT + 5 * MINUTE)
    repairs.order_repair(read[0], reason="Fan again", by=root, at=MIDNIGHT + 9 * MINUTE)
    reckon_everything()
    assert charged(row) == (Decimal("1.625"), 1, 1)


def test_a_repair_is_over_no_earlier_than_it_was_ordered(read: list[Miner], root: User) -> None:
    order = repairs.order_repair(read[0], reason="Fan", by=root, at=MIDNIGHT)
    with pytest.raises(RepairRefused):
        repairs.finish_repair(order, to="returned", outcome="", by=root, at=MIDNIGHT - MINUTE)
    assert order.reload().finished_at is None


def test_the_page_of_a_figure_leaves_out_what_is_not_in_it(
    read: list[Miner], agree: Agree, customer_a: Customer, root: User
) -> None:
    agree(customer_a)
    repairs.order_repair(read[0], reason="Fan", by=root, at=MIDNIGHT)
    reckon_everything()
    found = Usage15Min.objects.current().get(interval_start=MIDNIGHT)
    assert list(evidence.machines_behind(found)) == [read[1]]
    zone = Demand15Min.objects.current().get(zone=read[0].zone, interval_start=MIDNIGHT)
    assert set(evidence.machines_behind(zone)) == set(read[:3])


def test_a_quarter_hour_costs_as_many_questions_with_one_repair_as_with_three(
    read: list[Miner], agree: Agree, customer_a: Customer, root: User
) -> None:
    agree(customer_a)
    reckon_everything()
    counts = []
    for machines in (read[:1], read[1:]):
        for miner in machines:
            repairs.order_repair(miner, reason="Fan", by=root, at=MIDNIGHT)
        usage.reckon_quarter(read[0].site, MIDNIGHT, at=LATER)
        with CaptureQueriesContext(connection) as seen:
            usage.reckon_quarter(read[0].site, MIDNIGHT, at=LATER)
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_what_was_reckoned_and_dropped_is_not_reckoned_from_nothing(
    read: list[Miner], agree: Agree, customer_a: Customer, root: User
) -> None:
    row = agree(customer_a)
    reckon_everything()
    with connection.cursor() as cursor:
        for series in ("hosting_telemetry", "hosting_telemetry_5min"):
            cursor.execute("SELECT hosting_drop_partition(%s, %s)", [series, MIDNIGHT.date() - timedelta(days=2)])
            cursor.execute("SELECT hosting_drop_partition(%s, %s)", [series, MIDNIGHT.date() - timedelta(days=1)])
            cursor.execute("SELECT hosting_drop_partition(%s, %s)", [series, MIDNIGHT.date()])
    repairs.order_repair(read[0], reason="Fan", by=root, at=MIDNIGHT)
    reckon_everything(LATER + QUARTER)
    assert charged(row) == (Decimal("1.5"), 2, 0)
    assert UsageDue.objects.count() == 0
    ensure_partitions(MIDNIGHT.date(), MIDNIGHT.date())


def test_moving_during_a_repair_takes_the_pause_along(
    read: list[Miner], agree: Agree, customer_a: Customer, site: Site, hall: list[Zone], root: User
) -> None:
    first, second = agree(customer_a, "contracted", hall[0]), agree(customer_a, "contracted", hall[1])
    repairs.order_repair(read[0], reason="Fan", by=root, at=MIDNIGHT)
    fleet.place_miners([read[0]], spot=Spot(site, hall[1]), by=root, at=MIDNIGHT + QUARTER)
    reckon_everything()
    assert [charged(first, number)[0] for number in (0, 1)] == [Decimal("1.625"), Decimal("2.5")]
    assert [charged(second, number)[0] for number in (0, 1)] == [Decimal("2.5"), Decimal("1.625")]
    assert places.load_of(hall[1]).machines == 3
    assert terms.terms_on(MIDNIGHT.date(), customer_id=customer_a.pk, site=site, zone=hall[1]) == second
