"""The meter of the demo: what flowed into a site while its machines drew what they said, and some for cooling."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from hosting.domain.meters.keeping import create_meter
from hosting.domain.meters.storing import store_readings
from hosting.engine.ingest.checking import Doubts
from hosting.engine.metering.values import Said
from hosting.meter_enums import MeterFeed, MeterScope, MeterSource
from hosting.models import Meter, Site

NAME, SERIAL, RATIO = "Grid connection", "NK-77310", Decimal(400)
BEGUN_KWH = 48_211_877.0  # of its register, when the story begins
COOLING, LOSSES, LIGHTS_KW = 0.032, 0.013, 4.0  # of what the machines draw; and what burns all day
MINUTE = timedelta(minutes=1)


class MeterTeller:
    """Tells of one site by the minute; what is told twice is there once."""

    def __init__(self, site: Site, *, at: datetime, begin: datetime, chance: np.random.Generator) -> None:
        self.at, self.chance, self.kwh = at, chance, BEGUN_KWH
        known = Meter.objects.filter(site=site, name=NAME).first()
        self.meter: Meter = known or create_meter(
            site=site, name=NAME, serial=SERIAL, measures=MeterScope.SITE, feed=MeterFeed.FILE, ratio=RATIO,
            interval_s=60, valid_from=(begin - timedelta(days=1)).date(), at=begin,
        )  # fmt: skip

    def tell(self, begin: datetime, watts: Sequence[float] | Any) -> int:
        """The minutes from ``begin`` on, ``watts`` of all machines of the site in each; returns how many were kept."""
        machines_kw = np.asarray(watts, np.float64) / 1000
        noise = self.chance.normal(1.0, 0.002, len(machines_kw))
        kw = machines_kw * (1 + COOLING + LOSSES) * noise + LIGHTS_KW
        said = []
        for place, power in enumerate(kw.tolist()):
            said.append(Said(place, begin + place * MINUTE, _shown(power), _shown(self.kwh)))
            self.kwh += power / 60
        came = store_readings(self.meter, said, source=MeterSource.FILE, at=self.at, doubts=Doubts(), oldest=begin)
        return came.stored


def _shown(figure: float) -> Decimal:
    """As it stands on the display, before the ratio."""
    return (Decimal(figure) / RATIO).quantize(Decimal("0.0001"))
