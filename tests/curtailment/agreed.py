"""What is agreed beforehand: standing approvals of two people, and terms of customers."""

from datetime import time, timedelta
from decimal import Decimal
from typing import Any

from accounts.models import User
from crm.domain import contracts
from crm.models import Customer
from curtailment.domain import plans
from curtailment.models import StandingApproval
from hosting.domain import fleet, prices, terms
from hosting.models import HostingTerms, PriceComponent
from tests.curtailment.site import WATTS, Ground

KW = Decimal(WATTS) / 1000


def stand_by(
    ground: Ground, first: User, second: User, most_kw: Decimal | None = None, cause: str = "price"
) -> StandingApproval:
    """Two people have signed for a cause at this site."""
    day = ground.now.date()
    row = StandingApproval.objects.create(
        site=ground.site, cause=cause, most_kw=most_kw or KW * 20, time_from=time(0), time_to=time(0),
        valid_from=day - timedelta(days=1), valid_until=day + timedelta(days=30),
    )  # fmt: skip
    plans.sign_standing(row, by=first, at=ground.now)
    return plans.sign_standing(row, by=second, at=ground.now)


def agree(ground: Ground, customer: Customer, root: User, **fields: Any) -> HostingTerms:
    """Terms of a contract."""
    day = ground.now.date() - timedelta(days=30)
    plan = prices.create_plan(name=f"P {customer.pk}", currency="USD", at=ground.now)
    version = prices.draft_version(plan, valid_from=day, at=ground.now)
    PriceComponent.objects.create(plan_version=version, kind="energy", description="x", price=1)
    prices.publish_version(version, at=ground.now)
    number = f"C-{customer.pk}"
    draft = contracts.create_contract(
        customer=customer, number=number, title="x", starts_on=day, by=root, at=ground.now
    )
    contract = contracts.activate_contract(draft, by=root, at=ground.now)
    row = terms.draft_terms(
        contract=contract, site=ground.site, price_plan=plan, contracted_kw=Decimal(10), valid_from=day, at=ground.now,
        **fields,
    )  # fmt: skip
    return terms.agree_terms(row, by=root, at=ground.now)


def belong(ground: Ground, some: slice, customer: Customer, root: User) -> list[int]:
    """Machines of a customer."""
    since = fleet.quarter_hour(ground.now)
    fleet.assign_miners(ground.miners[some], customer=customer, since=since, by=root, at=ground.now)
    return [one.pk for one in ground.miners[some]]
