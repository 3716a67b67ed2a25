"""The shipped catalogue of models in the database: new models come with a release, what people changed stays."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models.functions import Lower

from hosting.engine.catalogue import CatalogueModel
from hosting.models import MinerModel


@transaction.atomic
def sync_catalogue(models: Iterable[CatalogueModel], *, at: datetime) -> int:
    """Add the shipped models nobody has yet, by name; safe to run again. Returns how many were added."""
    known = set(MinerModel.objects.annotate(lowered=Lower("name")).values_list("lowered", flat=True))
    rows = [
        MinerModel(
            name=model.name,
            manufacturer=model.maker,
            hashrate_ths=model.hashrate_ths,
            power_w=model.power_w,
            released_on=model.released_on,
            cooling=model.cooling.value,
            chip=model.chip,
            inlet_min_c=model.inlet_min_c,
            inlet_max_c=model.inlet_max_c,
            list_price_usd=model.list_price_usd,
            source=model.source,
            note=model.note,
            is_shipped=True,
            created_at=at,
        )
        for model in models
        if model.name.lower() not in known
    ]
    MinerModel.objects.bulk_create(rows)
    return len(rows)
