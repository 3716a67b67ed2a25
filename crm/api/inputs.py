"""What the API takes: one serializer per call, unknown names refused, ids limited to what the caller can see."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from crm.api import examples
from crm.enums import (
    MANUAL_ACTIVITY_KINDS,
    AddressScheme,
    DealStage,
    InvoiceFormat,
    LeadSource,
    LeadStatus,
    PaymentMethod,
    UnitCode,
)
from crm.models import Customer, Deal, Invoice, Lead, LegalEntity, Product
from crm.models.fields import validate_leitweg_id, validate_one_line, validate_printable, validate_time_zone
from hashinsight.common.api.fields import AmountInput, InputSerializer, VisibleIdField, words
from hashinsight.common.money import CURRENCY_CHOICES, country_validator

MOST_LINES = 500


def line(most: int = 200, *, needed: bool = False) -> serializers.CharField:
    """One line of text."""
    return words(most, validate_one_line, needed=needed)


def text(most: int, *, needed: bool = False) -> serializers.CharField:
    """Text of several lines."""
    return words(most, validate_printable, needed=needed)


def positive(value: Decimal) -> None:
    """More than nothing."""
    if value <= 0:
        raise serializers.ValidationError(_("Must be greater than zero."), code="not_positive")


def not_negative(value: Decimal) -> None:
    """Nothing or more."""
    if value < 0:
        raise serializers.ValidationError(_("Must not be negative."), code="negative")


def currency_code(**more: Any) -> serializers.ChoiceField:
    """A currency we know."""
    return serializers.ChoiceField(choices=CURRENCY_CHOICES, **more)


def deal_value(**more: Any) -> serializers.DecimalField:
    """What a deal or lead is worth, with no more digits than its currency has."""
    return serializers.DecimalField(max_digits=24, decimal_places=8, validators=[not_negative], **more)


def zone_name() -> serializers.CharField:
    """An IANA name."""
    return serializers.CharField(max_length=64, required=False, validators=[validate_time_zone])


class CustomerFields(InputSerializer):
    """Columns of a customer that staff may set."""

    contact_name = line(100)
    email = serializers.EmailField(max_length=254, required=False, allow_null=True)
    billing_email = serializers.EmailField(max_length=254, required=False, allow_blank=True)
    phone = line(50)
    street = line()
    postal_code = line(20)
    city = line(100)
    region = line(100)
    country = serializers.CharField(max_length=2, required=False, allow_blank=True, validators=[country_validator])
    tax_id = line(40)
    vat_id = line(40)
    buyer_reference = line(100)
    leitweg_id = serializers.CharField(
        max_length=46, required=False, allow_blank=True, validators=[validate_leitweg_id]
    )
    invoice_format = serializers.ChoiceField(choices=InvoiceFormat.choices, required=False)
    electronic_address = line(100)
    electronic_address_scheme = serializers.ChoiceField(choices=AddressScheme.choices, required=False)
    sector = line(60)
    mining_capacity_mw = serializers.DecimalField(
        max_digits=12, decimal_places=3, required=False, allow_null=True, validators=[not_negative]
    )
    legal_entity = VisibleIdField(LegalEntity, required=False, allow_null=True)
    payment_terms_days = serializers.IntegerField(min_value=0, max_value=365, required=False, allow_null=True)
    currency = currency_code(required=False)
    time_zone = zone_name()
    language = serializers.ChoiceField(choices=settings.LANGUAGES, required=False)
    internal_note = text(10_000)


@extend_schema_serializer(examples=[examples.CUSTOMER_INPUT])
class CustomerInput(CustomerFields):
    """A new customer."""

    company_name = line(needed=True)


@extend_schema_serializer(examples=[examples.CUSTOMER_CHANGE])
class CustomerChange(CustomerFields):
    """Columns to change. A client's admin may send ``contact_name``, ``phone`` and ``billing_email`` only."""

    company_name = line(needed=True)


class ContactChange(InputSerializer):
    """What a client's admin may change by himself."""

    contact_name = line(100)
    phone = line(50)
    billing_email = serializers.EmailField(max_length=254, required=False, allow_blank=True)


class LeadFields(InputSerializer):
    """Columns of a lead."""

    name = line(100)
    company = line()
    email = serializers.EmailField(max_length=254, required=False, allow_blank=True)
    phone = line(50)
    customer = VisibleIdField(Customer, required=False, allow_null=True)
    source: Any = serializers.ChoiceField(choices=LeadSource.choices, required=False)
    score = serializers.IntegerField(min_value=0, max_value=100, required=False, allow_null=True)
    value = deal_value(required=False, allow_null=True)
    currency = currency_code(required=False)
    time_zone = zone_name()
    internal_note = text(10_000)


@extend_schema_serializer(examples=[examples.LEAD_INPUT])
class LeadInput(LeadFields):
    """A new lead."""

    title = line(needed=True)


@extend_schema_serializer(examples=[examples.LEAD_CHANGE])
class LeadChange(LeadFields):
    """Columns to change."""

    title = line(needed=True)


@extend_schema_serializer(examples=[examples.LEAD_MOVE])
class LeadMove(InputSerializer):
    """Where a lead goes. Won is reached by ``convert``; lost needs a reason."""

    to = serializers.ChoiceField(choices=LeadStatus.choices)
    reason = text(200)


class DealFields(InputSerializer):
    """Columns of a deal."""

    currency = currency_code(required=False)
    probability = serializers.IntegerField(min_value=0, max_value=100, required=False, allow_null=True)
    legal_entity = VisibleIdField(LegalEntity, required=False, allow_null=True)
    expected_close_on = serializers.DateField(required=False, allow_null=True)
    internal_note = text(10_000)


@extend_schema_serializer(examples=[examples.DEAL_INPUT])
class DealInput(DealFields):
    """A new deal."""

    customer = VisibleIdField(Customer)
    title = line(needed=True)
    value = deal_value()


@extend_schema_serializer(examples=[examples.DEAL_CHANGE])
class DealChange(DealFields):
    """Columns to change; value and currency only until the deal is approved."""

    title = line(needed=True)
    value = deal_value(required=False)


class ProductCode(serializers.CharField):
    """The code of a product on sale; any other one does not exist."""

    default_error_messages = {"not_found": gettext_lazy("There is no such product on sale.")}

    def to_internal_value(self, data: Any) -> Any:
        """The product."""
        code = super().to_internal_value(data)
        product = Product.objects.visible_to(self.context["request"].user).filter(code=code, is_active=True).first()
        if product is None:
            self.fail("not_found")
        return product


class DealLineInput(InputSerializer):
    """What is sold. With a product its name, unit and list price stand where nothing else is said."""

    product = ProductCode(required=False, allow_null=True)
    description = text(500)
    quantity = serializers.DecimalField(max_digits=16, decimal_places=3, default=Decimal(1), validators=[positive])
    unit_code = serializers.ChoiceField(choices=UnitCode.choices, required=False)
    unit_price = serializers.DecimalField(
        max_digits=20, decimal_places=8, required=False, allow_null=True, validators=[not_negative]
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Fill in from the product, or say what is missing."""
        product = attrs.get("product")
        if product is not None:
            attrs["description"] = attrs.get("description") or product.name
            attrs.setdefault("unit_code", product.unit_code)
            if attrs.get("unit_price") is None:
                attrs["unit_price"] = product.unit_price
        missing = [name for name in ("description", "unit_price") if attrs.get(name) in (None, "")]
        if missing:
            text = _("Needed where no product is named.")
            raise serializers.ValidationError({name: [text] for name in missing}, code="required")
        return attrs


@extend_schema_serializer(examples=[examples.DEAL_LINES])
class DealLinesInput(InputSerializer):
    """All lines of the deal, in their order; those it has now are replaced."""

    lines: Any = DealLineInput(many=True, allow_empty=False, max_length=MOST_LINES)  # type: ignore[call-arg]


@extend_schema_serializer(examples=[examples.DEAL_MOVE])
class DealMove(InputSerializer):
    """The sales stage a deal goes to; lost needs a reason."""

    to = serializers.ChoiceField(choices=DealStage.choices)
    reason = text(200)


@extend_schema_serializer(examples=[examples.SIGN])
class SignInput(InputSerializer):
    """The day both have signed."""

    on = serializers.DateField()


@extend_schema_serializer(examples=[examples.REASON])
class ReasonInput(InputSerializer):
    """Why."""

    reason = text(200, needed=True)


@extend_schema_serializer(examples=[examples.INVOICE_INPUT])
class InvoiceInput(InputSerializer):
    """The deal to bill; its invoice that exists already is returned."""

    deal = VisibleIdField(Deal)


@extend_schema_serializer(examples=[examples.ISSUE])
class IssueInput(InputSerializer):
    """Whether the document is e-mailed to the billing contact at once."""

    send = serializers.BooleanField(default=True)


class CreditLine(InputSerializer):
    """How much of a line is taken back."""

    position = serializers.IntegerField(min_value=1, max_value=32767)
    quantity = serializers.DecimalField(max_digits=16, decimal_places=3)


@extend_schema_serializer(examples=[examples.CREDIT])
class CreditInput(InputSerializer):
    """What is credited and why; without ``lines`` the whole invoice. The reason is printed on the credit note."""

    reason = text(300, needed=True)
    lines: Any = CreditLine(many=True, required=False, allow_empty=False)
    send = serializers.BooleanField(default=True)

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Each line once."""
        if len({row["position"] for row in lines}) != len(lines):
            raise serializers.ValidationError(_("Name each line once."), code="repeated_line")
        return lines


@extend_schema_serializer(examples=[examples.SEND])
class SendInput(InputSerializer):
    """Where to; without a recipient to the billing contact."""

    recipient = serializers.EmailField(max_length=254, required=False)


@extend_schema_serializer(examples=[examples.PAYMENT_INPUT])
class PaymentInput(InputSerializer):
    """Money received for an issued invoice.

    In another currency than the invoice it brings its ``rate``, units of the invoice's currency for one of its own;
    ``settles`` is what was agreed to be settled by it, its worth at the rate where nothing is said.
    """

    invoice = VisibleIdField(Invoice)
    amount = AmountInput(validators=[positive])
    currency = currency_code()
    received_on = serializers.DateField()
    method = serializers.ChoiceField(choices=PaymentMethod.choices, default=PaymentMethod.BANK_TRANSFER.value)
    reference = line(140)
    note = text(300)
    rate = serializers.DecimalField(
        max_digits=20, decimal_places=8, required=False, allow_null=True, validators=[positive]
    )
    settles = AmountInput(required=False, allow_null=True, validators=[positive])


class ActivityFields(InputSerializer):
    """What happened."""

    kind = serializers.ChoiceField(choices=[(kind.value, kind.label) for kind in MANUAL_ACTIVITY_KINDS], default="note")
    subject = line(300, needed=True)
    body = text(20_000)
    deal = VisibleIdField(Deal, required=False, allow_null=True)
    invoice = VisibleIdField(Invoice, required=False, allow_null=True)
    occurred_at = serializers.DateTimeField(required=False)


class ClientActivityInput(ActivityFields):
    """What a client writes is about an own customer, and visible to the client."""

    customer = VisibleIdField(Customer)


@extend_schema_serializer(examples=[examples.ACTIVITY_INPUT])
class ActivityInput(ActivityFields):
    """An activity. ``lead`` and ``client_visible`` are for staff; a client names its customer."""

    customer = VisibleIdField(Customer, required=False, allow_null=True)
    lead = VisibleIdField(Lead, required=False, allow_null=True)
    client_visible = serializers.BooleanField(default=False)
