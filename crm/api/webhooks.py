"""Webhooks of customers as the API shows and takes them. A signing secret is told once, by the answer that makes it."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from crm.models import Customer
from hashinsight.common.api.fields import InputSerializer, OutputSerializer, UtcDateTimeField, VisibleIdField
from hashinsight.notify.domain.channels import LONGEST_OVERLAP, OVERLAP
from hashinsight.notify.enums import DeliveryState
from hashinsight.notify.models import Channel, Delivery

_WEBHOOK: dict[str, Any] = {
    "id": "0199f3b0-2b43-7d6e-9e9f-0a1b2c3d4eab",
    "customer": "0199f3a1-7c1e-7b52-9d3e-2f6a41c07d11",
    "name": "Bookkeeping",
    "url": "https://hooks.aurora.example/hashinsight",
    "kinds": ["invoice.issued", "invoice.paid"],
    "is_active": True,
    "disabled_at": None,
    "disabled_reason": "",
    "failing_since": None,
    "created_at": "2026-11-02T09:15:00.000000Z",
    "updated_at": "2026-11-02T09:15:00.000000Z",
}
_DELIVERY: dict[str, Any] = {
    "id": "0199f3b1-77aa-7d6e-9e9f-0a1b2c3d4eac",
    "webhook": _WEBHOOK["id"],
    "kind": "invoice.paid",
    "state": "delivered",
    "attempts": 1,
    "created_at": "2026-11-20T09:30:00.000000Z",
    "next_at": None,
    "last_at": "2026-11-20T09:30:01.000000Z",
    "delivered_at": "2026-11-20T09:30:01.000000Z",
    "response_status": 200,
    "response_excerpt": "ok",
    "error": "",
    "payload": {
        "type": "invoice.paid",
        "timestamp": "2026-11-20T09:30:00.000000Z",
        "data": {
            "invoice_id": "0199f3a4-5be2-7c6d-b0c4-91d7e2a6f844",
            "number": "INV-K7XW2M-2026-00001",
            "status": "paid",
            "gross_total": "1190.00",
            "currency": "EUR",
        },
    },
}


@extend_schema_serializer(examples=[OpenApiExample("answer", value=_WEBHOOK, response_only=True)])
class WebhookSerializer(OutputSerializer):
    """Where a customer's events go, and whether they arrive. Never its secret."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    customer = serializers.UUIDField(source="customer_public_id", read_only=True)
    url = serializers.CharField(source="address", read_only=True)
    kinds = serializers.SerializerMethodField()

    class Meta:
        model = Channel
        fields: tuple[str, ...] = tuple(_WEBHOOK)
        read_only_fields: tuple[str, ...] = fields

    def get_kinds(self, channel: Channel) -> list[str]:
        """What it is told of."""
        return sorted({kind for rule in channel.rules.all() if rule.is_active for kind in rule.kinds})


@extend_schema_serializer(
    examples=[
        OpenApiExample("answer", value={**_WEBHOOK, "secret": "whsec_…", "secret_withheld": False}, response_only=True)
    ]
)
class NewWebhookSerializer(WebhookSerializer):
    """A webhook with a secret just made. A replay by Idempotency-Key withholds it: it is not kept in the copy."""

    secret = serializers.CharField(read_only=True, allow_null=True)
    secret_withheld = serializers.BooleanField(read_only=True)

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "secret", "secret_withheld")
        read_only_fields = fields


@extend_schema_serializer(examples=[OpenApiExample("answer", value=_DELIVERY, response_only=True)])
class WebhookDeliverySerializer(OutputSerializer):
    """One message to a webhook; its id is the ``webhook-id`` of the call."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    webhook = serializers.UUIDField(source="channel.public_id", read_only=True)
    state = serializers.ChoiceField(choices=DeliveryState.choices, read_only=True)
    next_at = UtcDateTimeField(read_only=True, allow_null=True)
    payload = serializers.DictField(read_only=True)

    class Meta:
        model = Delivery
        fields: tuple[str, ...] = tuple(_DELIVERY)
        read_only_fields: tuple[str, ...] = fields


_CHANGE = {name: _WEBHOOK[name] for name in ("name", "url", "kinds")}


@extend_schema_serializer(examples=[OpenApiExample("request", value=_CHANGE, request_only=True)])
class WebhookChange(InputSerializer):
    """What may be changed."""

    name = serializers.CharField(max_length=100)
    url = serializers.CharField(max_length=2000)
    kinds = serializers.ListField(child=serializers.CharField(max_length=100), allow_empty=False, max_length=50)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "request",
            value={name: _WEBHOOK[name] for name in ("customer", "name", "url", "kinds")},
            request_only=True,
        )
    ]
)
class WebhookInput(WebhookChange):
    """A new webhook."""

    customer = VisibleIdField(Customer)


@extend_schema_serializer(examples=[OpenApiExample("request", value={"overlap_hours": 24}, request_only=True)])
class WebhookRotateInput(InputSerializer):
    """For how long messages are signed with both secrets."""

    overlap_hours = serializers.IntegerField(
        min_value=0,
        max_value=int(LONGEST_OVERLAP.total_seconds() // 3600),
        default=int(OVERLAP.total_seconds() // 3600),
    )
