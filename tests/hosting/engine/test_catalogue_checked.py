"""The shipped catalogue against a public list of mining machines, where that list is at hand.

The list may not be shipped; here it is a second opinion. Every machine of it is either in our catalogue or named below
with the reason why not, and wherever the two differ by more than two per cent the reason stands here.
"""

import csv
import os
import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings

from hosting.engine.catalogue import CatalogueModel, read_catalogue

SAMPLE = Path(os.environ.get("HASHINSIGHT_SAMPLE_DATA") or Path(settings.BASE_DIR).parent / "shared" / "data")
LIST = SAMPLE / "asic_models" / "asic_models.csv"
ALLOWED = Decimal("0.02")

pytestmark = [
    pytest.mark.sample,
    pytest.mark.skipif(
        not LIST.is_file(),
        reason=f"NO LIST in {LIST}: set HASHINSIGHT_SAMPLE_DATA to compare the catalogue of miner models with it",
    ),
]

MAKERS = re.compile(
    r"\b(asicminer|avalon|avalonminer|antminer|bitfily|bitfury|bitmain|canaan|dragonmint|ebang|ebit|gmo|halong"
    r"|innosilicon|made|microbt|mining|strongu|whatsminer)\b"
)
RATE = re.compile(r"\(?\b(\d+(?:\.\d+)?)th?\b\)?")

# The list keeps whole terahashes; its own power and J/TH give our hashrate.
ROUNDED = {
    "Bitmain Antminer S5",
    "Bitmain Antminer S7",
    "Bitmain Antminer S7-LN",
    "Bitmain Antminer S9 (11.5Th)",
    "Bitmain Antminer S9 (12.5Th)",
    "Bitmain Antminer S9 (13.5Th)",
    "Bitmain Antminer S9j (14.5Th)",
    "Bitmain Antminer S11 (20.5Th)",
    "Bitmain Antminer T9 (11.5Th)",
    "Bitmain Antminer T9 (12.5Th)",
    "Bitmain Antminer T9+ (10.5Th)",
    "Canaan AvalonMiner 741",
    "Ebang Ebit E9i",
    "MicroBT Whatsminer M3X",
}
DEVIATIONS = {
    "Avalon 1": "we: two public tables print 66 GH/s and 620 W for the first batch; the list has 60 GH/s and 595 W",
    "Bitmain Antminer S3": "both: 441 GH/s and 340 W at stock clock, the list took the batch of 478 GH/s and 366 W",
    "Bitmain Antminer S9k": "open: 1148 W is 85 J/TH, the list repeats the 1310 W of dealers; marked as unconfirmed",
    "Innosilicon T3+ 52T": "open: 2200, 2800 and 3200 W are in circulation; marked as unconfirmed",
    "MicroBT Whatsminer M30S+": "we: 34 J/TH times 100; the list swapped the power of M30S+ and M30S++",
    "MicroBT Whatsminer M30S++": "we: 31 J/TH times 112; the list swapped the power of M30S+ and M30S++",
    "MicroBT Whatsminer M63S+": "we: 450 TH/s, hydro; the list swapped M63S+ and M66S+",
    "MicroBT Whatsminer M66S+": "we: 318 TH/s, immersion; the list swapped M63S+ and M66S+",
}
LEFT_OUT = {
    "Aisen A1 Pro": "no trace of the maker's own figures",
    "Aladdin Miner 16Th/s Bitcoin": "no trace of the maker's own figures",
    "Holic H22": "no trace of the maker's own figures",
    "Pantech SX6": "no trace of the maker's own figures",
    "Pantech WX6": "no trace of the maker's own figures",
}
# The list's column is derived from names: M3X reads like the hydro machines M33, M53, M63.
COOLED_OTHERWISE = {"MicroBT Whatsminer M3X": ("hydro", "air")}
OTHER_NAMES = {"avalon 1": "avalon batch 1"}


def normalised(name: str) -> str:
    """The name without maker, brand, hashrate and spelling: ``Bitmain Antminer S19j Pro (96Th)`` is ``s19jpro``."""
    text = OTHER_NAMES.get(name.casefold(), name.casefold())
    text = RATE.sub(" ", MAKERS.sub(" ", text)).replace("hydro", "hyd").replace("immersion", "imm")
    return re.sub(r"[^a-z0-9+]", "", re.sub(r"\ba(?=\d{4})", "", text))


class Listed:
    """A machine of the list, with ours beside it: of several variants the one nearest in hashrate and power."""

    def __init__(self, row: dict[str, str], ours: list[CatalogueModel]) -> None:
        self.name = row["model"]
        self.hashrate_ths, self.power_w = Decimal(row["hashrate_th_s"]), Decimal(row["power_w"])
        self.efficiency_j_th = Decimal(row["efficiency_j_th_stated"])
        self.cooling = row["cooling_from_name"]
        rate = RATE.search(self.name.casefold())
        wanted = Decimal(rate[1]) if rate else self.hashrate_ths
        self.ours = min(
            (model for model in ours if normalised(model.name) == normalised(self.name)),
            key=lambda model: (abs(model.hashrate_ths - wanted), abs(model.power_w - self.power_w)),
            default=None,
        )

    def apart(self) -> bool:
        assert self.ours is not None
        hashrate = abs(self.ours.hashrate_ths / self.hashrate_ths - 1)
        return max(hashrate, abs(self.ours.power_w / self.power_w - 1)) > ALLOWED


@pytest.fixture(scope="module")
def listed() -> list[Listed]:
    ours = list(read_catalogue())
    with LIST.open(encoding="utf-8", newline="") as file:
        return [Listed(row, ours) for row in csv.DictReader(file)]


def test_every_machine_of_the_list_is_ours_or_left_out_with_a_reason(listed: list[Listed]) -> None:
    assert {machine.name for machine in listed if machine.ours is None} == set(LEFT_OUT)
    found = [machine for machine in listed if machine.ours is not None]
    assert (len(listed), len(found)) == (121, 116)
    assert len({machine.ours.name for machine in found if machine.ours}) == len(found)


def test_every_deviation_has_its_reason(listed: list[Listed]) -> None:
    apart = {machine.name for machine in listed if machine.ours is not None and machine.apart()}
    assert apart == ROUNDED | set(DEVIATIONS)


def test_rounding_is_the_whole_reason_where_we_say_so(listed: list[Listed]) -> None:
    rounded = [machine for machine in listed if machine.name in ROUNDED]
    assert len(rounded) == len(ROUNDED)
    for machine in rounded:
        assert machine.ours is not None
        assert abs(machine.power_w / machine.efficiency_j_th / machine.ours.hashrate_ths - 1) < Decimal("0.005"), (
            machine.name
        )
        assert machine.power_w == machine.ours.power_w, machine.name


def test_the_two_swaps_of_the_list_are_swaps(listed: list[Listed]) -> None:
    by_name = {machine.name.removeprefix("MicroBT Whatsminer "): machine for machine in listed}
    hydro, immersion = by_name["M63S+"], by_name["M66S+"]
    assert hydro.ours is not None
    assert immersion.ours is not None
    assert (hydro.hashrate_ths, hydro.power_w) == (immersion.ours.hashrate_ths, immersion.ours.power_w)
    assert (immersion.hashrate_ths, immersion.power_w) == (hydro.ours.hashrate_ths, hydro.ours.power_w)
    plus, plus_plus = by_name["M30S+"], by_name["M30S++"]
    assert plus.ours is not None
    assert plus_plus.ours is not None
    assert (plus.power_w, plus_plus.power_w) == (plus_plus.ours.power_w, plus.ours.power_w)


def test_cooling_agrees(listed: list[Listed]) -> None:
    apart = {
        machine.name: (machine.cooling, machine.ours.cooling.value)
        for machine in listed
        if machine.ours is not None and machine.cooling != machine.ours.cooling
    }
    assert apart == COOLED_OTHERWISE
