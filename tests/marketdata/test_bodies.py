"""Every recorded answer of a market service, and what can happen to it: the right value, or a reason. Never a guess."""

import json
import os
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from marketdata.clients import blockchain_info, coingecko, mempool, whattomine
from marketdata.engine.figures import BadAnswer, Figures
from marketdata.engine.plausibility import combine, troubles

FOLDER = Path(os.environ.get("HASHINSIGHT_SAMPLE_DATA") or Path(__file__).parents[3] / "shared" / "data") / "market_api"
pytestmark = [
    pytest.mark.sample,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"NO SAMPLE DATA in {FOLDER}: set HASHINSIGHT_SAMPLE_DATA"),
]
NIGHTLY = os.environ.get("HASHINSIGHT_NIGHTLY") == "1"
SEED = int(os.environ.get("HASHINSIGHT_SEED") or random.SystemRandom().randrange(10**6))
Parse = Callable[[bytes], Any]
PARSERS: dict[str, Parse] = {
    "coingecko/ping": coingecko.parse_ping,
    "coingecko/simple_price": coingecko.parse_price,
    "coingecko/coins_market_chart": coingecko.parse_chart,
    "coingecko/coins_markets": coingecko.parse_markets,
    "coingecko/global": coingecko.parse_global,
    "blockchain_info/stats_2016-09-16": blockchain_info.parse_stats,
    "mempool/prices": mempool.parse_prices,
    "mempool/mining_hashrate_3d": mempool.parse_hashrate,
    "mempool/difficulty_adjustment": mempool.parse_adjustment,
    "mempool/mining_difficulty_adjustments": mempool.parse_adjustments,
    "mempool/fees_recommended": mempool.parse_fees,
    "mempool/details_mining_pools_1w": mempool.parse_pools,
}


def body(name: str) -> bytes:
    """As it was recorded."""
    return (FOLDER / f"{name}.json").read_bytes()


def test_every_recorded_body_has_a_reader() -> None:
    there = {str(path.relative_to(FOLDER)).removesuffix(".json") for path in FOLDER.rglob("*.json")}
    assert there == set(PARSERS)


def at(*parts: int) -> datetime:
    """A moment of May 2026."""
    return datetime(2026, 5, *parts, tzinfo=UTC)  # type: ignore[arg-type]


def test_prices() -> None:
    assert coingecko.parse_price(body("coingecko/simple_price")) == Figures(
        price_usd=Decimal(76975), volume_24h_usd=Decimal("29096603418.89408"),
        observed_at=datetime(2026, 5, 18, 8, 17, 38, tzinfo=UTC),
    )  # fmt: skip
    assert mempool.parse_prices(body("mempool/prices")) == Figures(
        price_usd=Decimal(43753), observed_at=datetime(2023, 12, 22, 13, 40, 11, tzinfo=UTC)
    )
    chart = coingecko.parse_chart(body("coingecko/coins_market_chart"))
    assert [(one.at, one.price_usd, one.volume_24h_usd) for one in chart] == [
        (at(17, 14, 24, 59, 41000), Decimal("77953.82550382407"), Decimal("18688431751.857048")),
        (at(17, 14, 29, 59, 661000), Decimal("78052.87543398788"), Decimal("18974828816.446976")),
    ]  # fmt: skip
    assert coingecko.parse_markets(body("coingecko/coins_markets"))["bitcoin"].price_usd == Decimal(77671)


def test_stats_in_gigahashes_satoshi_and_milliseconds() -> None:
    figures = blockchain_info.parse_stats(body("blockchain_info/stats_2016-09-16"))
    assert figures.price_usd == Decimal("610.036975")
    assert figures.hashrate_hps == Decimal("1841098926629290800")  # 1.84 EH/s
    assert figures.difficulty == Decimal(225832872179)
    assert figures.height == 430098
    assert figures.fees_per_block_btc is not None
    assert figures.fees_per_block_btc.quantize(Decimal("1e-8")) == Decimal("0.37033800")  # 60.73543165 BTC, 164 blocks
    assert figures.observed_at == datetime(2016, 9, 16, 14, 15, 40, tzinfo=UTC)
    # At its own time there is nothing wrong with it, ten years later it is stale.
    assert troubles(figures, at=datetime(2016, 9, 16, 14, 20, tzinfo=UTC)) == []
    assert [one.reason for one in troubles(figures, at=datetime(2026, 9, 16, tzinfo=UTC))] == ["stale"]


def test_the_network() -> None:
    figures = mempool.parse_hashrate(body("mempool/mining_hashrate_3d"))
    assert figures.hashrate_hps == Decimal("252033247355212300000")
    assert figures.difficulty == Decimal("31251101365711.12")
    days = mempool.parse_hashrate_days(body("mempool/mining_hashrate_3d"))
    assert [one.at.date().isoformat() for one in days] == ["2022-05-14", "2022-05-15", "2022-05-16"]
    # An old example: the moment is in seconds there, in milliseconds today.
    figures = mempool.parse_adjustment(body("mempool/difficulty_adjustment"))
    assert figures.retarget_at == datetime(2021, 7, 31, 20, 14, 38, tzinfo=UTC)
    assert (figures.remaining_blocks, figures.height) == (1121, 741888 - 1121)
    rows = mempool.parse_adjustments(body("mempool/mining_difficulty_adjustments"))
    assert [(row.height, row.difficulty) for row in rows] == [
        (818496, Decimal("67957790298897.88")), (820512, Decimal("67305906902031.39")),
        (822528, Decimal("72006146478567.1")),
    ]  # fmt: skip
    assert mempool.parse_fees(body("mempool/fees_recommended")) == Figures(fee_rate_sat_vb=Decimal(1))
    assert mempool.parse_pools(body("mempool/details_mining_pools_1w"))[0] == mempool.Pool("Foundry USA", 323)


def test_retargets_whose_factor_is_percent_are_refused() -> None:
    rows = json.loads(body("mempool/mining_difficulty_adjustments"))
    for row in rows:
        row[3] = (row[3] - 1) * 100
    with pytest.raises(BadAnswer, match=r"unit|not_positive"):
        mempool.parse_adjustments(json.dumps(rows).encode())


def test_the_list_of_coins() -> None:
    found, wrong = whattomine.parse_coins(
        (FOLDER.parent / "coins/whattomine_asic_2026-09-25_trimmed.json").read_bytes()
    )
    assert wrong == []
    assert {one.symbol: one.lagging for one in found} == {"BTC": False, "BCH": False, "DGB": False, "XEC": True}


# --- what can happen to a body ------------------------------------------------------------------------------------
WRONG: tuple[Any, ...] = (
    None, True, "", "abc", "NaN", [], {}, 0, -1, -1e-9, 1e40, 10**70, "1e5", [[]], {"usd": 1}, "12,5",
)  # fmt: skip


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Ways to every value inside."""
    found = [way] if way else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        found += places(part, (*way, key))
    return found


def with_change(value: Any, way: tuple[Any, ...], new: Any) -> bytes:
    """The body with one value replaced; without it when ``new`` is Ellipsis."""
    copy = json.loads(json.dumps(value))
    part = copy
    for key in way[:-1]:
        part = part[key]
    if new is ...:
        del part[way[-1]]
    else:
        part[way[-1]] = new
    return json.dumps(copy).encode()


def numbers_in(raw: bytes) -> set[Decimal]:
    """Every number that stands in a body, also in quotes."""
    found: set[Decimal] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict | list):
            for part in value.values() if isinstance(value, dict) else value:
                walk(part)
        elif isinstance(value, Decimal | int) and not isinstance(value, bool):
            found.add(Decimal(value))

    walk(json.loads(raw, parse_float=Decimal))
    return found


# How a figure may come from numbers of the body: unchanged, or by these factors.
FACTORS = {"hashrate_hps": (Decimal(1), Decimal(10**9))}
QUOTED = ("price_usd", "volume_24h_usd", "difficulty", "hashrate_hps", "fee_rate_sat_vb", "retarget_change_pct")


def check(parse: Parse, raw: bytes) -> bool:
    """Figures that stand in the body, or a reason; True for figures. Anything else is an error."""
    try:
        said = parse(raw)
    except BadAnswer as error:
        return not (error.reason and error.reason == error.reason.lower())
    if isinstance(said, Figures):
        there = numbers_in(raw)
        for name in QUOTED:
            value = getattr(said, name)
            assert value is None or any(value / factor in there for factor in FACTORS.get(name, (Decimal(1),))), name
        moment = said.observed_at or datetime(2026, 11, 20, tzinfo=UTC)
        combined = combine([("one", said)], at=moment)
        for name in ("price_usd", "difficulty", "hashrate_hps"):
            assert getattr(combined.figures, name) == getattr(said, name)
    return True


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_no_change_of_a_body_makes_an_error_or_a_number(name: str) -> None:
    raw, parse, dice = body(name), PARSERS[name], random.Random(f"{SEED} {name}")
    print(f"HASHINSIGHT_SEED={SEED}")
    value = json.loads(raw)
    tried = accepted = 0
    for way in places(value):
        for new in (..., *WRONG, 10**9, 1_000, 1 / 3):
            accepted += check(parse, with_change(value, way, new))
            tried += 1
    for _turn in range(2000 if NIGHTLY else 200):
        copy = bytearray(raw)
        for _hit in range(dice.randint(1, 3)):
            copy[dice.randrange(len(copy))] = dice.randrange(256)
        broken = bytes(copy)[: dice.randint(0, len(copy)) if dice.random() < 0.3 else None]
        try:
            json.loads(broken.decode())
        except ValueError:
            with pytest.raises(BadAnswer):
                parse(broken)
        else:
            check(parse, broken)
        tried += 1
    assert check(parse, raw)
    assert tried > 200
    assert accepted < tried


@pytest.mark.parametrize("name", sorted(PARSERS))
@pytest.mark.parametrize(
    "raw", [b"", b" \n", b"<!doctype html><p>Too many requests", b"null", b"[]", b"{}", b"3", b'"x"', b"[" * 100_000],
    ids=["empty", "blank", "html", "null", "list", "object", "number", "text", "deep"],
)  # fmt: skip
def test_no_answer_is_an_answer_of_nothing(name: str, raw: bytes) -> None:
    if name == "coingecko/coins_markets" and raw == b"[]":
        assert coingecko.parse_markets(raw) == {}
        return
    with pytest.raises(BadAnswer):
        PARSERS[name](raw)


def test_control_a_reader_that_guesses_is_found() -> None:
    """One that takes a price by ten, or a default where there is none, is not let through."""

    def tenfold(raw: bytes) -> Figures:
        return replace(coingecko.parse_price(raw), price_usd=coingecko.parse_price(raw).price_usd * 10)  # type: ignore[operator]

    def default(raw: bytes) -> Figures:
        try:
            return coingecko.parse_price(raw)
        except BadAnswer:
            return Figures(price_usd=Decimal(90_000))

    raw = body("coingecko/simple_price")
    with pytest.raises(AssertionError, match="price_usd"):
        check(tenfold, raw)
    with pytest.raises(AssertionError, match="price_usd"):
        check(default, with_change(json.loads(raw), ("bitcoin", "usd"), None))
