"""What the API shows of the commercial truth. ``staff_fields`` are not there for clients (docs/api-fields.md)."""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from crm.api import examples
from crm.enums import DocumentFormat
from crm.models import Activity, Customer, Deal, DealLine, Invoice, InvoiceDelivery, InvoiceLine, Lead, Payment
from hashinsight.common.api.fields import MoneyField, OutputSerializer, TrimmedDecimalField, link, public_id


@extend_schema_serializer(examples=[examples.CUSTOMER])
class CustomerSerializer(OutputSerializer):
    """A company we host for or sell to."""

    id = public_id()
    number = serializers.CharField(source="code", read_only=True)
    billing_email = serializers.CharField(read_only=True)  # an address or nothing
    legal_entity = link("legal_entity")
    tax_code = serializers.CharField(source="tax_code.code", read_only=True, allow_null=True, default=None)
    parent: Any = link("parent")

    class Meta:
        model = Customer
        fields = (
            "id",
            "number",
            "company_name",
            "contact_name",
            "email",
            "billing_email",
            "phone",
            "street",
            "postal_code",
            "city",
            "region",
            "country",
            "tax_id",
            "vat_id",
            "buyer_reference",
            "leitweg_id",
            "invoice_format",
            "electronic_address",
            "electronic_address_scheme",
            "status",
            "payment_terms_days",
            "currency",
            "time_zone",
            "language",
            "created_at",
            "updated_at",
            "sector",
            "mining_capacity_mw",
            "legal_entity",
            "tax_code",
            "parent",
            "internal_note",
        )
        read_only_fields = fields
        staff_fields = ("sector", "mining_capacity_mw", "legal_entity", "tax_code", "parent", "internal_note")


@extend_schema_serializer(examples=[examples.LEAD])
class LeadSerializer(OutputSerializer):
    """Somebody who may become a customer. For staff only."""

    id = public_id()
    customer = link("customer")
    email = serializers.CharField(read_only=True)  # an address or nothing
    value = MoneyField(allow_null=True)
    owner = serializers.UUIDField(source="owner_id", read_only=True, allow_null=True)

    class Meta:
        model = Lead
        fields = (
            "id",
            "title",
            "name",
            "company",
            "email",
            "phone",
            "customer",
            "status",
            "source",
            "score",
            "value",
            "currency",
            "time_zone",
            "owner",
            "lost_reason",
            "converted_at",
            "internal_note",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class DealLineSerializer(OutputSerializer):
    """What a deal sells."""

    product = serializers.CharField(source="product.code", read_only=True, allow_null=True, default=None)
    quantity = TrimmedDecimalField()
    unit_price = TrimmedDecimalField()

    class Meta:
        model = DealLine
        fields = ("position", "description", "quantity", "unit_code", "unit_price", "product")
        read_only_fields = fields
        staff_fields = ("product",)


@extend_schema_serializer(examples=[examples.DEAL_SUMMARY])
class DealSummarySerializer(OutputSerializer):
    """A deal in a list."""

    id = public_id()
    customer = public_id("customer.public_id")
    lead = link("lead")
    value = MoneyField()
    signed_on = serializers.DateField(source="actual_close_on", read_only=True, allow_null=True)
    owner = serializers.UUIDField(source="owner_id", read_only=True, allow_null=True)

    class Meta:
        model = Deal
        fields: tuple[str, ...] = (
            "id",
            "customer",
            "title",
            "status",
            "value",
            "currency",
            "signed_on",
            "completed_at",
            "created_at",
            "updated_at",
            "lead",
            "stage",
            "probability",
            "owner",
            "expected_close_on",
            "closed_at",
            "cancel_reason",
            "internal_note",
        )
        read_only_fields: tuple[str, ...] = fields
        staff_fields = (
            "lead",
            "stage",
            "probability",
            "owner",
            "expected_close_on",
            "closed_at",
            "cancel_reason",
            "internal_note",
        )


@extend_schema_serializer(examples=[examples.DEAL])
class DealSerializer(DealSummarySerializer):
    """A sale in the making, with its lines."""

    lines = DealLineSerializer(many=True, read_only=True)

    class Meta(DealSummarySerializer.Meta):
        fields = (*DealSummarySerializer.Meta.fields, "lines")
        read_only_fields = fields


class InvoiceLineSerializer(OutputSerializer):
    """One thing billed."""

    quantity = TrimmedDecimalField()
    unit_price = TrimmedDecimalField()
    net_amount = MoneyField(currency_of="invoice.currency")
    tax_rate = TrimmedDecimalField()
    product = serializers.CharField(source="product.code", read_only=True, allow_null=True, default=None)

    class Meta:
        model = InvoiceLine
        fields = (
            "position",
            "description",
            "service_from",
            "service_to",
            "quantity",
            "unit_code",
            "unit_price",
            "net_amount",
            "tax_category",
            "tax_rate",
            "exemption_reason",
            "exemption_code",
            "product",
        )
        read_only_fields = fields
        staff_fields = ("product",)


class DocumentSerializer(serializers.Serializer[Any]):
    """A stored file of an issued invoice: its PDF or its e-invoice."""

    sha256 = serializers.CharField(read_only=True)
    size = serializers.IntegerField(read_only=True)
    rendered_at = serializers.DateTimeField(read_only=True)


@extend_schema_serializer(examples=[examples.INVOICE_SUMMARY])
class InvoiceSummarySerializer(OutputSerializer):
    """An invoice or credit note in a list."""

    id = public_id()
    customer = public_id("customer.public_id")
    deal = link("deal")
    corrects = link("corrects")
    net_total = MoneyField()
    tax_total = MoneyField()
    gross_total = MoneyField()
    paid_total = MoneyField()
    credited_total = MoneyField()
    applied_total = MoneyField()
    written_off_total = MoneyField()
    surplus_total = MoneyField()
    outstanding = MoneyField()

    class Meta:
        model = Invoice
        fields: tuple[str, ...] = (
            "id",
            "number",
            "kind",
            "status",
            "customer",
            "deal",
            "corrects",
            "currency",
            "net_total",
            "tax_total",
            "gross_total",
            "paid_total",
            "credited_total",
            "applied_total",
            "written_off_total",
            "surplus_total",
            "outstanding",
            "issued_on",
            "due_on",
            "paid_on",
            "created_at",
            "updated_at",
            "reference",
        )
        read_only_fields: tuple[str, ...] = fields
        staff_fields: tuple[str, ...] = ("reference",)


@extend_schema_serializer(examples=[examples.INVOICE])
class InvoiceSerializer(InvoiceSummarySerializer):
    """One bill to one customer (or a credit note), with its lines and both parties as printed."""

    seller = serializers.JSONField(read_only=True)
    buyer = serializers.JSONField(read_only=True)
    former_total = MoneyField(allow_null=True)
    lines = InvoiceLineSerializer(many=True, read_only=True)
    document = serializers.SerializerMethodField()
    e_invoice = serializers.SerializerMethodField()

    class Meta(InvoiceSummarySerializer.Meta):
        fields = (
            *InvoiceSummarySerializer.Meta.fields,
            "language",
            "service_from",
            "service_to",
            "payment_terms_days",
            "buyer_reference",
            "note",
            "former_total",
            "seller",
            "buyer",
            "lines",
            "document",
            "e_invoice",
            "cancel_reason",
        )
        read_only_fields = fields
        staff_fields = (*InvoiceSummarySerializer.Meta.staff_fields, "cancel_reason")

    @extend_schema_field(DocumentSerializer(allow_null=True))
    def get_document(self, invoice: Invoice) -> dict[str, Any] | None:
        """None while it is a draft or its PDF is being made."""
        return self._known_of(invoice, DocumentFormat.PDF)

    @extend_schema_field(DocumentSerializer(allow_null=True))
    def get_e_invoice(self, invoice: Invoice) -> dict[str, Any] | None:
        """None for a draft, and where the customer or the currency has no e-invoice."""
        return self._known_of(invoice, DocumentFormat.XML)

    @staticmethod
    def _known_of(invoice: Invoice, form: str) -> dict[str, Any] | None:
        stored = next((one for one in invoice.documents.all() if one.format == form), None)
        return None if stored is None else dict(DocumentSerializer(stored).data)


@extend_schema_serializer(examples=[examples.PAYMENT])
class PaymentSerializer(OutputSerializer):
    """Money received for one invoice."""

    id = public_id()
    customer = public_id("customer.public_id")
    invoice = public_id("invoice.public_id")
    amount = MoneyField()
    settled_amount = MoneyField(currency_of="invoice.currency", allow_null=True)
    rate = TrimmedDecimalField(allow_null=True)
    reversed_on = serializers.DateField(source="reversal.reversed_on", read_only=True, allow_null=True, default=None)
    recorded_by = serializers.UUIDField(source="created_by_id", read_only=True, allow_null=True)

    class Meta:
        model = Payment
        fields = (
            "id",
            "customer",
            "invoice",
            "amount",
            "currency",
            "received_on",
            "method",
            "reference",
            "rate",
            "settled_amount",
            "reversed_on",
            "created_at",
            "note",
            "recorded_by",
        )
        read_only_fields = fields
        staff_fields = ("note", "recorded_by")


@extend_schema_serializer(examples=[examples.ACTIVITY])
class ActivitySerializer(OutputSerializer):
    """One thing that happened between us and a customer."""

    id = public_id()
    customer = link("customer")
    deal = link("deal")
    invoice = link("invoice")
    lead = link("lead")
    created_by = serializers.UUIDField(source="created_by_id", read_only=True, allow_null=True)

    class Meta:
        model = Activity
        fields = (
            "id",
            "kind",
            "subject",
            "body",
            "customer",
            "deal",
            "invoice",
            "occurred_at",
            "created_at",
            "lead",
            "client_visible",
            "created_by",
        )
        read_only_fields = fields
        staff_fields = ("lead", "client_visible", "created_by")


@extend_schema_serializer(examples=[examples.DELIVERY])
class DeliverySerializer(serializers.ModelSerializer[InvoiceDelivery]):
    """One e-mailing of an issued document."""

    id = public_id()
    invoice = public_id("invoice.public_id")

    class Meta:
        model = InvoiceDelivery
        fields = ("id", "invoice", "recipient", "status", "created_at")
        read_only_fields = fields
