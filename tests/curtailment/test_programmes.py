"""Commitments: when they hold, what they leave running, and what is made known of them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import User
from curtailment.domain.demands import Demand, want
from curtailment.domain.dispatch import programmes
from curtailment.models import CurtailmentPlan, Programme, ProgrammeCommitment, RuleExecution
from hosting.models import Site, SiteHoliday
from tests.curtailment.programme import KW, call, hear, let_act, make_programme, step
from tests.curtailment.site import Ground

pytestmark = pytest.mark.django_db


def utc(day: int, hour: float, month: int = 7) -> datetime:
    """Of 2026."""
    return datetime(2026, month, day, tzinfo=UTC) + timedelta(hours=hour)


@pytest.fixture
def texas(ground: Ground) -> Site:
    """The ground's site, on the clock of Chicago."""
    Site.objects.filter(pk=ground.site.pk).update(time_zone="America/Chicago")
    site: Site = Site.objects.get(pk=ground.site.pk)
    return site


def test_hours_are_of_the_sites_clock_and_holidays(texas: Site, root: User) -> None:
    make_programme(root, texas, hours="6-9 workdays 14:00-20:00", reserve_kw=5)
    row = ProgrammeCommitment.objects.get()
    assert programmes.in_hours(row, utc(1, 19))
    assert not programmes.in_hours(row, utc(1, 18.9)), "13:54 in Chicago"
    assert not programmes.in_hours(row, utc(2, 1)), "20:00 there"
    assert not programmes.in_hours(row, utc(4, 19)), "a Saturday"
    assert not programmes.in_hours(row, utc(1, 19, month=10))
    SiteHoliday.objects.create(site=texas, day=date(2026, 7, 1), name="x")
    assert not programmes.in_hours(row, utc(1, 19))


def test_spans_of_a_day_are_published(texas: Site, root: User) -> None:
    make_programme(root, texas, hours="1-12 all 14:00-20:00\n1-12 all 06:00-07:30", reserve_kw=5, priority=7)
    found = programmes.commitments(texas, utc(1, 5), utc(2, 5))
    assert [(one.starts_at, one.ends_at) for one in found] == [
        (utc(1, 11), utc(1, 12.5)), (utc(1, 19), utc(2, 1)),
    ]  # fmt: skip
    assert {(one.name, one.goal, one.kw, one.reserve_kw, one.priority, one.called) for one in found} == {
        ("ERS", "by", Decimal(14), Decimal(5), 7, False)
    }


@pytest.mark.parametrize(("month", "day", "length"), [(3, 8, 23), (11, 1, 25)])
def test_a_day_of_23_or_25_hours_is_whole(texas: Site, root: User, month: int, day: int, length: int) -> None:
    make_programme(root, texas)
    start = datetime(2026, month, day, 6 if month == 3 else 5, tzinfo=UTC)
    (one,) = programmes.commitments(texas, start, start + timedelta(hours=length))
    assert one.ends_at - one.starts_at == timedelta(hours=length)


def test_validity_ends_at_the_sites_midnight(texas: Site, root: User) -> None:
    make_programme(root, texas, valid_from=date(2026, 7, 2), valid_to=date(2026, 7, 3))
    (one,) = programmes.commitments(texas, utc(1, 0), utc(5, 0))
    assert (one.starts_at, one.ends_at) == (utc(2, 5), utc(3, 5))
    assert programmes.commitment_at(Programme.objects.get(), texas, utc(2, 4.9)) is None
    assert programmes.commitment_at(Programme.objects.get(), texas, utc(2, 5)) is not None


def test_what_was_called_is_a_commitment_as_well(ground: Ground, root: User, programme: Programme) -> None:
    hear(programme, ground, call(ground, kw=Decimal(7)))
    end = ground.now + timedelta(hours=1)
    called = [one for one in programmes.commitments(ground.site, ground.now, end) if one.called]
    assert [(one.kw, one.starts_at, one.ends_at) for one in called] == [
        (Decimal(7), ground.now, ground.now + timedelta(minutes=30))
    ]
    step(ground, 32)
    assert not [one for one in programmes.commitments(ground.site, ground.now, end) if one.called]


def test_a_reserve_holds_for_whoever_is_less_important(ground: Ground, root: User) -> None:
    make_programme(root, ground.site, priority=50, reserve_kw=20)
    make_programme(root, ground.site, priority=60, reserve_kw=30, name="Second", hours=f"{ground.now.hour}:00-23:59")
    span = (ground.now, ground.now + timedelta(hours=1))
    assert [programmes.most_reserved(ground.site, *span, priority=n) for n in (100, 55, 50)] == [30, 20, 0]
    before = (ground.now - timedelta(hours=2), ground.now - timedelta(hours=1))
    assert programmes.most_reserved(ground.site, *before, priority=100) == 20
    Programme.objects.update(is_active=False)
    assert programmes.most_reserved(ground.site, *span, priority=100) == 0


def test_commitments_to_one_programme_do_not_overlap(ground: Ground, root: User) -> None:
    made = make_programme(root, ground.site, valid_from=date(2026, 1, 1), valid_to=date(2026, 6, 1))
    ProgrammeCommitment.objects.create(programme=made, site=ground.site, kw=1, valid_from=date(2026, 6, 1))
    with pytest.raises(IntegrityError), transaction.atomic():
        ProgrammeCommitment.objects.create(programme=made, site=ground.site, kw=1, valid_from=date(2027, 1, 1))
    other = make_programme(root, ground.site, name="Other")
    assert other.commitments.count() == 1, "of another programme they may"


def test_hours_that_are_none_are_refused(ground: Ground, root: User) -> None:
    row = ProgrammeCommitment(
        programme=make_programme(root, ground.site), site=ground.site, kw=1, valid_from=date(2030, 1, 1),
        hours="6-9 workdays\nsometimes",
    )  # fmt: skip
    with pytest.raises(ValidationError, match="Line 2 says no hours: sometimes"):
        row.full_clean()


@pytest.mark.parametrize(("goal", "expected"), [("by", ["4.62", "9.24", "14"]), ("to", ["674.620", "349.240", "14"])])
def test_levels_are_shares_of_the_commitment(ground: Ground, root: User, goal: str, expected: list[str]) -> None:
    made = make_programme(root, ground.site, goal=goal)
    row = made.commitments.get()
    assert [programmes.level_kw(made, row, level) for level in (1, 2, 3)] == [Decimal(one) for one in expected]


# --- what rules leave on ----------------------------------------------------------------------------------------------
def price_rule(ground: Ground, *, priority: int = 100, cause: str = "price") -> CurtailmentPlan:
    """It wants all of the site off, and may."""
    demand = Demand(
        key=f"strike:{cause}:{priority}", site=ground.site, cause=cause, reason="dear", goal="to",
        goal_kw=Decimal(0), selection="efficiency", starts_at=ground.now, ends_at=ground.now + timedelta(hours=1),
        priority=priority,
    )  # fmt: skip
    return want(demand, at=ground.now)


def test_a_price_rule_leaves_the_reserve_on(ground: Ground, root: User) -> None:
    """Seventy kilowatts run; 56 of them are kept for a programme."""
    make_programme(root, ground.site, reserve_kw=56)
    let_act(ground.site, root, cause="price")
    assert price_rule(ground).target_kw == 14
    step(ground, 2)
    assert ground.farm.off == 4


def test_rules_over_different_machines_leave_the_reserve_on_together(ground: Ground, root: User) -> None:
    """Each of two models is dear for itself: 35 kW twice, but 49 of the 70 are kept for a programme."""
    make_programme(root, ground.site, reserve_kw=49)
    let_act(ground.site, root, cause="price")
    keys = [one.pk for one in ground.miners]
    for number, some in enumerate((keys[:4], keys[4:10], keys[10:])):
        demand = Demand(
            key=f"strike:price:{number}", site=ground.site, cause="price", reason="Energy is dear.", goal="by",
            goal_kw=Decimal("3.5") * len(some), selection="margin", starts_at=ground.now,
            ends_at=ground.now + timedelta(hours=1), miners=tuple(some),
        )  # fmt: skip
        want(demand, at=ground.now)
    step(ground, 4)
    assert list(CurtailmentPlan.objects.order_by("pk").values_list("target_kw", flat=True)) == [14, 7, None]
    assert ground.farm.off == 6


def some(ground: Ground, key: str, machines: list[int], *, kw: Decimal | None = None) -> CurtailmentPlan:
    """A rule for named machines, or for any (``kw``)."""
    demand = Demand(
        key=f"strike:price:{key}", site=ground.site, cause="price", reason="Energy is dear.", goal="by",
        goal_kw=kw or Decimal("3.5") * len(machines), selection="efficiency", starts_at=ground.now,
        ends_at=ground.now + timedelta(hours=1), miners=tuple(machines),
    )  # fmt: skip
    return want(demand, at=ground.now)


@pytest.mark.parametrize("general_first", [True, False])
def test_a_rule_for_any_machine_and_one_for_some_leave_the_reserve_on_together(
    ground: Ground, root: User, general_first: bool
) -> None:
    """Of 70 kW 49 are kept: six machines may be off. The thrifty ones that one rule names are not the first of all."""
    make_programme(root, ground.site, reserve_kw=49)
    let_act(ground.site, root, cause="price")
    named = [one.pk for one in ground.miners[10:14]]

    def general() -> CurtailmentPlan:
        return some(ground, "any", [], kw=KW * 5)

    def particular() -> CurtailmentPlan:
        return some(ground, "some", named)

    first, second = (general, particular) if general_first else (particular, general)
    made = [first()]
    step(ground, 3)
    made.append(second())
    step(ground, 6)
    assert [one.target_kw for one in made] == ([KW * 5, KW] if general_first else [KW * 4, KW * 5])
    assert ground.farm.off == (6 if general_first else 5)


def test_machines_that_two_rules_take_count_once(ground: Ground, root: User) -> None:
    make_programme(root, ground.site, reserve_kw=49)
    let_act(ground.site, root, cause="price")
    assert some(ground, "any", [], kw=KW * 6).target_kw == KW * 6
    step(ground, 3)
    assert some(ground, "some", [one.pk for one in ground.miners[:6]]).target_kw == KW * 6
    assert some(ground, "other", [], kw=KW * 9).target_kw == KW * 6
    step(ground, 3)
    assert ground.farm.off == 6


def test_a_reserve_is_kept_in_whole_machines(ground: Ground, root: User) -> None:
    """Twelve of 70 kW may be off; a fourth machine would be two too many."""
    make_programme(root, ground.site, reserve_kw=58)
    let_act(ground.site, root, cause="price")
    assert price_rule(ground).target_kw == KW * 3
    step(ground, 2)
    assert ground.farm.off == 3


def test_whoever_is_more_important_or_called_may_have_all_of_it(ground: Ground, root: User) -> None:
    programme = make_programme(root, ground.site, reserve_kw=56, kw=70, on_unusual="run")
    for cause in ("price", "grid", "dispatch"):
        let_act(ground.site, root, cause=cause)
    assert price_rule(ground, priority=programme.priority).target_kw == 70
    assert price_rule(ground, cause="grid").target_kw == 70
    hear(programme, ground, call(ground, kw=Decimal(70)))
    assert CurtailmentPlan.objects.get(cause="dispatch").target_kw == 70


def test_where_all_is_reserved_a_price_rule_gets_nothing(ground: Ground, root: User) -> None:
    make_programme(root, ground.site, reserve_kw=70)
    let_act(ground.site, root, cause="price")
    plan = price_rule(ground)
    assert (plan.status, plan.target_kw) == ("pending", None)
    kept = RuleExecution.objects.get(source_key="strike:price:100")
    assert "kept running for a programme" in kept.outcome
