"""What the tests of the API share."""

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from accounts.models import User
from crm.domain import customer_credits, deals, payments, refunds, write_offs
from crm.domain.documents import store_document
from crm.models import Customer, Invoice
from intelligence.domain.user_miners import create_user_miner
from tests import factories
from tests.api.client import Caller
from tests.intelligence.schedule_world import network
from tests.intelligence.world import build_schedule
from tests.isolation.steel import build_steel
from tests.support.standing import standing


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    """Throttles count from nothing."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
@standing
def as_alice(alice: User) -> Caller:
    """Customer admin of A."""
    return Caller(alice)


@pytest.fixture
@standing
def as_bob(bob: User) -> Caller:
    """Viewer of A."""
    return Caller(bob)


@pytest.fixture
@standing
def as_charlie(charlie: User) -> Caller:
    """Customer admin of B."""
    return Caller(charlie)


@pytest.fixture
@standing
def as_clerk(clerk: User) -> Caller:
    """Staff, view only."""
    return Caller(clerk)


@pytest.fixture
@standing
def as_root(root: User) -> Caller:
    """Staff with every power."""
    return Caller(root)


@pytest.fixture
@standing
def invoice_a(customer_a: Customer, root: User) -> Invoice:
    """An issued invoice of A."""
    return factories.issued_invoice(by=root, customer=customer_a)


@pytest.fixture
def stored_pdf() -> Callable[[Invoice], bytes]:
    """Stores a (small, made-up) PDF for an invoice, as the worker would."""

    def store(invoice: Invoice) -> bytes:
        content = b"%PDF-1.7 " + str(invoice.number).encode()
        store_document(invoice, content=content, template_version="test", at=factories.NOW)
        return content

    return store


@pytest.fixture
@standing
def world(customer_a: Customer, root: User) -> dict[str, str]:
    """One row in each state that a call of STAFF_CALLS starts from."""
    pending = deals.submit_deal(factories.DealFactory(customer=customer_a), by=root, at=factories.NOW)
    approved = deals.submit_deal(factories.DealFactory(customer=customer_a), by=root, at=factories.NOW)
    approved = deals.approve_deal(approved, by=root, at=factories.NOW)
    rows: dict[str, Any] = {
        "customer": customer_a,
        "entity": customer_a.legal_entity,
        "lead": factories.LeadFactory(),
        "deal": factories.DealFactory(customer=customer_a),
        "pending": pending,
        "approved": approved,
        "signed": factories.signed_deal(by=root, customer=customer_a),
        "draft": factories.draft_invoice(by=root, customer=customer_a),
        "issued": factories.issued_invoice(by=root, customer=customer_a),
    }
    rows |= money_rows(factories.issued_invoice(by=root, customer=customer_a), root)
    return {name: str(row.public_id) for name, row in rows.items()}


@pytest.fixture
@standing
def whole_world(world: dict[str, str], customer_a: Customer, root: User, clerk: User) -> dict[str, str]:
    """The same with the hosting part; the clerk reckons with a machine, and the network is known now."""
    rows = steel_rows(customer_a, root)
    network(timezone.now() - timedelta(minutes=1))
    create_user_miner(
        user=clerk, miner_model=rows["model"], electricity_cost_usd_per_kwh=Decimal("0.05"), by=clerk, at=factories.NOW
    )
    return {**{name: str(row.public_id) for name, row in rows.items()}, "root": str(root.pk), **world}


class _Plain:
    """Stands for a tenant of the isolation tests, whose texts are just texts here."""

    name = "a"

    def __init__(self, customer: Customer, root: User) -> None:
        self.root = root
        self.rows: dict[str, Any] = {"customer": customer}
        self.count = itertools.count(1)

    def own(self) -> str:
        """Any text, but a new one."""
        return f"text{next(self.count)}"

    house = own


def steel_rows(customer: Customer, root: User) -> dict[str, Any]:
    """Contracts, places, prices, terms and machines of a customer, in each state that a call starts from."""
    tenant = _Plain(customer, root)
    build_steel(tenant)
    tenant.rows["user miner"] = create_user_miner(
        user=root, miner_model=tenant.rows["model"], electricity_cost_usd_per_kwh=Decimal("0.05"), by=root,
        at=factories.NOW,
    )  # fmt: skip
    tenant.rows["schedule"] = build_schedule(tenant.rows["user miner"], at=factories.NOW)
    return {name.replace(" ", "_"): row for name, row in tenant.rows.items()}


def money_rows(invoice: Invoice, root: User) -> dict[str, Any]:
    """Money of a customer: for an invoice, without one, used, paid back, given up."""
    step: dict[str, Any] = {"by": root, "on": factories.TODAY, "at": factories.NOW}
    received: dict[str, Any] = {"currency": "USD", "received_on": factories.TODAY, **step}
    deposit, untouched = (
        customer_credits.record_deposit(invoice.customer, amount=Decimal(50), **received) for _n in range(2)
    )
    return {
        "payment": payments.record_payment(invoice, amount=Decimal(20), **received),
        "deposit": deposit,
        "untouched": untouched,
        "application": customer_credits.apply_credit(deposit, invoice=invoice, amount=Decimal(5), **step),
        "refund": refunds.refund_credit(deposit, amount=Decimal(5), reason="for the house", **step),
        "write_off": write_offs.write_off(invoice, amount=Decimal(5), reason="for the house", **step),
    }
