"""Published versions and agreed terms never change; periods do not overlap; amendments are dated."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from crm.domain import contracts, renewals
from crm.domain.contracts import ContractRefused
from crm.enums import CONTRACT_MOVES, ContractStatus
from crm.models import Contract, Customer
from hashinsight.common.transitions import MoveRefused
from hosting.domain import prices, terms, usage_marks
from hosting.domain.prices import PriceRefused
from hosting.domain.terms import TermsRefused
from hosting.engine.tariff import Window
from hosting.models import HostingTerms, PriceComponent, PricePlan, PricePlanVersion, PriceWindow, Site, Zone
from tests.support.standing import standing

DAY = timedelta(days=1)


def draft(plan: PricePlan, day: date, now: datetime, **component: Any) -> PricePlanVersion:
    version = prices.draft_version(plan, valid_from=day, at=now)
    if component:
        PriceComponent.objects.create(plan_version=version, description="x", **component)
    return version


def test_the_next_version_begins_with_the_components_and_windows_of_the_last(plan: PricePlan, now: datetime) -> None:
    second = prices.draft_version(plan, valid_from=now.date(), at=now)
    component = second.components.get()
    prices.set_windows(component, windows=(Window(6, 9, "workdays"),))
    prices.publish_version(second, at=now)
    third = prices.draft_version(plan, valid_from=now.date() + DAY, at=now)
    assert (third.number, third.components.get().price) == (3, Decimal("0.06"))
    assert prices.windows_of(third.components.get()) == (Window(6, 9, "workdays"),)


def test_publishing_ends_the_version_before_on_that_day(plan: PricePlan, now: datetime) -> None:
    day = now.date()
    first = plan.versions.get()
    second = prices.publish_version(draft(plan, day, now), at=now)
    assert first.reload().valid_to == day
    assert prices.version_on(plan, day - DAY) == first
    assert prices.version_on(plan, day) == second
    assert prices.version_on(plan, first.valid_from - DAY) is None


@pytest.mark.parametrize("back", [0, 30])
def test_a_version_begins_after_all_others(back: int, plan: PricePlan, now: datetime) -> None:
    prices.publish_version(draft(plan, now.date(), now), at=now)
    with pytest.raises(PriceRefused, match="after all others"):
        prices.publish_version(draft(plan, now.date() - back * DAY, now), at=now)


@pytest.mark.parametrize(
    ("components", "words"),
    [
        ([], "charges nothing"),
        ([{"kind": "energy", "other_hours": True}], "no hours are left out"),
        ([{"kind": "minimum"}, {"kind": "minimum"}], "one least amount"),
    ],
)
def test_a_version_that_makes_no_sense_is_not_published(
    components: list[dict[str, Any]], words: str, now: datetime, db: None
) -> None:
    plan = prices.create_plan(name="P", currency="USD", at=now)
    version = draft(plan, now.date(), now)
    for component in components:
        PriceComponent.objects.create(plan_version=version, description="x", price=1, **component)
    with pytest.raises(PriceRefused, match=words):
        prices.publish_version(version, at=now)


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"kind": "energy", "price": -1}, "price_not_negative"),
        ({"kind": "energy", "ratchet_percent": 80, "ratchet_months": 12}, "ratchet_whole"),
        ({"kind": "demand", "ratchet_percent": 80}, "ratchet_whole"),
        ({"kind": "pass_through"}, "market_whole"),
        ({"kind": "energy", "market_factor": 1}, "market_whole"),
        ({"kind": "fixed", "other_hours": True}, "hours_of_kind"),
    ],
)
def test_components_that_make_no_sense_are_refused_by_the_database(
    fields: dict[str, Any], constraint: str, plan: PricePlan, now: datetime
) -> None:
    version = draft(plan, now.date(), now)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        PriceComponent.objects.create(plan_version=version, description="x", **fields)


def test_raw_sql_changes_nothing_of_a_published_version(plan: PricePlan, now: datetime) -> None:
    version = draft(plan, now.date(), now)
    prices.set_windows(version.components.get(), windows=(Window(),))
    prices.publish_version(version, at=now)
    for statement in (
        "UPDATE hosting_pricecomponent SET price = 0",
        "DELETE FROM hosting_pricecomponent",
        "UPDATE hosting_pricewindow SET month_to = 1",
        "DELETE FROM hosting_pricewindow",
        "UPDATE hosting_priceplanversion SET valid_from = '2020-01-01'",
        "UPDATE hosting_priceplanversion SET published_at = NULL",
        "DELETE FROM hosting_priceplanversion",
        "TRUNCATE hosting_pricewindow",
    ):
        with (
            pytest.raises(Exception, match=r"never change|settled|permission denied|emptied|kept"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert PriceWindow.objects.count() == 1


def test_control_a_draft_is_open(plan: PricePlan, now: datetime) -> None:
    version = draft(plan, now.date(), now)
    PriceComponent.objects.filter(plan_version=version).update(price=0)
    version.delete()
    assert PricePlanVersion.objects.count() == 1


@pytest.fixture
@standing
def drafted(contract: Contract, site: Site, zone: Zone, plan: PricePlan, now: datetime) -> HostingTerms:
    return terms.draft_terms(
        contract=contract, site=site, zone=zone, price_plan=plan, contracted_kw=Decimal(100),
        valid_from=contract.starts_on, at=now,
    )  # fmt: skip


def test_an_amendment_ends_the_terms_and_begins_new_ones(drafted: HostingTerms, root: User, now: datetime) -> None:
    agreed = terms.agree_terms(drafted, by=root, at=now)
    day = now.date()
    amended = terms.amend_terms(
        agreed, on=day, changes={"contracted_kw": Decimal(150)}, reason="grown", by=root, at=now
    )
    agreed.reload()
    assert (agreed.contracted_kw, agreed.valid_to) == (100, day)
    assert (amended.contracted_kw, amended.valid_from, amended.valid_to, amended.amends) == (150, day, None, agreed)
    find = {"customer_id": agreed.contract.customer_id, "site": agreed.site, "zone": agreed.zone}
    assert terms.terms_on(day - DAY, **find) == agreed
    assert terms.terms_on(day, **find) == amended
    with pytest.raises(TermsRefused, match="outside"):
        terms.amend_terms(agreed, on=day + DAY, changes={"contracted_kw": Decimal(1)}, reason="x", by=root, at=now)
    with pytest.raises(TermsRefused, match="changes nothing"):
        terms.amend_terms(amended, on=day + DAY, changes={"contracted_kw": Decimal(150)}, reason="x", by=root, at=now)


def test_raw_sql_changes_agreed_terms_in_the_day_they_end_only(
    drafted: HostingTerms, root: User, now: datetime
) -> None:
    terms.agree_terms(drafted, by=root, at=now)
    for change in ("contracted_kw = 1", "agreed_at = NULL", "valid_from = '2020-01-01'", "price_plan_id = 0"):
        with pytest.raises(IntegrityError, match="settled"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE hosting_hostingterms SET {change}")
    with pytest.raises(IntegrityError, match="kept"), transaction.atomic():
        HostingTerms.objects.all().delete()
    HostingTerms.objects.update(valid_to=now.date())


def test_terms_overlap_neither_in_a_zone_nor_between_zone_and_site(
    drafted: HostingTerms, root: User, now: datetime
) -> None:
    terms.agree_terms(drafted, by=root, at=now)
    again = {name: getattr(drafted, name) for name in ("contract", "site", "price_plan", "contracted_kw", "valid_from")}
    for place in ({"zone": drafted.zone}, {}):
        second = terms.draft_terms(**again, **place, at=now)
        with pytest.raises((TermsRefused, ValidationError), match="valid in th"):
            terms.agree_terms(second, by=root, at=now)
        if place:
            with pytest.raises(IntegrityError, match="no_overlap"), transaction.atomic():
                HostingTerms.objects.filter(pk=second.pk).update(agreed_at=now)


def test_terms_fit_their_contract_place_and_plan(
    drafted: HostingTerms, root: User, now: datetime, customer_a: Customer
) -> None:
    euro = prices.create_plan(name="Euro", currency="EUR", at=now)
    unpublished = prices.create_plan(name="New", currency="USD", at=now)
    for changes, words in (
        ({"price_plan": euro}, "is in EUR"),
        ({"price_plan": unpublished}, "no published version"),
        ({"valid_from": drafted.contract.starts_on - DAY}, "no earlier than"),
    ):
        HostingTerms.objects.filter(pk=drafted.pk).update(**changes)
        with pytest.raises(TermsRefused, match=words):
            terms.agree_terms(drafted.reload(), by=root, at=now)
        HostingTerms.objects.filter(pk=drafted.pk).update(
            price_plan=PricePlan.objects.get(name="Standard"), valid_from=drafted.contract.starts_on
        )


def test_terms_end_with_their_contract(drafted: HostingTerms, root: User, now: datetime) -> None:
    agreed = terms.agree_terms(drafted, by=root, at=now)
    contracts.end_contract(agreed.contract, on=now.date(), by=root, reason="moved away")
    assert agreed.reload().valid_to == now.date()
    with pytest.raises(TermsRefused, match="not in force"):
        terms.amend_terms(
            agreed, on=now.date() - DAY, changes={"contracted_kw": Decimal(1)}, reason="x", by=root, at=now
        )


def test_terms_that_end_with_their_contract_go_on_with_its_renewal(
    drafted: HostingTerms, zone: Zone, root: User, now: datetime
) -> None:
    end = now.date() + 10 * DAY
    contract = contracts.change_contract(drafted.contract, changes={"ends_on": end, "renewal_months": 12}, by=root)
    HostingTerms.objects.filter(pk=drafted.pk).update(valid_to=end)
    terms.agree_terms(drafted.reload(), by=root, at=now)
    other = terms.draft_terms(
        contract=contract, site=zone.site, zone=zone, price_plan=drafted.price_plan, contracted_kw=Decimal(1),
        valid_from=drafted.valid_from, valid_to=end, at=now,
    )  # fmt: skip
    usage_marks.close_quarters(at=now)
    assert renewals.renew_contracts(at=now) == 1
    renewed = contract.reload().ends_on
    assert renewed == end.replace(year=end.year + 1)
    assert HostingTerms.objects.get(pk=drafted.pk).valid_to == renewed
    assert other.reload().valid_to == end  # a draft says what somebody wrote
    short = terms.end_terms(drafted.reload(), on=renewed - DAY, reason="x", by=root)
    later = now + timedelta(days=400)
    assert renewals.renew_contracts(at=later) == 1
    assert short.reload().valid_to == renewed - DAY  # ended before the contract on purpose


@pytest.mark.parametrize("state", list(ContractStatus))
@pytest.mark.parametrize("to", [ContractStatus.ACTIVE, ContractStatus.ENDED, ContractStatus.CANCELLED])
def test_contracts_move_along_their_arrows_only(
    state: ContractStatus, to: ContractStatus, customer_a: Customer, root: User, now: datetime
) -> None:
    contract = contracts.create_contract(
        customer=customer_a, number="C", title="T", starts_on=now.date() - DAY, by=root, at=now
    )
    if state in (ContractStatus.ACTIVE, ContractStatus.ENDED):
        contract = contracts.activate_contract(contract, by=root, at=now)
    if state == ContractStatus.ENDED:
        contract = contracts.end_contract(contract, on=now.date(), by=root, reason="x")
    if state == ContractStatus.CANCELLED:
        contract = contracts.cancel_contract(contract, by=root, reason="x")
    verbs: dict[str, Any] = {
        ContractStatus.ACTIVE: lambda: contracts.activate_contract(contract, by=root, at=now),
        ContractStatus.ENDED: lambda: contracts.end_contract(contract, on=now.date(), by=root, reason="x"),
        ContractStatus.CANCELLED: lambda: contracts.cancel_contract(contract, by=root, reason="x"),
    }
    if to in CONTRACT_MOVES[state]:
        assert verbs[to]().status == to
    else:
        with pytest.raises(MoveRefused):
            verbs[to]()
        if to != state:
            with pytest.raises(IntegrityError), transaction.atomic():
                Contract.objects.filter(pk=contract.pk).update(status=to, ends_on=now.date(), activated_at=None)


def test_what_is_settled_in_a_contract_in_force_is_refused(contract: Contract, root: User) -> None:
    for changes in ({"number": "C-2"}, {"currency": "EUR"}, {"starts_on": date(2020, 1, 1)}):
        with pytest.raises(ContractRefused, match="settled"):
            contracts.change_contract(contract, changes=changes, by=root)
        with pytest.raises(IntegrityError, match="settled"), transaction.atomic():
            Contract.objects.filter(pk=contract.pk).update(**changes)
    assert contracts.change_contract(contract, changes={"title": "Other"}, by=root).title == "Other"


def test_notice_must_be_given_in_time(contract: Contract, root: User, now: datetime) -> None:
    day = now.date()
    with pytest.raises(ContractRefused, match="30 days"):
        contracts.give_notice(contract, on=day, ends_on=day + 29 * DAY, by=root)
    ending = contracts.give_notice(contract, on=day, ends_on=day + 30 * DAY, by=root, reason="moves")
    assert (ending.ends_on, ending.notice_given_on, ending.renewal_months) == (day + 30 * DAY, day, 0)
