"""What the API shows of the market. Null is what nobody said."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from hashinsight.common.api.fields import OutputSerializer, TrimmedDecimalField, public_id
from marketdata.domain.charts import hashprice_of
from marketdata.models import Coin, DifficultyPeriod, MarketDay, NetworkSnapshot, PriceSeries, TechnicalIndicator

SNAPSHOT_ID = "0199f3d1-1a10-7d20-8b30-4c5d6e7f8a11"
DAY_ID = "0199f3d1-2b20-7e31-9c41-5d6e7f8a9b12"
INDICATOR_ID = "0199f3d1-3c30-7f42-ad52-6e7f8a9b0c13"
PERIOD_ID = "0199f3d1-4d40-7053-be63-7f8a9b0c1d14"
SERIES_ID = "0199f3d1-5e50-7164-8f74-8a9b0c1d2e15"
COIN_ID = "0199f3d1-6f60-7275-9085-9b0c1d2e3f16"
MOMENT = "2026-11-20T09:30:00.000000Z"


def shown(**body: Any) -> OpenApiExample:
    """Of an answer."""
    return OpenApiExample("answer", value=body, response_only=True)


def trimmed() -> Any:
    """A figure that may be unknown."""
    return TrimmedDecimalField(allow_null=True)


@extend_schema_field({"type": "string"})
class InUsd(serializers.ReadOnlyField):
    """The currency of the amounts beside it."""

    def __init__(self) -> None:
        super().__init__(source="pk")

    def to_representation(self, value: Any) -> str:
        """Always that."""
        return "USD"


class _HashpriceMixin(serializers.Serializer[Any]):
    hashprice_usd_per_ph_day = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "format": "decimal", "nullable": True})
    def get_hashprice_usd_per_ph_day(self, row: Any) -> str | None:
        """From difficulty, subsidy, fees and price of the row; null unless all are known."""
        value = hashprice_of(row)
        return None if value is None else f"{value.quantize(Decimal('1e-8')).normalize():f}"


@extend_schema_serializer(
    examples=[
        shown(
            id=SNAPSHOT_ID, recorded_at=MOMENT, is_valid=True, invalid_reason="", currency="USD",
            btc_price_usd="91234.5",
            volume_24h_usd="31000000000", difficulty="140000000000000", hashrate_ehs="1000", block_height=925000,
            block_reward_btc="3.125", fees_per_block_btc="0.025", fee_rate_sat_vb="3", retarget_change_pct="1.75",
            retarget_at="2026-11-27T02:10:00.000000Z", remaining_blocks=1016,
            price_source="blockchain.info, coingecko, mempool.space", data_source="blockchain.info, mempool.space",
            response_s="0.412", origin="collected", hashprice_usd_per_ph_day="41.28810152",
        )
    ]
)  # fmt: skip
class NetworkSnapshotSerializer(_HashpriceMixin, OutputSerializer):
    """The network at one moment, as the sources said it together. Use it only where ``is_valid`` is true."""

    id = public_id()
    invalid_reason = serializers.CharField(source="reason", read_only=True)
    currency = InUsd()
    btc_price_usd = trimmed()
    volume_24h_usd = trimmed()
    difficulty = trimmed()
    hashrate_ehs = trimmed()
    block_reward_btc = trimmed()
    fees_per_block_btc = trimmed()
    fee_rate_sat_vb = trimmed()
    retarget_change_pct = trimmed()
    response_s = trimmed()

    class Meta:
        model = NetworkSnapshot
        fields = (
            "id", "recorded_at", "is_valid", "invalid_reason", "btc_price_usd", "currency", "volume_24h_usd",
            "difficulty",
            "hashrate_ehs", "block_height", "block_reward_btc", "fees_per_block_btc", "fee_rate_sat_vb",
            "retarget_change_pct", "retarget_at", "remaining_blocks", "price_source", "data_source", "response_s",
            "origin", "hashprice_usd_per_ph_day",
        )  # fmt: skip
        read_only_fields = fields


@extend_schema_serializer(
    examples=[
        shown(
            id=DAY_ID, day="2026-11-19", close_usd="90500.25", currency="USD", open_usd="88000", high_usd="95000",
            low_usd="87000", volume_usd="31000000000", difficulty="140000000000000", hashrate_ehs="1000",
            block_height=924990, block_reward_btc="3.125", fees_per_block_btc="0.025", source="coingecko",
            origin="collected", hashprice_usd_per_ph_day="40.95582311", updated_at=MOMENT,
        )
    ]
)  # fmt: skip
class MarketDaySerializer(_HashpriceMixin, OutputSerializer):
    """The close of a UTC day."""

    id = public_id()
    currency = InUsd()
    close_usd = TrimmedDecimalField()
    open_usd = trimmed()
    high_usd = trimmed()
    low_usd = trimmed()
    volume_usd = trimmed()
    difficulty = trimmed()
    hashrate_ehs = trimmed()
    block_reward_btc = trimmed()
    fees_per_block_btc = trimmed()

    class Meta:
        model = MarketDay
        fields = (
            "id", "day", "close_usd", "currency", "open_usd", "high_usd", "low_usd", "volume_usd", "difficulty",
            "hashrate_ehs", "block_height", "block_reward_btc", "fees_per_block_btc", "source", "origin",
            "hashprice_usd_per_ph_day", "updated_at",
        )  # fmt: skip
        read_only_fields = fields


@extend_schema_serializer(
    examples=[
        shown(
            id=INDICATOR_ID, day="2026-11-19", signal="neutral", rule_version=1, rsi="57.12", macd="812.4001",
            macd_signal="700.1", macd_histogram="112.3001", bb_upper="98000", bb_middle="92000", bb_lower="86000",
            ema_12="91500", ema_26="90687.5999", created_at=MOMENT,
        )
    ]
)  # fmt: skip
class IndicatorSerializer(OutputSerializer):
    """Indicators of a day's close; null while warming up."""

    id = public_id()
    rsi = trimmed()
    macd = trimmed()
    macd_signal = trimmed()
    macd_histogram = trimmed()
    bb_upper = trimmed()
    bb_middle = trimmed()
    bb_lower = trimmed()
    ema_12 = trimmed()
    ema_26 = trimmed()

    class Meta:
        model = TechnicalIndicator
        fields = (
            "id", "day", "signal", "rule_version", "rsi", "macd", "macd_signal", "macd_histogram", "bb_upper",
            "bb_middle", "bb_lower", "ema_12", "ema_26", "created_at",
        )  # fmt: skip
        read_only_fields = fields


@extend_schema_serializer(
    examples=[
        shown(
            id=PERIOD_ID, first_height=929376, bits="1701e605", difficulty="148258433855481.317141",
            starts_at="2025-12-25T03:00:00.000000Z", source="mempool.space",
        )
    ]
)  # fmt: skip
class DifficultyPeriodSerializer(OutputSerializer):
    """2,016 blocks of one difficulty."""

    id = public_id()
    difficulty = TrimmedDecimalField()

    class Meta:
        model = DifficultyPeriod
        fields = ("id", "first_height", "bits", "difficulty", "starts_at", "source")
        read_only_fields = fields


@extend_schema_serializer(
    examples=[
        shown(
            id=SERIES_ID, code="de-lu-day-ahead", name="Germany, day-ahead", kind="energy", market_zone="DE-LU",
            currency="EUR", unit="MWh", step_minutes=60, time_zone="Europe/Berlin", known_from="day_ahead",
            source="ENTSO-E", is_active=True, stale_after_minutes=180, answered_at=MOMENT, updated_at=MOMENT,
        )
    ]
)  # fmt: skip
class PriceSeriesSerializer(OutputSerializer):
    """A price series; its values stand under ``values/``."""

    id = public_id()

    class Meta:
        model = PriceSeries
        fields = (
            "id", "code", "name", "kind", "market_zone", "currency", "unit", "step_minutes", "time_zone", "known_from",
            "source", "is_active", "stale_after_minutes", "answered_at", "updated_at",
        )  # fmt: skip
        read_only_fields = fields


class PriceValueSerializer(serializers.Serializer[Any]):
    """An interval, and since when this value of it is known."""

    starts_at = serializers.DateTimeField(read_only=True)
    ends_at = serializers.DateTimeField(read_only=True)
    value = TrimmedDecimalField()
    known_since = serializers.DateTimeField(read_only=True)
    version = serializers.IntegerField(read_only=True)
    is_settled = serializers.BooleanField(read_only=True)


@extend_schema_serializer(
    examples=[
        shown(
            currency="EUR", unit="MWh", known_at="2026-11-20T09:30:00.000000Z", next=None, previous=None,
            results=[
                {
                    "starts_at": "2026-11-20T09:00:00.000000Z", "ends_at": "2026-11-20T10:00:00.000000Z",
                    "value": "-5.25", "known_since": "2026-11-19T12:00:00.000000Z", "version": 1, "is_settled": False,
                }
            ],
        )
    ]
)  # fmt: skip
class PriceValuesSerializer(serializers.Serializer[Any]):
    """A page of values, oldest first, as they were known at ``known_at``. An interval that is missing is a gap."""

    currency = serializers.CharField(read_only=True)
    unit = serializers.CharField(read_only=True)
    known_at = serializers.DateTimeField(read_only=True)
    next = serializers.URLField(read_only=True, allow_null=True)
    previous = serializers.URLField(read_only=True, allow_null=True)
    results = PriceValueSerializer(many=True, read_only=True)


class CoinProfitabilitySerializer(serializers.Serializer[Any]):
    """What a hashrate would find and earn in a year."""

    hashrate_ths = TrimmedDecimalField()
    expected_blocks_per_year = TrimmedDecimalField()
    chance_of_a_block = TrimmedDecimalField()
    expected_revenue_usd_per_year = trimmed()
    calculated_at = serializers.DateTimeField(read_only=True)


@extend_schema_serializer(
    examples=[
        shown(
            id=COIN_ID, symbol="BTC", name="Bitcoin", algorithm="sha256d", is_active=True, default_rpc_port=8332,
            default_p2p_port=8333, default_stratum_port=3333, block_time_seconds=600, block_reward="3.15",
            sha256_share="1", coinbase_maturity=100, confirmations_required=100,
            current_difficulty="140000000000000", network_hashrate="1000000000000000000000",
            price_usd="91234.5", observed_at=MOMENT, blockchain_size_gb=None, growth_rate_gb_per_month=None,
            profitability=[
                {
                    "hashrate_ths": "1.2", "expected_blocks_per_year": "0.000062979226",
                    "chance_of_a_block": "0.000062977243", "expected_revenue_usd_per_year": "18.1",
                    "calculated_at": MOMENT,
                }
            ],
            updated_at=MOMENT,
        )
    ]
)  # fmt: skip
class CoinSerializer(OutputSerializer):
    """A coin of the SHA-256 family."""

    id = public_id()
    block_time_seconds = serializers.IntegerField(source="block_time_s", read_only=True)
    network_hashrate = TrimmedDecimalField(source="network_hashrate_hps", allow_null=True)
    growth_rate_gb_per_month = TrimmedDecimalField(source="growth_gb_per_month", allow_null=True)
    block_reward = trimmed()
    sha256_share = TrimmedDecimalField()
    current_difficulty = trimmed()
    price_usd = trimmed()
    blockchain_size_gb = trimmed()
    profitability = CoinProfitabilitySerializer(many=True, read_only=True)

    class Meta:
        model = Coin
        fields = (
            "id", "symbol", "name", "algorithm", "is_active", "default_rpc_port", "default_p2p_port",
            "default_stratum_port", "block_time_seconds", "block_reward", "sha256_share", "coinbase_maturity",
            "confirmations_required", "current_difficulty",
            "network_hashrate", "price_usd", "observed_at", "blockchain_size_gb", "growth_rate_gb_per_month",
            "profitability", "updated_at",
        )  # fmt: skip
        read_only_fields = fields
