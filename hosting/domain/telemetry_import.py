"""Readings from a file of the past, for machines that are known here."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from hosting.domain.telemetry import Stored, store_readings
from hosting.engine.ingest.sheets import Sheet
from hosting.enums import ReadingSource
from hosting.models import Miner

PORTION = 50_000
BEGINNING = datetime(2009, 1, 3, tzinfo=UTC)  # nobody mined before


def import_readings(sheet: Sheet, *, miners: Mapping[str, Miner], at: datetime) -> list[Stored]:
    """Store the readings of a file, ``miners`` by the names it uses; however old they are. Twice is once.

    In portions, each whole or not at all: a file that was broken off is simply imported again.
    """
    ids = np.array([miners[name].pk if name in miners else 0 for name in sheet.names], np.int64)
    columns = replace(sheet.columns, miner_ids=ids[sheet.at_name])
    order = np.argsort(columns.recorded_us, kind="stable")
    parts = [order[first : first + PORTION] for first in range(0, len(order), PORTION)]
    return [
        store_readings(columns.take(places), source=ReadingSource.IMPORT, at=at, accept_from=BEGINNING)
        for places in parts
    ]
