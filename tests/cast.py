"""The cast as plain functions, for whoever makes it elsewhere than in a test of its own: see ``conftest.py``."""

from collections.abc import Callable
from typing import Any

from accounts.models import User
from crm.domain.memberships import grant_membership
from crm.models import Customer
from tests import factories

_VIEW = tuple(
    f"crm.view_{model}"
    for model in (
        *("customer", "lead", "deal", "dealline", "invoice", "invoiceline", "payment", "product", "activity"),
        "contract",
    )
) + tuple(
    f"hosting.view_{model}" for model in ("site", "zone", "rack", "priceplan", "hostingterms", "minermodel", "miner")
)


def root() -> User:
    """A superuser, for set-up only; never the subject of a permission test."""
    user: Any = factories.UserFactory(email="root@hashinsight.example", name="Root", is_staff=True, is_superuser=True)
    return user


def _customer(name: str) -> Callable[..., Customer]:
    def make(legal_entity: Any) -> Customer:
        customer: Any = factories.CustomerFactory(company_name=name, legal_entity=legal_entity)
        return customer

    return make


def _member(email: str, name: str, role: str) -> Callable[..., User]:
    def make(customer: Customer, root: User) -> User:
        user: Any = factories.UserFactory(email=email, name=name)
        grant_membership(user, customer, role=role, by=root)
        return user

    return make


def staff(email: str, name: str, *permissions: str) -> User:
    """Somebody of the house who may do exactly this."""
    user: Any = factories.UserFactory(email=email, name=name, is_staff=True)
    return factories.give_permissions(user, *permissions)


def _staff(name: str, *permissions: str) -> Callable[[], User]:
    return lambda: staff(f"{name.lower()}@hashinsight.example", name, *permissions)


# Who needs whom, and how each is made.
MAKERS: dict[str, tuple[tuple[str, ...], Callable[..., Any]]] = {
    "root": ((), root),
    "legal_entity": ((), factories.LegalEntityFactory),
    "customer_a": (("legal_entity",), _customer("Aurora Mining AG")),
    "customer_b": (("legal_entity",), _customer("Borealis Compute Ltd")),
    "alice": (("customer_a", "root"), _member("alice@aurora.example", "Alice", "customer_admin")),
    "bob": (("customer_a", "root"), _member("bob@aurora.example", "Bob", "customer_viewer")),
    "charlie": (("customer_b", "root"), _member("charlie@borealis.example", "Charlie", "customer_admin")),
    "clerk": ((), _staff("Clerk", *_VIEW)),
    "biller": ((), _staff("Biller", *_VIEW, "crm.issue_invoice")),
    "seller": ((), _staff("Seller", *_VIEW, "crm.convert_lead")),
    "operator": ((), _staff("Operator", "jobs.view_duework", "jobs.retry_duework")),
}


def cast(*names: str) -> dict[str, Any]:
    """These, and whoever they need, each made once."""
    made: dict[str, Any] = {}

    def get(name: str) -> Any:
        if name not in made:
            needed, make = MAKERS[name]
            made[name] = make(*map(get, needed))
        return made[name]

    for name in names:
        get(name)
    return made
