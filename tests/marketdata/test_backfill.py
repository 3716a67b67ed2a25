"""Days and retargets we did not see; files of them; and what a killed run leaves."""

import gzip
import os
import random
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hashinsight.events.models import OutboxEvent
from marketdata.domain import backfill as backfill_module
from marketdata.domain import collecting, days, indicators, periods
from marketdata.domain.backfill import backfill
from marketdata.domain.collecting import collect, slot_of
from marketdata.domain.days import close_days
from marketdata.domain.importing import ImportRefused, import_coins, import_market_file
from marketdata.domain.periods import KnownPeriod, bits_of, in_force, note_periods
from marketdata.engine.figures import BadAnswer
from marketdata.engine.targets import difficulty_of
from marketdata.enums import Origin
from marketdata.models import (
    Coin,
    CoinProfitability,
    DifficultyPeriod,
    MarketDay,
    NetworkSnapshot,
    SourceAnswer,
    TechnicalIndicator,
)
from tests.marketdata.services import Services

pytestmark = pytest.mark.django_db
NIGHTLY = os.environ.get("HASHINSIGHT_NIGHTLY") == "1"
DATA = Path(os.environ.get("HASHINSIGHT_SAMPLE_DATA") or Path(__file__).parents[3] / "shared" / "data")
NO_FILES = f"NO SAMPLE DATA in {DATA}: set HASHINSIGHT_SAMPLE_DATA"


def with_history(services: Services, now: datetime, count: int = 40) -> None:
    """The services keep a history of so many days, and of two retargets."""
    today = now.replace(hour=0, minute=0)
    points = [
        [int((today - timedelta(days=back)).timestamp() * 1000) + 2500, 80_000.5 + back]
        for back in range(count, -1, -1)
    ]
    points.append([int(now.timestamp() * 1000), 91_000])
    services.says(
        "/cg/coins/bitcoin/market_chart", {"prices": points, "total_volumes": [[one[0], 3e10] for one in points]}
    )
    rates = [
        {"timestamp": int((today - timedelta(days=back)).timestamp()), "avgHashrate": 1.0e21}
        for back in range(count, 0, -1)
    ]
    services.says(
        "/mp/v1/mining/hashrate/1y", {"hashrates": rates, "currentHashrate": 1e21, "currentDifficulty": 1.4e14}
    )
    before, after = (float(difficulty_of(bits)) for bits in (0x1701E605, 0x1701E63A))
    first = int((now - timedelta(days=20)).timestamp())
    services.says(
        "/mp/v1/mining/difficulty-adjustments",
        [[first + 14 * 86_400, 927_360, after, after / before], [first, 925_344, before, 1.0]],
    )


def test_missing_days_come_with_price_hashrate_and_difficulty(services: Services, now: datetime) -> None:
    with_history(services, now)
    filled = backfill(at=now, network=services.network(), days=30)
    assert (filled.days, filled.retargets, filled.missing, filled.troubles) == (30, 2, [], ())
    row = MarketDay.objects.get(day=date(2026, 11, 19))
    assert (row.close_usd, row.hashrate_ehs, row.origin) == (Decimal("80000.5"), 1000, Origin.BACKFILLED)
    assert (row.difficulty, row.block_reward_btc) == (
        DifficultyPeriod.objects.get(first_height=927_360).difficulty, Decimal("3.125"),
    )  # fmt: skip
    early = MarketDay.objects.order_by("day").first()
    assert (early.day, early.difficulty) == (date(2026, 10, 21), None)  # before the first period we know of
    asked = len(services.asked)
    assert backfill(at=now, network=services.network(), days=30).days == 0
    assert len(services.asked) == asked + 1  # retargets alone


def test_what_came_is_kept_when_the_rest_fails(services: Services, now: datetime) -> None:
    with_history(services, now)
    services.says("/mp/v1/mining/hashrate/1y", b"<html>")
    services.says("/mp/v1/mining/difficulty-adjustments", [], 500)
    filled = backfill(at=now, network=services.network(), days=30)
    assert (filled.days, filled.retargets) == (30, 0)
    assert [trouble.split(":")[1].strip() for trouble in filled.troubles] == ["status", "html"]
    services.says("/cg/coins/bitcoin/market_chart", {"prices": []})
    assert backfill(at=now, network=services.network(), days=39).troubles[-1].startswith("coingecko: empty")


def test_the_target_behind_a_difficulty_is_found_exactly(now: datetime) -> None:
    assert f"{bits_of(Decimal('148258433855481.3')):08x}" == "1701e605"
    with pytest.raises(BadAnswer, match="no target"):
        bits_of(Decimal("148258433000000"))
    note_periods([KnownPeriod(927_360, 0x1701E63A)], source="a", at=now)
    with pytest.raises(BadAnswer, match="contradicts"):
        note_periods([KnownPeriod(927_360, 0x1701E605)], source="b", at=now)
    with pytest.raises(BadAnswer, match="from height 5"):
        note_periods([KnownPeriod(5, 0x1701E605)], source="b", at=now)


def test_difficulty_in_force_at_a_moment_and_never_across_a_gap(now: datetime) -> None:
    day = timedelta(days=1)
    note_periods(
        [
            KnownPeriod(2016, 0x1701E63A, starts_at=now), KnownPeriod(4032, 0x1701E605, starts_at=now + 14 * day),
            KnownPeriod(8064, 0x1701E63A, starts_at=now + 42 * day),
        ],
        source="a", at=now,
    )  # fmt: skip
    assert in_force(now - day) is None
    assert in_force(now + 13 * day).first_height == 2016
    assert in_force(now + 14 * day) is None  # the period after it is not known: this one may be over
    note_periods([KnownPeriod(6048, 0x1701E605, starts_at=now + 28 * day)], source="a", at=now)
    assert in_force(now + 14 * day).first_height == 4032
    assert in_force(now + 43 * day).first_height == 8064
    assert in_force(now + 42 * day + 57 * day) is None  # a retarget has been missed


# --- files --------------------------------------------------------------------------------------------------------
@pytest.mark.sample
@pytest.mark.skipif(not (DATA / "btc").is_dir(), reason=NO_FILES)
def test_the_real_retargets_and_days(now: datetime) -> None:
    table = (DATA / "btc/difficulty_retargets.csv").read_bytes()
    found = import_market_file(table, source="table", by="test", at=now)
    assert (found.what, found.new, found.left_out) == ("periods", 462, 0)
    assert periods.at_height(931_391).difficulty == (Decimal(65535 * 2**48) / Decimal(0x1E605)).quantize(
        Decimal("1e-8")
    )
    days_file = gzip.decompress((DATA / "btc/btc_daily.csv.gz").read_bytes()).decode().splitlines()
    part = days_file if NIGHTLY else [days_file[0], *days_file[-400:]]
    tried = import_market_file("\n".join(part).encode(), source="daily", by="test", at=now, dry_run=True)
    assert (tried.what, tried.new, MarketDay.objects.count()) == ("days", len(part) - 1, 0)
    import_market_file("\n".join(part).encode(), source="daily", by="test", at=now)
    row = MarketDay.objects.get(day=date(2025, 12, 31))
    assert (row.close_usd, row.block_reward_btc) == (Decimal("87291.86"), Decimal("3.125"))
    assert row.hashrate_ehs.quantize(Decimal("0.001")) == Decimal("980.206")
    assert row.fees_per_block_btc == (Decimal("3.15528709") * Decimal("3.125") / Decimal("415.625")).quantize(
        Decimal("1e-8")
    )
    ohlcv = gzip.decompress((DATA / "btc/btc_usd_ohlcv_daily.csv.gz").read_bytes()).decode().splitlines()
    again = import_market_file("\n".join([ohlcv[0], *ohlcv[-90:]]).encode(), source="ohlcv", by="test", at=now)
    assert again.changed == 90
    assert MarketDay.objects.get(day=date(2025, 9, 30)).high_usd is not None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"), ("a,b\n1,2", "no column of days"), ("date,x\n2026-01-01,1", "no column of prices"),
        ("date,price_usd\n2026-13-01,1", "no day"), ("date,price_usd\n2026-01-01,-1", "close_usd is -1"),
        ("date,price_usd\n2026-01-01,inf", "price_usd is"), ("height_first,bits\n2015,1d00ffff", "first height"),
        ("height_first,bits\n2016,zz", "no compact target"), ('date,price_usd\n"2026', "broken"),
        ("date,close,high,low\n2026-01-01,5,4,3", "not between"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used(now: datetime, text: str, why: str) -> None:
    with pytest.raises(ImportRefused, match=why):
        import_market_file(text.encode(), source="x", by="test", at=now)
    assert not MarketDay.objects.exists()
    assert not DifficultyPeriod.objects.exists()


def test_a_file_says_which_lines_it_lost(now: datetime) -> None:
    text = "date,price_usd\n2026-01-01,1\n2026-01-02,x\n2026-01-01,2\n2026-12-24,5\n"
    found = import_market_file(text.encode(), source="x", by="test", at=now)
    assert (found.new, found.left_out) == (1, 3)
    assert [line for line, _text in sorted(found.troubles)] == [3, 4, 5]


@pytest.mark.sample
@pytest.mark.skipif(not (DATA / "coins").is_dir(), reason=NO_FILES)
def test_the_list_of_coins_and_a_coin_of_another_algorithm(coins: None, now: datetime) -> None:
    content = (DATA / "coins/whattomine_asic_2026-09-25_trimmed.json").read_bytes()
    found = import_coins(content, by="test", at=now)
    assert (found.changed, found.left_out) == (2, 1)  # BCH and DigiByte; eCash lags
    cash = Coin.objects.get(symbol="BCH")
    assert cash.price_usd.quantize(Decimal("0.01")) == Decimal("331.24")  # 0.003948660264… of 83,886.68
    assert CoinProfitability.objects.filter(coin=cash).count() == 3
    assert not CoinProfitability.objects.filter(coin__symbol="XEC").exists()
    assert import_coins(content, by="test", at=now).changed == 0


# --- killed -------------------------------------------------------------------------------------------------------
class Killed(BaseException):
    """The process is gone: nothing catches this."""


def _state() -> Any:
    answers = SourceAnswer.objects.order_by("slot_at", "source", "call").values_list(
        "slot_at", "call", "outcome", "figures"
    )
    snapshots = NetworkSnapshot.objects.order_by("slot_at").values_list(
        "slot_at", "is_valid", "btc_price_usd", "difficulty", "hashrate_ehs", "block_height", "price_source"
    )
    rows = MarketDay.objects.order_by("day").values_list("day", "close_usd", "difficulty", "hashrate_ehs", "origin")
    signals = TechnicalIndicator.objects.order_by("day").values_list("day", "rsi", "ema_26", "signal", "state")
    found = DifficultyPeriod.objects.order_by("first_height").values_list("first_height", "bits", "starts_at")
    told = OutboxEvent.objects.filter(kind="network.snapshot_created").order_by("idempotency_key")
    events = told.values_list("idempotency_key", "payload__btc_price_usd")
    return [list(one) for one in (answers, snapshots, rows, signals, found, events)]


STEPS = (
    (collecting, "_keep"), (collecting, "_conclude"), (collecting, "_publish"), (collecting, "follow_bitcoin"),
    (days, "publish"), (days, "_row"), (indicators, "_stored"), (indicators, "_publish"),
    (backfill_module, "note_days"), (backfill_module, "note_periods"), (periods, "difficulty_of"),
)  # fmt: skip


def _everything(services: Services, now: datetime) -> None:
    """A day of collecting, its close, what was missed, and the indicators."""
    for minutes in (0, 10, 20):
        at = now.replace(hour=23, minute=20) + timedelta(minutes=minutes) - timedelta(days=1)
        services.now(at, price=90_000.0 + minutes)
        collect(slot_of(at), clock=lambda at=at: at, network=services.network())
    close_days(at=now)
    backfill(at=now, network=services.network(), days=45)
    while indicators.catch_up(at=now, most=15):
        pass


@pytest.mark.django_db(transaction=True)
def test_killed_anywhere_and_gone_on_is_as_if_nothing_had_happened(
    services: Services, now: datetime, monkeypatch: Any
) -> None:
    from marketdata.domain.coins import sync_coins

    with_history(services, now)
    sync_coins(at=now)
    _everything(services, now)
    undisturbed = _state()
    assert len(undisturbed[2]) == 41
    assert len(undisturbed[1]) == 3
    dice = random.Random(int(os.environ.get("HASHINSIGHT_SEED") or 5))
    kills, target = 0, 50 if NIGHTLY else 3
    while kills < target:
        for model in (TechnicalIndicator, MarketDay, NetworkSnapshot, SourceAnswer, DifficultyPeriod, OutboxEvent):
            model.objects.all().delete()
        for _kill in range(6):  # after a few kills all is done, and nothing is left to die in
            module, name = dice.choice(STEPS)
            kills += _killed_run(services, now, monkeypatch, module, name, dice.randint(1, 4))
            if kills == target:
                break
        _everything(services, now)
        assert _state() == undisturbed


@pytest.mark.django_db(transaction=True)
def test_control_a_collection_that_forgets_its_answers_is_found(
    services: Services, now: datetime, monkeypatch: Any
) -> None:
    """One that asks again after the figures have moved ends with another snapshot than the undisturbed run."""
    at, moved = now, {"price": 99_999.0}
    collect(slot_of(at), clock=lambda: at, network=services.network())
    undisturbed = _state()[1]
    for model in (NetworkSnapshot, SourceAnswer, OutboxEvent):
        model.objects.all().delete()
    with monkeypatch.context() as patched:
        patched.setattr(collecting, "_conclude", _die)
        with pytest.raises(Killed):
            collect(slot_of(at), clock=lambda: at, network=services.network())
    services.now(at, **moved)
    SourceAnswer.objects.all().delete()  # the planted defect: nothing is kept until the end
    collect(slot_of(at), clock=lambda: at, network=services.network())
    assert _state()[1] != undisturbed


def _die(*args: Any, **kwargs: Any) -> Any:
    raise Killed


def _killed_run(services: Services, now: datetime, monkeypatch: Any, module: Any, name: str, after: int) -> int:
    """Run until this function was called so many times, then die before or after it; 1 when it came to that."""
    real, calls = getattr(module, name), [0]

    def dying(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == after:
            if after % 2:
                raise Killed
            real(*args, **kwargs)
            raise Killed
        return real(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(module, name, dying)
        try:
            _everything(services, now)
        except Killed:
            return 1
    return 0
