"""What the API shows of accounts: the statement of a customer, receivables by age."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from crm.api import examples
from crm.domain.ledger.ageing import CurrencyTotal, Receivable, totals
from crm.domain.ledger.queries import Account
from crm.domain.ledger.statement import Statement
from crm.engine.ageing import Aged
from crm.enums import EntryKind
from crm.models import LegalEntity
from hashinsight.common.api.fields import MoneyField
from hashinsight.common.money import CURRENCY_CHOICES

AGES = ("not_due", "days_1_to_30", "days_31_to_60", "days_61_to_90", "days_over_90")
ENTITY_ID = "0199f3b6-5a88-7e9c-8faa-3a2b1c0d9e55"
_AGES = {"not_due": "0.00", "days_1_to_30": "928.00", "days_31_to_60": "0.00"}
_AGES |= {"days_61_to_90": "0.00", "days_over_90": "0.00"}


class AgesSerializer(serializers.Serializer[Any]):
    """Open amounts by days past their due date."""

    not_due = MoneyField()
    days_1_to_30 = MoneyField()
    days_31_to_60 = MoneyField()
    days_61_to_90 = MoneyField()
    days_over_90 = MoneyField()
    total = MoneyField()


class StatementLineSerializer(serializers.Serializer[Any]):
    """One movement. ``moved`` went from a credit to an invoice and changes no balance."""

    posted_on = serializers.DateField(read_only=True)
    kind = serializers.ChoiceField(choices=EntryKind.choices, read_only=True)
    reverses = serializers.CharField(read_only=True)
    invoice = serializers.CharField(read_only=True)
    text = serializers.CharField(read_only=True)
    charged = MoneyField()
    paid_or_credited = MoneyField()
    moved = MoneyField()
    balance = MoneyField()


class OpenInvoiceSerializer(serializers.Serializer[Any]):
    """What was open at the end of the last day."""

    number = serializers.CharField(read_only=True)
    issued_on = serializers.DateField(read_only=True)
    due_on = serializers.DateField(read_only=True)
    outstanding = MoneyField()


class AccountSerializer(serializers.Serializer[Any]):
    """An account of the customer, and what it owes there now; below zero: what we hold."""

    legal_entity = serializers.UUIDField(read_only=True)
    legal_entity_name = serializers.CharField(read_only=True)
    currency = serializers.ChoiceField(choices=CURRENCY_CHOICES, read_only=True)
    balance = MoneyField()


@extend_schema_serializer(
    examples=[
        examples.shown(
            customer=examples.CUSTOMER_ID, legal_entity=ENTITY_ID, legal_entity_name="Nordlicht Hosting GmbH",
            currency="EUR", first_on="2026-09-01", last_on="2026-11-30", opening="0.00", charged="1428.00",
            paid_or_credited="500.00", closing="928.00", held="0.00",
            lines=[
                {"posted_on": "2026-10-01", "kind": "invoice", "reverses": "", "invoice": "INV-K7XW2M-2026-0001",
                 "text": "INV-K7XW2M-2026-0001", "charged": "1428.00", "paid_or_credited": "0.00", "moved": "0.00",
                 "balance": "1428.00"},
                {"posted_on": "2026-10-12", "kind": "payment", "reverses": "", "invoice": "INV-K7XW2M-2026-0001",
                 "text": "Part payment", "charged": "0.00", "paid_or_credited": "500.00", "moved": "0.00",
                 "balance": "928.00"},
            ],
            ages={**_AGES, "total": "928.00"},
            open_invoices=[{"number": "INV-K7XW2M-2026-0001", "issued_on": "2026-10-01", "due_on": "2026-11-15",
                            "outstanding": "928.00"}],
            accounts=[{"legal_entity": ENTITY_ID, "legal_entity_name": "Nordlicht Hosting GmbH", "currency": "EUR",
                       "balance": "928.00"}],
        )
    ]
)  # fmt: skip
class StatementSerializer(serializers.Serializer[Any]):
    """An account in one currency with one of our companies: opening, every movement, closing; as the ledger has it."""

    customer = serializers.UUIDField(read_only=True)
    legal_entity = serializers.UUIDField(read_only=True, allow_null=True)
    legal_entity_name = serializers.CharField(read_only=True)
    currency = serializers.ChoiceField(choices=CURRENCY_CHOICES, read_only=True)
    first_on = serializers.DateField(read_only=True)
    last_on = serializers.DateField(read_only=True)
    opening = MoneyField()
    charged = MoneyField()
    paid_or_credited = MoneyField()
    closing = MoneyField()
    held = MoneyField()
    lines = StatementLineSerializer(many=True, read_only=True)
    ages = AgesSerializer(read_only=True)
    open_invoices = OpenInvoiceSerializer(many=True, read_only=True)
    accounts = AccountSerializer(many=True, read_only=True)


class _Row:
    """Plain values under the names a serializer reads."""

    def __init__(self, **values: Any) -> None:
        vars(self).update(values)


def _ages(ageing: Aged, currency: str) -> dict[str, Any]:
    return {**dict(zip(AGES, ageing.amounts, strict=True)), "total": ageing.total, "currency": currency}


def statement_body(
    found: Statement, entity: LegalEntity | None, accounts: list[Account], entities: Mapping[int, LegalEntity]
) -> dict[str, Any]:
    """A statement as the API answers it."""
    currency = found.currency
    row = _Row(
        customer=found.customer.public_id, legal_entity=entity.public_id if entity else None,
        legal_entity_name=entity.name if entity else "", currency=currency, first_on=found.first, last_on=found.last,
        opening=found.opening, charged=found.debits, paid_or_credited=found.credits, closing=found.closing,
        held=found.held, ages=_Row(**_ages(found.ageing, currency)),
        lines=[
            _Row(
                posted_on=line.posted_on, kind=line.kind, reverses=line.reverses, invoice=line.invoice, text=line.text,
                charged=line.debit, paid_or_credited=line.credit, moved=line.moved, balance=line.balance,
                currency=currency,
            )
            for line in found.lines
        ],
        open_invoices=[
            _Row(
                number=item.number, issued_on=item.issued_on, due_on=item.due_on, outstanding=item.amount,
                currency=currency,
            )
            for item in found.items
        ],
        accounts=[
            _Row(
                legal_entity=entities[one.legal_entity_id].public_id,
                legal_entity_name=entities[one.legal_entity_id].name, currency=one.currency, balance=one.balance,
            )
            for one in accounts
        ],
    )  # fmt: skip
    return dict(StatementSerializer(row).data)


class AgedSerializer(AgesSerializer):
    """The sums of one currency."""

    currency = serializers.ChoiceField(choices=CURRENCY_CHOICES, read_only=True)
    held = MoneyField()
    net = MoneyField()
    disputed = MoneyField(allow_null=True)


class AgedCustomerSerializer(AgedSerializer):
    """What one customer owes in one currency."""

    customer = serializers.UUIDField(read_only=True)
    number = serializers.CharField(read_only=True)
    company_name = serializers.CharField(read_only=True)


@extend_schema_serializer(
    examples=[
        examples.shown(
            on="2026-11-30",
            rows=[
                {"customer": examples.CUSTOMER_ID, "number": "K7XW2M", "company_name": "Aurora Mining AG",
                 "currency": "EUR", **_AGES, "total": "928.00", "held": "0.00", "net": "928.00", "disputed": "200.00"}
            ],
            totals=[{"currency": "EUR", **_AGES, "total": "928.00", "held": "0.00", "net": "928.00",
                     "disputed": "200.00"}],
        )
    ]
)  # fmt: skip
class AgeingSerializer(serializers.Serializer[Any]):
    """Receivables by age at the end of a day; ``disputed`` is null for clients: disputes are the house's notes."""

    on = serializers.DateField(read_only=True)
    rows = AgedCustomerSerializer(many=True, read_only=True)
    totals = AgedSerializer(many=True, read_only=True)


def ageing_body(rows: list[Receivable], *, on: Any, disputes: bool) -> dict[str, Any]:
    """Receivables as the API answers them."""

    def sums(row: Receivable | CurrencyTotal) -> dict[str, Any]:
        disputed: Decimal | None = (row.disputed or Decimal(0)) if disputes else None
        return {**_ages(row.ageing, row.currency), "held": row.held, "net": row.net, "disputed": disputed}

    body = _Row(
        on=on,
        rows=[
            _Row(
                customer=row.customer.public_id, number=row.customer.code, company_name=row.customer.company_name,
                **sums(row),
            )
            for row in rows
        ],
        totals=[_Row(**sums(total)) for total in totals(rows)],
    )  # fmt: skip
    return dict(AgeingSerializer(body).data)
