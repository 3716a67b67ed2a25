"""A site of machines that answer from memory: the control's own code, the database, and nothing of the network."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.models import User
from curtailment.domain.control.site import Ticked, control_site
from hosting.clients.adapter import Identity, Outcome, ReadResult, SwitchResult, Target
from hosting.clients.limits import DEFAULT, Limits, Trouble
from hosting.domain import fleet, places
from hosting.domain.fleet import Spot
from hosting.engine.machines.reading import MiningState, PowerSource, Reading
from hosting.models import Miner, MinerContact, MinerModel, Site, Zone

WATTS = 3500
OWN_W = 3600  # the limit of machines that keep to one


@dataclass
class Fake:
    """What one machine does."""

    on: bool = True
    deaf: bool = False  # says yes and does nothing
    silent: bool = False
    refuses: bool = False
    chip_c: float = 60.0
    inlet_c: float | None = None
    limit_w: int | None = None  # the limit it keeps to; None: it says none and takes none
    told: list[str] = field(default_factory=list)


@dataclass
class Farm:
    """An adapter whose machines live in memory, by their key."""

    name: str = "farm"
    machines: dict[str, Fake] = field(default_factory=dict)
    on_command: Any = None  # called before each command; may raise to die in the middle

    async def identify(self, target: Target, *, limits: Limits = DEFAULT) -> Identity:
        return Identity(target, dialect="luxos")

    async def read(self, target: Target, *, limits: Limits = DEFAULT) -> ReadResult:
        await asyncio.sleep(0)
        fake = self.machines[target.key]
        if fake.silent:
            return ReadResult(target, trouble=Trouble.TIMEOUT)
        state = MiningState.MINING if fake.on else MiningState.PAUSED
        watts = float(min(WATTS, fake.limit_w or WATTS)) if fake.on else 15.0
        reading = Reading(
            dialect="luxos", known=True, state=state, power_w=watts, power_source=PowerSource.REPORTED,
            hashrate_ths=200.0 if fake.on else 0.0, chip_temp_max_c=fake.chip_c,
            inlet_temp_c=fake.inlet_c,
            power_target_w=fake.limit_w if target.asks_limit else None,  # as LuxOS, a question of its own
        )  # fmt: skip
        return ReadResult(target, reading=reading)

    async def pause(self, target: Target, *, limits: Limits = DEFAULT) -> SwitchResult:
        return self._told(target, "pause", on=False)

    async def resume(self, target: Target, *, limits: Limits = DEFAULT) -> SwitchResult:
        return self._told(target, "resume", on=True)

    async def set_power_target(self, target: Target, watts: float, *, limits: Limits = DEFAULT) -> SwitchResult:
        fake = self.machines[target.key]
        if fake.limit_w is None:
            return SwitchResult(target, Outcome.UNSUPPORTED, sent=False)
        return self._told(target, f"limit {watts:g}", on=fake.on, limit_w=int(watts))

    def _told(self, target: Target, verb: str, *, on: bool, limit_w: int | None = None) -> SwitchResult:
        fake = self.machines[target.key]
        if self.on_command is not None:
            self.on_command(target, verb)
        fake.told.append(verb)
        if fake.silent:
            return SwitchResult(target, Outcome.UNKNOWN, sent=True, detail="no answer in time")
        if fake.refuses:
            return SwitchResult(target, Outcome.REFUSED, sent=True, detail="not now")
        if not fake.deaf:
            fake.on = on
            fake.limit_w = fake.limit_w if limit_w is None else limit_w
        return SwitchResult(target, Outcome.ACCEPTED, sent=True, detail="ok")

    @property
    def lower(self) -> int:
        """How many keep to a lower limit than the one they had."""
        return sum(fake.limit_w is not None and fake.limit_w < OWN_W for fake in self.machines.values())

    @property
    def off(self) -> int:
        """How many are off."""
        return sum(not fake.on for fake in self.machines.values())


@dataclass
class Ground:
    """The site, its farm, and a clock that is turned by hand."""

    site: Site
    zones: list[Zone]
    miners: list[Miner]
    farm: Farm
    now: datetime

    def clock(self) -> datetime:
        return self.now

    def tick(self, seconds: float = 60) -> Ticked | None:
        """The next step."""
        self.now += timedelta(seconds=seconds)
        return control_site(self.site, clock=self.clock, adapter=self.farm)

    def ticks(self, count: int) -> None:
        """Some steps."""
        for _ in range(count):
            self.tick()


def make_ground(
    root: User,
    now: datetime,
    *,
    count: int = 20,
    zones: int = 2,
    capacity_kw: int = 1000,
    name: str = "West",
    net: int = 1,
) -> Ground:
    """Machines of two models, the thirsty ones first, in so many zones."""
    site = places.create_site(
        name=name, time_zone="UTC", capacity_kw=Decimal(capacity_kw), currency="USD",
        energy_cost_per_kwh=Decimal("0.05"), at=now,
    )  # fmt: skip
    halls = [
        places.create_zone(site=site, name=f"Hall {n}", capacity_kw=Decimal(capacity_kw) / zones, at=now)
        for n in range(zones)
    ]
    models = [
        MinerModel.objects.get_or_create(
            name=model, manufacturer="Maker", defaults={"hashrate_ths": ths, "power_w": WATTS}
        )[0]
        for model, ths in (("Thirsty", 100), ("Thrifty", 200))
    ]
    rows = [
        Miner(
            manufacturer="Maker", serial=f"{name}{n:05}", model=models[n >= count // 2],
            address=f"10.{net}.{n // 250}.{n % 250 + 1}",
        )
        for n in range(count)
    ]  # fmt: skip
    made = fleet.register_miners(rows, by=root, at=now)
    for n, hall in enumerate(halls):
        fleet.place_miners(made[n::zones], spot=Spot(site, hall), by=root, at=now)
    fleet.set_intent(made, to="active", by=root, at=now)
    MinerContact.objects.bulk_create([MinerContact(miner=one, dialect="luxos", changed_at=now) for one in made])
    farm = Farm(machines={str(one.pk): Fake() for one in made})
    return Ground(site, halls, list(Miner.objects.filter(site=site).order_by("pk")), farm, now)
