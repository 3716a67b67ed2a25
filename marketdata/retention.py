"""Snapshots by the rule of ten a day, answers of sources for a week. Closes, indicators and prices stay."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from hashinsight.jobs.retention import Held, RetentionKind, never_delete, register_kind
from marketdata.domain.pruning import prunable
from marketdata.models import SourceAnswer


def _snapshots(before: datetime, _held: Held) -> QuerySet[Any]:
    return prunable(before)


def _answers(before: datetime, _held: Held) -> QuerySet[Any]:
    rows: QuerySet[Any] = SourceAnswer.objects.filter(asked_at__lt=before)
    return rows


KINDS = [
    RetentionKind(
        name="marketdata.snapshots",
        label=_("Network snapshots"),
        what=_("Of each day the first good one of every 144 minutes stays, and all that something refers to."),
        table="marketdata.NetworkSnapshot",
        moment="slot_at",
        rows=_snapshots,
        keep_days=1,
    ),
    RetentionKind(
        name="marketdata.answers",
        label=_("Answers of market sources"),
        what=_("What the services sent, word for word, to look into what was wrong."),
        table="marketdata.SourceAnswer",
        moment="asked_at",
        rows=_answers,
        keep_days=7,
    ),
]


def register() -> None:
    """Called once from ``ready()``."""
    for kind in KINDS:
        register_kind(kind)
    never_delete("marketdata.MarketDay", _("the closes that indicators and forecasts were reckoned from"))
    never_delete("marketdata.PricePoint", _("what was known when decisions were made"))
