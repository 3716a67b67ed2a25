"""The back office of the commercial part: one module per family of models."""

from crm.admin import (  # noqa: F401
    activity,
    customer,
    deal,
    delivery,
    invoice,
    lead,
    legal_entity,
    membership,
    payment,
    product,
    tax,
)
