"""Memberships: the row is the truth, the guardian grant is written with it, and a check compares both."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from guardian.shortcuts import assign_perm, remove_perm

from crm.domain.queries import ACCESS_PERMISSION, ADMINISTER_PERMISSION
from crm.enums import MembershipRole
from crm.models import Customer, CustomerMembership, CustomerUserPermission
from hashinsight.common.errors import DomainError
from hashinsight.events.domain import publish


class MembershipRefused(DomainError):
    """This user cannot be a member."""

    code = "membership_refused"


@transaction.atomic
def grant_membership(user: Any, customer: Customer, *, role: str, by: Any) -> CustomerMembership:
    """Make ``user`` a member of ``customer`` (or change the role) together with the guardian grant.

    Raises MembershipRefused for staff: they see all customers by permission and act in their own name.
    """
    if user.is_staff or user.is_superuser:
        raise MembershipRefused(_("%(user)s is staff and cannot be a member of a customer.") % {"user": user})
    if role not in MembershipRole.values:
        raise MembershipRefused(_("Unknown role %(role)s.") % {"role": role})
    membership, _created = CustomerMembership.objects.update_or_create(
        user=user, customer=customer, defaults={"role": role}, create_defaults={"role": role, "granted_by": by}
    )
    assign_perm(ACCESS_PERMISSION, user, customer)
    if role == MembershipRole.CUSTOMER_ADMIN:
        assign_perm(ADMINISTER_PERMISSION, user, customer)
    else:
        remove_perm(ADMINISTER_PERMISSION, user, customer)
    _publish(membership, "customer.member_granted", by)
    return membership


@transaction.atomic
def revoke_membership(membership: CustomerMembership, *, by: Any) -> None:
    """End a membership and its grant; the user sees the customer no more, from the next request on."""
    locked = CustomerMembership.objects.select_for_update().select_related("user", "customer").get(pk=membership.pk)
    for permission in (ACCESS_PERMISSION, ADMINISTER_PERMISSION):
        remove_perm(permission, locked.user, locked.customer)
    _publish(locked, "customer.member_revoked", by)
    locked.delete()


def differences() -> list[str]:
    """Memberships and guardian grants that do not match, in words; an empty list is the healthy state."""
    wanted: set[tuple[object, int, str]] = set()
    for user_id, customer_id, role in CustomerMembership.objects.values_list("user_id", "customer_id", "role"):
        wanted.add((user_id, customer_id, ACCESS_PERMISSION))
        if role == MembershipRole.CUSTOMER_ADMIN:
            wanted.add((user_id, customer_id, ADMINISTER_PERMISSION))
    held = set(
        CustomerUserPermission.objects.filter(
            permission__codename__in=[ACCESS_PERMISSION, ADMINISTER_PERMISSION]
        ).values_list("user_id", "content_object_id", "permission__codename")
    )
    missing = [f"user {u} lacks {p} on customer {c}" for u, c, p in sorted(wanted - held, key=str)]
    surplus = [f"user {u} holds {p} on customer {c} without a membership" for u, c, p in sorted(held - wanted, key=str)]
    return missing + surplus


def _publish(membership: CustomerMembership, kind: str, by: Any) -> None:
    publish(
        kind,
        aggregate_type="customer",
        aggregate_id=membership.customer.public_id,
        customer_id=membership.customer_id,
        user_id=getattr(by, "pk", None),
        payload={"member_id": str(membership.user_id), "role": str(membership.role)},
    )
