"""People of the demo: staff, one per role, and clients of two customers; each signs in with a password of its own."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.domain.keys import create_key, live_keys, revoke_key, scopes_for
from accounts.domain.users import create_user, set_groups
from accounts.enums import SCOPES, StaffRole
from accounts.models import User
from crm.domain.memberships import grant_membership
from crm.enums import MembershipRole
from crm.models import Customer
from hashinsight.demo.credentials import Credential

KEY_NAME = "Demo"
KEY_LIFE = timedelta(days=365)
COMPANY = "Nordkessel Hosting"
STAFF = {
    StaffRole.OWNER: ("Annika Tiefenbacher", "Owner"),
    StaffRole.ADMIN: ("Jonas Oehlmann", "Administrator"),
    StaffRole.FINANCE: ("Silke Rautenberg", "Head of finance"),
    StaffRole.SALES: ("Caleb Hartwell", "Sales"),
    StaffRole.OPERATIONS: ("Ingrid Haugland", "Operations"),
    StaffRole.READ_ONLY: ("Lydia Merriman", "Auditor"),
}
# The file names the two clients first by their admins, then their colleagues who may only look.
CLIENTS = (("alma", 0, MembershipRole.CUSTOMER_ADMIN), ("boris", 1, MembershipRole.CUSTOMER_ADMIN),
           ("clara", 0, MembershipRole.CUSTOMER_VIEWER), ("dario", 1, MembershipRole.CUSTOMER_VIEWER))  # fmt: skip
CLIENT_ROLES = {MembershipRole.CUSTOMER_ADMIN: "client", MembershipRole.CUSTOMER_VIEWER: "client-viewer"}

# What each one's key is for: reading what the role looks at, changing what the role changes (a test compares both).
_WEBHOOKS = {scope for scope in SCOPES if scope.startswith("webhook")}
_READING = {scope for scope in SCOPES if scope.endswith(":read")}
_BUSINESS = _READING - _WEBHOOKS
_MONEY = {"payments", "credits", "credit-applications", "refunds", "write-offs", "ageing", "accounting-exports"}
_TERMS = {"contracts:write", "hosting-terms:write"}
_METERED = {
    "miners", "usage", "demand", "meters", "meter-readings", "repair-orders", "curtailment-plans", "curtailment-events",
}  # fmt: skip
_MARKET = {
    "network-snapshots", "market-days", "indicators", "difficulty-periods", "price-series", "coins", "forecasts",
    "calculator", "break-even", "user-miners", "portfolio", "schedules",
}  # fmt: skip
_WORKED_ON = {"sites", "zones", "racks", "miners", "tickets"}
KEY_SCOPES = {
    StaffRole.OWNER.value: set(SCOPES),
    StaffRole.ADMIN.value: set(SCOPES),
    StaffRole.FINANCE.value: _BUSINESS
    | {"deals:write", "invoices:write", "approvals:write", *_TERMS, "price-plans:write"}
    | {f"{name}:write" for name in _MONEY - {"ageing"}},
    StaffRole.SALES.value: (
        _BUSINESS - {"approvals:read", "break-even:read", *(f"{name}:read" for name in (*_MONEY, *_METERED))}
    )
    | {"customers:write", "leads:write", "deals:write", "activities:write", "tickets:write", *_TERMS},
    StaffRole.OPERATIONS.value: {
        *("customers:read", "deals:read", "activities:read", "contracts:read", "api-keys:read"),
        *("attachments:read", "hosting-terms:read", "miner-models:read", "price-plans:read"),
        *(f"{name}:read" for name in (*_METERED, *_WORKED_ON, *_MARKET)),
        *(f"{name}:write" for name in (*_WORKED_ON, "meters")),
    }
    | _WEBHOOKS,
    StaffRole.READ_ONLY.value: _BUSINESS,
    "client": _READING
    | {"customers:write", "activities:write", "tickets:write", "api-keys:write", "user-miners:write", "schedules:write"}
    | _WEBHOOKS,
    "client-viewer": _READING,
}


@dataclass(frozen=True)
class Staff:
    """Who does what in the story."""

    owner: User
    finance: User
    sales: User
    operations: User


def staff_email(role: str) -> str:
    """Address of the person holding a role."""
    return f"{role}@nordkessel.example"


def client_email(name: str) -> str:
    """Address of a client's user."""
    return f"{name}@client.example"


def hire_staff(*, at: datetime) -> Staff:
    """One person per staff role, without a password yet."""
    users = {}
    for role, (name, position) in STAFF.items():
        user = create_user(
            staff_email(role), by=None, at=at, name=name, company=COMPANY, position=position, verified=True
        )
        users[role] = set_groups(user, groups=[role], by=None, at=at)
    return Staff(users[StaffRole.OWNER], users[StaffRole.FINANCE], users[StaffRole.SALES], users[StaffRole.OPERATIONS])


def invite_clients(customers: tuple[Customer, Customer], *, by: User, at: datetime) -> None:
    """An admin and a viewer for each of two customers."""
    for name, which, role in CLIENTS:
        customer = customers[which]
        user = create_user(
            client_email(name), by=by, at=at, name=name.title(), company=customer.company_name, verified=True
        )
        grant_membership(user, customer, role=role, by=by)


def issue_credentials(*, at: datetime) -> list[Credential]:
    """New passwords and keys for everybody of the demo; older demo keys end."""
    people = [(role.value, User.objects.get(email=staff_email(role))) for role in STAFF]
    people += [(CLIENT_ROLES[role], User.objects.get(email=client_email(name))) for name, _which, role in CLIENTS]
    return [_equip(role, user, at=at) for role, user in people]


def _equip(role: str, user: User, *, at: datetime) -> Credential:
    password = secrets.token_urlsafe(18)
    user.set_password(password)
    user.save(update_fields=["password"])
    for key in live_keys(user, at).filter(name=KEY_NAME):
        revoke_key(key, by=None, at=at)
    _key, secret = create_key(user, name=KEY_NAME, scopes=_scopes(role, user), expires_at=at + KEY_LIFE, by=None, at=at)
    return Credential(role, user.email, password, secret)


def _scopes(role: str, user: User) -> list[str]:
    """What the role does all day, never more than the user may hold."""
    wanted = KEY_SCOPES[role]
    return [scope for scope in scopes_for(user) if scope in wanted]
