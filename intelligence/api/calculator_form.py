"""What the calculator takes and gives through the API."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from hashinsight.common.api.fields import InputSerializer, TrimmedDecimalField, UtcDateTimeField, VisibleIdField
from hosting.models import MinerModel, PricePlan
from intelligence.domain.calculator import MOST_MONTHS
from marketdata.engine.numbers import round_usd
from marketdata.models import PriceSeries


def _figure(least: str, most: str, standard: str | None = None) -> serializers.DecimalField:
    more: dict[str, Any] = {} if standard is None else {"default": Decimal(standard)}
    return serializers.DecimalField(
        max_digits=30, decimal_places=8, min_value=Decimal(least), max_value=Decimal(most), required=False, **more
    )


class MarketInput(InputSerializer):
    """The market where it is another than now's."""

    btc_usd = _figure("0", "1000000000")
    difficulty = _figure("0.000001", "100000000000000000000")
    fees_per_block_btc = _figure("0", "1000")
    block_height = serializers.IntegerField(min_value=0, max_value=10**7, required=False)


class CalculatorInput(MarketInput):
    """A model or figures; one price of energy; how the machines are run; the market where it is another than now's."""

    model = VisibleIdField(MinerModel, required=False)
    hashrate_ths = _figure("0.0001", "1000000000")
    power_w = _figure("0.01", "1000000000")
    price_usd = _figure("0", "1000000000")
    quantity = serializers.IntegerField(min_value=1, max_value=10**6, default=1)
    decay_percent_monthly = _figure("0", "50", "0.5")
    energy_usd_per_kwh = _figure("-10", "10")
    price_plan = VisibleIdField(PricePlan, required=False)
    price_series = VisibleIdField(PriceSeries, required=False)
    pool_fee_percent = _figure("0", "100", "0")
    uptime_percent = _figure("0", "100", "100")
    pue = _figure("1", "10", "1")
    cooling_w = _figure("0", "1000000", "0")
    months = serializers.IntegerField(min_value=1, max_value=MOST_MONTHS, default=24)
    difficulty_growth_percent_monthly = _figure("-50", "100", "0")


@extend_schema_field({"type": "string", "format": "decimal", "pattern": r"^-?\d+\.\d{2}$"})
class UsdField(serializers.Field[Any, Any, str, Any]):
    """An amount in US dollars as text, to the cent: ``"103.79"``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: Any) -> str:
        """Plain notation."""
        return format(round_usd(Decimal(value)), "f")


class FiguresSerializer(serializers.Serializer[Any]):
    """Coins after the pool's fee, revenue, energy, its cost and what is left, of a span of time."""

    btc = TrimmedDecimalField()
    revenue_usd = UsdField()
    energy_kwh = TrimmedDecimalField()
    energy_usd = UsdField()
    net_usd = UsdField()


class MonthSerializer(FiguresSerializer):
    """One month; ``cumulative_usd`` is the net up to its end."""

    month = serializers.IntegerField(read_only=True)
    hashrate_ths = TrimmedDecimalField()
    difficulty = TrimmedDecimalField()
    cumulative_usd = UsdField()


class MarketUsedSerializer(serializers.Serializer[Any]):
    """The market reckoned with. ``recorded_at`` is that of the snapshot, null where everything was stated."""

    btc_usd = TrimmedDecimalField()
    difficulty = TrimmedDecimalField()
    block_height = serializers.IntegerField(read_only=True, allow_null=True)
    fees_per_block_btc = TrimmedDecimalField(allow_null=True)
    hashprice_usd_per_ph_day = TrimmedDecimalField()
    stated = serializers.ListField(child=serializers.CharField(), read_only=True)
    recorded_at = UtcDateTimeField(read_only=True, allow_null=True)
    age_seconds = serializers.IntegerField(read_only=True, allow_null=True)
    is_stale = serializers.BooleanField(read_only=True)


class MachinesUsedSerializer(serializers.Serializer[Any]):
    """The machines reckoned with: figures of one, and how many."""

    model = serializers.UUIDField(read_only=True, allow_null=True)
    model_name = serializers.CharField(read_only=True)
    hashrate_ths = TrimmedDecimalField()
    power_w = TrimmedDecimalField()
    price_usd = UsdField()
    quantity = serializers.IntegerField(read_only=True)


class EnergyUsedSerializer(serializers.Serializer[Any]):
    """The price of energy: the mean of 24 hours, or one at all hours (then ``until`` is null)."""

    usd_per_kwh = TrimmedDecimalField()
    priced_by = serializers.CharField(read_only=True)
    until = UtcDateTimeField(read_only=True, allow_null=True)


class SensitivitySerializer(serializers.Serializer[Any]):
    """The result at another price of Bitcoin and of energy."""

    btc_usd = TrimmedDecimalField()
    energy_usd_per_kwh = TrimmedDecimalField()
    daily_net_usd = UsdField()
    net_usd = UsdField()
    payback_month = serializers.IntegerField(read_only=True, allow_null=True)
    roi = TrimmedDecimalField(allow_null=True)


class ScenarioSerializer(serializers.Serializer[Any]):
    """The result at another growth of the difficulty."""

    difficulty_growth_percent_monthly = TrimmedDecimalField()
    net_usd = UsdField()
    payback_month = serializers.IntegerField(read_only=True, allow_null=True)
    roi = TrimmedDecimalField(allow_null=True)


_DAY = {
    "btc": "0.000094", "revenue_usd": "8.45", "energy_kwh": "84", "energy_usd": "5.04", "net_usd": "3.41",
}  # fmt: skip
_MODEL_ID = "0199f3d1-7a70-7386-a196-1c0d9e5b3f17"
_EXAMPLE = {
    "currency": "USD",
    "machines": {
        "model": _MODEL_ID, "model_name": "S21", "hashrate_ths": "200", "power_w": "3500", "price_usd": "3000.00",
        "quantity": 1,
    },
    "energy": {"usd_per_kwh": "0.06", "priced_by": "typed", "until": None},
    "market": {
        "btc_usd": "90000", "difficulty": "140000000000000", "block_height": 925000, "fees_per_block_btc": "0.025",
        "hashprice_usd_per_ph_day": "40.73", "stated": [], "recorded_at": "2026-11-20T09:30:00.000000Z",
        "age_seconds": 240, "is_stale": False,
    },
    "capital_usd": "3000.00", "power_w": "3500", "j_per_th": "17.5", "daily": _DAY,
    "months": [
        {"btc": "0.002861", "revenue_usd": "257.20", "energy_kwh": "2556.75", "energy_usd": "153.41",
         "net_usd": "103.79", "month": 1, "hashrate_ths": "200", "difficulty": "140000000000000",
         "cumulative_usd": "103.79"}
    ],
    "net_usd": "103.79", "payback_month": None, "roi": "-0.965403", "break_even_usd_per_kwh": "0.1006",
    "break_even_btc_usd": "53617.02",
    "sensitivity": [
        {"btc_usd": "90000", "energy_usd_per_kwh": "0.06", "daily_net_usd": "3.41", "net_usd": "103.79",
         "payback_month": None, "roi": "-0.965403"}
    ],
    "scenarios": [
        {"difficulty_growth_percent_monthly": "2", "net_usd": "103.79", "payback_month": None, "roi": "-0.965403"}
    ],
}  # fmt: skip


@extend_schema_serializer(examples=[OpenApiExample("answer", value=_EXAMPLE, response_only=True)])
class CalculatorSerializer(serializers.Serializer[Any]):
    """What the machines earn. ``payback_month`` null: not within the months asked; ``roi`` null: nothing was paid.

    ``break_even_…`` is where the first month earns nothing and loses nothing. All amounts are in ``currency``.
    """

    currency = serializers.CharField(read_only=True)
    machines = MachinesUsedSerializer(read_only=True)
    energy = EnergyUsedSerializer(read_only=True)
    market = MarketUsedSerializer(read_only=True)
    capital_usd = UsdField()
    power_w = TrimmedDecimalField()
    j_per_th = TrimmedDecimalField()
    daily = FiguresSerializer(read_only=True)
    months = MonthSerializer(many=True, read_only=True)
    net_usd = UsdField()
    payback_month = serializers.IntegerField(read_only=True, allow_null=True)
    roi = TrimmedDecimalField(allow_null=True)
    break_even_usd_per_kwh = TrimmedDecimalField(allow_null=True)
    break_even_btc_usd = UsdField(allow_null=True)
    sensitivity = SensitivitySerializer(many=True, read_only=True)
    scenarios = ScenarioSerializer(many=True, read_only=True)
