"""The generator: repeatable, sound, alive at any day."""

from collections import Counter
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal

import pytest

from hashinsight.demo.calendar import add_months
from hashinsight.demo.checksums import german_vat_id, iban
from hashinsight.demo.plan import make_plan
from hashinsight.demo.shapes import Size

TODAY = date(2026, 11, 20)
DAYS = [TODAY, date(2027, 1, 1), date(2028, 2, 29), date(2026, 3, 31)]


def test_the_same_seed_and_day_give_the_same_company() -> None:
    assert asdict(make_plan(seed=7, today=TODAY, size=Size())) == asdict(make_plan(seed=7, today=TODAY, size=Size()))


def test_another_seed_gives_another_company() -> None:
    one, other = (make_plan(seed=seed, today=TODAY, size=Size()) for seed in (7, 8))
    assert [customer.code for customer in one.customers] != [customer.code for customer in other.customers]


@pytest.mark.parametrize("today", DAYS)
def test_the_company_is_sound_on_any_day(today: date) -> None:
    plan = make_plan(seed=1, today=today, size=Size())
    assert len(plan.customers) == 300
    for values in (
        [one.code for one in plan.customers],
        [one.company for one in plan.customers],
        [one.email for one in plan.customers],
    ):
        assert max(Counter(values).values()) == 1
    assert all(one.email.endswith(".example") for one in [*plan.customers, *plan.leads])
    assert all(one.created_on <= today for one in [*plan.deals, *plan.leads])
    assert all(one.completed_on is None or one.created_on <= one.completed_on <= today for one in plan.deals)
    assert all(plan.customers[one.customer].since < one.created_on for one in plan.deals)
    assert all(line.quantity > 0 and line.price > 0 for one in plan.deals for line in one.lines)
    assert all(one.value() > Decimal(0) for one in plan.deals)


def test_many_countries_currencies_and_months_appear() -> None:
    plan = make_plan(seed=1, today=TODAY, size=Size())
    assert len({one.country.code for one in plan.customers}) == 12
    assert {one.country.currency for one in plan.customers} == {"USD", "EUR", "GBP", "CHF", "NOK", "SEK", "CAD"}
    assert {one.country.language for one in plan.customers} == {"en", "de"}
    sold = Counter(f"{one.completed_on:%Y-%m}" for one in plan.deals if one.completed_on)
    assert sorted(sold)[1:-1] == ["2026-04", "2026-05", "2026-06", "2026-07", "2026-08", "2026-09", "2026-10"]
    assert {one.status for one in plan.leads} == {"new", "contacted", "qualified", "negotiation", "lost"}
    assert {one.stage for one in plan.deals} == {
        "discovery", "proposal", "negotiation", "closed_won", "closed_lost",
    }  # fmt: skip


def test_months_are_added_by_the_calendar() -> None:
    assert add_months(date(2017, 12, 12), 107) == date(2026, 11, 12)
    assert add_months(date(2027, 1, 31), 1) == date(2027, 2, 28)
    assert add_months(date(2028, 2, 29), -12) == date(2027, 2, 28)


def test_made_up_numbers_have_their_check_digits() -> None:
    assert german_vat_id("13669597") == "DE136695976"
    account = iban("DE", "120300000000202051")
    assert account == "DE02 1203 0000 0000 2020 51"
    digits = "".join(str(int(sign, 36)) for sign in iban("DE", "500999000001234567").replace(" ", "")[4:] + "DE")
    check = iban("DE", "500999000001234567")[2:4]
    assert int(digits + check) % 97 == 1


def test_the_company_is_alive_whenever_it_is_built() -> None:
    for days in range(0, 400, 37):
        today = TODAY + timedelta(days=days)
        plan = make_plan(seed=3, today=today, size=Size(customers=60, leads=60))
        newest = max(one.completed_on for one in plan.deals if one.completed_on)
        assert (today - newest).days <= 10
