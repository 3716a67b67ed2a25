"""Forecasts: the current ones by default, any by its id, each with what its kind has been worth."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters import CharFilter
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from hashinsight.common.api.fields import OutputSerializer, TrimmedDecimalField, link, public_id
from hashinsight.common.api.filters import ApiFilterSet, FlagFilter, choice, moment
from hashinsight.common.api.views import ResourceViewSet
from intelligence.domain.scoring import WORTH_SAYING
from intelligence.enums import ForecastKind, Verdict
from intelligence.models import ForecastRun, ForecastScore

FORECAST_ID = "0199f3d2-1a10-7d20-8b30-4c5d6e7f8a21"
READING = frozenset({"list", "retrieve"})
UNITS = {ForecastKind.PRICE.value: "USD", ForecastKind.DIFFICULTY.value: "difficulty"}


class ForecastPointSerializer(serializers.Serializer[Any]):
    """The value for a moment with its bounds (95 %), and "no change" beside it. ``horizon`` is in ``horizon_unit``."""

    horizon = serializers.IntegerField(read_only=True)
    at = serializers.DateTimeField(read_only=True)
    value = TrimmedDecimalField()
    lower = TrimmedDecimalField()
    upper = TrimmedDecimalField()
    naive = TrimmedDecimalField()


class ForecastScoreSerializer(serializers.Serializer[Any]):
    """What such forecasts have been worth at a horizon.

    Errors of price and difficulty are of logarithms (0.01 is one percent), those of energy in its ``unit``.
    """

    horizon = serializers.IntegerField(read_only=True)
    forecasts = serializers.IntegerField(read_only=True)
    mae = serializers.FloatField(read_only=True)
    rmse = serializers.FloatField(read_only=True)
    naive_mae = serializers.FloatField(read_only=True)
    skill = serializers.FloatField(read_only=True, allow_null=True)
    coverage = serializers.FloatField(read_only=True, allow_null=True)
    verdict = serializers.ChoiceField(choices=Verdict.choices, read_only=True)


_POINT = {
    "horizon": 1, "at": "2026-11-21T00:00:00.000000Z", "value": "91240.12", "lower": "87311.5",
    "upper": "95345.7", "naive": "91234.5",
}  # fmt: skip
_SCORE = {
    "horizon": 1, "forecasts": 60, "mae": 0.0167, "rmse": 0.0221, "naive_mae": 0.0166, "skill": -0.006,
    "coverage": 0.95, "verdict": "no_skill",
}  # fmt: skip


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "answer", response_only=True,
            value={
                "id": FORECAST_ID, "kind": "price", "series": None, "series_code": None, "unit": "USD",
                "horizon_unit": "day", "verdict": "no_skill", "is_current": True, "is_backtest": False,
                "issued_at": "2026-11-20T00:00:00.000000Z",
                "computed_at": "2026-11-20T01:00:05.000000Z", "window_from": "2026-08-22T00:00:00.000000Z",
                "observations": 90, "model_name": "ARIMA(1,1,0) on log price", "model_version": "price-1",
                "params": {"order": [1, 1, 0]}, "flags": [], "data_hash": "6f1c…", "points": [_POINT],
                "scores": [_SCORE], "expires_at": "2026-12-27T00:00:00.000000Z",
            },
        )
    ]
)  # fmt: skip
class ForecastSerializer(OutputSerializer):
    """One forecast. ``verdict`` is about its kind at seven days: ``no_skill`` means that "no change" was as good.

    Forecasts of energy are of the market whose price series they name, by the hour.
    """

    id = public_id()
    series = link("series")
    series_code = serializers.CharField(source="series.code", read_only=True, allow_null=True, default=None)
    unit = serializers.SerializerMethodField()
    horizon_unit = serializers.SerializerMethodField()
    verdict = serializers.SerializerMethodField()
    points = ForecastPointSerializer(many=True, read_only=True)
    scores = serializers.SerializerMethodField()

    class Meta:
        model = ForecastRun
        fields = (
            "id", "kind", "series", "series_code", "unit", "horizon_unit", "verdict", "is_current", "is_backtest",
            "issued_at", "computed_at", "window_from", "observations", "model_name", "model_version", "params", "flags",
            "data_hash", "points", "scores", "expires_at",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field({"type": "string"})
    def get_unit(self, run: ForecastRun) -> str:
        """Of the values: USD per BTC, or raw difficulty; of energy as the series says."""
        return UNITS.get(run.kind) or str(run.series.per if run.series else "")

    @extend_schema_field({"type": "string", "enum": ["day", "hour"]})
    def get_horizon_unit(self, run: ForecastRun) -> str:
        """What horizons count."""
        return "hour" if run.kind == ForecastKind.ENERGY else "day"

    @extend_schema_field({"type": "string", "enum": Verdict.values})
    def get_verdict(self, run: ForecastRun) -> str:
        """At the longest horizon."""
        rows = [row for row in self._scores(run) if row.horizon <= WORTH_SAYING]
        return rows[-1].verdict if rows else Verdict.UNKNOWN.value

    @extend_schema_field(ForecastScoreSerializer(many=True))
    def get_scores(self, run: ForecastRun) -> Any:
        """By horizon."""
        return ForecastScoreSerializer(self._scores(run), many=True).data

    def _scores(self, run: ForecastRun) -> list[ForecastScore]:
        known: dict[Any, list[ForecastScore]] | None = getattr(self.root, "known_scores", None)
        if known is None:
            known = {}
            for row in ForecastScore.objects.order_by("horizon"):
                known.setdefault((row.kind, row.series_id), []).append(row)
            self.root.known_scores = known  # type: ignore[attr-defined]
        return known.get((run.kind, run.series_id), [])


class ForecastFilter(ApiFilterSet):
    """Of forecasts."""

    kind = choice(ForecastKind.choices)
    series_code = CharFilter(field_name="series__code", max_length=60)
    is_current = FlagFilter()
    is_backtest = FlagFilter()
    issued_from = moment("issued_at", "gte")
    issued_before = moment("issued_at", "lt")


class ForecastViewSet(ResourceViewSet):
    """Forecasts of price, difficulty and energy, newest first; ask for ``is_current=true`` to have those that stand."""

    resource = route = "forecasts"
    serializer_class = ForecastSerializer
    filterset_class = ForecastFilter
    ordering_fields = ("issued_at",)
    default_ordering = "-issued_at"
    client_actions = READING
    staff_permissions: ClassVar[Any] = dict.fromkeys(READING, "intelligence.view_forecastrun")
    queryset = ForecastRun.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Any]:
        """All rows: they are nobody's."""
        rows: QuerySet[Any] = ForecastRun.objects.visible_to(user)
        return rows.select_related("series").prefetch_related("points")
