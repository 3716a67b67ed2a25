"""The day a deal was signed on."""

from datetime import UTC, date, datetime

import pytest

from accounts.models import User
from crm.domain import deals
from crm.models import Customer, Deal
from tests import factories
from tests.support.standing import standing

AT = datetime(2026, 11, 20, 9, 59, tzinfo=UTC)  # 23:59 in Kiritimati


@pytest.fixture
@standing
def approved(root: User, customer_a: Customer) -> Deal:
    deal = factories.DealFactory(customer=customer_a)
    deals.submit_deal(deal, by=root, at=AT)
    return deals.approve_deal(deal, by=root, at=AT)


@pytest.mark.django_db
@pytest.mark.parametrize("day", [date(2026, 11, 21), date(2027, 1, 1), date.max])
def test_a_day_in_the_future_is_refused(approved: Deal, root: User, day: date) -> None:
    with pytest.raises(deals.DealRefused, match="future"):
        deals.sign_deal(approved, by=root, on=day, at=AT)
    assert approved.reload().status == "approved"


@pytest.mark.django_db
def test_a_day_that_has_begun_somewhere_is_fine(approved: Deal, root: User) -> None:
    """One minute later it is the 21st in Kiritimati."""
    day = date(2026, 11, 21)
    assert deals.sign_deal(approved, by=root, on=day, at=AT.replace(hour=10, minute=0)).actual_close_on == day
