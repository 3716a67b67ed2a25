"""What the API shows of plans and events, and what their lists can be filtered by."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from curtailment.enums import Cause, EventStatus, PlanStatus
from curtailment.models import CurtailmentPlan, EventMachine, EventShare
from hashinsight.common.api.fields import OutputSerializer, TrimmedDecimalField, link
from hashinsight.common.api.fields import public_id as own_id
from hashinsight.common.api.filters import ApiFilterSet, choice, moment, row
from hosting.api import examples

_PLAN_OURS = (
    "number", "kind", "goal", "goal_kw", "target_kw", "base_kw", "power_reduced_kw", "miners_affected", "is_emergency",
    "needs_two", "priority", "source_key",
)  # fmt: skip
_EVENT_OURS = ("event", "number", "avoided_cost", "currency", "metered_kwh", "meter_source")
CREATED = "2026-11-02T09:15:00.000000Z"
SHARE: dict[str, Any] = {
    "id": examples.COMPONENT_ID, "customer": examples.CUSTOMER_ID, "site": examples.SITE_ID, "cause": "price",
    "reason": "Energy costs more than mining earns", "status": "measured", "started_at": "2026-11-02T17:00:00.000000Z",
    "ended_at": "2026-11-02T19:02:41.000000Z", "machines": 12, "off_minutes": 1461, "excused_minutes": 1473,
    "saved_kwh": "84.31", "measured_kwh": "82.11", "estimated_kwh": "2.2", "unknown_minutes": 5,
    "forgone_btc": "0.000091273", "forgone_usd": "8.21", "revision": 2, "measured_at": "2026-11-02T20:02:41.000000Z",
    **examples.STAMPS,
}  # fmt: skip
MACHINE: dict[str, Any] = {
    "id": examples.OTHER_MINER_ID, "miner": examples.MINER_ID, "told_at": "2026-11-02T17:00:03.000000Z",
    "off_at": "2026-11-02T17:01:04.000000Z", "back_at": "2026-11-02T19:02:41.000000Z", "limit_w": None,
    "baseline_w": 3480, "baseline_ths": 201.4, "is_baseline_measured": True, "measured_kwh": "7.01",
    "estimated_kwh": "0", "unknown_minutes": 0, "forgone_btc": "0.0000076", "forgone_usd": "0.68",
}  # fmt: skip


@extend_schema_serializer(
    examples=[
        examples.shown(
            id=examples.PLAN_ID, site=examples.SITE_ID, cause="price", reason="Energy costs more than mining earns",
            status="executing", status_since=CREATED, starts_at="2026-11-02T17:00:00.000000Z",
            ends_at="2026-11-02T19:00:00.000000Z", is_open_ended=False, machines=12, machines_in_reserve=3,
            machines_off=9, machines_lowered=0,
            number=7, kind="automatic", goal="by", goal_kw="500", target_kw="500", base_kw="1200",
            power_reduced_kw="410", miners_affected=120, is_emergency=False, needs_two=True, priority=100,
            source_key="", **examples.STAMPS,
        )
    ]
)  # fmt: skip
class CurtailmentPlanSerializer(OutputSerializer):
    """A plan that is approved, runs or ran. Clients see those that name their machines, and count only these."""

    id = own_id()
    site = serializers.UUIDField(source="shown_site", read_only=True, allow_null=True)
    machines = serializers.IntegerField(read_only=True)
    machines_in_reserve = serializers.IntegerField(read_only=True)
    machines_off = serializers.IntegerField(read_only=True)
    machines_lowered = serializers.IntegerField(read_only=True)
    goal_kw = TrimmedDecimalField()
    target_kw = TrimmedDecimalField(allow_null=True)
    base_kw = TrimmedDecimalField(allow_null=True)
    power_reduced_kw = TrimmedDecimalField()

    class Meta:
        model = CurtailmentPlan
        fields = (
            "id", "site", "cause", "reason", "status", "status_since", "starts_at", "ends_at", "is_open_ended",
            "machines", "machines_in_reserve", "machines_off", "machines_lowered", "created_at",
            "updated_at", *_PLAN_OURS,
        )  # fmt: skip
        read_only_fields = fields
        staff_fields = _PLAN_OURS


@extend_schema_serializer(
    examples=[
        examples.shown(
            **SHARE,
            event=examples.VERSION_ID,
            number=41,
            avoided_cost="11.8",
            currency="USD",
            metered_kwh="80.4",
            meter_source="site_meter",
        ),
    ]
)
class CurtailmentEventSerializer(OutputSerializer):
    """What one curtailment did to the machines of one owner. A row for each owner; figures are null until reckoned.

    `measured_kwh` is what was read before less what was read meanwhile; `estimated_kwh` is that of machines that were
    not read before they were told, or were seen off and did not say what they draw. `metered_kwh` is of the whole
    event, by the load of the site; `meter_source` says where that load is from.
    """

    id = own_id()
    customer = link("customer")
    site = serializers.UUIDField(source="shown_site", read_only=True, allow_null=True)
    saved_kwh = TrimmedDecimalField()
    measured_kwh = TrimmedDecimalField()
    estimated_kwh = TrimmedDecimalField()
    forgone_btc = TrimmedDecimalField(allow_null=True)
    forgone_usd = TrimmedDecimalField(allow_null=True)
    event = serializers.UUIDField(source="shown_event", read_only=True)
    number = serializers.IntegerField(source="shown_number", read_only=True)
    avoided_cost = TrimmedDecimalField(allow_null=True)
    currency = serializers.CharField(source="shown_currency", read_only=True)
    metered_kwh = TrimmedDecimalField(source="shown_metered_kwh", allow_null=True)
    meter_source = serializers.CharField(source="shown_meter_source", read_only=True)

    class Meta:
        model = EventShare
        fields = (*SHARE, *_EVENT_OURS)
        read_only_fields = fields
        staff_fields = _EVENT_OURS


@extend_schema_serializer(examples=[examples.shown(**MACHINE)])
class EventMachineSerializer(OutputSerializer):
    """One machine in an event: told to pause, seen off, seen running again, and what that came to.

    With a `limit_w` it was not off: it was told to keep to so many watts, and `off_at` is since when it did.
    `miner` is null once the machine is somebody else's.
    """

    id = own_id()
    miner = serializers.UUIDField(source="shown_miner", read_only=True, allow_null=True)
    measured_kwh = TrimmedDecimalField()
    estimated_kwh = TrimmedDecimalField()
    forgone_btc = TrimmedDecimalField(allow_null=True)
    forgone_usd = TrimmedDecimalField(allow_null=True)

    class Meta:
        model = EventMachine
        fields = tuple(MACHINE)
        read_only_fields = fields


@extend_schema_serializer(examples=[examples.shown(next=None, previous=None, results=[MACHINE])])
class EventMachinesSerializer(serializers.Serializer[Any]):
    """A page of the machines of an event; ``next`` goes on where it ends."""

    next = serializers.URLField(read_only=True, allow_null=True)
    previous = serializers.URLField(read_only=True, allow_null=True)
    results = EventMachineSerializer(many=True, read_only=True)


class CurtailmentPlanFilter(ApiFilterSet):
    """Of plans."""

    site = row("site")
    cause = choice(Cause.choices)
    status = choice(PlanStatus.choices)
    starts_after = moment("starts_at", "gte")
    starts_before = moment("starts_at", "lt")


class CurtailmentEventFilter(ApiFilterSet):
    """Of events."""

    site = row("site")
    customer = row("customer")
    cause = choice(Cause.choices)
    status = choice(EventStatus.choices)
    started_after = moment("started_at", "gte")
    started_before = moment("started_at", "lt")
