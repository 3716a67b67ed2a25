"""Master data that is edited as a whole: what others care about becomes an event with the change."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.domain.customers import CustomerRefused
from crm.models import Customer, NumberSeries, Product
from hashinsight.events.domain import publish


def code_is_fixed(customer: Customer) -> bool:
    """Whether documents are numbered with the customer's number already, in a series of its own."""
    return NumberSeries.objects.filter(customer_id=customer.pk).exists()


@transaction.atomic
def save_customer(customer: Customer, *, by: Any) -> Customer:
    """Store the edited columns of a customer (never its status, which moves by ``customers.change_status``).

    Raises CustomerRefused for another customer number once documents are numbered with the present one: it would be
    free for somebody else, whose documents would then bear the same numbers.
    """
    stored = Customer.objects.select_for_update(of=("self",)).values_list("code", flat=True).get(pk=customer.pk)
    if customer.code != stored and code_is_fixed(customer):
        raise CustomerRefused(
            _("The customer number %(code)s cannot be changed: invoices are numbered with it.") % {"code": stored}
        )
    columns = [column.name for column in Customer._meta.concrete_fields if column.editable and not column.primary_key]
    customer.save(update_fields=columns)
    publish(
        "customer.changed",
        aggregate_type="customer",
        aggregate_id=customer.public_id,
        customer_id=customer.pk,
        user_id=getattr(by, "pk", None),
        payload={"customer_id": str(customer.public_id), "status": str(customer.status)},
    )
    return customer


@transaction.atomic
def create_product(*, at: datetime, **fields: Any) -> Product:
    """A new offer; ``fields`` are columns of the model. Raises ValidationError."""
    product = Product(created_at=at, **fields)
    product.full_clean()
    product.save()
    return product
