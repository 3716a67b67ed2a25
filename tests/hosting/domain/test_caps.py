"""No more of a customer's power stands under hosting terms than their cap, whichever way it comes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from crm.models import Contract, Customer
from hosting.domain import caps, fleet, places, terms
from hosting.domain.caps import CapReached
from hosting.domain.entering import Entry, enter_miners
from hosting.domain.fleet import Spot, quarter_hour
from hosting.domain.miner_import import steps
from hosting.models import HostingTerms, Miner, MinerModel, PricePlan, Site, Zone
from tests.support.standing import standing

Machines = Callable[..., list[Miner]]
Agree = Callable[..., HostingTerms]
DAY = timedelta(days=1)


@pytest.fixture
@standing
def agree(contract: Contract, plan: PricePlan, site: Site, root: User, now: datetime) -> Agree:
    """Terms of customer A for the site or a zone of it: two machines of 3.5 kW fit under 8 kW."""

    def make(zone: Zone | None = None, cap: int | None = 8, days: int = -30) -> HostingTerms:
        row = terms.draft_terms(
            contract=contract, site=site, zone=zone, price_plan=plan, contracted_kw=Decimal(5),
            cap_kw=None if cap is None else Decimal(cap), valid_from=now.date() + days * DAY, at=now,
        )  # fmt: skip
        return terms.agree_terms(row, by=root, at=now)

    return make


@pytest.fixture
@standing
def owned(machines: Machines, customer_a: Customer, root: User, now: datetime) -> Machines:
    """Makes machines of customer A, in the storeroom."""

    def make(count: int, first: int = 1) -> list[Miner]:
        return fleet.assign_miners(
            machines(count, first), customer=customer_a, since=quarter_hour(now), by=root, at=now
        )

    return make


def test_what_does_not_fit_is_not_placed_and_the_refusal_says_by_how_much(
    agree: Agree, owned: Machines, site: Site, root: User, now: datetime
) -> None:
    row = agree()
    with pytest.raises(CapReached, match=r"10\.5 kW it would be 2\.5 kW above the cap of 8 kW") as refusal:
        fleet.place_miners(owned(3), spot=Spot(site), by=root, at=now)
    assert refusal.value.params["over_kw"] == "2.500"
    assert not Miner.objects.filter(site__isnull=False).exists()
    fleet.place_miners(Miner.objects.all()[:2], spot=Spot(site), by=root, at=now)
    assert caps.standing_under(row, now.date()) == 7


def test_machines_that_stand_there_are_not_assigned_beyond_it(
    agree: Agree, machines: Machines, customer_a: Customer, customer_b: Customer, site: Site, root: User, now: datetime
) -> None:
    agree()
    made = fleet.place_miners(machines(3), spot=Spot(site), by=root, at=now)
    since = quarter_hour(now)
    with pytest.raises(CapReached):
        fleet.assign_miners(made, customer=customer_a, since=since, by=root, at=now)
    assert not Miner.objects.filter(customer__isnull=False).exists()
    fleet.assign_miners(made[:2], customer=customer_a, since=since, by=root, at=now)
    fleet.assign_miners(made[2:], customer=customer_b, since=since, by=root, at=now)  # no terms, no cap


def test_more_power_of_a_machine_needs_room_under_the_cap(
    agree: Agree, owned: Machines, site: Site, root: User, now: datetime
) -> None:
    agree()
    one, _two = fleet.place_miners(owned(2), spot=Spot(site), by=root, at=now)
    with pytest.raises(CapReached, match=r"1\.1 kW more are 0\.1 kW too much"):
        fleet.change_miner(one, changes={"power_limit_w": 4600}, by=root, at=now)
    assert fleet.change_miner(one, changes={"power_limit_w": 4500}, by=root, at=now).nameplate_w == 4500


def test_what_stands_above_a_cap_may_be_moved_about_and_taken_away_but_not_grow(
    agree: Agree, owned: Machines, zone: Zone, root: User, now: datetime
) -> None:
    row = agree(cap=None)
    made = fleet.place_miners(owned(3), spot=Spot(zone.site), by=root, at=now)
    terms.amend_terms(row, on=now.date() + DAY, changes={"cap_kw": Decimal(8)}, reason="Less", by=root, at=now)
    later = now + 2 * DAY
    fleet.place_miners(made[:1], spot=Spot(zone.site, zone), by=root, at=later)
    with pytest.raises(CapReached):
        fleet.place_miners(owned(1, 9), spot=Spot(zone.site), by=root, at=later)
    fleet.take_out_miners(made[:2], by=root, at=later, reason="Sold")
    fleet.place_miners(made[:1], spot=Spot(zone.site), by=root, at=later)


def test_terms_of_a_zone_count_for_it_and_those_of_the_day_hold(
    agree: Agree, owned: Machines, zone: Zone, site: Site, root: User, now: datetime
) -> None:
    row = agree(zone=zone, cap=5)
    made = owned(3)
    fleet.place_miners(made[:1], spot=Spot(site, zone), by=root, at=now)
    with pytest.raises(CapReached):
        fleet.place_miners(made[1:2], spot=Spot(site, zone), by=root, at=now)
    fleet.place_miners(made[1:], spot=Spot(site), by=root, at=now)  # beside the zone nothing is agreed
    terms.end_terms(row, on=now.date(), reason="Over", by=root)
    fleet.place_miners(made[1:2], spot=Spot(site, zone), by=root, at=now)


def test_a_cap_below_what_stands_there_is_refused_at_once_and_warned_of_for_later(
    agree: Agree, owned: Machines, site: Site, root: User, now: datetime, client: Client
) -> None:
    row = agree(cap=12)
    fleet.place_miners(owned(3), spot=Spot(site), by=root, at=now)
    lower: dict[str, Any] = {"changes": {"cap_kw": Decimal(8)}, "reason": "Less", "by": root, "at": now}
    with pytest.raises(CapReached, match=r"10\.5 kW stand there, 2\.5 kW above the cap of 8 kW"):
        terms.amend_terms(row, on=now.date(), **lower)
    assert row.reload().valid_to is None
    # A price may change while too much stands there for other reasons.
    Miner.objects.update(nameplate_w=5000)
    terms.amend_terms(row, on=now.date() - DAY, changes={"contracted_kw": Decimal(6)}, reason="x", by=root, at=now)
    Miner.objects.update(nameplate_w=3500)
    client.force_login(root)
    newest = HostingTerms.objects.latest("pk")
    url = f"/admin/hosting/hostingterms/{newest.pk}/amend/"
    form = client.get(url).context["form"]
    data = {name: "" if (value := form[name].value()) is None else str(value) for name in form.fields}
    seen = client.get(url).context["seen"]
    day = timezone.localdate() + 9 * DAY  # pages know the real day
    data |= {"on": day.isoformat(), "cap_kw": "8", "reason": "Less", "seen": seen}
    answer = client.post(url, data, follow=True)
    assert "2.5 kW above the cap of 8 kW" in answer.content.decode()
    amended = HostingTerms.objects.latest("pk")
    assert (amended.amends, amended.cap_kw) == (newest, Decimal(8))
    page = client.get(f"/admin/hosting/hostingterms/{amended.pk}/change/").content.decode()
    assert "10.5" in page
    assert list(caps.terms_above_cap(now)) == []
    (found,) = caps.terms_above_cap(timezone.now() + 10 * DAY)
    assert (found.key, found.customer_id) == (str(amended.public_id), amended.contract.customer_id)
    assert found.title.startswith("2.5 kW above the cap")


def test_terms_are_not_agreed_at_once_over_the_head_of_what_stands_there(
    agree: Agree, owned: Machines, site: Site, root: User, now: datetime
) -> None:
    fleet.place_miners(owned(3), spot=Spot(site), by=root, at=now)
    with pytest.raises(CapReached):
        agree()
    assert not HostingTerms.objects.filter(agreed_at__isnull=False).exists()
    assert agree(days=3).agreed_at == now  # time enough to move them


def test_new_machines_do_not_slip_in_by_file(
    agree: Agree, customer_a: Customer, model: MinerModel, site: Site, root: User, now: datetime
) -> None:
    agree()
    entries = [
        Entry(Miner(serial=f"N{n}", model=model), Spot(site), None, customer_a, quarter_hour(now)) for n in range(3)
    ]
    with pytest.raises(CapReached, match=r"10\.5 kW more are 2\.5 kW too much"):
        enter_miners(entries, by=root, at=now)
    assert len(enter_miners(entries[:2], by=root, at=now)) == 2
    text = f"serial,model,site,customer\nF1,Antminer S21,{site.name},{customer_a.company_name}\n"
    kept = steps.receive(text.encode(), name="f.csv", by=root, at=now)
    (problem,) = kept.problems
    assert problem[1].endswith("3.5 kW more are 2.5 kW too much.")


def test_a_site_without_caps_costs_one_question_more_and_no_count(
    agree: Agree, machines: Machines, site: Site, root: User, now: datetime
) -> None:
    agree(cap=None)
    made = machines(4)
    counts = []
    for some in (made[:1], made[1:]):
        with CaptureQueriesContext(connection) as seen:
            fleet.place_miners(some, spot=Spot(site), by=root, at=now)
        counts.append(len([one for one in seen if "nameplate_w" in one["sql"] and "SUM" in one["sql"]]))
    assert counts == [1, 1]  # the room of the site
    assert places.load_of(site).machines == 4
