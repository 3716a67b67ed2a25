"""The racks of a zone as a map: what stands in which slot, and how it is."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from hosting.enums import MinerHealth, MinerIntent
from hosting.models import Miner, Rack, Zone

# Name, word, sign: never told by colour alone.
STATES: dict[str, tuple[Any, str]] = {
    "ok": (_("runs"), "●"),
    "degraded": (_("runs badly"), "◐"),
    "offline": (_("does not answer"), "✕"),
    "unknown": (_("not heard of"), "?"),
    "off": (_("meant to be off"), "○"),
    "maintenance": (_("maintenance"), "⚒"),
}
_HEALTH = {
    MinerHealth.OK: "ok", MinerHealth.DEGRADED: "degraded", MinerHealth.OFFLINE: "offline", MinerHealth.LOST: "offline",
    MinerHealth.STALE: "unknown", MinerHealth.UNKNOWN: "unknown",
}  # fmt: skip
MOST = 5_000
FRESH = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Cell:
    """A slot; without a machine it is empty."""

    slot: int | None
    miner: Miner | None = None
    state: str = ""

    @property
    def sign(self) -> str:
        """For those who see no colours."""
        return STATES[self.state][1] if self.state else ""

    @property
    def word(self) -> Any:
        """In words."""
        return STATES[self.state][0] if self.state else ""

    @property
    def title(self) -> str:
        """Slot, serial number, state and hashrate, as far as there are any."""
        place = f"#{self.slot}" if self.slot else ""
        if self.miner is None:
            return place
        latest = getattr(self.miner, "latest", None)
        hashrate = f", {latest.hashrate_ths:.1f} TH/s" if latest is not None and latest.hashrate_ths is not None else ""
        return f"{place} {self.miner.serial}: {self.word}{hashrate}".strip()


@dataclass(frozen=True, slots=True)
class MappedRack:
    """A rack, or (without one) the machines that stand in none."""

    rack: Rack | None
    columns: int
    cells: Sequence[Cell]

    @property
    def rows(self) -> list[Sequence[Cell]]:
        """As they stand side by side."""
        return [self.cells[at : at + self.columns] for at in range(0, len(self.cells), self.columns)]


@dataclass(frozen=True)
class RackMap:
    """A zone: its racks, how many machines are in which state, and what the newest readings add up to."""

    racks: Sequence[MappedRack]
    counts: Sequence[tuple[str, Any, str, int]]
    hashrate_phs: Decimal
    power_kw: Decimal
    machines: int
    is_cut: bool = False
    notes: Sequence[str] = field(default_factory=tuple)


def state_of(miner: Miner) -> str:
    """One of ``STATES``: what was meant first, then what is."""
    if miner.intent == MinerIntent.MAINTENANCE:
        return "maintenance"
    if miner.intent != MinerIntent.ACTIVE:
        return "off"
    return _HEALTH[MinerHealth(miner.health)]


def map_of(zone: Zone, *, at: datetime) -> RackMap:
    """The map of a zone in three queries. Sums are of readings not older than 15 minutes."""
    machines = list(
        Miner.objects.filter(zone=zone)
        .select_related("latest", "model")
        .order_by("rack_id", "slot", "serial")[: MOST + 1]
    )
    shown = machines[:MOST]
    by_rack: dict[int | None, list[Miner]] = {}
    for miner in shown:
        by_rack.setdefault(miner.rack_id, []).append(miner)
    racks = [_mapped(rack, by_rack.get(rack.pk, [])) for rack in zone.racks.order_by("building", "row", "name")]
    if None in by_rack:
        racks.append(MappedRack(None, 8, [Cell(None, miner, state_of(miner)) for miner in by_rack[None]]))
    counts = Counter(state_of(miner) for miner in shown)
    fresh = [
        latest for miner in shown if (latest := getattr(miner, "latest", None)) and latest.recorded_at > at - FRESH
    ]
    return RackMap(
        racks=racks,
        counts=[(name, word, sign, counts[name]) for name, (word, sign) in STATES.items() if counts[name]],
        hashrate_phs=_sum([latest.hashrate_ths for latest in fresh]),
        power_kw=_sum([latest.power_w for latest in fresh]),
        machines=len(shown),
        is_cut=len(machines) > MOST,
    )


def _sum(values: list[float | None]) -> Decimal:
    return Decimal(f"{sum(value for value in values if value is not None) / 1000:.3f}")


def _mapped(rack: Rack, machines: Sequence[Miner]) -> MappedRack:
    """Every slot of a rack in order; machines without a slot behind them."""
    by_slot = {miner.slot: miner for miner in machines if miner.slot is not None}
    cells = [
        Cell(slot, miner, state_of(miner)) if (miner := by_slot.get(slot)) else Cell(slot)
        for slot in range(1, rack.slots + 1)
    ]
    cells += [Cell(None, miner, state_of(miner)) for miner in machines if miner.slot is None]
    return MappedRack(rack, max(1, rack.columns), cells)
