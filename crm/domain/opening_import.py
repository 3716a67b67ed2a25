"""Taking over what customers owed in a former system: everything in one transaction, or nothing."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Sum

from crm.domain import periods
from crm.domain.invoicing import new_reference
from crm.domain.ledger import vouchers
from crm.domain.ledger.posting import post_many
from crm.engine.amounts import exact_sum
from crm.engine.findings import Finding
from crm.engine.opening_files import HeldCredit, LastNumber, Opening, OpenInvoice, Place
from crm.enums import CUSTOMER_ACCOUNTS, CreditKind, EntryKind, InvoiceFormat, InvoiceKind, InvoiceStatus, NumberScope
from crm.models import Customer, CustomerCredit, Invoice, LedgerPosting, LegalEntity, NumberSeries
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError

BATCH = 1000
SOURCE = "opening import"
LISTED_IN_MESSAGE = 20
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('opening:' || %s, 0))"
CREDIT_KINDS = {"deposit": CreditKind.OPENING_DEPOSIT, "credit": CreditKind.OPENING}
ISSUE = """
UPDATE crm_invoice i SET number = v.number, status = %s, issued_on = v.issued_on
  FROM unnest(%s::bigint[], %s::text[], %s::date[]) AS v(id, number, issued_on) WHERE i.id = v.id"""


@dataclass
class OpeningReport:
    """What was made, or would be: new rows, rows that are here already, and the sums per currency."""

    dry_run: bool
    made: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    unchanged: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    totals: dict[str, Decimal] = field(default_factory=dict)
    errors: list[Finding] = field(default_factory=list)


class OpeningRefused(DomainError):
    """The files hold errors; nothing was taken. ``report`` lists every one of them."""

    code = "opening_refused"

    def __init__(self, report: OpeningReport) -> None:
        shown = [str(finding) for finding in report.errors[:LISTED_IN_MESSAGE]]
        if len(report.errors) > len(shown):
            shown.append(f"and {len(report.errors) - len(shown)} more")
        super().__init__("\n".join(["Nothing was imported.", *shown]))
        self.report = report


def import_opening(
    opening: Opening, *, legal_entity: LegalEntity, on: date, by: Any, at: datetime, dry_run: bool = False
) -> OpeningReport:
    """Take over open invoices, credits and last numbers, booked on the day ``on``. Raises OpeningRefused.

    Rows that are here already stay as they are, so that a second run changes nothing. At the end, still inside of
    the transaction, the ledger must come to the totals that the files state. A dry run does all of it and takes it
    back. One import at a time; also raises PeriodClosed.
    """
    report = OpeningReport(dry_run, errors=list(opening.errors))
    if report.errors:
        raise OpeningRefused(report)
    with transaction.atomic(), audit_context(reason="opening balances", source=SOURCE):
        with connection.cursor() as cursor:
            cursor.execute(LOCK, [str(legal_entity.pk)])
        taking = _Taking(opening, legal_entity, on, by, at, report)
        taking.look()
        if report.errors:
            raise OpeningRefused(report)
        taking.store()
        taking.compare()
        if report.errors:
            raise OpeningRefused(report)
        transaction.set_rollback(dry_run)
    return report


class _Taking:
    """One import under way."""

    def __init__(
        self, opening: Opening, entity: LegalEntity, on: date, by: Any, at: datetime, report: OpeningReport
    ) -> None:
        self.opening, self.entity, self.on, self.by, self.at, self.report = opening, entity, on, by, at, report
        self.rows: list[OpenInvoice | HeldCredit | LastNumber] = [
            *opening.invoices, *opening.credits, *opening.series,
        ]  # fmt: skip
        codes = {row.customer for row in self.rows}
        self.customers = {one.code: one for one in Customer.objects.filter(code__in=codes)}
        self.invoices: list[Invoice] = []
        self.credits: list[CustomerCredit] = []
        self.new_invoices: list[OpenInvoice] = []
        self.new_credits: list[HeldCredit] = []
        self.new_series: list[LastNumber] = []

    # --- what the files say against what is here ---------------------------------------------------------------
    def look(self) -> None:
        """Everything that is wrong is found before anything is written."""
        for row in self.rows:
            if row.customer and row.customer not in self.customers:
                self.wrong(row.place, "customer", f"no customer has the number {row.customer!r}")
        if self.report.errors:
            return
        self._look_at_series()
        self._look_at_invoices()
        self._look_at_credits()
        if self.new_invoices or self.new_credits:
            periods.check_open(self.entity, self.on)

    def wrong(self, place: Place, column: str, message: str) -> None:
        """Keeps all of it from being taken."""
        self.report.errors.append(place.error(column, message))

    def _look_at_series(self) -> None:
        known = {
            (row.kind, row.year, row.customer_id): row for row in NumberSeries.objects.filter(legal_entity=self.entity)
        }
        per_customer = self.entity.number_scope == NumberScope.CUSTOMER
        for row in self.opening.series:
            if bool(row.customer) != per_customer:
                wish = "name the customer" if per_customer else "leave it empty"
                self.wrong(row.place, "customer", f"the series of {self.entity} ask to {wish}")
                continue
            found = known.get(self._series_key(row))
            if found is None:
                self.new_series.append(row)
            elif found.starts_after == row.last_number:
                self.report.unchanged["number series"] += 1
            else:
                message = f"this series is here already and begins after {found.starts_after}"
                self.wrong(row.place, "last_number", message)

    def _series_key(self, row: LastNumber) -> tuple[str, int, int | None]:
        kind = InvoiceKind.DEAL if row.kind == "invoice" else InvoiceKind.CREDIT_NOTE
        return str(kind), row.year, self.customers[row.customer].pk if row.customer else None

    def _look_at_invoices(self) -> None:
        numbers = [row.number for row in self.opening.invoices]
        known = {str(one.number): one for one in Invoice.objects.filter(legal_entity=self.entity, number__in=numbers)}
        ours = self._our_numbers()
        for row in self.opening.invoices:
            found = known.get(row.number)
            if found is not None:
                self._compare_invoice(row, found)
            elif ours.match(row.number) and not self._was_given(row):
                self.wrong(row.place, "number", "a series of ours may give this number; state its last number")
            elif row.issued_on > self.on:
                self.wrong(row.place, "issued_on", f"lies after the day of the takeover, {self.on}")
            else:
                self.new_invoices.append(row)

    def _compare_invoice(self, row: OpenInvoice, found: Invoice) -> None:
        here = (found.customer_id, found.issued_on, found.due_on, found.currency, found.former_total, found.gross_total)
        file = (
            self.customers[row.customer].pk, row.issued_on, row.due_on, row.currency, row.gross, row.outstanding,
        )  # fmt: skip
        if not found.is_brought_along:
            self.wrong(row.place, "number", "an invoice of ours has this number")
        elif here != file:
            self.wrong(row.place, "number", "this invoice is here already, with other figures")
        else:
            self.report.unchanged["open invoices"] += 1
            self.invoices.append(found)

    def _our_numbers(self) -> "re.Pattern[str]":
        prefixes = "|".join(re.escape(one) for one in (self.entity.number_prefix, self.entity.credit_note_prefix))
        return re.compile(rf"^(?:{prefixes})-(?:[A-Z0-9]+-)?[0-9]{{4}}-[0-9]{{4,}}$")

    def _was_given(self, row: OpenInvoice) -> bool:
        """Whether the number lies within what the former system gave of a series, and has its very form."""
        *_first, year, counted = row.number.split("-")
        kind = "credit_note" if row.number.startswith(f"{self.entity.credit_note_prefix}-") else "invoice"
        prefix = self.entity.credit_note_prefix if kind == "credit_note" else self.entity.number_prefix
        stated = [(one.kind, one.year, one.customer, one.last_number) for one in self.opening.series]
        for series_kind, series_year, customer, last in stated:
            form = (
                f"{prefix}-{customer}-{year}-{int(counted):04d}" if customer else f"{prefix}-{year}-{int(counted):06d}"
            )
            if (series_kind, str(series_year)) == (kind, year) and int(counted) <= last and form == row.number:
                return True
        return False

    def _look_at_credits(self) -> None:
        rows = CustomerCredit.objects.filter(legal_entity=self.entity, kind__in=CREDIT_KINDS.values())
        known = {(one.customer_id, one.currency, one.reference): one for one in rows}
        for row in self.opening.credits:
            found = known.get((self.customers[row.customer].pk, row.currency, row.reference))
            if found is None:
                if row.received_on > self.on:
                    self.wrong(row.place, "received_on", f"lies after the day of the takeover, {self.on}")
                self.new_credits.append(row)
            elif (found.kind, found.amount, found.received_on) != (CREDIT_KINDS[row.kind], row.amount, row.received_on):
                self.wrong(row.place, "reference", "this credit is here already, with other figures")
            else:
                self.report.unchanged["credits"] += 1
                self.credits.append(found)

    # --- writing -----------------------------------------------------------------------------------------------
    def store(self) -> None:
        """Series first: the database asks them about the numbers."""
        NumberSeries.objects.bulk_create(
            [
                NumberSeries(
                    legal_entity=self.entity, kind=kind, year=year, customer_id=customer,
                    starts_after=row.last_number, last_number=row.last_number,
                )
                for row in self.new_series
                for kind, year, customer in [self._series_key(row)]
            ]
        )  # fmt: skip
        self.report.made["number series"] += [
            f"{row.kind} {row.year} {row.customer} after {row.last_number}" for row in self.new_series
        ]
        self._store_invoices()
        self._store_credits()

    def _store_invoices(self) -> None:
        rows = self.new_invoices
        drafts = Invoice.objects.bulk_create([self._draft(row) for row in rows], batch_size=BATCH)
        for place in range(0, len(rows), BATCH):
            part, these = rows[place : place + BATCH], drafts[place : place + BATCH]
            with connection.cursor() as cursor:
                values: list[Any] = [
                    [one.pk for one in these],
                    [row.number for row in part],
                    [row.issued_on for row in part],
                ]
                cursor.execute(ISSUE, [InvoiceStatus.SENT.value, *values])
            for row, draft in zip(part, these, strict=True):
                draft.number, draft.issued_on = row.number, row.issued_on
            post_many([vouchers.of_opening_invoice(one, on=self.on, by=self.by, at=self.at) for one in these])
        self.invoices += drafts
        self.report.made["open invoices"] += [
            f"{row.number} {row.customer} {row.outstanding} of {row.gross} {row.currency}, due {row.due_on}"
            for row in rows
        ]

    def _draft(self, row: OpenInvoice) -> Invoice:
        customer = self.customers[row.customer]
        return Invoice(
            customer=customer, legal_entity=self.entity, kind=InvoiceKind.OPENING, reference=new_reference(),
            currency=row.currency, language=customer.language, net_total=row.outstanding, tax_total=Decimal(0),
            gross_total=row.outstanding, former_total=row.gross, due_on=row.due_on,
            payment_terms_days=min((row.due_on - row.issued_on).days, 365), created_at=self.at,
            seller={"name": self.entity.name},
            buyer={
                "name": customer.company_name,
                "customer_number": customer.code,
                "invoice_format": InvoiceFormat.PDF.value,
            },
        )  # fmt: skip

    def _store_credits(self) -> None:
        rows = self.new_credits
        made = CustomerCredit.objects.bulk_create(
            [
                CustomerCredit(
                    customer=self.customers[row.customer], legal_entity=self.entity, kind=CREDIT_KINDS[row.kind],
                    amount=row.amount, currency=row.currency, received_on=row.received_on, reference=row.reference,
                    created_by=self.by, created_at=self.at,
                )
                for row in rows
            ],
            batch_size=BATCH,
        )  # fmt: skip
        for place in range(0, len(made), BATCH):
            part = made[place : place + BATCH]
            post_many([vouchers.of_opening_credit(one, on=self.on, at=self.at) for one in part])
        self.credits += made
        self.report.made["credits"] += [
            f"{row.kind} {row.reference} {row.customer} {row.amount} {row.currency}" for row in rows
        ]

    # --- what came of it ----------------------------------------------------------------------------------------
    def compare(self) -> None:
        """The opening entries in the ledger against the totals that the files state."""
        sums: dict[str, list[Decimal]] = defaultdict(list)
        for kind, items in ((EntryKind.OPENING_INVOICE, self.invoices), (EntryKind.OPENING_CREDIT, self.credits)):
            for currency, amount in _booked(kind, [one.pk for one in items]):
                sums[currency].append(amount)
        self.report.totals = {currency: exact_sum(amounts) for currency, amounts in sorted(sums.items())}
        for currency in sorted(self.report.totals.keys() | self.opening.totals.keys()):
            booked, stated = self.report.totals.get(currency, Decimal(0)), self.opening.totals.get(currency, Decimal(0))
            if booked != stated:
                place = self.opening.total_places.get(currency, Place("totals.csv", 1))
                self.wrong(place, "total", f"the ledger comes to {booked} {currency}, not to {stated}")


def _booked(kind: EntryKind, sources: Sequence[int]) -> list[tuple[str, Decimal]]:
    rows = LedgerPosting.objects.filter(
        entry__kind=kind, entry__source_id__in=sources, kind__in=CUSTOMER_ACCOUNTS
    ).values_list("currency")
    return [
        (currency, debits - credits)
        for currency, debits, credits in rows.annotate(d=Sum("debit"), c=Sum("credit")).order_by("currency")
    ]
