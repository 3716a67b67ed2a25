"""Read-only collections about the world; clients and staff see the same rows."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django_filters import CharFilter
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from hashinsight.common.api.filters import ApiFilterSet, FlagFilter, choice, day, moment
from hashinsight.common.api.parameters import moment_parameter
from hashinsight.common.api.problems import BadParameter
from hashinsight.common.api.schema import described
from hashinsight.common.api.views import ResourceViewSet, part
from marketdata.api import serializers
from marketdata.domain.prices import best_known, value_text
from marketdata.enums import SeriesKind, Signal
from marketdata.models import Coin, DifficultyPeriod, MarketDay, NetworkSnapshot, PriceSeries, TechnicalIndicator

READING = frozenset({"list", "retrieve"})
PAGE = 1000
USUAL, LONGEST = timedelta(days=2), timedelta(days=366)
_MOMENT = {"type": "string", "format": "date-time"}
VALUE_PARAMETERS = [
    OpenApiParameter("starts_from", _MOMENT, description="Included; two days before the end by default."),
    OpenApiParameter("starts_before", _MOMENT, description="Not included; two days from now by default."),
    OpenApiParameter("known_at", _MOMENT, description="As it was known then; now by default."),
]


class SnapshotFilter(ApiFilterSet):
    """Of snapshots."""

    is_valid = FlagFilter()
    recorded_from = moment("recorded_at", "gte")
    recorded_before = moment("recorded_at", "lt")


class DayFilter(ApiFilterSet):
    """Of days."""

    day_from = day("day", "gte")
    day_to = day("day", "lte")


class IndicatorFilter(DayFilter):
    """Of indicators."""

    signal = choice(Signal.choices)


class SeriesFilter(ApiFilterSet):
    """Of price series."""

    code = CharFilter(max_length=60)
    market_zone = CharFilter(lookup_expr="iexact", max_length=60)
    kind = choice(SeriesKind.choices)
    is_active = FlagFilter()


class CoinFilter(ApiFilterSet):
    """Of coins."""

    symbol = CharFilter(lookup_expr="iexact", max_length=10)
    is_active = FlagFilter()


class PeriodFilter(ApiFilterSet):
    """Of difficulty periods: those that began."""

    starts_from = moment("starts_at", "gte")
    starts_before = moment("starts_at", "lt")


class _SharedViewSet(ResourceViewSet):
    """Whoever is signed in may read."""

    model: ClassVar[Any]
    client_actions = READING

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Any]:
        """All rows: they are nobody's."""
        rows: QuerySet[Any] = cls.model.objects.visible_to(user)
        return rows


class NetworkSnapshotViewSet(_SharedViewSet):
    """The network every ten minutes. A snapshot that is not valid says why, and is not to be used."""

    resource = route = "network-snapshots"
    model = NetworkSnapshot
    serializer_class = serializers.NetworkSnapshotSerializer
    filterset_class = SnapshotFilter
    ordering_fields = ("recorded_at",)
    default_ordering = "-recorded_at"
    staff_permissions = dict.fromkeys(READING, "marketdata.view_networksnapshot")
    queryset = NetworkSnapshot.objects.none()


class MarketDayViewSet(_SharedViewSet):
    """Closes of UTC days."""

    resource = route = "market-days"
    model = MarketDay
    serializer_class = serializers.MarketDaySerializer
    filterset_class = DayFilter
    ordering_fields = ("day",)
    default_ordering = "-day"
    staff_permissions = dict.fromkeys(READING, "marketdata.view_marketday")
    queryset = MarketDay.objects.none()


class IndicatorViewSet(_SharedViewSet):
    """Indicators of days."""

    resource = route = "indicators"
    model = TechnicalIndicator
    serializer_class = serializers.IndicatorSerializer
    filterset_class = IndicatorFilter
    ordering_fields = ("day",)
    default_ordering = "-day"
    staff_permissions = dict.fromkeys(READING, "marketdata.view_technicalindicator")
    queryset = TechnicalIndicator.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Any]:
        """Without what only the next reckoning needs."""
        return super().rows_for(user).defer("state")


class DifficultyPeriodViewSet(_SharedViewSet):
    """Difficulty by retarget, exact."""

    resource = route = "difficulty-periods"
    model = DifficultyPeriod
    serializer_class = serializers.DifficultyPeriodSerializer
    filterset_class = PeriodFilter
    ordering_fields = ("first_height",)
    default_ordering = "-first_height"
    staff_permissions = dict.fromkeys(READING, "marketdata.view_difficultyperiod")
    queryset = DifficultyPeriod.objects.none()


class CoinViewSet(_SharedViewSet):
    """Coins of the SHA-256 family."""

    resource = route = "coins"
    model = Coin
    serializer_class = serializers.CoinSerializer
    filterset_class = CoinFilter
    ordering_fields = ("symbol",)
    default_ordering = "symbol"
    staff_permissions = dict.fromkeys(READING, "marketdata.view_coin")
    queryset = Coin.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Any]:
        """With what they bring."""
        return super().rows_for(user).prefetch_related("profitability")


class PriceSeriesViewSet(_SharedViewSet):
    """Price series, and under ``values/`` what is known of each, or was at a moment."""

    resource = route = "price-series"
    model = PriceSeries
    serializer_class = serializers.PriceSeriesSerializer
    filterset_class = SeriesFilter
    ordering_fields = ("code",)
    default_ordering = "code"
    client_actions = READING | {"values"}
    staff_permissions = dict.fromkeys(client_actions, "marketdata.view_priceseries")
    queryset = PriceSeries.objects.none()

    get_row: Callable[[], PriceSeries]

    def known_parameters(self) -> frozenset[str]:
        """The span, and the moment of knowing."""
        if getattr(self, "action", None) == "values":
            return frozenset(parameter.name for parameter in VALUE_PARAMETERS)
        return super().known_parameters()

    @described(parameters=VALUE_PARAMETERS, responses={200: serializers.PriceValuesSerializer})
    @part("values")
    def values(self, request: Request, id: Any) -> Response:
        """Values of a span, oldest first, as they are known now or were at ``known_at``."""
        series = self.get_row()
        now = timezone.now()
        known_at = moment_parameter(request, "known_at") or now
        past = moment_parameter(request, "starts_before") or now + USUAL
        first = moment_parameter(request, "starts_from") or past - 2 * USUAL
        if first >= past or past - first > LONGEST:
            raise BadParameter(
                "starts_from",
                _("The span must be longer than nothing and no longer than %(days)s days.") % {"days": LONGEST.days},
            )
        rows = [one for one in best_known(series, start=first, end=past, at=known_at) if one.start >= first]
        following = None
        if len(rows) > PAGE:
            rows = rows[:PAGE]
            begin = rows[-1].start + timedelta(microseconds=1)
            span = {"starts_from": begin, "starts_before": past, "known_at": known_at}
            query = urlencode({name: value.isoformat() for name, value in span.items()})
            following = request.build_absolute_uri(f"{request.path}?{query}")
        results = [
            {
                "starts_at": _written(one.start), "ends_at": _written(one.end), "value": value_text(one.value),
                "known_since": _written(one.issued_at), "version": one.version, "is_settled": one.is_settled,
            }
            for one in rows
        ]  # fmt: skip
        return Response(
            {
                "currency": series.currency, "unit": series.unit, "known_at": _written(known_at), "next": following,
                "previous": None, "results": results,
            }
        )  # fmt: skip


def _written(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
