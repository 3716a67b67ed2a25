"""Every way in which access ends, and what it does to a browser and to a key at their very next request.

The table below is the promise. ``dead`` means nobody: the sign-in page, 401. ``out`` means still somebody, who may
not do this any more: 403. ``blind`` means the rows are not there any more: 404. ``open`` means untouched.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client
from django.utils import timezone

from accounts.domain import keys
from accounts.domain.grants import grant_access, revoke_access
from accounts.domain.roles import sync_roles
from accounts.domain.second_factors import remove_second_factor
from accounts.domain.sessions import end_sessions
from accounts.domain.users import deactivate_user, set_groups
from accounts.enums import SessionEnd
from accounts.models import AccessGrant, ApiKey, User
from crm.domain.memberships import grant_membership, revoke_membership
from crm.models import Customer, CustomerMembership
from hashinsight.common.api.views import BaseView
from tests import factories
from tests.accounts.conftest import PASSWORD

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@dataclass
class Person:
    """Somebody signed in here, with a browser elsewhere and a key."""

    user: User
    browser: Client
    key: ApiKey
    secret: str
    page: str
    call: str

    def session(self) -> str:
        response = self.browser.get(self.page)
        if response.status_code != 302:
            return {200: "open", 403: "out", 404: "blind"}[response.status_code]
        home = self.browser.get("/accounts/home/")
        return "dead" if home.headers.get("Location", "").startswith("/accounts/login/") else "out"

    def program(self) -> str:
        response = Client().get(self.call, HTTP_AUTHORIZATION=f"Bearer {self.secret}")
        return {200: "open", 401: "dead", 403: "out", 404: "blind"}[response.status_code]


@pytest.fixture
def person(request: Any, db: None, root: User, settings: Any, customer_a: Customer) -> Person:
    """A finance clerk with a second factor, or a client of customer A."""
    now = timezone.now()
    user = User.objects.create_user(f"{request.param}@delta.example", PASSWORD)
    if request.param == "staff":
        sync_roles()
        settings.MFA_REQUIRED_FOR_STAFF = True
        user = set_groups(user, groups=["finance"], by=root, at=now)
        TOTP.activate(user, SECRET)
        invoice = factories.issued_invoice(by=root, customer=customer_a, at=now)
        page, call = "/admin/crm/invoice/", f"/api/v1/invoices/{invoice.public_id}/"
    else:
        grant_membership(user, customer_a, role="customer_admin", by=root)
        page, call = "/accounts/home/", f"/api/v1/customers/{customer_a.public_id}/"
    browser = Client()
    browser.force_login(user)
    scopes = ["invoices:read", "customers:read"]
    key, secret = keys.create_key(user, name="k", scopes=scopes, expires_at=None, by=user, at=now)
    return Person(user, browser, key, secret, page, call)


def deactivated(person: Person, root: User) -> None:
    deactivate_user(person.user, by=root, at=timezone.now())


def revoked(person: Person, root: User) -> None:
    revoke_access(person.user, by=root, at=timezone.now())


def ran_out(person: Person, root: User) -> None:
    now = timezone.now()
    grant = grant_access(person.user, days=1, by=root, at=now)
    assert (person.session(), person.program()) == ("open", "open")
    AccessGrant.objects.filter(pk=grant.pk).update(valid_from=now - 2 * (grant.valid_to - now), valid_to=now)


def group_removed(person: Person, root: User) -> None:
    set_groups(person.user, groups=[], by=root, at=timezone.now())


def other_group(person: Person, root: User) -> None:
    set_groups(person.user, groups=["operations"], by=root, at=timezone.now())


def member_no_more(person: Person, root: User) -> None:
    revoke_membership(CustomerMembership.objects.get(user=person.user), by=root)


def password_changed(person: Person, root: User) -> None:
    elsewhere = Client()
    elsewhere.force_login(person.user)
    new = {"oldpassword": PASSWORD, "password1": "another-horse-battery", "password2": "another-horse-battery"}
    assert elsewhere.post("/accounts/password/change/", new).status_code == 302
    assert elsewhere.get("/accounts/home/").status_code == 200


def factor_removed_by_staff(person: Person, root: User) -> None:
    factor = Authenticator.objects.get(user=person.user, type="totp")
    remove_second_factor(factor, by=root, at=timezone.now(), reason="lost")


def factor_gone(person: Person, root: User) -> None:
    """By a path nobody thought of."""
    Authenticator.objects.filter(user=person.user).delete()


def sessions_ended(person: Person, root: User) -> None:
    end_sessions(person.user, why=SessionEnd.BY_STAFF, by=root, at=timezone.now())


def key_revoked(person: Person, root: User) -> None:
    keys.revoke_key(person.key, by=root, at=timezone.now())


def user_deleted(person: Person, root: User) -> None:
    person.user.delete()


Way = Callable[[Person, User], None]
# who, how access ends, the browser, the key
TABLE: list[tuple[str, Way, str, str]] = [
    ("client", deactivated, "dead", "dead"),
    ("staff", deactivated, "dead", "dead"),
    ("client", revoked, "dead", "dead"),
    ("staff", revoked, "dead", "dead"),
    ("client", ran_out, "dead", "dead"),
    ("staff", ran_out, "dead", "dead"),
    ("client", user_deleted, "dead", "dead"),
    ("staff", group_removed, "out", "blind"),
    ("staff", other_group, "out", "out"),
    ("client", member_no_more, "open", "blind"),
    ("client", password_changed, "dead", "open"),
    ("staff", password_changed, "dead", "open"),
    ("staff", factor_removed_by_staff, "dead", "out"),
    ("staff", factor_gone, "out", "out"),
    ("client", sessions_ended, "dead", "open"),
    ("staff", sessions_ended, "dead", "open"),
    ("client", key_revoked, "open", "dead"),
    ("staff", key_revoked, "open", "dead"),
]


@pytest.mark.parametrize(
    ("person", "way", "session", "program"),
    [pytest.param(*row, id=f"{row[0]}-{row[1].__name__}") for row in TABLE],
    indirect=["person"],
)
def test_what_ends_is_ended_at_the_next_request(
    person: Person, way: Way, session: str, program: str, root: User
) -> None:
    before = (person.session(), person.program())
    way(person, root)

    assert (before, person.session(), person.program()) == (("open", "open"), session, program)


@pytest.mark.parametrize("person", ["client"], indirect=True)
@pytest.mark.parametrize("way", [deactivated, revoked, key_revoked], ids=lambda way: way.__name__)
def test_a_call_under_way_is_not_carried_out(
    person: Person, root: User, way: Way, monkeypatch: pytest.MonkeyPatch, customer_a: Customer
) -> None:
    """Access ends between the check of the key and the effect, as with a body that is sent slowly."""
    key, secret = keys.create_key(
        person.user, name="w", scopes=["customers:write"], expires_at=None, by=person.user, at=timezone.now()
    )
    person.key = key
    carry_out = BaseView._carry_out

    def after_a_slow_body(self: Any, *args: Any) -> Any:
        way(person, root)
        return carry_out(self, *args)

    monkeypatch.setattr(BaseView, "_carry_out", after_a_slow_body)
    response = Client().patch(
        person.call, '{"phone": "1"}', "application/json", headers={"authorization": f"Bearer {secret}"}
    )

    customer_a.refresh_from_db()
    assert (response.status_code, response.json()["code"], customer_a.phone) == (401, "key_revoked", "")
