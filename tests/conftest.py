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

import hypothesis
import pytest
from django.db import connection
from django.utils import translation

from accounts.models import User
from crm.models import Customer, LegalEntity
from tests import cast
from tests.support import database
from tests.support.children import pytest_configure  # noqa: F401  (a hook)
from tests.support.standing import STAGE, standing

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
# A right answer on a busy machine is not a failure: what has to be quick is measured by ./dev bench.
hypothesis.settings.register_profile("house", parent=hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("house")


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
        STAGE.clear()
        database.become_owner()
        database.drop(name, then_use=original)


@pytest.fixture(autouse=True)
def nobody_spoke_before() -> None:
    """A page that a test read in German leaves that language to whatever runs next in the process."""
    translation.deactivate()


@pytest.fixture
@standing
def now() -> datetime:
    """The moment the tests live in."""
    return NOW


@pytest.fixture
@standing
def root(db: None) -> User:
    """A superuser, for set-up only; never the subject of a permission test."""
    return cast.root()


@pytest.fixture
@standing
def legal_entity(db: None) -> LegalEntity:
    """Who issues."""
    return _made("legal_entity")


@pytest.fixture
@standing
def customer_a(legal_entity: LegalEntity) -> Customer:
    """The customer of alice and bob."""
    return _made("customer_a", legal_entity)


@pytest.fixture
@standing
def customer_b(legal_entity: LegalEntity) -> Customer:
    """The customer of charlie."""
    return _made("customer_b", legal_entity)


@pytest.fixture
@standing
def alice(customer_a: Customer, root: User) -> User:
    """Customer admin of customer A."""
    return _made("alice", customer_a, root)


@pytest.fixture
@standing
def bob(customer_a: Customer, root: User) -> User:
    """Viewer of customer A."""
    return _made("bob", customer_a, root)


@pytest.fixture
@standing
def charlie(customer_b: Customer, root: User) -> User:
    """Customer admin of customer B; must see nothing of A."""
    return _made("charlie", customer_b, root)


@pytest.fixture
@standing
def clerk(db: None) -> User:
    """Staff who may look at the commercial rows and change nothing."""
    return _made("clerk")


@pytest.fixture
@standing
def biller(db: None) -> User:
    """Staff whose one power is to issue invoices."""
    return _made("biller")


@pytest.fixture
@standing
def seller(db: None) -> User:
    """Staff whose one power is to convert leads."""
    return _made("seller")


@pytest.fixture
@standing
def operator(db: None) -> User:
    """Staff whose one power is to try failed work again."""
    return _made("operator")


def _made(name: str, *needed: Any) -> Any:
    return cast.MAKERS[name][1](*needed)
