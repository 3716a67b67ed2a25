"""The back office of the commercial part: one module per family of models."""

from crm.admin import (  # noqa: F401
    accounting,
    activity,
    contract,
    customer,
    customer_credit,
    deal,
    delivery,
    dunning,
    invitation,
    invoice,
    journal,
    lead,
    legal_entity,
    limit,
    membership,
    payment,
    period,
    product,
    tax,
)
