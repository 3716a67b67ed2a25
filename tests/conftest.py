"""The cast and the database of the suite.

alice (customer A, customer_admin), bob (customer A, customer_viewer), charlie (customer B, must see nothing of A),
clerk (staff, view only), biller, seller, operator (staff with one power each). Tests run as the application's
database login, so whatever only an owner could do fails here as it would in production.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from django.contrib.auth.models import Permission
from django.db import connection

from accounts.models import User
from crm.domain.memberships import grant_membership
from crm.models import Customer, LegalEntity
from tests import factories
from tests.support import database
from tests.support.children import pytest_configure  # noqa: F401  (a hook)

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any, worker_id: str) -> Iterator[None]:
    """Migrated as the owner; from then on the tests are the application login."""
    url = urlsplit(os.environ.get("DATABASE_APP_URL", ""))
    original = connection.settings_dict["NAME"]
    name = f"test_hashinsight_{worker_id}_{os.getpid()}"
    with django_db_blocker.unblock():
        database.create_from_template(name)
        if url.username:
            database.become_app_login(unquote(url.username), unquote(url.password or ""))
    yield
    with django_db_blocker.unblock():
        database.become_owner()
        database.drop(name, then_use=original)


@pytest.fixture
def now() -> datetime:
    """The moment the tests live in."""
    return NOW


def _staff(email: str, name: str, *permissions: str) -> User:
    user = factories.UserFactory(email=email, name=name, is_staff=True)
    for codename in permissions:
        app, _, code = codename.partition(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=code))
    return user


@pytest.fixture
def root(db: None) -> User:
    """A superuser, for set-up only; never the subject of a permission test."""
    return factories.UserFactory(email="root@hashinsight.example", name="Root", is_staff=True, is_superuser=True)


@pytest.fixture
def legal_entity(db: None) -> LegalEntity:
    """Who issues."""
    return factories.LegalEntityFactory()


@pytest.fixture
def customer_a(legal_entity: LegalEntity) -> Customer:
    """The customer of alice and bob."""
    return factories.CustomerFactory(company_name="Aurora Mining AG", legal_entity=legal_entity)


@pytest.fixture
def customer_b(legal_entity: LegalEntity) -> Customer:
    """The customer of charlie."""
    return factories.CustomerFactory(company_name="Borealis Compute Ltd", legal_entity=legal_entity)


def _member(email: str, name: str, customer: Customer, role: str, root: User) -> User:
    user = factories.UserFactory(email=email, name=name)
    grant_membership(user, customer, role=role, by=root)
    return user


@pytest.fixture
def alice(customer_a: Customer, root: User) -> User:
    """Customer admin of customer A."""
    return _member("alice@aurora.example", "Alice", customer_a, "customer_admin", root)


@pytest.fixture
def bob(customer_a: Customer, root: User) -> User:
    """Viewer of customer A."""
    return _member("bob@aurora.example", "Bob", customer_a, "customer_viewer", root)


@pytest.fixture
def charlie(customer_b: Customer, root: User) -> User:
    """Customer admin of customer B; must see nothing of A."""
    return _member("charlie@borealis.example", "Charlie", customer_b, "customer_admin", root)


_VIEW = tuple(
    f"crm.view_{model}"
    for model in (
        *("customer", "lead", "deal", "dealline", "invoice", "invoiceline", "payment", "product", "activity"),
        "contract",
    )
) + tuple(
    f"hosting.view_{model}" for model in ("site", "zone", "rack", "priceplan", "hostingterms", "minermodel", "miner")
)


@pytest.fixture
def clerk(db: None) -> User:
    """Staff who may look at the commercial rows and change nothing."""
    return _staff("clerk@hashinsight.example", "Clerk", *_VIEW)


@pytest.fixture
def biller(db: None) -> User:
    """Staff whose one power is to issue invoices."""
    return _staff("biller@hashinsight.example", "Biller", *_VIEW, "crm.issue_invoice")


@pytest.fixture
def seller(db: None) -> User:
    """Staff whose one power is to convert leads."""
    return _staff("seller@hashinsight.example", "Seller", *_VIEW, "crm.convert_lead")


@pytest.fixture
def operator(db: None) -> User:
    """Staff whose one power is to try failed work again."""
    return _staff("operator@hashinsight.example", "Operator", "jobs.view_duework", "jobs.retry_duework")
