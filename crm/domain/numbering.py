"""Numbers of documents: taken from one locked counter row inside the issuing transaction."""

from datetime import date

from crm.enums import InvoiceKind, NumberScope
from crm.models import Customer, LegalEntity, NumberSeries


def take(*, legal_entity: LegalEntity, kind: str, customer: Customer, on: date) -> str:
    """The next number of the series that ``kind`` belongs to in the year of ``on``.

    The counter row stays locked until the transaction ends, so a rollback gives the number back and two issues
    can neither share nor skip one. Must run inside a transaction. The customer's number is read after the counter
    row exists: from then on the database keeps it from changing.
    """
    credit = kind == InvoiceKind.CREDIT_NOTE
    per_customer = legal_entity.number_scope == NumberScope.CUSTOMER
    key = {
        "legal_entity": legal_entity,
        "kind": InvoiceKind.CREDIT_NOTE if credit else InvoiceKind.DEAL,
        "year": on.year,
        "customer": customer if per_customer else None,
    }
    NumberSeries.objects.bulk_create([NumberSeries(**key)], ignore_conflicts=True)
    series = NumberSeries.objects.select_for_update(of=("self",)).select_related("customer").get(**key)
    series.last_number += 1
    series.save(update_fields=["last_number"])
    prefix = legal_entity.credit_note_prefix if credit else legal_entity.number_prefix
    if series.customer is not None:
        return f"{prefix}-{series.customer.code}-{on.year}-{series.last_number:04d}"
    return f"{prefix}-{on.year}-{series.last_number:06d}"
