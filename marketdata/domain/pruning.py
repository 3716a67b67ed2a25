"""Which snapshots stay: ten a day in even parts, the one that closed it, and all that something refers to."""

from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet, Window
from django.db.models.functions import Floor, RowNumber

from hashinsight.common.ranges import EpochSeconds
from marketdata.models import NetworkSnapshot

A_DAY = 10
PART_S = 24 * 3600 // A_DAY  # 144 minutes


def prunable(before: datetime) -> QuerySet[NetworkSnapshot]:
    """Snapshots of UTC days that were over at ``before`` and that may go.

    Of each 144 minutes the first valid one stays (C-13), and where none is valid the first, so that an outage can be
    seen. A row that another table points at stays, whichever table that is.
    """
    end = before.replace(hour=0, minute=0, second=0, microsecond=0)
    part = Floor(EpochSeconds("slot_at") / PART_S)
    ranked = (
        NetworkSnapshot.objects.filter(slot_at__lt=end)
        .annotate(part=part)
        .annotate(
            place=Window(RowNumber(), partition_by=[F("part")], order_by=[F("is_valid").desc(), F("slot_at").asc()])
        )
    )
    later = ranked.filter(place__gt=1).values("pk")
    found: QuerySet[NetworkSnapshot] = NetworkSnapshot.objects.filter(pk__in=later)
    for relation in NetworkSnapshot._meta.related_objects:
        model: Any = relation.related_model
        found = found.exclude(Exists(model._default_manager.filter(**{relation.field.name: OuterRef("pk")})))
    return found
