"""Batches of readings for tests."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from hosting.engine.ingest.columns import REPORTED, UNREACHABLE, Columns
from hosting.engine.ingest.spans import microseconds

MINING = 1


def batch(
    miner_ids: Sequence[int],
    first: datetime,
    *,
    every: timedelta = timedelta(minutes=1),
    times: int = 1,
    **figures: Any,
) -> Columns:
    """``times`` readings of each machine, all of one moment together; figures are one value or one per reading."""
    ids = np.tile(np.array(miner_ids, np.int64), times)
    moments = np.repeat(microseconds(first) + np.arange(times) * (every // timedelta(microseconds=1)), len(miner_ids))
    count = len(ids)
    said = {"hashrate_ths": 200.0, "power_w": 3500.0, "uptime_s": 600.0, **figures}
    state = said.pop("state", MINING)
    source = said.pop("power_source", REPORTED)
    return Columns(
        ids,
        moments.astype(np.int64),
        np.broadcast_to(np.array(state, np.uint8), count).copy(),
        np.broadcast_to(np.array(source, np.uint8), count).copy(),
        {name: np.broadcast_to(np.array(value, np.float64), count).copy() for name, value in said.items()},
    )


def silent(miner_ids: Sequence[int], first: datetime, **options: Any) -> Columns:
    """Readings of machines that gave no answer."""
    nothing = {"hashrate_ths": np.nan, "power_w": np.nan, "uptime_s": np.nan}
    return batch(miner_ids, first, state=UNREACHABLE, power_source=0, **{**nothing, **options})
