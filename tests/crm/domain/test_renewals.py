"""A contract renews itself once the last day for notice has passed, once for each term, and never after a notice."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from accounts.models import User
from crm.domain import contracts, renewals
from crm.domain.renewals import RenewalsRefused, last_days_for_notice, last_notice_on, next_end, renew_contracts
from crm.models import Contract
from hashinsight.common.errors import DomainError
from hashinsight.events.models import OutboxEvent
from tests import factories
from tests.factories import NOW
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
Make = Callable[..., Contract]


@pytest.fixture
@standing
def make(root: User) -> Make:
    """In force, for a year until the end of 2026, notice 30 days, renewing itself by a year."""

    def build(number: str = "C-1", zone: str = "UTC", **fields: Any) -> Contract:
        said: dict[str, Any] = {
            "starts_on": date(2026, 1, 1), "ends_on": date(2027, 1, 1), "notice_days": 30, "renewal_months": 12,
        } | fields  # fmt: skip
        draft = contracts.create_contract(
            customer=factories.CustomerFactory(time_zone=zone), number=number, title="Hosting", by=root, at=NOW, **said
        )
        return contracts.activate_contract(draft, by=root, at=NOW)

    return build


def midday(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def test_the_term_is_longer_from_the_day_after_the_last_one_for_notice(make: Make) -> None:
    contract = make()
    assert last_notice_on(contract) == date(2026, 12, 2)
    assert renew_contracts(at=midday(date(2026, 12, 2))) == 0
    assert renew_contracts(at=midday(date(2026, 12, 3))) == 1
    assert contract.reload().ends_on == date(2028, 1, 1)
    assert renew_contracts(at=midday(date(2026, 12, 3))) == 0
    (event,) = OutboxEvent.objects.filter(kind="contract.renewed")
    assert (event.customer_id, event.payload["contract_id"]) == (contract.customer_id, str(contract.public_id))
    row = Contract.pgh_event_model.objects.filter(pgh_obj_id=contract.pk).order_by("pgh_id").last()
    assert "no notice was given by 2026-12-02" in row.pgh_context.metadata["reason"]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
def test_the_day_is_that_of_the_customer(zone: str, make: Make) -> None:
    contract = make(zone=zone)
    last = datetime(2026, 12, 2, 23, 59, 59, tzinfo=timezone.zoneinfo.ZoneInfo(zone))
    assert renew_contracts(at=last) == 0
    assert renew_contracts(at=last + timedelta(seconds=1)) == 1
    assert contract.reload().ends_on == date(2028, 1, 1)


@pytest.mark.parametrize(
    "fields", [{"renewal_months": 0}, {"ends_on": None}, {"starts_on": date(2026, 6, 1), "ends_on": date(2027, 6, 1)}]
)
def test_others_stay(fields: dict[str, Any], make: Make) -> None:
    contract = make(**fields)
    assert renew_contracts(at=midday(date(2026, 12, 20))) == 0
    assert contract.reload().ends_on == contract.ends_on


def test_notice_drafts_and_ends_stop_it(make: Make, root: User) -> None:
    noticed, ended = make("C-1"), make("C-2")
    contracts.give_notice(noticed, on=date(2026, 11, 20), ends_on=date(2027, 1, 1), by=root)
    Contract.objects.filter(pk=noticed.pk).update(renewal_months=12)  # whatever else is typed
    contracts.end_contract(ended, on=date(2026, 12, 1), by=root, reason="x")
    contracts.create_contract(
        customer=factories.CustomerFactory(), number="C-3", title="x", starts_on=date(2026, 1, 1),
        ends_on=date(2027, 1, 1), renewal_months=12, by=root, at=NOW,
    )  # fmt: skip
    assert renew_contracts(at=midday(date(2027, 3, 1))) == 0
    assert list(Contract.objects.renewing()) == []


def test_terms_that_were_missed_are_made_up_for_at_once(make: Make) -> None:
    contract = make(renewal_months=6)
    assert renew_contracts(at=midday(date(2028, 6, 15))) == 1
    assert contract.reload().ends_on == date(2029, 1, 1)  # notice for the middle of 2028 ended on the first of June
    assert OutboxEvent.objects.filter(kind="contract.renewed").count() == 1


def test_notice_given_while_the_job_looks_at_it_counts(make: Make, root: User) -> None:
    contract = make()
    contracts.give_notice(contract.reload(), on=date(2026, 12, 1), ends_on=date(2027, 1, 1), by=root)
    assert renewals.renew_contract(contract, at=midday(date(2026, 12, 5))) is False
    assert contract.reload().ends_on == date(2027, 1, 1)


def test_one_that_cannot_be_renewed_stops_no_other(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = make("C-1"), make("C-2")

    def refuse(contract: Contract, before: date) -> None:
        if contract.pk == first.pk:
            raise DomainError("not this one")

    monkeypatch.setattr(renewals, "RENEWED", [refuse])
    with pytest.raises(RenewalsRefused, match="1 renewed, 1 refused: C-1: not this one"):
        renew_contracts(at=midday(date(2026, 12, 5)))
    assert (first.reload().ends_on, second.reload().ends_on) == (date(2027, 1, 1), date(2028, 1, 1))


@example(start=date(2024, 1, 31), months=1, notice=0, today=date(2024, 3, 1))  # February is no reason for a shift
@given(
    start=st.dates(date(2020, 1, 1), date(2024, 12, 31)), months=st.integers(1, 24), notice=st.integers(0, 400),
    today=st.dates(date(2020, 1, 1), date(2032, 1, 1)),
)  # fmt: skip
def test_renewed_ends_fall_on_the_day_of_the_beginning_as_far_as_months_have_it(
    start: date, months: int, notice: int, today: date
) -> None:
    """As a loop over terms says it: the n-th end is the day of the beginning, n terms later."""

    def end(count: int) -> date:
        month = start.month - 1 + count * months
        first = date(start.year + month // 12, month % 12 + 1, 1)
        following = (first + timedelta(days=32)).replace(day=1)
        return min(first + timedelta(days=start.day - 1), following - DAY)

    contract = Contract(status="active", starts_on=start, ends_on=end(1), notice_days=notice, renewal_months=months)
    count = 1
    while today > end(count) - timedelta(days=notice):
        count += 1
    assert next_end(contract, today) == (end(count) if count > 1 else None)


def test_staff_hear_of_the_last_day_for_notice_beforehand_and_find_it_in_the_list(
    make: Make, root: User, client: Client
) -> None:
    contract = make()
    last = date(2026, 12, 2)
    assert list(last_days_for_notice(midday(last - 31 * DAY))) == []
    (found,) = last_days_for_notice(midday(last - 30 * DAY))
    assert (found.key, found.title) == (
        str(contract.public_id), "C-1 Hosting renews itself: notice until 2026-12-02",
    )  # fmt: skip
    assert len(list(last_days_for_notice(midday(last)))) == 1
    assert list(last_days_for_notice(midday(last + DAY))) == []
    today = timezone.localdate()
    soon = make("C-9", starts_on=today - DAY, ends_on=today + 45 * DAY)
    client.force_login(root)

    def listed(choice: str) -> set[str]:
        rows = client.get(f"/admin/crm/contract/?notice={choice}").context["cl"].queryset
        return set(rows.values_list("number", flat=True))

    assert listed("7") == ({"C-1"} if today >= last - 7 * DAY else set())
    assert soon.number in listed("30")
    assert listed("all") == {"C-1", "C-9"}
    make("C-10", renewal_months=0)
    assert listed("all") == {"C-1", "C-9"}
    assert client.get(f"/admin/crm/contract/{contract.pk}/change/").status_code == 200
