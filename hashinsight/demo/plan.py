"""The generator: a whole company from a seed and a day. Same seed and day, same company.

Everything is counted back from ``today``, so the company looks alive whenever it is built.
"""

import random
from dataclasses import replace
from datetime import date, timedelta

from hashinsight.demo.checksums import german_vat_id
from hashinsight.demo.deal_teller import DealTeller
from hashinsight.demo.lead_teller import LeadTeller
from hashinsight.demo.shapes import Plan, PlannedCustomer, PlannedDeal, PlannedLead, Size
from hashinsight.demo.words import person, slug
from hashinsight.demo.world import COUNTRIES, KINDS, ROOTS

CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ23456789"


def make_plan(*, seed: int, today: date, size: Size) -> Plan:
    """The company of ``seed`` as it looks on ``today``."""
    chance = random.Random(f"hashinsight-demo-{seed}")  # noqa: S311  (a story, no secret)
    customers = [_customer(chance, index, today) for index in range(size.customers)]
    teller = DealTeller(chance, today, customers, size)
    deals = [*teller.hosting(), *teller.orders(), *teller.open_deals(), *teller.lost_deals()]
    deals.sort(key=lambda deal: (deal.created_on, deal.customer, deal.title))
    leads = LeadTeller(chance, today, customers, size).leads()
    return Plan(_known_before(customers, deals, leads), deals, leads)


def _known_before(
    customers: list[PlannedCustomer], deals: list[PlannedDeal], leads: list[PlannedLead]
) -> list[PlannedCustomer]:
    """Nobody buys before we know them."""
    first = {index: one.since for index, one in enumerate(customers)}
    met = [(deal.customer, deal.created_on) for deal in deals]
    met += [(lead.customer, lead.created_on) for lead in leads if lead.customer is not None]
    for customer, day in met:
        first[customer] = min(first[customer], day - timedelta(days=5))
    return [replace(one, since=first[index]) for index, one in enumerate(customers)]


def _customer(chance: random.Random, index: int, today: date) -> PlannedCustomer:
    country = chance.choices(COUNTRIES, [one.weight for one in COUNTRIES])[0]
    kind, words, typical = KINDS[index * 5 % len(KINDS)]
    root = ROOTS[index % len(ROOTS)]
    word = words[index // len(ROOTS) % len(words)]
    generation = index // (len(ROOTS) * len(words))
    company = f"{root} {word}{' ' + ['II', 'III', 'IV', 'V'][min(generation - 1, 3)] if generation else ''}"
    company = f"{company} {chance.choice(country.forms)}"
    city, postal_code, region = chance.choice(country.cities)
    contact = person(chance, country.people)
    domain = f"{slug(root)}-{slug(word)}{index}.example"
    return PlannedCustomer(
        code="".join(chance.choice(CODE_ALPHABET) for _place in range(6)),
        company=company,
        contact=contact,
        email=f"{slug(contact.split(' ')[0])}@{domain}",
        phone=f"{country.phone}{chance.randrange(100, 1000)}",
        country=country,
        time_zone=chance.choice(country.zones),
        street=f"{chance.choice(country.streets)} {chance.randrange(1, 190)}",
        postal_code=postal_code,
        city=city,
        region=region,
        vat_id=_vat_id(chance, country.vat),
        kind=kind,
        power_kw=max(12, round(typical * chance.lognormvariate(-0.2, 0.55))),
        since=today - timedelta(days=chance.randrange(20, 1100)),
        terms_days=chance.choice((None, None, None, 10, 21, 30)),
        active=index % 37 != 36,
        parent=index - 1 if index % 29 == 28 else None,
    )


def _vat_id(chance: random.Random, pattern: str) -> str:
    text = "".join(str(chance.randrange(10)) if sign == "#" else sign for sign in pattern)
    return german_vat_id(f"1{text[3:10]}") if text.startswith("DE") else text
