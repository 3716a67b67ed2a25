"""What the API shows and takes of contracts."""

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from crm.api import examples
from crm.api.inputs import currency_code, line, text
from crm.enums import ContractStatus
from crm.models import Contract, Customer, Deal, LegalEntity
from hashinsight.common.api.fields import (
    InputSerializer,
    OutputSerializer,
    TrimmedDecimalField,
    VisibleIdField,
    link,
    public_id,
)

CONTRACT_ID = "0199f3b6-2d10-7c41-9e02-5b7a8c9d0e11"
LONGEST_TERM_DAYS = 1095


@extend_schema_serializer(
    examples=[
        examples.shown(
            id=CONTRACT_ID,
            customer=examples.CUSTOMER_ID,
            number="C-2026-014",
            title="Hosting of 600 machines",
            status="active",
            currency="EUR",
            payment_terms_days=14,
            billing_day=1,
            sla_uptime_percent="98.5",
            starts_on="2026-11-01",
            ends_on="2028-11-01",
            notice_days=90,
            renewal_months=12,
            notice_given_on=None,
            end_reason="",
            activated_at=examples.CREATED,
            created_at=examples.CREATED,
            updated_at=examples.CREATED,
        )
    ]
)
class ContractSerializer(OutputSerializer):
    """What was agreed for a term: days, notice, currency, day of billing, promised uptime."""

    id = public_id()
    customer = public_id("customer.public_id")
    status = serializers.ChoiceField(choices=ContractStatus.choices, read_only=True)
    sla_uptime_percent = TrimmedDecimalField(allow_null=True)
    deal = link("deal")
    legal_entity = link("legal_entity")
    tax_code = serializers.CharField(source="tax_code.code", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Contract
        fields = (
            "id", "customer", "number", "title", "status", "currency", "payment_terms_days", "billing_day",
            "sla_uptime_percent", "starts_on", "ends_on", "notice_days", "renewal_months", "notice_given_on",
            "end_reason", "activated_at", "created_at", "updated_at", "deal", "legal_entity", "tax_code",
            "internal_note",
        )  # fmt: skip
        read_only_fields = fields
        staff_fields = ("deal", "legal_entity", "tax_code", "internal_note")


class ContractFields(InputSerializer):
    """Columns of a contract that may be set while it runs."""

    deal = VisibleIdField(Deal, required=False, allow_null=True)
    legal_entity = VisibleIdField(LegalEntity, required=False, allow_null=True)
    payment_terms_days = serializers.IntegerField(min_value=0, max_value=365, required=False, allow_null=True)
    billing_day = serializers.IntegerField(min_value=1, max_value=28, required=False)
    sla_uptime_percent = serializers.DecimalField(
        max_digits=6, decimal_places=3, min_value=0, max_value=100, required=False, allow_null=True
    )
    ends_on = serializers.DateField(required=False, allow_null=True)
    notice_days = serializers.IntegerField(min_value=0, max_value=LONGEST_TERM_DAYS, required=False)
    renewal_months = serializers.IntegerField(min_value=0, max_value=120, required=False)
    internal_note = text(10_000)


def _number() -> serializers.CharField:
    return line(40, needed=True)


@extend_schema_serializer(
    examples=[
        examples.sent(
            customer=examples.CUSTOMER_ID, number="C-2026-014", title="Hosting of 600 machines", currency="EUR",
            starts_on="2026-11-01", notice_days=90,
        )
    ]
)  # fmt: skip
class ContractInput(ContractFields):
    """A new draft."""

    customer = VisibleIdField(Customer)
    number = _number()
    title = line(needed=True)
    currency = currency_code(required=False)
    starts_on = serializers.DateField()


@extend_schema_serializer(examples=[examples.sent(notice_days=60)])
class ContractChange(ContractFields):
    """Columns to change; customer, number, currency and first day are settled once the contract is in force."""

    customer = VisibleIdField(Customer)
    number = _number()
    title = line(needed=True)
    currency = currency_code(required=False)
    starts_on = serializers.DateField()


@extend_schema_serializer(examples=[examples.sent(on="2026-11-20", ends_on="2027-03-01", reason="Moves to a new site")])
class NoticeInput(InputSerializer):
    """When notice was given, and the first day without the contract."""

    on = serializers.DateField()
    ends_on = serializers.DateField()
    reason = line(300)


@extend_schema_serializer(examples=[examples.sent(on="2026-11-20", reason="Ended by agreement")])
class EndInput(InputSerializer):
    """The first day without the contract, today or in the past, and why."""

    on = serializers.DateField()
    reason = line(300, needed=True)
