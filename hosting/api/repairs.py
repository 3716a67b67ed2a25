"""What the API shows of repair orders, and what their list can be filtered by."""

from datetime import datetime
from typing import Any

import django_filters
from django.db.models import F, Q, QuerySet
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from hashinsight.common.api.fields import OutputSerializer, link
from hashinsight.common.api.fields import public_id as own_id
from hashinsight.common.api.filters import ApiFilterSet, choice, moment, row
from hosting.api import examples
from hosting.enums import RepairKind, RepairStatus
from hosting.models import RepairOrder

# A running number counts the repairs of all, and words of the workshop are meant for us.
_OURS = ("number", "reason", "vendor", "rma_number", "outcome")


@extend_schema_serializer(
    examples=[
        examples.shown(
            id=examples.COMPONENT_ID, miner=examples.MINER_ID, customer=examples.CUSTOMER_ID,
            ticket="0199f3c0-b4b0-77ca-a5da-e0516273841b", kind="rma", status="returned", pauses_billing=True,
            paused_from="2026-11-02T09:15:00.000000Z", paused_to="2026-11-09T14:30:00.000000Z",
            finished_at="2026-11-09T14:21:07.000000Z", number=7, reason="Hash board missing", vendor="Board Works",
            rma_number="RMA-4711", outcome="Board replaced", **examples.STAMPS,
        )
    ]
)  # fmt: skip
class RepairOrderSerializer(OutputSerializer):
    """A repair of a machine, and from when to when (exclusive) that machine was not billed.

    `customer` is whose it was when the order began; `miner` is null for clients once it is somebody else's.
    """

    id = own_id()
    miner = serializers.UUIDField(source="shown_miner", read_only=True, allow_null=True)
    customer = link("customer")
    ticket = serializers.UUIDField(source="shown_ticket", read_only=True, allow_null=True)

    class Meta:
        model = RepairOrder
        fields = (
            "id", "miner", "customer", "ticket", "kind", "status", "pauses_billing", "paused_from", "paused_to",
            "finished_at", "created_at", "updated_at", *_OURS,
        )  # fmt: skip
        read_only_fields = fields
        staff_fields = _OURS


class PausedAtFilter(django_filters.IsoDateTimeFilter):
    """Orders under which the machine was not billed at a moment."""

    def filter(self, qs: QuerySet[Any], value: datetime | None) -> QuerySet[Any]:
        """Begun by then, and not over."""
        if not value:
            return qs
        goes_on = Q(paused_to__isnull=True) | Q(paused_to__gt=value)
        return qs.filter(goes_on, paused_from__lte=value).exclude(paused_to=F("paused_from"))


class RepairOrderFilter(ApiFilterSet):
    """Of repair orders."""

    miner = row("miner")
    customer = row("customer")
    ticket = row("ticket")
    kind = choice(RepairKind.choices)
    status = choice(RepairStatus.choices)
    not_billed_at = PausedAtFilter()
    created_after = moment("created_at", "gte")
    created_before = moment("created_at", "lt")
