"""Serializer fields and bases that every resource uses."""

from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC
from decimal import Decimal
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from hashinsight.common.api.scope import is_client
from hashinsight.common.money import round_money

# Set while an operation is being described: then there is no caller, and every field is shown.
describing: ContextVar[bool] = ContextVar("describing", default=False)


def public_id(source: str = "public_id", **kwargs: Any) -> serializers.UUIDField:
    """An id as the world knows it; ``source`` leads to another row's."""
    return serializers.UUIDField(source=source, read_only=True, **kwargs)


def link(name: str) -> serializers.UUIDField:
    """The id of the row behind a foreign key that may be empty."""
    return public_id(f"{name}.public_id", allow_null=True, default=None)


def words(most: int, check: Callable[[str], None], *, needed: bool = False) -> serializers.CharField:
    """Text in a body, of at most so many characters; ``check`` is a validator."""
    more: dict[str, Any] = {} if needed else {"required": False, "allow_blank": True}
    return serializers.CharField(max_length=most, validators=[check], **more)


class UtcDateTimeField(serializers.DateTimeField):
    """RFC 3339 in UTC; years before 1000 keep their four digits, which strftime drops."""

    def to_representation(self, value: Any) -> str:
        """``2026-11-20T09:30:00.000000Z``."""
        return str(value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"))


@extend_schema_field({"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$"})
class ClockField(serializers.TimeField):
    """A time on the clock of some place: no RFC 3339 "time", which would need an offset."""


class OutputSerializer(serializers.ModelSerializer[Any]):
    """What is shown. ``Meta.staff_fields`` are left out for clients, as if they did not exist.

    Needs the request in its context: forgetting it is an error, not a leak.
    """

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: UtcDateTimeField,
    }

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """All fields for staff and for the OpenAPI file, the client's part for clients."""
        fields = super().get_fields()
        if not describing.get() and is_client(self.context["request"].user):
            for name in getattr(self.Meta, "staff_fields", ()):
                fields.pop(name)
        return fields


class InputSerializer(serializers.Serializer[Any]):
    """What is sent. A name that is not known is refused, not dropped."""

    default_error_messages = {"unknown_field": _("This field is not known here, or cannot be set.")}

    def to_internal_value(self, data: Any) -> Any:
        """As DRF, but strict."""
        if isinstance(data, dict):
            unknown = [str(name) for name in data if name not in self.fields]
            if unknown:
                text = self.error_messages["unknown_field"]
                raise serializers.ValidationError({name: [text] for name in unknown}, code="unknown_field")
        return super().to_internal_value(data)


@extend_schema_serializer(examples=[OpenApiExample("request", value={}, request_only=True)])
class NoInput(InputSerializer):
    """Nothing needs to be said."""


@extend_schema_field({"type": "string", "format": "decimal", "pattern": r"^-?\d+(\.\d+)?$"})
class MoneyField(serializers.Field[Any, Any, str, Any]):
    """An amount as text, with the digits of the currency found at ``currency_of`` (a dotted path from the row)."""

    def __init__(self, *, currency_of: str = "currency", **kwargs: Any) -> None:
        self.currency_path = currency_of.split(".")
        super().__init__(read_only=True, **kwargs)

    def get_attribute(self, instance: Any) -> Any:
        """The amount together with its currency."""
        amount = super().get_attribute(instance)
        if amount is None:
            return None
        currency = instance
        for name in self.currency_path:
            currency = getattr(currency, name)
        return amount, currency

    def to_representation(self, value: Any) -> str:
        """``"1200.00"``."""
        amount, currency = value
        return format(round_money(Decimal(amount), currency), "f")


@extend_schema_field({"type": "string", "format": "decimal", "pattern": r"^-?\d+(\.\d+)?$"})
class TrimmedDecimalField(serializers.Field[Any, Any, str, Any]):
    """A quantity or unit price as text, without zeros that say nothing: ``"0.085"``, ``"1"``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: Any) -> str:
        """Plain notation."""
        text = format(Decimal(value), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text


class AmountInput(serializers.DecimalField):
    """Money sent by the caller: more than zero, of a size we keep, eight digits after the point at most."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=22, decimal_places=8, **kwargs)


@extend_schema_field(OpenApiTypes.UUID)
class VisibleIdField(serializers.UUIDField):
    """An id in a body: stands for a row *the caller can see*; any other id is one that does not exist."""

    default_error_messages = {"not_found": _("There is no such object.")}

    def __init__(self, model: Any, **kwargs: Any) -> None:
        self.model = model
        super().__init__(**kwargs)

    def visible(self) -> QuerySet[Any]:
        """What the id may stand for."""
        queryset: QuerySet[Any] = self.model.objects.visible_to(self.context["request"].user)
        return queryset

    def to_internal_value(self, data: Any) -> Any:
        """The row."""
        public_id = super().to_internal_value(data)
        try:
            return self.visible().get(public_id=public_id)
        except ObjectDoesNotExist:
            self.fail("not_found")

    def to_representation(self, value: Any) -> str:
        """The id again."""
        return str(getattr(value, "public_id", value))
