"""Schedules of machines a person reckons with: hour by hour of a day, run or be off."""

from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request

from crm.models.fields import validate_time_zone
from hashinsight.common.api.fields import (
    InputSerializer,
    OutputSerializer,
    TrimmedDecimalField,
    VisibleIdField,
    public_id,
)
from hashinsight.common.api.filters import ApiFilterSet, choice, day
from hashinsight.common.api.schema import described
from hashinsight.common.api.views import Effect, ResourceViewSet
from intelligence.domain.user_schedules import plan_user_day
from intelligence.enums import AnswerLabel, EntryStatus, ScheduleAction
from intelligence.models import ScheduleEntry, ScheduleRun
from marketdata.models import PriceSeries

READING = frozenset({"list", "retrieve"})
FIELDS: tuple[str, ...] = (
    "id", "target_date", "time_zone", "status", "label", "remark", "known_at", "starts_at", "ends_at", "step_minutes",
    "currency", "profit", "revenue", "energy_cost", "always_on_profit", "version", "created_at",
)  # fmt: skip
_EXAMPLE = {
    "id": "0199f3d2-3c30-7d20-8b30-4c5d6e7f8a21", "target_date": "2026-11-21", "time_zone": "America/Chicago",
    "status": "proposed", "label": "optimal", "remark": "", "known_at": "2026-11-20T20:00:00.000000Z",
    "starts_at": "2026-11-21T06:00:00.000000Z", "ends_at": "2026-11-22T06:00:00.000000Z", "step_minutes": 60,
    "currency": "USD", "profit": "41.22", "revenue": "88.4", "energy_cost": "47.18", "always_on_profit": "38.9",
    "version": 1, "created_at": "2026-11-20T20:00:00.000000Z",
}  # fmt: skip
_STEP = {
    "user_miner": "0199f3d1-8b80-7497-a2a7-2d1e0f6c4a18", "starts_at": "2026-11-21T23:00:00.000000Z", "minutes": 60,
    "action": "shutdown", "status": "planned", "machines_on": 0, "machines_off": 4, "load_kw": "0",
    "expected_profit": "0",
}  # fmt: skip


def _money() -> TrimmedDecimalField:
    return TrimmedDecimalField(allow_null=True)


class ScheduleStepSerializer(serializers.Serializer[Any]):
    """What the machines of one entry do from a moment on, and what that should earn, in the schedule's currency."""

    user_miner = public_id("user_miner.public_id")
    starts_at = serializers.DateTimeField(read_only=True)
    minutes = serializers.IntegerField(read_only=True)
    action = serializers.ChoiceField(choices=ScheduleAction.choices, read_only=True)
    status = serializers.ChoiceField(choices=EntryStatus.choices, read_only=True)
    machines_on = serializers.IntegerField(read_only=True)
    machines_off = serializers.IntegerField(read_only=True)
    load_kw = TrimmedDecimalField()
    expected_profit = _money()


@extend_schema_serializer(examples=[OpenApiExample("answer", value=_EXAMPLE, response_only=True)])
class ScheduleSerializer(OutputSerializer):
    """A day. ``label`` says how good it is (``optimal``: proven); ``always_on_profit`` is what never stopping earns."""

    id = public_id()
    remark = serializers.CharField(source="note", read_only=True)
    profit = _money()
    revenue = _money()
    energy_cost = _money()
    always_on_profit = _money()

    class Meta:
        model = ScheduleRun
        fields = FIELDS
        read_only_fields = FIELDS


@extend_schema_serializer(examples=[OpenApiExample("answer", value={**_EXAMPLE, "steps": [_STEP]}, response_only=True)])
class ScheduleDetailSerializer(ScheduleSerializer):
    """The same with its steps, in the order of time."""

    steps = ScheduleStepSerializer(source="entries", many=True, read_only=True)

    class Meta(ScheduleSerializer.Meta):
        fields = (*FIELDS, "steps")
        read_only_fields = fields


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "request", value={"target_date": "2026-11-21", "time_zone": "America/Chicago"}, request_only=True
        )
    ]
)
class ScheduleInput(InputSerializer):
    """A day (today, or the next two) of a time zone; a series whose prices hold for all, else each has its own."""

    target_date = serializers.DateField()
    time_zone = serializers.CharField(max_length=64, validators=[validate_time_zone], default="UTC")
    series = VisibleIdField(PriceSeries, required=False)


class ScheduleFilter(ApiFilterSet):
    """Of schedules."""

    label = choice(AnswerLabel.choices)
    target_from = day("target_date", "gte")
    target_until = day("target_date", "lte")


class ScheduleViewSet(ResourceViewSet):
    """Days of own machines one reckons with, newest first; a new schedule of a day takes the place of the last."""

    resource = route = "schedules"
    serializer_class = ScheduleDetailSerializer
    list_serializer_class = ScheduleSerializer
    filterset_class = ScheduleFilter
    ordering_fields = ("created_at",)
    default_ordering = "-created_at"
    client_actions = READING | {"create"}
    staff_permissions: ClassVar[Any] = {
        **dict.fromkeys(READING, "intelligence.view_userminer"), "create": "intelligence.add_userminer",
    }  # fmt: skip
    queryset = ScheduleRun.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Any]:
        """Of people's machines; those of sites are in the back office."""
        rows: QuerySet[Any] = ScheduleRun.objects.visible_to(user).filter(user__isnull=False)
        return rows

    @classmethod
    def detail_rows_for(cls, user: Any) -> QuerySet[Any]:
        """With the steps."""
        steps = ScheduleEntry.objects.visible_to(user).select_related("user_miner").order_by("starts_at", "place")
        return cls.rows_for(user).prefetch_related(Prefetch("entries", steps))

    @described(request=ScheduleInput, responses={201: ScheduleDetailSerializer})
    def create(self, request: Request) -> Effect:
        """Plan a day of your own active machines."""
        data = self.read_input(ScheduleInput)
        return Effect(
            call=lambda: plan_user_day(
                request.user, data["target_date"], time_zone=data["time_zone"], series=data.get("series"),
                at=timezone.now(),
            ),
            answer=lambda made: self.shown_again(made, status=201),
        )  # fmt: skip
