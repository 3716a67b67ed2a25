"""An invoice of 1,000 USD, a limit of 500, and people on both sides of it."""

import math
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import User
from crm.models import ApprovalLimit, Customer, Invoice
from hashinsight.jobs import queue
from tests import factories
from tests.support.standing import standing

BACKEND = "accounts.backends.TimeLimitedBackend"
DECIDER = (
    "approvals.view_approvalrequest",
    "approvals.decide_approvalrequest",
    "approvals.withdraw_approvalrequest",
    "crm.view_invoice",
    "crm.credit_invoice",
)
People = Callable[..., User]


@pytest.fixture(autouse=True)
def quiet_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """No message leaves."""
    monkeypatch.setitem(queue._silence, "until", math.inf)


@pytest.fixture
@standing
def people(db: None) -> People:
    """Makes staff with exactly these permissions."""

    def make(*permissions: str) -> User:
        return factories.give_permissions(factories.UserFactory(is_staff=True), *permissions)

    return make


@pytest.fixture
@standing
def asker(people: People) -> User:
    """May credit and decide; asks here."""
    return people(*DECIDER)


@pytest.fixture
@standing
def decider(people: People) -> User:
    """May credit and decide; decides here."""
    return people(*DECIDER)


@pytest.fixture
@standing
def invoice(root: User, customer_a: Customer) -> Invoice:
    """1,000 USD, no tax."""
    return factories.issued_invoice(by=root, customer=customer_a)


@pytest.fixture
@standing
def limit(invoice: Invoice) -> ApprovalLimit:
    """One person may credit up to 500."""
    return ApprovalLimit.objects.create(
        legal_entity=invoice.legal_entity, act="credit_note", rule="above", amount=Decimal(500)
    )


@pytest.fixture
@standing
def sign_in() -> Callable[[User], Client]:
    """A client for a person."""

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend=BACKEND)
        return client

    return signed_in
