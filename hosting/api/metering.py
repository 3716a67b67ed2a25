"""What the API shows of usage and demand, and what their lists can be filtered by."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer

from hashinsight.common.api.fields import OutputSerializer, TrimmedDecimalField, public_id
from hashinsight.common.api.filters import ApiFilterSet, choice, moment, row
from hosting.api import examples
from hosting.enums import Quality
from hosting.models import Demand15Min, Usage15Min

_QUARTER = (
    "interval_start", "kwh", "quality", "source", "coverage", "samples", "machines", "machines_off", "version",
    "created_at", "superseded_at",
)  # fmt: skip
USAGE: dict[str, Any] = {
    "interval_start": "2026-11-01T05:00:00Z", "kwh": "812.25", "quality": "measured", "source": "machines",
    "coverage": "1", "samples": 15_000, "machines": 1000, "machines_off": 0, "version": 1,
    "created_at": "2026-11-01T05:20:00Z", "superseded_at": None,
}  # fmt: skip


@extend_schema_serializer(
    examples=[
        examples.shown(
            id=examples.COMPONENT_ID,
            terms=examples.TERMS_ID,
            customer=examples.CUSTOMER_ID,
            machines_paused=0,
            rule="mark_missing",
            **USAGE,
        )
    ]
)
class UsageSerializer(OutputSerializer):
    """What is charged to hosting terms for a quarter-hour. Never changed: a new figure is a new version."""

    id = public_id()
    terms = public_id("terms.public_id")
    customer = public_id("terms.contract.customer.public_id")
    kwh = TrimmedDecimalField(allow_null=True)
    coverage = TrimmedDecimalField()

    class Meta:
        model = Usage15Min
        fields = ("id", "terms", "customer", *_QUARTER, "machines_paused", "rule")
        read_only_fields = fields


@extend_schema_serializer(
    examples=[examples.shown(id=examples.COMPONENT_ID, zone=examples.ZONE_ID, kw="3249", **USAGE)]
)
class DemandSerializer(OutputSerializer):
    """What a zone drew in a quarter-hour. Never changed: a new figure is a new version. For staff only."""

    id = public_id()
    zone = public_id("zone.public_id")
    kw = TrimmedDecimalField(allow_null=True)
    kwh = TrimmedDecimalField(allow_null=True)
    coverage = TrimmedDecimalField()

    class Meta:
        model = Demand15Min
        fields = ("id", "zone", "kw", *_QUARTER)
        read_only_fields = fields


class UsageFilter(ApiFilterSet):
    """Of usage."""

    terms = row("terms")
    contract = row("terms__contract")
    starts_from = moment("interval_start", "gte")
    starts_before = moment("interval_start", "lt")
    quality = choice(Quality.choices)


class DemandFilter(ApiFilterSet):
    """Of demand."""

    zone = row("zone")
    site = row("zone__site")
    starts_from = moment("interval_start", "gte")
    starts_before = moment("interval_start", "lt")
    quality = choice(Quality.choices)
