"""T2: the database holds series and documents together, also against raw SQL; the control drops the guards."""

from collections.abc import Callable, Iterator

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from crm.domain import issuing
from crm.models import Customer, Invoice, LegalEntity, NumberSeries
from tests import factories
from tests.factories import NOW, TODAY
from tests.support.database import owner_login
from tests.support.standing import standing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quiet_broker")]


def _sql(statement: str, *values: object) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def _issued(customer: Customer, by: User) -> Invoice:
    draft = factories.draft_invoice(by=by, customer=customer)
    return issuing.issue_invoice(draft, by=by, on=TODAY, at=NOW)


def _count_without_document(invoice: Invoice, draft: Invoice) -> None:
    assert _sql("UPDATE crm_numberseries SET last_number = last_number + 1") == 1


def _issue_under(number: str) -> Callable[[Invoice, Invoice], None]:
    """Move a draft to issued with a number of one's own."""

    def run(invoice: Invoice, draft: Invoice) -> None:
        own = number.format(first=invoice.number, stem=str(invoice.number).rpartition("-")[0])
        statement = "UPDATE crm_invoice SET status = 'sent', number = %s, issued_on = %s, due_on = %s WHERE id = %s"
        assert _sql(statement, own, TODAY, TODAY, draft.pk) == 1

    return run


def _count_for_another_year(invoice: Invoice, draft: Invoice) -> None:
    series = NumberSeries.objects.create(
        legal_entity=invoice.legal_entity, kind="deal", year=1999, starts_after=7, last_number=7
    )
    assert _sql("UPDATE crm_numberseries SET last_number = 8 WHERE id = %s", series.pk) == 1


ATTACKS = {
    "a number without document": _count_without_document,
    "a number without document in a new series": _count_for_another_year,
    "a number of the future": _issue_under("{stem}-000009"),
    "a free text": _issue_under("2026/7"),
    "digits without end": _issue_under("{stem}-" + "9" * 30),
    "another prefix": _issue_under("X{first}"),
    "fewer zeros": _issue_under("{stem}-1"),
}


@pytest.fixture
@standing
def books(customer_a: Customer, legal_entity: LegalEntity, root: User) -> tuple[Invoice, Invoice]:
    """One issued invoice, one draft, one series for all customers."""
    LegalEntity.objects.filter(pk=legal_entity.pk).update(number_scope="entity")
    return _issued(customer_a, root), factories.draft_invoice(by=root, customer=customer_a)


@pytest.fixture
def unguarded() -> Iterator[None]:
    """Without the two guards."""
    triggers = {"zz_used": "crm_numberseries", "ac_counted": "crm_invoice"}

    def switch(verb: str) -> None:
        with owner_login(), connection.cursor() as cursor:
            for trigger, table in triggers.items():
                cursor.execute(f"ALTER TABLE {table} {verb} TRIGGER {trigger}")

    switch("DISABLE")
    yield
    switch("ENABLE")


def _state() -> list[object]:
    return [*NumberSeries.objects.order_by("pk").values(), *Invoice.objects.order_by("pk").values("number", "status")]


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_raw_sql_cannot_part_numbers_and_documents(
    attack: Callable[[Invoice, Invoice], None], books: tuple[Invoice, Invoice]
) -> None:
    before = _state()
    with pytest.raises(IntegrityError, match=r"no document has it|comes from no series"), transaction.atomic():
        attack(*books)
    assert _state() == before


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_control_without_the_guards_it_can(
    attack: Callable[[Invoice, Invoice], None], books: tuple[Invoice, Invoice], unguarded: None
) -> None:
    before = _state()
    with transaction.atomic():
        attack(*books)
    assert _state() != before


@pytest.mark.parametrize("scope", ["entity", "customer"])
def test_a_series_goes_on_after_the_last_number_of_the_former_system(
    scope: str, customer_a: Customer, legal_entity: LegalEntity, root: User
) -> None:
    LegalEntity.objects.filter(pk=legal_entity.pk).update(number_scope=scope)
    NumberSeries.objects.create(
        legal_entity=legal_entity, kind="deal", year=TODAY.year, starts_after=9998, last_number=9998,
        customer=customer_a if scope == "customer" else None,
    )  # fmt: skip
    numbers = [str(_issued(customer_a, root).number).rpartition("-")[2] for _ in range(3)]
    width = 6 if scope == "entity" else 4
    assert numbers == [f"{n:0{width}d}" for n in (9999, 10000, 10001)]
    with pytest.raises(IntegrityError, match="only counts up"):
        NumberSeries.objects.update(starts_after=0)


def test_a_series_begins_at_its_start(legal_entity: LegalEntity) -> None:
    with pytest.raises(IntegrityError, match="begins at its start"):
        NumberSeries.objects.create(legal_entity=legal_entity, kind="deal", year=1999, starts_after=4, last_number=5)
