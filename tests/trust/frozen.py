"""An issued invoice with all that hangs on it, its fingerprint, and every path by which somebody may try to change it.

The write paths per field are generated from ``_meta``: a column added tomorrow is attacked tomorrow.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pgtrigger
import psycopg
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, models, transaction
from django.db.models import ProtectedError, RestrictedError

from accounts.models import User
from crm.domain import deals, documents, invoicing, issuing, payments
from crm.models import (
    Customer,
    Deal,
    DealLine,
    Invoice,
    InvoiceDocument,
    InvoiceLine,
    LegalEntity,
    NumberSeries,
    Payment,
    Product,
    TaxCode,
)
from hashinsight.common.errors import DomainError
from tests import factories
from tests.factories import NOW, TODAY

FROZEN_MODELS: tuple[type[models.Model], ...] = (Invoice, InvoiceLine, InvoiceDocument, Payment, NumberSeries)
# Kept by a trigger and moved by each booking; whatever is written into them by hand is overruled by the trigger.
BOOKKEEPING = {"version", "updated_at"}
REFUSALS = (
    psycopg.Error,
    DatabaseError,
    DomainError,
    ValidationError,
    ProtectedError,
    RestrictedError,
    ValueError,
    TypeError,
)
Path = Callable[[], Any]


@dataclass
class Frozen:
    """The attacked rows and others of the same kind that a foreign key could be bent to."""

    by: User
    entity: LegalEntity
    customer: Customer
    product: Product
    tax_code: TaxCode
    deal: Deal
    invoice: Invoice
    document: InvoiceDocument
    payment: Payment
    other: Invoice
    other_draft: Invoice
    targets: dict[type[models.Model], models.Model] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """Hash over every column of every frozen row that belongs to the invoice, and over their number."""
        rows = []
        with connection.cursor() as cursor:
            for table, condition in (
                ("crm_invoice", "id = %s"),
                ("crm_invoiceline", "invoice_id = %s"),
                ("crm_invoicedocument", "invoice_id = %s"),
                ("crm_payment", "invoice_id = %s"),
            ):
                cursor.execute(
                    f"SELECT to_jsonb(t) - 'version' - 'updated_at' FROM {table} t WHERE {condition} ORDER BY id",
                    [self.invoice.pk],
                )
                rows.append(cursor.fetchall())
            cursor.execute("SELECT to_jsonb(t) FROM crm_numberseries t ORDER BY id")
            rows.append(cursor.fetchall())
        return hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()

    def row(self, model: type[models.Model]) -> Any:
        """The attacked row of a model, fresh."""
        rows: dict[type[models.Model], Any] = {
            Invoice: lambda: Invoice.objects.get(pk=self.invoice.pk),
            InvoiceLine: lambda: InvoiceLine.objects.filter(invoice=self.invoice).order_by("position")[0],
            InvoiceDocument: lambda: InvoiceDocument.objects.get(pk=self.document.pk),
            Payment: lambda: Payment.objects.get(pk=self.payment.pk),
            NumberSeries: lambda: NumberSeries.objects.filter(kind="deal", customer=self.customer).get(),
        }
        return rows[model]()


def build(by: User) -> Frozen:
    """An overpayable invoice of two taxed lines, partly paid, with a stored document; and bystanders."""
    entity, customer = factories.LegalEntityFactory(), factories.CustomerFactory()
    tax_code = factories.standard_tax()
    product = factories.ProductFactory(tax_code=tax_code)
    deal = factories.DealFactory(customer=customer, legal_entity=entity)
    deals.set_lines(
        deal,
        lines=[
            DealLine(product=product, description="Rack", quantity=Decimal(2), unit_price=Decimal("100")),
            DealLine(product=product, description="Power", quantity=Decimal("3.5"), unit_price=Decimal("10.01")),
        ],
    )
    draft = invoicing.draft_from_deal(factories.signed(deal, by=by), by=by, at=NOW)
    invoice = issuing.issue_invoice(draft, by=by, on=TODAY, at=NOW)
    document = documents.store_document(invoice, content=b"%PDF-1.7 original", template_version="1", at=NOW)
    payment = payments.record_payment(
        invoice, amount=Decimal("10"), currency="USD", received_on=TODAY, by=by, on=TODAY, at=NOW, reference="first"
    )
    other_customer = factories.CustomerFactory()
    other = issuing.issue_invoice(
        invoicing.draft_from_deal(
            factories.signed_deal(by=by, customer=other_customer, legal_entity=entity), by=by, at=NOW
        ),
        by=by,
        on=TODAY,
        at=NOW,
    )
    other_draft = invoicing.draft_from_deal(
        factories.signed_deal(by=by, customer=customer, legal_entity=entity), by=by, at=NOW
    )
    frozen = Frozen(
        by, entity, customer, product, tax_code, deal, invoice.reload(), document, payment, other, other_draft
    )
    frozen.targets = {
        Customer: factories.CustomerFactory(),
        Deal: factories.DealFactory(customer=customer),
        LegalEntity: factories.LegalEntityFactory(),
        Invoice: other,
        Product: factories.ProductFactory(),
        TaxCode: factories.standard_tax("7"),
        User: factories.UserFactory(),
    }
    return frozen


def another_value(row: models.Model, column: models.Field, targets: dict[type[models.Model], models.Model]) -> Any:
    """A value of the right type that differs from the stored one and that the column would take."""
    old = getattr(row, column.attname)
    if column.primary_key:
        return old + 1_000_000
    if column.is_relation:
        return targets[column.related_model].pk
    if column.flatchoices:
        return next((value for value, _label in column.flatchoices if value != old), "~")
    changes: list[tuple[type | tuple[type, ...], Callable[[Any], Any]]] = [
        (bool, lambda v: not v),
        (int, lambda v: v + 5),
        (Decimal, lambda v: v + 1),
        (datetime, lambda v: v + timedelta(days=1)),
        (date, lambda v: v + timedelta(days=1)),
        (str, lambda v: f"{v[:-1]}~" if v else "~"),
        (dict, lambda v: {**v, "name": "somebody else"}),
        ((bytes, memoryview), lambda v: b"%PDF-1.7 forged"),
    ]
    for kind, change in changes:
        if isinstance(old, kind):
            return change(old)
    if old is None and isinstance(column, models.DecimalField):
        return Decimal(1)
    if old is None:
        return TODAY if isinstance(column, models.DateField) else 1 if isinstance(column, models.IntegerField) else "~"
    return type(old)(int=old.int + 1)  # UUID


def columns(model: type[models.Model]) -> list[models.Field]:
    """Every concrete field that must stand still."""
    skipped = BOOKKEEPING if model is Invoice else set()
    return [column for column in model._meta.concrete_fields if column.name not in skipped]


def write_paths(frozen: Frozen, model: type[models.Model], column: models.Field) -> Iterator[tuple[str, Path]]:
    """All ways of writing one field of one row."""
    row = frozen.row(model)
    value = another_value(row, column, frozen.targets)
    name, pk = column.attname, row.pk
    table, quoted = model._meta.db_table, f'"{column.column}"'
    raw = column.get_db_prep_save(value, connection)

    def changed() -> Any:
        setattr(row, name, value)
        return row

    def sql(statement: str) -> Path:
        def run() -> None:
            with connection.cursor() as cursor:
                cursor.execute(statement, [raw, pk])

        return run

    mine = model._base_manager.filter(pk=pk)
    key = {column.name if not column.is_relation else name: value}
    if column.primary_key:
        yield "update()", lambda: mine.update(id=value)
    else:
        yield "save()", lambda: changed().save()
        yield "save(update_fields)", lambda: changed().save(update_fields=[column.name])
        yield "update()", lambda: mine.update(**key)
        yield "select_for_update().update()", lambda: mine.select_for_update().update(**key)
        yield "bulk_update", lambda: model._base_manager.bulk_update([changed()], [column.name])
        yield "update_or_create", lambda: model._base_manager.update_or_create(pk=pk, defaults=key)
        yield (
            "bulk_create(update_conflicts)",
            lambda: model._base_manager.bulk_create(
                [changed()], update_conflicts=True, update_fields=[column.name], unique_fields=["id"]
            ),
        )
    yield "raw UPDATE", sql(f"UPDATE {table} SET {quoted} = %s WHERE id = %s")
    yield "raw UPDATE in a WITH", sql(f"WITH x AS (UPDATE {table} SET {quoted} = %s WHERE id = %s RETURNING 1) TABLE x")
    yield (
        "raw MERGE",
        sql(
            f"MERGE INTO {table} t USING (SELECT %s AS v, %s::bigint AS i) s ON t.id = s.i"
            f" WHEN MATCHED THEN UPDATE SET {quoted} = s.v::{_type_of(column)}"
        ),
    )
    yield "raw UPDATE as the client role", _as_client(sql(f"UPDATE {table} SET {quoted} = %s WHERE id = %s"))
    yield "raw UPDATE with triggers ignored", _ignoring(sql(f"UPDATE {table} SET {quoted} = %s WHERE id = %s"))


def _type_of(column: models.Field) -> str:
    return str(column.rel_db_type(connection) if column.is_relation else column.cast_db_type(connection))


def _as_client(path: Path) -> Path:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE hashinsight_client")
        path()

    return run


def _ignoring(path: Path) -> Path:
    def run() -> None:
        with pgtrigger.ignore():
            path()

    return run


class _Undone(Exception):
    """Ends an attempt whose effect has been looked at."""


def is_changed_by(frozen: Frozen, path: Path) -> bool:
    """Whether the path changed a frozen row; nothing it did survives this call."""
    before = frozen.fingerprint()
    changed = False
    try:
        with transaction.atomic():
            path()
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("RESET ROLE")
            changed = frozen.fingerprint() != before
            raise _Undone
    except _Undone:
        return changed
    except REFUSALS:
        return False


def survey(frozen: Frozen) -> tuple[int, list[str]]:
    """Try every write path of every field: how many were tried, and which changed something."""
    tried, changed = 0, []
    for model in FROZEN_MODELS:
        for column in columns(model):
            for name, path in list(write_paths(frozen, model, column)):
                tried += 1
                if is_changed_by(frozen, path):
                    changed.append(f"{model.__name__}.{column.name} by {name}")
    return tried, changed
