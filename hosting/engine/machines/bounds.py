"""What a machine can possibly report; anything beyond is a fault of the answer, not a fact about the machine.

The bounds are wide on purpose: they keep nonsense out of the tables (a fan of 4,294,967,295 rpm, a board of minus
273 °C), they do not judge whether a machine is well.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bound:
    """Both ends are still believed."""

    low: float
    high: float
    unit: str


HASHRATE_THS = Bound(0.0, 5_000.0, "TH/s")  # the largest machine sold by 2026 does about 1,200 TH/s
POWER_W = Bound(0.0, 30_000.0, "W")  # the largest takes about 11 kW from three phases
LIMIT_W = Bound(1.0, 30_000.0, "W")  # a limit of zero is none
TEMPERATURE_C = Bound(-50.0, 200.0, "°C")  # silicon is dead above 150; some makes write -273 for "no sensor"
FAN_RPM = Bound(0.0, 40_000.0, "rpm")  # case fans reach 7,500, the small fans of power supplies 30,000
UPTIME_S = Bound(0.0, 10 * 366 * 86_400.0, "s")  # ten years without a restart
CHIPS = Bound(0, 10_000, "chips")  # per board; the largest boards have some 400
COUNT = Bound(0, 2.0**53, "")  # shares and errors; above, a float no longer counts by ones
SLOT = Bound(0, 255, "")
