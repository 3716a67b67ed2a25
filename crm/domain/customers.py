"""Customers: making, finding, activating."""

from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from crm.domain.texts import printable
from crm.enums import CUSTOMER_MOVES, CustomerStatus, InvoiceStatus
from crm.models import Customer
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_for_move, lock_row
from hashinsight.events.domain import publish

# What a client's admin may change by himself: how to reach the company, nothing that money depends on.
CONTACT_FIELDS = ("contact_name", "phone", "billing_email")


class CustomerRefused(DomainError):
    """The customer cannot be changed like this."""

    code = "customer_refused"


@transaction.atomic
def create_customer(*, company_name: str, by: Any, at: datetime, **fields: Any) -> Customer:
    """A new customer; ``fields`` are columns of the model."""
    customer = Customer(company_name=company_name, created_at=at, **fields)
    customer.full_clean()
    customer.save()
    _publish(customer, "customer.created", by)
    return customer


@transaction.atomic
def change_contact(customer: Customer, *, changes: dict[str, str], by: Any) -> Customer:
    """A client changes its own contact data. Raises CustomerRefused for any other field."""
    unknown = set(changes) - set(CONTACT_FIELDS)
    if unknown:
        raise CustomerRefused(_("These fields cannot be changed: %(names)s.") % {"names": ", ".join(sorted(unknown))})
    locked = lock_row(customer)
    for name, value in changes.items():
        setattr(locked, name, value)
    locked.full_clean(exclude=[f.name for f in Customer._meta.fields if f.name not in changes])
    if changes:
        locked.save(update_fields=list(changes))
        _publish(locked, "customer.changed", by)
    return locked.reload()


@transaction.atomic
def change_status(customer: Customer, *, to: str, by: Any, reason: str) -> Customer:
    """Activate or deactivate. Raises CustomerRefused while unpaid invoices are open."""
    locked = lock_for_move(customer, field="status", to=to, moves=CUSTOMER_MOVES)
    if (
        to == CustomerStatus.INACTIVE
        and locked.invoices.filter(status__in=[InvoiceStatus.SENT, InvoiceStatus.OVERDUE])
        .exclude(kind="credit_note")
        .exists()
    ):
        raise CustomerRefused(_("%(customer)s still has open invoices.") % {"customer": locked})
    with audit_context(reason=printable(reason)):
        locked.status = to
        locked.save(update_fields=["status"])
    _publish(locked, "customer.changed", by)
    return locked.reload()


def find_or_create(*, company_name: str, email: str, by: Any, at: datetime, **fields: Any) -> Customer:
    """The customer with this e-mail address, else the only one of this name, else a new one (in a transaction).

    An advisory lock on the address and name keeps two conversions from making the same customer twice.
    """
    with connection.cursor() as cursor:
        for key in sorted({f"customer-email:{email.lower()}", f"customer-name:{company_name.lower()}"}):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
    if email:
        known: Customer | None = Customer.objects.filter(email__iexact=email).first()
        if known is not None:
            return known
    same_name: list[Customer] = list(Customer.objects.filter(company_name__iexact=company_name)[:2])
    if len(same_name) == 1 and not (email and same_name[0].email):
        return same_name[0]
    return create_customer(company_name=company_name, email=email or None, by=by, at=at, **fields)


def _publish(customer: Customer, kind: str, by: Any) -> None:
    publish(
        kind,
        aggregate_type="customer",
        aggregate_id=customer.public_id,
        customer_id=customer.pk,
        user_id=getattr(by, "pk", None),
        payload={"customer_id": str(customer.public_id), "status": str(customer.status)},
    )
