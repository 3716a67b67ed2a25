"""API keys as the API shows and takes them. The secret is told once, by the answer that makes the key."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from accounts.domain.keys import LONGEST_OVERLAP, MOST_NETWORKS, OVERLAP
from accounts.enums import SCOPES
from accounts.models import ApiKey
from hashinsight.common.api.fields import InputSerializer

_KEY: dict[str, Any] = {
    "id": "0199f3ad-1b43-7d6e-9e9f-0a1b2c3d4eaa",
    "name": "Reporting",
    "prefix": "Ab3dE9xZ",
    "scopes": ["invoices:read"],
    "allowed_networks": ["192.0.2.0/24"],
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": "2026-11-20T08:00:00.000000Z",
    "last_used_ip": "203.0.113.7",
    "rotated_from": None,
    "created_at": "2026-11-02T09:15:00.000000Z",
}


@extend_schema_serializer(examples=[OpenApiExample("answer", value=_KEY, response_only=True)])
class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    """A key: what it is called, may do, and when it was used. Never its secret."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=list(SCOPES)), read_only=True)
    allowed_networks = serializers.ListField(child=serializers.CharField(), read_only=True)
    rotated_from = serializers.UUIDField(source="rotated_from.public_id", read_only=True, allow_null=True, default=None)

    class Meta:
        model = ApiKey
        fields: tuple[str, ...] = (
            "id",
            "name",
            "prefix",
            "scopes",
            "allowed_networks",
            "expires_at",
            "revoked_at",
            "last_used_at",
            "last_used_ip",
            "rotated_from",
            "created_at",
        )
        read_only_fields: tuple[str, ...] = fields


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "answer",
            value={
                **_KEY,
                "last_used_at": None,
                "last_used_ip": None,
                "secret": "hi_Ab3dE9xZ_…",
                "secret_withheld": False,
            },
            response_only=True,
        )
    ]
)
class NewApiKeySerializer(ApiKeySerializer):
    """A key just made, with its secret. A replay by Idempotency-Key withholds the secret: it is not kept."""

    secret = serializers.CharField(read_only=True, allow_null=True)
    secret_withheld = serializers.BooleanField(read_only=True)

    class Meta(ApiKeySerializer.Meta):
        fields = (*ApiKeySerializer.Meta.fields, "secret", "secret_withheld")
        read_only_fields = fields


@extend_schema_serializer(
    examples=[OpenApiExample("request", value={"name": "Reporting", "scopes": ["invoices:read"]}, request_only=True)]
)
class ApiKeyInput(InputSerializer):
    """A new key. Its scopes lie within those of the key that asks, so do its
    addresses, and it does not outlive that key. Without addresses it works from anywhere the asking key does."""

    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=list(SCOPES)), allow_empty=False, max_length=len(SCOPES)
    )
    allowed_networks = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, max_length=MOST_NETWORKS
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


@extend_schema_serializer(examples=[OpenApiExample("request", value={"overlap_hours": 24}, request_only=True)])
class RotateInput(InputSerializer):
    """For how long the old key lives on beside the new one."""

    overlap_hours = serializers.IntegerField(
        min_value=0,
        max_value=int(LONGEST_OVERLAP.total_seconds() // 3600),
        default=int(OVERLAP.total_seconds() // 3600),
    )
