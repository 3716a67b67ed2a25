"""The leads of the demo company."""

import random
from datetime import date, timedelta
from decimal import Decimal

from hashinsight.demo.shapes import PlannedCustomer, PlannedLead, Size
from hashinsight.demo.words import person, slug
from hashinsight.demo.world import COUNTRIES, ROOTS


class LeadTeller:
    """Tells who asked, and how far each has come."""

    STATUSES = (("new", 24), ("contacted", 26), ("qualified", 18), ("negotiation", 12), ("lost", 20))
    SOURCES = (("website", 34), ("referral", 24), ("event", 14), ("partner", 12), ("cold_call", 10), ("other", 6))
    WISHES = ("{kw} kW from spring", "{kw} kW, immersion", "Move of {machines} machines", "{kw} kW with curtailment",
              "Second site, {kw} kW", "Firmware for {machines} machines", "{kw} kW behind the meter")  # fmt: skip

    def __init__(self, chance: random.Random, today: date, customers: list[PlannedCustomer], size: Size) -> None:
        self.chance, self.today, self.customers, self.size = chance, today, customers, size

    def leads(self) -> list[PlannedLead]:
        """Oldest first; some belong to customers we have, some are about to be converted."""
        active = [index for index, one in enumerate(self.customers) if one.active]
        converting = [self._lead(number, self.chance.choice(active), True) for number in range(self.size.conversions)]
        others = [
            self._lead(number, self.chance.choice(active) if self.chance.random() < 0.15 else None, False)
            for number in range(self.size.conversions, self.size.leads)
        ]
        return sorted([*converting, *others], key=lambda lead: (lead.created_on, lead.title, lead.email))

    def _lead(self, number: int, customer: int | None, converts: bool) -> PlannedLead:
        chance = self.chance
        known = self.customers[customer] if customer is not None else None
        country = known.country if known else chance.choices(COUNTRIES, [one.weight for one in COUNTRIES])[0]
        status = "negotiation" if converts else _weighted(chance, self.STATUSES)
        root = ROOTS[(number * 7 + 3) % len(ROOTS)]
        company = known.company if known else f"{root} Mining {chance.choice(country.forms)}"
        name = known.contact if known else person(chance, country.people)
        power = round(max(20, chance.lognormvariate(5.3, 0.8)), -1)
        score = {"new": 35, "contacted": 45, "qualified": 68, "negotiation": 82, "lost": 25}[status]
        return PlannedLead(
            title=chance.choice(self.WISHES).format(kw=int(power), machines=int(power // 3)),
            name=name,
            company=company,
            email=known.email if known else f"{slug(name.split(' ')[0])}@{slug(root)}-mining{number}.example",
            phone=f"{country.phone}{chance.randrange(100, 1000)}",
            status=status,
            source=_weighted(chance, self.SOURCES),
            score=None if chance.random() < 0.1 else max(0, min(100, round(chance.gauss(score, 14)))),
            value=Decimal(int(power) * 258).quantize(Decimal("0.01")),
            currency=country.currency,
            time_zone=chance.choice(country.zones),
            created_on=self.today - timedelta(days=min(240, int(chance.expovariate(1 / 55)))),
            customer=customer,
            lost_reason=chance.choice(("no power available", "too small", "no answer", "went elsewhere"))
            if status == "lost"
            else "",
            converts=converts,
        )


def _weighted(chance: random.Random, choices: tuple[tuple[str, int], ...]) -> str:
    return chance.choices([word for word, _weight in choices], [weight for _word, weight in choices])[0]
