"""Machines a person reckons with, and their portfolio."""

from decimal import Decimal
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from crm.models.fields import validate_one_line
from hashinsight.common.api.fields import (
    InputSerializer,
    OutputSerializer,
    TrimmedDecimalField,
    UtcDateTimeField,
    VisibleIdField,
    public_id,
    words,
)
from hashinsight.common.api.filters import ApiFilterSet, choice
from hashinsight.common.api.schema import described
from hashinsight.common.api.views import Answer, BaseView, Effect, ResourceViewSet, verb
from hosting.models import MinerModel
from intelligence.domain import portfolio, user_miners
from intelligence.enums import UserMinerStatus
from intelligence.models import UserMiner

FIELDS = (
    "id", "miner_model", "model_name", "custom_name", "status", "quantity", "actual_hashrate_ths",
    "original_hashrate_ths", "actual_power_w", "currency", "actual_price_usd", "electricity_cost_usd_per_kwh",
    "decay_percent_monthly", "location", "purchased_on", "last_maintenance_on", "maintenance_count", "version",
    "created_at", "updated_at",
)  # fmt: skip
_ID = "0199f3d1-8b80-7497-a2a7-2d1e0f6c4a18"
_EXAMPLE = {
    "id": _ID, "miner_model": "0199f3d1-7a70-7386-a196-1c0d9e5b3f17", "model_name": "S21", "custom_name": "Garage",
    "status": "active", "quantity": 4, "actual_hashrate_ths": "198.5", "original_hashrate_ths": "200",
    "actual_power_w": "3500", "currency": "USD", "actual_price_usd": "3000.00", "electricity_cost_usd_per_kwh": "0.06",
    "decay_percent_monthly": "0.5", "location": "Home", "purchased_on": "2026-01-15",
    "last_maintenance_on": "2026-10-02", "maintenance_count": 2, "version": 3,
    "created_at": "2026-01-20T08:00:00.000000Z", "updated_at": "2026-10-02T08:00:00.000000Z",
}  # fmt: skip


@extend_schema_serializer(examples=[OpenApiExample("answer", value=_EXAMPLE, response_only=True)])
class UserMinerSerializer(OutputSerializer):
    """Machines of one kind as they are. ``miner_model`` is null where the caller does not see the model any more."""

    id = public_id()
    miner_model = serializers.UUIDField(source="model_public_id", read_only=True, allow_null=True)
    currency = serializers.SerializerMethodField()
    actual_hashrate_ths = TrimmedDecimalField()
    original_hashrate_ths = TrimmedDecimalField()
    actual_power_w = TrimmedDecimalField()
    actual_price_usd = TrimmedDecimalField()
    electricity_cost_usd_per_kwh = TrimmedDecimalField()
    decay_percent_monthly = TrimmedDecimalField()

    class Meta:
        model = UserMiner
        fields = FIELDS
        read_only_fields = FIELDS

    def get_currency(self, row: UserMiner) -> str:
        """Of the amounts."""
        return "USD"


def _figure(least: str, most: str, places: int, **more: Any) -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=18, decimal_places=places, min_value=Decimal(least), max_value=Decimal(most), **more
    )


def _sent(**body: Any) -> Any:
    return extend_schema_serializer(examples=[OpenApiExample("request", value=body, request_only=True)])


@_sent(actual_hashrate_ths="196.4", status="active")
class UserMinerChange(InputSerializer):
    """What may be changed; the hashrate they were entered with stays."""

    custom_name = words(100, validate_one_line)
    status = serializers.ChoiceField(choices=UserMinerStatus.choices, required=False)
    quantity = serializers.IntegerField(min_value=1, max_value=10**6, required=False)
    actual_hashrate_ths = _figure("0.0001", "99999999", 4, required=False)
    actual_power_w = _figure("0.01", "99999999", 2, required=False)
    actual_price_usd = _figure("0", "999999999999", 2, required=False)
    electricity_cost_usd_per_kwh = _figure("-10", "10", 8, required=False)
    decay_percent_monthly = _figure("0", "100", 3, required=False)
    location = words(200, validate_one_line)
    purchased_on = serializers.DateField(required=False, allow_null=True)


@_sent(
    miner_model="0199f3d1-7a70-7386-a196-1c0d9e5b3f17", quantity=4, electricity_cost_usd_per_kwh="0.06",
    custom_name="Garage",
)  # fmt: skip
class UserMinerInput(UserMinerChange):
    """A model and what energy costs; figures that are left out are those of the model (the price 0 for clients)."""

    miner_model = VisibleIdField(MinerModel)
    electricity_cost_usd_per_kwh = _figure("-10", "10", 8)


@_sent(on="2026-10-02")
class MaintenanceInput(InputSerializer):
    """The day they were maintained."""

    on = serializers.DateField()


class UserMinerFilter(ApiFilterSet):
    """Of machines."""

    status = choice(UserMinerStatus.choices)


ALL = ("list", "retrieve", "create", "partial_update", "destroy", "maintain")


class UserMinerViewSet(ResourceViewSet):
    """Machines a person reckons with. Everybody has own ones; staff with the power see those of all."""

    resource = route = "user-miners"
    serializer_class = UserMinerSerializer
    filterset_class = UserMinerFilter
    client_actions = frozenset(ALL)
    staff_permissions = {
        **dict.fromkeys(("list", "retrieve"), "intelligence.view_userminer"),
        "create": "intelligence.add_userminer",
        "partial_update": "intelligence.change_userminer",
        "destroy": "intelligence.delete_userminer",
        "maintain": "intelligence.change_userminer",
    }
    queryset = UserMiner.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[UserMiner]:
        """Own ones; for staff all. The model is asked beside them: a client may not see it any more."""
        models = MinerModel.objects.visible_to(user).filter(pk=OuterRef("miner_model_id")).values("public_id")[:1]
        rows: QuerySet[UserMiner] = UserMiner.objects.visible_to(user).annotate(model_public_id=Subquery(models))
        return rows

    @described(request=UserMinerInput, responses={201: UserMinerSerializer})
    def create(self, request: Request) -> Effect:
        """Enter machines of your own."""
        data = self.read_input(UserMinerInput)
        user: Any = request.user
        if not user.is_staff:  # the list price of a model is among us, as in the catalogue
            data.setdefault("actual_price_usd", Decimal(0))
        return Effect(
            call=lambda: user_miners.create_user_miner(user=user, by=user, at=timezone.now(), **data),
            answer=lambda made: self.shown_again(made, status=201),
        )

    @described(request=UserMinerChange, responses={200: UserMinerSerializer})
    def partial_update(self, request: Request, id: Any) -> Effect:
        """Change them."""
        row = self.get_row()
        changes = self.read_input(UserMinerChange, partial=True)
        return Effect(
            call=lambda: user_miners.change_user_miner(row, changes=changes, by=request.user),
            answer=self.shown_again,
            target=row,
        )

    @described(request=None, responses={204: None})
    def destroy(self, request: Request, id: Any) -> Effect:
        """Forget them."""
        row = self.get_row()
        return Effect(
            call=lambda: user_miners.delete_user_miner(row, by=request.user),
            answer=lambda _gone: Answer(None, 204),
            target=row,
        )

    @described(request=MaintenanceInput, responses={200: UserMinerSerializer})
    @verb
    def maintain(self, request: Request, id: Any) -> Effect:
        """They were maintained on a day: it is noted and counted."""
        row = self.get_row()
        on = self.read_input(MaintenanceInput)["on"]
        return Effect(
            call=lambda: user_miners.maintain_user_miner(row, on=on, by=request.user, at=timezone.now()),
            answer=self.shown_again,
            target=row,
        )


def _text(**more: Any) -> serializers.CharField:
    return serializers.CharField(read_only=True, allow_null=True, **more)


def _quantity() -> TrimmedDecimalField:
    return TrimmedDecimalField(allow_null=True)


class PortfolioFiguresSerializer(serializers.Serializer[Any]):
    """By the day in the first month, and over all months; null where no market is known."""

    daily_btc = _quantity()
    daily_revenue_usd = _text()
    daily_energy_kwh = _quantity()
    daily_energy_usd = _text()
    daily_net_usd = _text()
    capital_usd = _text()
    roi = _quantity()
    break_even_usd_per_kwh = _quantity()
    payback_month = serializers.IntegerField(read_only=True, allow_null=True)


class PortfolioRowSerializer(PortfolioFiguresSerializer):
    """One entry."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)
    model_name = serializers.CharField(read_only=True)
    quantity = serializers.IntegerField(read_only=True)
    hashrate_ths = TrimmedDecimalField()
    usd_per_kwh = TrimmedDecimalField()


_FIGURES = {
    "daily_btc": "0.000094", "daily_revenue_usd": "8.45", "daily_energy_kwh": "84", "daily_energy_usd": "5.04",
    "daily_net_usd": "3.41", "capital_usd": "3000.00", "roi": "-0.2", "break_even_usd_per_kwh": "0.1006",
    "payback_month": None,
}  # fmt: skip


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "answer",
            value={
                "currency": "USD", "computed_at": "2026-11-20T09:30:00.000000Z",
                "market_recorded_at": "2026-11-20T09:26:00.000000Z", "btc_usd": "90000",
                "difficulty": "140000000000000", "months": 36, "machines": 1, **_FIGURES,
                "rows": [
                    {"id": _ID, "name": "Garage", "model_name": "S21", "quantity": 1, "hashrate_ths": "200",
                     "usd_per_kwh": "0.06", **_FIGURES}
                ],
            },
            response_only=True,
        )
    ]
)  # fmt: skip
class PortfolioSerializer(PortfolioFiguresSerializer):
    """All active entries together, and each by itself; ``market_recorded_at`` says how old the market is."""

    currency = serializers.CharField(read_only=True)
    computed_at = UtcDateTimeField(read_only=True)
    market_recorded_at = UtcDateTimeField(read_only=True, allow_null=True)
    btc_usd = _quantity()
    difficulty = _quantity()
    months = serializers.IntegerField(read_only=True)
    machines = serializers.IntegerField(read_only=True)
    rows = PortfolioRowSerializer(many=True, read_only=True)


class PortfolioViewSet(ViewSetMixin, BaseView):
    """What the caller's own machines earn."""

    resource = "portfolio"
    staff_permissions = {"read": "intelligence.view_userminer"}
    client_actions = frozenset({"read"})

    @described(parameters=[], responses={200: PortfolioSerializer})
    def read(self, request: Request) -> Response:
        """The dashboard of the caller's own machines, as it was last reckoned."""
        user: Any = request.user
        found = portfolio.dashboard(user.pk, at=timezone.now())
        moments = {name: parse_datetime(found[name] or "") for name in ("computed_at", "market_recorded_at")}
        return Response(PortfolioSerializer({**found, **moments}).data)
