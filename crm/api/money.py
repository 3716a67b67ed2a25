"""What the API shows and takes of customers' money: credits, what they were used for, refunds, write-offs."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from crm.api import examples
from crm.api.inputs import currency_code, line, positive, text
from crm.enums import CreditKind, PaymentMethod, WriteOffKind
from crm.models import CreditApplication, Customer, CustomerCredit, Invoice, LegalEntity, Refund, WriteOff
from hashinsight.common.api.fields import (
    AmountInput,
    InputSerializer,
    MoneyField,
    OutputSerializer,
    VisibleIdField,
    link,
    public_id,
)

CREDIT_ID = "0199f3b2-1c44-7a5e-8b66-9c8d7e6f5a11"


def _recorded_by() -> serializers.UUIDField:
    return serializers.UUIDField(source="created_by_id", read_only=True, allow_null=True)


def _reversed_on() -> serializers.DateField:
    return serializers.DateField(source="reversal.reversed_on", read_only=True, allow_null=True, default=None)


def _shown(**body: Any) -> OpenApiExample:
    return OpenApiExample("answer", value=body, response_only=True, status_codes=["200", "201"])


@extend_schema_serializer(
    examples=[
        _shown(
            id=CREDIT_ID, customer=examples.CUSTOMER_ID, kind="deposit", amount="5000.00", balance="3572.00",
            currency="EUR", received_on="2026-11-02", method="bank_transfer", reference="Advance November",
            invoice=None, payment=None, reversed_on=None, created_at=examples.CREATED,
        )
    ]
)  # fmt: skip
class CreditSerializer(OutputSerializer):
    """Money of a customer that belongs to no invoice: a deposit, an overpayment, a credit note after payment."""

    id = public_id()
    customer = public_id("customer.public_id")
    kind = serializers.ChoiceField(choices=CreditKind.choices, read_only=True)
    amount = MoneyField()
    balance = MoneyField()
    method = serializers.CharField(read_only=True)  # a method or nothing
    invoice = link("invoice")
    payment = link("payment")
    reversed_on = serializers.DateField(read_only=True, allow_null=True)
    legal_entity = link("legal_entity")
    recorded_by = _recorded_by()

    class Meta:
        model = CustomerCredit
        fields = (
            "id", "customer", "kind", "amount", "balance", "currency", "received_on", "method", "reference", "invoice",
            "payment", "reversed_on", "created_at", "legal_entity", "note", "recorded_by",
        )  # fmt: skip
        read_only_fields = fields
        staff_fields = ("legal_entity", "note", "recorded_by")


@extend_schema_serializer(
    examples=[
        _shown(
            id="0199f3b3-2d55-7b6f-9c77-0d9e8f7a6b22", customer=examples.CUSTOMER_ID, credit=CREDIT_ID,
            invoice=examples.INVOICE_ID, amount="1428.00", currency="EUR", applied_on="2026-11-12", reversed_on=None,
            created_at=examples.CREATED,
        )
    ]
)  # fmt: skip
class CreditApplicationSerializer(OutputSerializer):
    """A part of a credit used to settle an invoice."""

    id = public_id()
    customer = public_id("customer.public_id")
    credit = public_id("credit.public_id")
    invoice = public_id("invoice.public_id")
    amount = MoneyField()
    reversed_on = _reversed_on()
    recorded_by = _recorded_by()

    class Meta:
        model = CreditApplication
        fields = (
            "id", "customer", "credit", "invoice", "amount", "currency", "applied_on", "reversed_on", "created_at",
            "recorded_by",
        )  # fmt: skip
        read_only_fields = fields
        staff_fields = ("recorded_by",)


@extend_schema_serializer(
    examples=[
        _shown(
            id="0199f3b4-3e66-7c7a-8d88-1e0f9a8b7c33", customer=examples.CUSTOMER_ID, credit=CREDIT_ID, payment=None,
            amount="500.00", currency="EUR", refunded_on="2026-11-14", method="bank_transfer", reference="Refund 17",
            reversed_on=None, created_at=examples.CREATED,
        )
    ]
)  # fmt: skip
class RefundSerializer(OutputSerializer):
    """Money paid back: out of a credit, or of a payment, whose invoice is open again then."""

    id = public_id()
    customer = public_id("customer.public_id")
    credit = link("credit")
    payment = link("payment")
    amount = MoneyField()
    reversed_on = _reversed_on()
    recorded_by = _recorded_by()

    class Meta:
        model = Refund
        fields = (
            "id", "customer", "credit", "payment", "amount", "currency", "refunded_on", "method", "reference",
            "reversed_on", "created_at", "reason", "recorded_by",
        )  # fmt: skip
        read_only_fields = fields
        staff_fields = ("reason", "recorded_by")


@extend_schema_serializer(
    examples=[
        _shown(
            id="0199f3b5-4f77-7d8b-9e99-2f1a0b9c8d44", customer=examples.CUSTOMER_ID, invoice=examples.INVOICE_ID,
            kind="bad_debt", amount="1428.00", currency="EUR", written_off_on="2026-11-20",
            reason="Insolvency proceedings", reversed_on=None, recorded_by=examples.USER_ID,
            created_at=examples.CREATED,
        )
    ]
)  # fmt: skip
class WriteOffSerializer(OutputSerializer):
    """A claim given up. For staff only."""

    id = public_id()
    customer = public_id("customer.public_id")
    invoice = public_id("invoice.public_id")
    amount = MoneyField()
    reversed_on = _reversed_on()
    recorded_by = _recorded_by()

    class Meta:
        model = WriteOff
        fields = (
            "id", "customer", "invoice", "kind", "amount", "currency", "written_off_on", "reason", "reversed_on",
            "recorded_by", "created_at",
        )  # fmt: skip
        read_only_fields = fields


@extend_schema_serializer(
    examples=[
        examples.sent(
            customer=examples.CUSTOMER_ID, amount="5000.00", currency="EUR", received_on="2026-11-02",
            reference="Advance November",
        )
    ]
)  # fmt: skip
class DepositInput(InputSerializer):
    """Money received without an invoice."""

    customer = VisibleIdField(Customer)
    amount = AmountInput(validators=[positive])
    currency = currency_code()
    received_on = serializers.DateField()
    method = serializers.ChoiceField(choices=PaymentMethod.choices, default=PaymentMethod.BANK_TRANSFER.value)
    legal_entity = VisibleIdField(LegalEntity, required=False, allow_null=True)
    reference = line(140)
    note = text(300)


@extend_schema_serializer(examples=[examples.sent(invoice=examples.INVOICE_ID, amount="1428.00")])
class ApplyInput(InputSerializer):
    """Which invoice the credit settles, and how much of it."""

    invoice = VisibleIdField(Invoice)
    amount = AmountInput(validators=[positive])


@extend_schema_serializer(examples=[examples.sent(amount="500.00", reason="Asked for by letter of 12 November")])
class RefundInput(InputSerializer):
    """Money paid back; ``on`` is today where nothing is said."""

    amount = AmountInput(validators=[positive])
    reason = line(300, needed=True)
    on = serializers.DateField(required=False)
    method = serializers.ChoiceField(choices=PaymentMethod.choices, default=PaymentMethod.BANK_TRANSFER.value)
    reference = line(140)


@extend_schema_serializer(examples=[examples.sent(amount="1428.00", kind="bad_debt", reason="Insolvency proceedings")])
class WriteOffInput(InputSerializer):
    """A claim given up; ``on`` is today where nothing is said."""

    amount = AmountInput(validators=[positive])
    kind = serializers.ChoiceField(choices=WriteOffKind.choices)
    reason = line(300, needed=True)
    on = serializers.DateField(required=False)


@extend_schema_serializer(examples=[examples.sent(reason="Typed twice")])
class ReverseInput(InputSerializer):
    """Why it is taken back; ``on``, the day of the counter-entry, is today where nothing is said."""

    reason = line(300, needed=True)
    on = serializers.DateField(required=False)
