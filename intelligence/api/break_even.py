"""Break-even by site and model for programs: the whole fleet for staff, own machines for clients."""

from decimal import Decimal
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from hashinsight.common.api.fields import TrimmedDecimalField, VisibleIdField
from hashinsight.common.api.problems import invalid_parameters
from hashinsight.common.api.schema import described
from hashinsight.common.api.scope import is_client
from hashinsight.common.api.views import BaseView
from hosting.models import Miner, Site
from intelligence.api.calculator import market_body, no_market, stated_market
from intelligence.api.calculator_form import MarketInput, MarketUsedSerializer
from intelligence.domain.break_even import BreakEven, client_table, fleet_table
from intelligence.domain.calculator import NoMarket

PLACES = 8


class BreakEvenInput(MarketInput):
    """One site alone, what the pool takes, and the market where it is another than now's."""

    site = VisibleIdField(Site, required=False)
    pool_fee_percent = serializers.DecimalField(
        max_digits=11, decimal_places=8, min_value=Decimal(0), max_value=Decimal(100), required=False,
        default=Decimal(0),
    )  # fmt: skip


class BreakEvenRowSerializer(serializers.Serializer[Any]):
    """Machines of a model at a site. What energy costs there, the margin and whether it earns are null where nobody

    knows the price, and always for clients: their contract says what they pay. The site's PUE counts for staff alone.
    """

    site = serializers.UUIDField(read_only=True)
    site_name = serializers.CharField(read_only=True)
    model = serializers.UUIDField(read_only=True)
    model_name = serializers.CharField(read_only=True)
    machines = serializers.IntegerField(read_only=True)
    running = serializers.IntegerField(read_only=True)
    j_per_th = TrimmedDecimalField()
    break_even_usd_per_kwh = TrimmedDecimalField()
    energy_usd_per_kwh = TrimmedDecimalField(allow_null=True)
    priced_by = serializers.CharField(read_only=True)
    margin_usd_per_kwh = TrimmedDecimalField(allow_null=True)
    earns = serializers.BooleanField(read_only=True, allow_null=True)


_EXAMPLE = {
    "currency": "USD", "pool_fee_percent": "1",
    "market": {
        "btc_usd": "90000", "difficulty": "140000000000000", "block_height": 925000, "fees_per_block_btc": "0.025",
        "hashprice_usd_per_ph_day": "40.73", "stated": [], "recorded_at": "2026-11-20T09:30:00.000000Z",
        "age_seconds": 240, "is_stale": False,
    },
    "rows": [
        {"site": "0199f3d1-7a70-7386-a196-1c0d9e5b3f17", "site_name": "Lubbock",
         "model": "0199f3d1-7a70-7386-a196-1c0d9e5b3f18", "model_name": "Bitmain Antminer S21", "machines": 120,
         "running": 118, "j_per_th": "17.5", "break_even_usd_per_kwh": "0.0960067", "energy_usd_per_kwh": None,
         "priced_by": "", "margin_usd_per_kwh": None, "earns": None}
    ],
}  # fmt: skip


@extend_schema_serializer(examples=[OpenApiExample("answer", value=_EXAMPLE, response_only=True)])
class BreakEvenSerializer(serializers.Serializer[Any]):
    """The table and the market it is reckoned with; at each site the thirstiest machines first."""

    currency = serializers.CharField(read_only=True)
    pool_fee_percent = TrimmedDecimalField()
    market = MarketUsedSerializer(read_only=True)
    rows = BreakEvenRowSerializer(many=True, read_only=True)


class BreakEvenViewSet(ViewSetMixin, BaseView):
    """At which price of energy machines still earn it."""

    resource = "break-even"
    staff_permissions = {"read": "hosting.view_miner"}
    client_actions = frozenset({"read"})

    def known_parameters(self) -> frozenset[str]:
        """All that can be asked."""
        return frozenset(BreakEvenInput().fields)

    @described(parameters=[BreakEvenInput], responses={200: BreakEvenSerializer})
    def read(self, request: Request) -> Response:
        """Model by model at each site: the price of energy at which a machine earns nothing and loses nothing."""
        form = BreakEvenInput(data=request.query_params.dict(), context={"request": request})
        if not form.is_valid():
            raise invalid_parameters(form.errors)
        asked, at, user = form.validated_data, timezone.now(), request.user
        try:
            market = stated_market(asked, at=at)
        except NoMarket as refusal:
            raise no_market(refusal) from refusal
        fee, site = asked["pool_fee_percent"], asked.get("site")
        if is_client(user):
            table = client_table(market, Miner.objects.visible_to(user), pool_fee_percent=fee, site=site)
        else:
            table = fleet_table(market, at=at, pool_fee_percent=fee, site=site)
        body = {
            "currency": "USD", "pool_fee_percent": fee, "market": market_body(market),
            "rows": [_row(one) for one in table],
        }  # fmt: skip
        return Response(BreakEvenSerializer(body).data)


def _row(one: BreakEven) -> dict[str, Any]:
    margin = one.margin_usd_per_kwh
    return {
        "site": one.site.public_id, "site_name": one.site.name, "model": one.model.public_id,
        "model_name": str(one.model), "machines": one.machines, "running": one.running,
        "j_per_th": one.model.efficiency_j_th, "break_even_usd_per_kwh": round(one.break_even_usd_per_kwh, PLACES),
        "energy_usd_per_kwh": round(one.energy.mean, PLACES) if one.energy else None,
        "priced_by": one.energy.source if one.energy else "",
        "margin_usd_per_kwh": None if margin is None else round(margin, PLACES), "earns": one.earns,
    }  # fmt: skip
