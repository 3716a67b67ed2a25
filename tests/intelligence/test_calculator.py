"""The calculator: where its figures come from, that they are right, and that it keeps nothing."""

import csv
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from crm.models import Customer
from hashinsight.common.admin.charting import shortened
from hosting.domain import fleet
from hosting.models import Miner, MinerModel
from intelligence.domain import calculator, energy
from intelligence.domain.calculator import NoMarket, NotReckonable, Question, Rig, Running, Typed
from marketdata.models import NetworkSnapshot
from tests.api.client import Caller
from tests.intelligence.conftest import make_series
from tests.marketdata.engine.by_fractions import Ask, answer

SignIn = Callable[[User], Client]
PAGE = "/admin/hosting/minermodel/calculator/"
NOBODY = "0199f3b6-0000-7000-8000-000000000000"
WHOLE = "btc_usd=90000&difficulty=100000000000000&block_height=925000&energy_usd_per_kwh=0.05"


# --- the market -----------------------------------------------------------------------------------------------
def test_the_market_is_the_last_good_snapshot_with_its_age(snapshot: NetworkSnapshot, now: datetime) -> None:
    NetworkSnapshot.objects.create(
        slot_at=now, recorded_at=now, is_valid=False, reason="ten times", btc_price_usd=900_000
    )
    found = calculator.market_now(at=now)
    assert (found.btc_usd, found.difficulty, found.height) == (Decimal("91234.5"), Decimal("1.4e14"), 925_000)
    assert (found.fees_per_block_btc, found.fees_known, found.typed) == (Decimal("0.025"), True, ())
    assert (found.age, found.is_stale) == (timedelta(minutes=4), False)
    later = calculator.market_now(at=now + timedelta(hours=2))
    assert (later.age, later.is_stale) == (timedelta(hours=2, minutes=4), True)


def test_what_is_typed_stands_instead_of_the_snapshot(snapshot: NetworkSnapshot, now: datetime) -> None:
    found = calculator.market_now(Typed(btc_usd=Decimal(50_000), fees_per_block_btc=Decimal(0)), at=now)
    assert (found.btc_usd, found.difficulty, found.fees_per_block_btc) == (50_000, Decimal("1.4e14"), 0)
    assert (found.typed, found.snapshot) == (("btc_usd", "fees_per_block_btc"), snapshot)
    whole = calculator.market_now(Typed(Decimal(1), Decimal(2), 3), at=now)
    assert (whole.snapshot, whole.age, whole.is_stale, whole.fees_known) == (None, None, False, False)


def test_without_a_market_it_says_what_would_have_to_be_typed(db: None, now: datetime) -> None:
    with pytest.raises(NoMarket) as refusal:
        calculator.market_now(Typed(difficulty=Decimal("1e14")), at=now)
    assert refusal.value.params["missing"] == ["btc_usd", "block_height"]


def test_a_snapshot_without_a_height_has_its_subsidy(snapshot: NetworkSnapshot, now: datetime) -> None:
    NetworkSnapshot.objects.filter(pk=snapshot.pk).delete()
    NetworkSnapshot.objects.create(
        slot_at=now, recorded_at=now, is_valid=True, btc_price_usd=100_000, difficulty=10**14, hashrate_ehs=1000,
        block_reward_btc=Decimal("3.125"),
    )  # fmt: skip
    found = calculator.market_now(at=now)
    assert (found.height, found.subsidy_btc, found.fees_known) == (None, Decimal("3.125"), False)
    assert round(found.hashprice_usd_per_ph_day, 3) == Decimal("62.864")
    assert calculator.reckon(ask(market=found)).result.daily.btc > 0


def test_the_hashprice_is_that_of_the_formula(db: None, now: datetime) -> None:
    found = calculator.market_now(Typed(Decimal(100_000), Decimal("1e14"), 900_000, Decimal(0)), at=now)
    assert round(found.hashprice_usd_per_ph_day, 3) == Decimal("62.864")
    before = calculator.market_now(Typed(Decimal(100_000), Decimal("1e14"), 839_998, Decimal(0)), at=now)
    assert round(before.hashprice_usd_per_ph_day, 3) == Decimal("125.729")
    first = calculator.market_now(Typed(Decimal(100_000), Decimal("1e14"), 839_999, Decimal(0)), at=now)
    assert round(first.hashprice_usd_per_ph_day, 3) == Decimal("62.864")


# --- the answer -----------------------------------------------------------------------------------------------
def ask(**changes: Any) -> Question:
    """200 TH/s of a model, 12 of them, in a market of round figures."""
    market = calculator.market_now(
        Typed(Decimal(90_000), Decimal("1.4e14"), 1_049_000, Decimal("0.02")), at=datetime(2028, 3, 1)
    )
    rig = Rig(Decimal(200), Decimal(3500), Decimal(3000), 12, Decimal("0.5"))
    running = Running(energy.typed(Decimal("0.045")), Decimal(2), Decimal(97), Decimal("1.1"), Decimal(100))
    return Question(**{"rig": rig, "running": running, "market": market, "months": 30,
                       "growth_percent_monthly": Decimal(1), **changes})  # fmt: skip


def test_the_answer_is_that_of_an_independent_calculation(db: None) -> None:
    found = calculator.reckon(ask())
    said = answer(
        Ask(
            ths=Fraction(200), watts=Fraction(3500), price=Fraction(3000), count=12, decay=Fraction(1, 2),
            kwh_price=lambda _month: Fraction(45, 1000), fee=Fraction(2), uptime=Fraction(97), pue=Fraction(11, 10),
            cooling=Fraction(100), btc=Fraction(90_000), difficulty=Fraction(14 * 10**13), height=1_049_000,
            fees=Fraction(2, 100), growth=Fraction(1), months=30,
        )
    )  # fmt: skip
    result = found.result
    day = result.daily
    assert (day.btc, day.revenue_usd, day.energy_usd, day.net_usd) == said["daily"]
    assert [
        (one.figures.btc, one.figures.revenue_usd, one.figures.energy_usd, one.figures.net_usd, one.cumulative_usd)
        for one in result.months
    ] == said["table"]
    assert (result.payback_month, result.roi) == (said["payback"], said["roi"])
    assert (result.break_even_usd_per_kwh, result.break_even_btc_usd) == (said["kwh_even"], said["btc_even"])


def test_each_scenario_and_each_cell_is_a_question_of_its_own(db: None) -> None:
    found = calculator.reckon(ask())
    assert [growth for growth, _one in found.scenarios] == [-2, 0, 1, 2, 4]
    for growth, one in found.scenarios:
        assert one == calculator.reckon(ask(growth_percent_monthly=growth)).result
    factors, prices = found.sensitivity.price_factors, found.sensitivity.energy_prices
    assert (len(factors), len(prices)) == (5, 5)
    assert prices[2] == Decimal("0.045")
    assert found.sensitivity.results[2][2] == found.result
    dear = calculator.reckon(ask(running=Running(
        energy.typed(prices[4]), Decimal(2), Decimal(97), Decimal("1.1"), Decimal(100)
    )))  # fmt: skip
    assert found.sensitivity.results[2][4] == dear.result


def test_energy_that_is_paid_for_being_used_is_compared_with_plain_prices() -> None:
    assert calculator.energy_prices(energy.typed(Decimal("-0.01"))) == (
        Decimal("-0.01"), 0, Decimal("0.03"), Decimal("0.06"), Decimal("0.09"), Decimal("0.12"),
    )  # fmt: skip


def test_figures_out_of_bounds_are_refused_in_words(db: None) -> None:
    with pytest.raises(NotReckonable, match="the hashrate"):
        calculator.reckon(ask(rig=Rig(Decimal(0), Decimal(1))))


def test_a_model_gives_its_figures_unless_others_are_said(model: MinerModel) -> None:
    changed = {"hashrate_ths": None, "power_w": Decimal(3600), "price_usd": None}
    rig = calculator.rig_of(model, changed=changed, quantity=3, decay=Decimal(0))
    assert (rig.hashrate_ths, rig.power_w, rig.price_usd, rig.quantity) == (200, 3600, 3000, 3)


# --- the API --------------------------------------------------------------------------------------------------
@pytest.fixture
def own_model(model: MinerModel, customer_a: Customer, root: User, now: datetime) -> MinerModel:
    """A machine of it is customer A's."""
    (miner,) = fleet.register_miners([Miner(serial="SN1", model=model)], by=root, at=now)
    fleet.assign_miners([miner], customer=customer_a, since=now.replace(minute=30), by=root, at=now)
    return model


def test_a_client_calculates_with_models_of_own_machines_alone(
    own_model: MinerModel, bob: User, charlie: User, frozen: datetime
) -> None:
    address = f"/calculator/?model={own_model.public_id}&{WHOLE}"
    body = Caller(bob).get(address).json()
    assert body["machines"]["model_name"] == "S21"
    # The list price of a model is among us; a client states what was paid.
    assert (body["currency"], body["capital_usd"], body["months"][0]["month"]) == ("USD", "0.00", 1)
    assert Caller(bob).get(f"{address}&price_usd=3000").json()["capital_usd"] == "3000.00"
    assert body["market"]["stated"] == ["block_height", "btc_usd", "difficulty"]
    foreign, nobodys = (
        Caller(charlie).get(f"/calculator/?model={one}&{WHOLE}", X_Request_ID="same-for-both")
        for one in (own_model.public_id, NOBODY)
    )
    assert (foreign.status_code, foreign.content) == (400, nobodys.content)


def test_amounts_are_text_and_equal_the_domain(caller: Any, root: User, snapshot: NetworkSnapshot, frozen: datetime,
                                               model: MinerModel) -> None:  # fmt: skip
    body = caller(root).get(f"/calculator/?model={model.public_id}&energy_usd_per_kwh=0.05&quantity=2&months=3").json()
    market = calculator.market_now(at=frozen)
    rig = calculator.rig_of(model, changed={}, quantity=2, decay=Decimal("0.5"))
    found = calculator.reckon(Question(rig, Running(energy.typed(Decimal("0.05"))), market, 3))
    assert Decimal(body["daily"]["net_usd"]) == found.result.daily.net_usd
    assert [Decimal(one["cumulative_usd"]) for one in body["months"]] == [
        one.cumulative_usd for one in found.result.months
    ]
    assert (body["market"]["age_seconds"], body["market"]["is_stale"]) == (240, False)
    assert len(body["sensitivity"]) == 25
    assert all(isinstance(value, str) for value in body["daily"].values())


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("energy_usd_per_kwh=0.05", "model"),
        ("hashrate_ths=100&power_w=3000", "energy_usd_per_kwh"),
        ("hashrate_ths=100&power_w=3000&energy_usd_per_kwh=0.05", "btc_usd"),
        (f"hashrate_ths=0&power_w=3000&{WHOLE}", "hashrate_ths"),
        (f"hashrate_ths=100&power_w=3000&months=121&{WHOLE}", "months"),
        (f"hashrate_ths=100&power_w=3000&surprise=1&{WHOLE}", "surprise"),
    ],
)
def test_the_api_names_the_parameter_that_is_wrong(
    root: User, caller: Any, frozen: datetime, query: str, parameter: str
) -> None:
    found = caller(root).get(f"/calculator/?{query}")
    assert found.status_code == 400
    assert found.json()["errors"][0]["parameter"] == parameter


def test_the_api_asks_for_the_power_and_the_scope(staff: Any, frozen: datetime) -> None:
    address = f"/calculator/?hashrate_ths=100&power_w=3000&{WHOLE}"
    assert Caller(staff("hosting.view_minermodel")).get(address).status_code == 200
    assert Caller(staff("hosting.view_miner")).get(address).status_code == 403
    other = Caller(staff("hosting.view_minermodel"), scopes=["coins:read"])
    assert other.get(address).json()["code"] == "scope_missing"


# --- the page -------------------------------------------------------------------------------------------------
def test_a_calculation_writes_nothing(
    root: User, sign_in: SignIn, snapshot: NetworkSnapshot, model: MinerModel, frozen: datetime, caller: Any
) -> None:
    client, program = sign_in(root), caller(root)
    for call in (
        lambda: client.get(f"{PAGE}?model={model.pk}&energy_usd_per_kwh=0.05"),
        lambda: program.get(f"/calculator/?model={model.public_id}&energy_usd_per_kwh=0.05"),
    ):
        call()  # the session, and when the key was last used
        with CaptureQueriesContext(connection) as asked:
            assert call().status_code == 200
        writes = [one["sql"] for one in asked if one["sql"].split()[0] in ("INSERT", "UPDATE", "DELETE")]
        # When a key was used stands in the key itself, whatever it was used for.
        assert [sql for sql in writes if not sql.startswith('UPDATE "accounts_apikey" SET "last_used_at"')] == []
        assert len(asked) > 2


def test_the_page_shows_what_the_files_hold(
    staff: Any, sign_in: SignIn, snapshot: NetworkSnapshot, model: MinerModel, frozen: datetime
) -> None:
    client = sign_in(staff("hosting.view_minermodel"))
    asked = f"{PAGE}?model={model.pk}&energy_usd_per_kwh=0.05&months=6&quantity=4"
    page = client.get(asked)
    assert page.status_code == 200
    found = calculator.reckon(
        Question(
            calculator.rig_of(model, changed={}, quantity=4, decay=Decimal("0.5")),
            Running(energy.typed(Decimal("0.05")), Decimal(1), Decimal(98)), calculator.market_now(at=frozen), 6,
        )
    )  # fmt: skip
    assert dict(page.context["facts"])["net of all months"] == f"{found.result.net_usd:,.2f}\u00a0USD"
    files = {
        name: list(csv.DictReader(client.get(f"{asked}&csv={name}").content.decode().splitlines()))
        for name in ("months", "sensitivity", "scenarios")
    }
    assert [Decimal(row["net_usd"]) for row in files["months"]] == [one.figures.net_usd for one in found.result.months]
    assert [Decimal(row["daily_net_usd"]) for row in files["sensitivity"]] == [
        one.daily.net_usd for row in found.sensitivity.results for one in row
    ]
    assert [Decimal(row["net_usd"]) for row in files["scenarios"]] == [one.net_usd for _growth, one in found.scenarios]
    for line in json.loads(page.context["picture"])["datasets"]:
        name = {"net so far": "cumulative_usd", "capital": "capital_usd", "net of the month": "net_usd"}[
            line["label"].removesuffix(" (USD)")
        ]
        assert line["data"] == [shortened(row[name]) for row in files["months"]]
    assert "4 minutes" in page.content.decode().replace("\u00a0", " ")


def test_the_page_refuses_in_words(root: User, sign_in: SignIn, model: MinerModel, frozen: datetime) -> None:
    client = sign_in(root)
    assert client.get(PAGE).status_code == 200
    missing = client.get(f"{PAGE}?model={model.pk}&energy_usd_per_kwh=0.05")
    assert (missing.status_code, "no good market data yet" in missing.content.decode()) == (409, True)
    for query in (
        f"model={model.pk}",
        "energy_usd_per_kwh=0.05",
        f"model={model.pk}&energy_usd_per_kwh=x",
        "months=999",
    ):
        assert client.get(f"{PAGE}?{query}").status_code == 400, query


def test_the_page_offers_what_the_person_may_see(staff: Any, sign_in: SignIn, now: datetime, site: Any) -> None:
    make_series("tx", [Decimal(30)] * 24, end=now.replace(minute=0), at=now)
    few = sign_in(staff("hosting.view_minermodel")).get(PAGE).context["form"]
    more = sign_in(staff("hosting.view_minermodel", "hosting.view_site", "marketdata.view_priceseries")).get(PAGE)
    assert [few.fields[name].queryset.count() for name in ("site", "price_series")] == [0, 0]
    assert [more.context["form"].fields[name].queryset.count() for name in ("site", "price_series")] == [1, 1]
    assert sign_in(staff("hosting.view_miner")).get(PAGE).status_code == 403
