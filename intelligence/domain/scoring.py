"""The score card: what stored forecasts were worth, recomputed from what came."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction

from intelligence.domain.forecasting import ENGINES
from intelligence.engine.scoring import NO_SKILL, SKILL, Outcome, Score, score
from intelligence.enums import ForecastKind, Verdict
from intelligence.models import ForecastPoint, ForecastRun, ForecastScore
from marketdata.models import MarketDay

VERDICTS = {SKILL: Verdict.SKILL, NO_SKILL: Verdict.NO_SKILL}
WITHIN = timedelta(days=730)  # what is older says little about the model of today
WORTH_SAYING = 7  # the horizon by which a kind is judged on pages


def outcomes(kind: ForecastKind, *, at: datetime) -> Iterator[Outcome]:
    """Stored points of the newest model whose moment has come, with the value of that day."""
    newest = ForecastRun.objects.filter(kind=kind).order_by("-computed_at", "-pk").first()
    if newest is None:
        return
    points = ForecastPoint.objects.filter(
        run__kind=kind, run__model_version=newest.model_version, at__lte=at, at__gt=at - WITHIN
    ).values_list("horizon", "at", "value", "lower", "upper", "naive")
    column = "close_usd" if kind is ForecastKind.PRICE else "difficulty"
    came = dict(MarketDay.objects.exclude(**{column: None}).values_list("day", column))
    for horizon, moment, value, lower, upper, naive in points:
        actual = came.get((moment - timedelta(seconds=1)).date())
        if actual is not None:
            yield Outcome(horizon, float(value), float(lower), float(upper), float(naive), float(actual))


@transaction.atomic
def rescore(kind: ForecastKind, *, at: datetime) -> list[ForecastScore]:
    """Write the score card of a kind anew, by horizon."""
    found = score(outcomes(kind, at=at), log=True)
    ForecastScore.objects.filter(kind=kind, series=None).delete()
    return ForecastScore.objects.bulk_create([_row(kind, one, at) for one in found])


def rescore_all(*, at: datetime) -> dict[str, int]:
    """All kinds; how many horizons each has."""
    return {kind.value: len(rescore(kind, at=at)) for kind in ENGINES}


def verdict(kind: ForecastKind) -> Verdict:
    """What is said of a kind on pages: by its longest horizon of days."""
    row = ForecastScore.objects.filter(kind=kind, series=None, horizon__lte=WORTH_SAYING).order_by("-horizon").first()
    return Verdict(row.verdict) if row else Verdict.UNKNOWN


def _row(kind: ForecastKind, one: Score, at: datetime) -> ForecastScore:
    return ForecastScore(
        kind=kind, horizon=one.horizon, forecasts=one.forecasts, mae=one.mae, rmse=one.rmse, naive_mae=one.naive_mae,
        skill=one.skill, coverage=one.coverage, verdict=VERDICTS.get(one.label, Verdict.UNKNOWN), scored_at=at,
    )  # fmt: skip
