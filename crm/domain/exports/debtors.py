"""Numbers for customers in the books: given out upwards, none twice."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from crm.domain.exports.mapping import mapping_of
from crm.domain.exports.span import ExportRefused
from crm.models import Customer, DebtorNumber, JournalEntry, LegalEntity
from hashinsight.common.transitions import lock_row


def without_number(entity: LegalEntity) -> QuerySet[Customer]:
    """Customers in the books of the entity that have no debtor number there, by customer number."""
    booked = JournalEntry.objects.filter(legal_entity=entity).values("customer")
    known = DebtorNumber.objects.filter(legal_entity=entity).values("customer")
    rows: QuerySet[Customer] = Customer.objects.filter(pk__in=booked).exclude(pk__in=known)
    return rows.order_by("code")


@transaction.atomic
def assign_debtor_numbers(entity: LegalEntity) -> int:
    """Give each of them the next free number; how many that were. Raises ExportRefused when none are left."""
    lock_row(entity)
    settings = mapping_of(entity).settings
    taken = {
        int(number) for number in DebtorNumber.objects.filter(legal_entity=entity).values_list("number", flat=True)
    }
    number = settings.first_debtor_number
    rows = []
    for customer in without_number(entity):
        while number in taken:
            number += 1
        if len(str(number)) != settings.account_length + 1:
            text = _("There is no free debtor number of %(digits)s digits from %(first)s on.")
            raise ExportRefused(text % {"digits": settings.account_length + 1, "first": settings.first_debtor_number})
        rows.append(DebtorNumber(legal_entity=entity, customer=customer, number=str(number)))
        taken.add(number)
    DebtorNumber.objects.bulk_create(rows, batch_size=1000)
    return len(rows)
