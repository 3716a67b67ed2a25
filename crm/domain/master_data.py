"""Master data that is edited as a whole: what others care about becomes an event with the change."""

from datetime import datetime
from typing import Any

from django.db import transaction

from crm.models import Customer, Product
from hashinsight.events.domain import publish


@transaction.atomic
def save_customer(customer: Customer, *, by: Any) -> Customer:
    """Store the edited columns of a customer (never its status, which moves by ``customers.change_status``)."""
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
