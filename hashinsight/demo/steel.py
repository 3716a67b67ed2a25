"""The hosting half of the demo: sites, prices, contracts and machines of some customers, the same for every seed."""

import random
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from crm.domain import contracts
from crm.enums import CustomerStatus
from crm.models import Contract, Customer
from hashinsight.demo.calendar import Clock, add_months, midday
from hashinsight.demo.people import Staff
from hashinsight.demo.simulated import MODELS, PORT, simulated_fleet
from hosting.domain import fleet, places, prices, terms
from hosting.domain.catalogue import sync_catalogue
from hosting.domain.fleet import Spot, quarter_hour
from hosting.domain.miner_secrets import set_login
from hosting.engine.catalogue import read_catalogue
from hosting.engine.tariff import Window
from hosting.enums import MinerIntent, SecretMode
from hosting.models import Miner, MinerModel, PriceComponent, PricePlan, Rack, Site, Zone

MONTHS_BACK = 6
MOST_HOSTED = 12
SLOTS = 24
# name, place, country, zone of time, currency, kW, cost of a kWh, halls with their kW
SITES = (
    ("Permian One", "Midland, Texas", "US", "America/Chicago", "USD", "12000", "0.0385",
     (("Hall A", "3000"), ("Hall B", "3000"), ("Container row", "1500"))),
    ("Deichwerk", "Emden", "DE", "Europe/Berlin", "EUR", "4000", "0.0710", (("Halle 1", "2000"), ("Halle 2", "1500"))),
)  # fmt: skip


class SteelTeller:
    """Tells where machines stand, whose they are and what their power costs."""

    def __init__(self, staff: Staff, clock: Clock, *, seed: int) -> None:
        self.staff, self.clock = staff, clock
        self.random = random.Random(f"steel {seed}")  # noqa: S311  (a story, not a secret)
        self.begun = add_months(clock.today.replace(day=1), -MONTHS_BACK)
        self.fleet = simulated_fleet()
        self.machines: list[Miner] = []

    def tell(self) -> list[Miner]:
        """All of it; returns the machines."""
        sync_catalogue(read_catalogue(), at=self.clock.at)
        self.models = {model.name: model for model in MinerModel.objects.filter(name__in=MODELS.values())}
        for row in SITES:
            site, zones, racks = self._site(row)
            plan = self._plan(site)
            hosted = Customer.objects.filter(status=CustomerStatus.ACTIVE, currency=site.currency).order_by("code")
            for place, customer in enumerate(hosted[:MOST_HOSTED]):
                zone = zones[place % len(zones)]
                self._terms(customer, site, zone, plan)
                self._machines(customer, site, zone, racks[zone.pk][place // len(zones)])
        return [miner.reload() for miner in self.machines]

    def _site(self, row: Any) -> tuple[Site, list[Zone], dict[int, list[Rack]]]:
        name, location, country, zone_of_time, currency, kw, cost, halls = row
        at = midday(self.begun)
        site = places.create_site(
            name=name, location=location, country=country, time_zone=zone_of_time, currency=currency,
            collection_interval_s=60, capacity_kw=Decimal(kw), energy_cost_per_kwh=Decimal(cost), pue=Decimal("1.05"),
            at=at,
        )  # fmt: skip
        zones = [
            places.create_zone(
                site=site, name=hall, capacity_kw=Decimal(size), max_utilisation_percent=Decimal(90), at=at
            )
            for hall, size in halls
        ]
        most = MOST_HOSTED // len(zones) + 1
        racks = {
            zone.pk: [
                places.create_rack(
                    zone=zone, row=chr(65 + place // 3), name=f"R{place + 1:02}", slots=SLOTS,
                    columns=6, at=at,
                )
                for place in range(most)
            ]
            for zone in zones
        }  # fmt: skip
        return site, zones, racks

    def _plan(self, site: Site) -> PricePlan:
        """Flat at first, by the hour since three months."""
        at = midday(self.begun)
        plan = prices.create_plan(
            name=f"{site.name} hosting", currency=site.currency, description="All machines of a customer.", at=at
        )
        cents = Decimal("0.0610") if site.currency == "USD" else Decimal("0.0985")
        first = prices.draft_version(plan, valid_from=self.begun, note="First tariff", at=at)
        self._component(first, "energy", "Energy", cents)
        self._component(first, "contracted", "Contracted power", Decimal("2.50"))
        prices.publish_version(first, at=at)
        later = midday(add_months(self.begun, 3))
        second = prices.draft_version(plan, valid_from=later.date(), note="Summer peak by the hour", at=later)
        for component in second.components.filter(kind="energy"):
            component.description, component.other_hours = "Energy, other hours", True
            component.save()
        peak = self._component(second, "energy", "Energy, summer afternoons", cents * 2)
        prices.set_windows(peak, windows=(Window(6, 9, "workdays", time(14), time(20)),))
        self._component(second, "demand", "Highest demand", Decimal("1.75"), ratchet_percent=80, ratchet_months=11)
        prices.publish_version(second, at=later)
        return plan

    def _component(self, version: Any, kind: str, text: str, price: Decimal, **fields: Any) -> PriceComponent:
        position = version.components.count() + 1
        return PriceComponent.objects.create(
            plan_version=version, kind=kind, description=text, price=price, position=position, **fields
        )

    def _terms(self, customer: Customer, site: Site, zone: Zone, plan: PricePlan) -> Contract:
        by: Any = self.staff.sales
        at = midday(self.begun)
        contract = contracts.create_contract(
            customer=customer, number=f"H-{customer.code}", title=f"Hosting at {site.name}", currency=site.currency,
            starts_on=self.begun, notice_days=60, renewal_months=12, sla_uptime_percent=Decimal("97.5"),
            ends_on=add_months(self.begun, 24), by=by, at=at,
        )  # fmt: skip
        contract = contracts.activate_contract(contract, by=by, at=at)
        drafted = terms.draft_terms(
            contract=contract, site=site, zone=zone, price_plan=plan, contracted_kw=Decimal(75), valid_from=self.begun,
            valid_to=contract.ends_on, curtailment_share_percent=Decimal(50), at=at,
        )  # fmt: skip
        terms.agree_terms(drafted, by=by, at=at)
        return contract

    def _machines(self, customer: Customer, site: Site, zone: Zone, rack: Rack) -> None:
        by: Any = self.staff.operations
        at = quarter_hour(midday(self.begun) + timedelta(days=self.random.randint(2, 20)))
        count = self.random.randint(8, SLOTS)
        rows = [self._machine(len(self.machines) + place) for place in range(count)]
        made = fleet.register_miners(rows, by=by, at=at)
        slots = {miner.pk: place for place, miner in enumerate(made, start=1)}
        fleet.place_miners(made, spot=Spot(site, zone, rack, slots), by=by, at=at)
        fleet.assign_miners(made, customer=customer, since=at, by=by, at=at)
        # The simulated ones take their maker's own password; without it they are read, not switched.
        locked = [miner for miner in made if miner.manufacturer == "MicroBT"]
        if locked:
            set_login(locked, username="admin", password="admin", mode=SecretMode.ENVELOPE, by=by, at=at)  # noqa: S106
        broken = self.random.randrange(count)
        fleet.set_intent(made, to=MinerIntent.ACTIVE, by=by, at=at)
        fleet.set_intent(made[broken : broken + 1], to=MinerIntent.MAINTENANCE, by=by, at=self._lately(), reason="Fan")
        self.machines += made

    def _machine(self, number: int) -> Miner:
        """What the simulated machine at this place of the fleet says it is."""
        model = self.models[MODELS[self.fleet.machines[number].kind.key]]
        return Miner(
            serial=f"{model.manufacturer[:2].upper()}{self.begun:%y%m}{number:05}", model=model,
            purchased_on=self.begun, warranty_until=add_months(self.begun, 12),
            address=self.fleet.address(number), port=PORT,
        )  # fmt: skip

    def _lately(self) -> datetime:
        return self.clock.at - timedelta(hours=self.random.randint(2, 90))
