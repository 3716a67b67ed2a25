"""The meter of the demo: what flows into a site while its machines draw what they say, and some for cooling."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from django.db.models import Sum

from hosting.domain.meters.keeping import create_meter
from hosting.domain.meters.storing import store_readings
from hosting.engine.ingest.checking import Doubts
from hosting.engine.metering.values import Said, hours
from hosting.meter_enums import MeterFeed, MeterScope, MeterSource
from hosting.models import Meter, MeterReading, MinerLatest, Site

NAME, SERIAL, RATIO = "Grid connection", "NK-77310", Decimal(400)
BEGUN_KWH = 48_211_877.0  # of its register, when the story begins
COOLING, LOSSES, LIGHTS_KW = 0.032, 0.013, 4.0  # of what the machines draw; and what burns all day
MINUTE = timedelta(minutes=1)
HEARD = timedelta(minutes=5)  # of machines silent for longer nobody knows what they draw


class MeterTeller:
    """Tells of one site by the minute; what is told twice is there once."""

    def __init__(self, site: Site, *, at: datetime, begin: datetime, chance: np.random.Generator) -> None:
        self.at, self.chance, self.kwh = at, chance, BEGUN_KWH
        known = Meter.objects.filter(site=site, name=NAME).first()
        self.meter: Meter = known or create_meter(
            site=site, name=NAME, serial=SERIAL, measures=MeterScope.SITE, feed=MeterFeed.API, ratio=RATIO,
            interval_s=60, valid_from=(begin - timedelta(days=1)).date(), at=begin,
        )  # fmt: skip

    def tell(self, begin: datetime, watts: Sequence[float] | Any) -> int:
        """The minutes from ``begin`` on, ``watts`` of all machines of the site in each; returns how many were kept."""
        kw = _flow_kw(np.asarray(watts, np.float64), self.chance)
        said = []
        for place, power in enumerate(kw.tolist()):
            said.append(Said(place, begin + place * MINUTE, _shown(power), _shown(self.kwh)))
            self.kwh += power / 60
        came = store_readings(self.meter, said, source=MeterSource.API, at=self.at, doubts=Doubts(), oldest=begin)
        return came.stored


def read_meters(*, at: datetime, chance: np.random.Generator) -> int:
    """What the meters of the demo show at ``at``, kept as if a program had pushed it; returns how many were kept.

    None is read where no machine was heard in the last minutes: then the simulated fleet does not run.
    """
    meters = Meter.objects.filter(name=NAME, serial=SERIAL).select_related("site")
    return sum(_read(meter, at, chance) for meter in meters)


def _read(meter: Meter, at: datetime, chance: np.random.Generator) -> int:
    heard = MinerLatest.objects.filter(miner__site=meter.site, recorded_at__gt=at - HEARD, recorded_at__lte=at)
    watts = heard.aggregate(watts=Sum("power_w"))["watts"]
    shown = MeterReading.objects.filter(meter=meter, register_kwh__isnull=False, recorded_at__lt=at)
    last = shown.order_by("-recorded_at").first()
    if watts is None or last is None or last.register_kwh is None:
        return 0
    power = float(_flow_kw(np.array([watts], np.float64), chance)[0])
    register = float(last.register_kwh) + power * float(hours(at - last.recorded_at))
    said = [Said(0, at, _shown(power), _shown(register))]
    return store_readings(meter, said, source=MeterSource.API, at=at, doubts=Doubts()).stored


def _flow_kw(watts: Any, chance: np.random.Generator) -> Any:
    """Through the meter, by what the machines draw at each moment."""
    return watts / 1000 * (1 + COOLING + LOSSES) * chance.normal(1.0, 0.002, len(watts)) + LIGHTS_KW


def _shown(figure: float) -> Decimal:
    """As it stands on the display, before the ratio."""
    return (Decimal(figure) / RATIO).quantize(Decimal("0.0001"))
