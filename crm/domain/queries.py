"""Reads that several callers share."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from crm.enums import MembershipRole
from crm.models import Customer, CustomerMembership, CustomerUserPermission, LegalEntity

ACCESS_PERMISSION = "access_customer"
ADMINISTER_PERMISSION = "administer_customer"


def customer_ids_for_user(user: Any) -> list[int]:
    """Ids of the customers a client user may see: a membership *and* its guardian grant, in one query."""
    return list(
        CustomerUserPermission.objects.filter(
            user=user,
            permission__codename=ACCESS_PERMISSION,
            content_object__memberships__user=user,
        )
        .order_by("content_object_id")
        .values_list("content_object_id", flat=True)
    )


def role_in(user: Any, customer: Customer) -> str | None:
    """The user's role in the customer, None without a membership."""
    return CustomerMembership.objects.filter(user=user, customer=customer).values_list("role", flat=True).first()


def may_administer(user: Any, customer: Customer) -> bool:
    """Whether the user is a customer admin of this customer."""
    return role_in(user, customer) == MembershipRole.CUSTOMER_ADMIN


def default_legal_entity() -> LegalEntity | None:
    """The legal entity used where nothing else is said: the first active one."""
    return LegalEntity.objects.filter(is_active=True).order_by("id").first()


def local_date(at: datetime, time_zone: str) -> Any:
    """The calendar day that ``at`` (aware) falls on in an IANA time zone."""
    return at.astimezone(ZoneInfo(time_zone)).date()
