"""Ten minutes of the network: three services, one snapshot, and what becomes of wrong ones."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from hashinsight.events.models import OutboxEvent
from marketdata.domain.collecting import collect, slot_of
from marketdata.domain.watching import present, stale_market
from marketdata.enums import Outcome, Source
from marketdata.models import Coin, CoinProfitability, NetworkSnapshot, SourceAnswer, SourceState
from tests.marketdata.services import Services

pytestmark = pytest.mark.django_db


def run(services: Services, at: datetime) -> NetworkSnapshot:
    """Collect the ten minutes of a moment."""
    return collect(slot_of(at), clock=lambda: at, network=services.network())


def outcomes(at: datetime) -> dict[str, str]:
    """What became of each call."""
    return {f"{row.source} {row.call}": row.outcome for row in SourceAnswer.objects.filter(slot_at=slot_of(at))}


def test_a_snapshot_is_the_median_of_what_the_services_say(services: Services, coins: None, now: datetime) -> None:
    snapshot = run(services, now)
    assert (snapshot.is_valid, snapshot.reason) == (True, "")
    assert snapshot.btc_price_usd == Decimal("91234.5")  # 91,234.5 twice and 91,234 rounded by the third
    assert snapshot.difficulty == Decimal("1.4e14")
    assert snapshot.hashrate_ehs == Decimal(1000)
    assert snapshot.block_height == 925_000
    assert snapshot.block_reward_btc == Decimal("3.125")
    assert snapshot.fees_per_block_btc == Decimal("0.025")
    assert snapshot.fee_rate_sat_vb == Decimal(3)
    assert snapshot.retarget_change_pct == Decimal("1.75")
    assert snapshot.remaining_blocks == 2016 - 925_000 % 2016
    assert snapshot.volume_24h_usd == Decimal("31000000000.00")
    assert snapshot.price_source == "blockchain.info, coingecko, mempool.space"
    assert snapshot.data_source == "blockchain.info, mempool.space"
    assert snapshot.response_s is not None
    assert snapshot.slot_at == now
    assert set(outcomes(now).values()) == {Outcome.VALID}


def test_the_event_and_the_coin_follow_in_the_same_transaction(services: Services, coins: None, now: datetime) -> None:
    snapshot = run(services, now)
    event = OutboxEvent.objects.get(kind="network.snapshot_created")
    assert event.payload["snapshot_id"] == str(snapshot.public_id)
    assert (event.payload["btc_price_usd"], event.payload["hashrate_ehs"]) == ("91234.5", "1000")
    coin = Coin.objects.get(symbol="BTC")
    assert (coin.current_difficulty, coin.price_usd) == (Decimal("1.4e14"), Decimal("91234.5"))
    assert coin.block_reward == Decimal("3.15")
    row = CoinProfitability.objects.get(coin=coin, hashrate_ths=Decimal("1.2"))
    # 1.2e12 x 31,557,600 / (1.4e14 x 2^32)
    assert row.expected_blocks_per_year == Decimal("0.000062979226")
    assert row.expected_revenue_usd_per_year == Decimal("18.10")


def test_running_twice_asks_once(services: Services, now: datetime) -> None:
    first = run(services, now)
    asked = len(services.asked)
    assert run(services, now + timedelta(minutes=3)).pk == first.pk
    assert len(services.asked) == asked == 7
    assert OutboxEvent.objects.filter(kind="network.snapshot_created").count() == 1


def test_a_snapshot_is_never_changed(services: Services, now: datetime) -> None:
    snapshot = run(services, now)
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        NetworkSnapshot.objects.filter(pk=snapshot.pk).update(btc_price_usd=1)


@pytest.mark.parametrize(
    ("path", "body", "who", "why"),
    [
        ("/cg/simple/price", b"<html>busy</html>", "coingecko price", "html"),
        ("/cg/simple/price", b'{"bitcoin": {"usd": 91', "coingecko price", "cut"),
        ("/cg/simple/price", b"", "coingecko price", "empty"),
        ("/cg/simple/price", {"bitcoin": {"eur": 80_000, "last_updated_at": 1}}, "coingecko price", "missing: usd"),
        ("/cg/simple/price", {"bitcoin": {"usd": -5, "last_updated_at": 1}}, "coingecko price", "not_positive"),
        ("/cg/simple/price", b'{"bitcoin": {"usd": NaN}}', "coingecko price", "not_a_number"),
        ("/cg/simple/price", b'{"bitcoin": {"usd": 1e999}}', "coingecko price", "not_a_number"),
        ("/mp/v1/fees/recommended", {"fastestFee": 1}, "mempool.space fees", "missing"),
    ],
)
def test_a_bad_answer_is_kept_with_its_reason_and_not_used(
    services: Services, now: datetime, path: str, body: Any, who: str, why: str
) -> None:
    services.says(path, body)
    snapshot = run(services, now)
    assert snapshot.is_valid
    source, call = who.split()
    row = SourceAnswer.objects.get(source=source, call=call)
    assert row.outcome == Outcome.INVALID
    assert row.reason.startswith(why)
    assert "coingecko" not in snapshot.price_source or path != "/cg/simple/price"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"timestamp": 1_700_000_000}, "stale"),
        ({"timestamp": 17_000}, "not_a_moment"),
        ({"hash_rate": 1.0e21}, "unit"),
        ({"hash_rate": 1.0e3}, "unit"),
        ({"total_fees_btc": -1}, "negative_fees"),
        ({"miners_revenue_usd": 0}, "zero_revenue"),
        ({"n_blocks_mined": 0}, "zero_revenue"),
        ({"totalbc": 19_900_000}, "unit"),
        ({"difficulty": 0.5}, "too_low"),
        ({"market_price_usd": "91234"}, "not_a_number"),
    ],
)
def test_what_blockchain_info_cannot_mean(services: Services, now: datetime, change: dict[str, Any], why: str) -> None:
    services.changed("/bi/stats", **change)
    snapshot = run(services, now)
    row = SourceAnswer.objects.get(call="stats")
    assert row.outcome == Outcome.INVALID
    assert why in row.reason
    assert (snapshot.is_valid, snapshot.data_source) == (True, "mempool.space")


def test_milliseconds_instead_of_seconds_are_the_same_moment(services: Services, now: datetime) -> None:
    services.changed("/cg/simple/price", bitcoin__last_updated_at=int(now.timestamp() * 1000))
    assert run(services, now).is_valid
    assert outcomes(now)["coingecko price"] == Outcome.VALID


@pytest.mark.parametrize("name", ["price", "hashrate", "difficulty"])
def test_a_jump_is_invalid(services: Services, now: datetime, name: str) -> None:
    run(services, now)
    later = now + timedelta(minutes=10)
    truth = services.truth
    values = {"price": truth.price * 11, "hashrate": truth.hashrate * 11, "difficulty": truth.difficulty * 4.1}
    services.now(later, **{name: values[name]})
    snapshot = run(services, later)
    assert not snapshot.is_valid
    assert "jump" in snapshot.reason or "unit" in snapshot.reason, snapshot.reason
    assert present(at=later).snapshot.slot_at == now  # the last good one stands


def test_a_jump_is_believed_when_what_we_know_is_a_week_old(services: Services, now: datetime) -> None:
    run(services, now)
    later = now + timedelta(days=8)
    services.now(later, price=services.truth.price * 11)
    assert run(services, later).is_valid


def test_two_services_that_disagree_are_no_snapshot_three_outvote_one(services: Services, now: datetime) -> None:
    services.changed("/cg/simple/price", bitcoin__usd=70_000)
    snapshot = run(services, now)
    assert (snapshot.is_valid, snapshot.btc_price_usd) == (True, Decimal(91_234))
    later = now + timedelta(minutes=10)
    services.now(later)
    services.changed("/cg/simple/price", bitcoin__usd=70_000)
    services.says("/mp/v1/prices", {}, 500)
    snapshot = run(services, later)
    assert not snapshot.is_valid
    assert snapshot.reason.startswith("sources_disagree: price_usd: blockchain.info 91234.5, coingecko 70000")


def test_offline_is_a_state_with_an_age(services: Services, now: datetime) -> None:
    run(services, now)
    later = now + timedelta(hours=1)
    for path in services.truth.bodies():
        services.says(path, b"away", 503)
    snapshot = run(services, later)
    assert (snapshot.is_valid, snapshot.btc_price_usd) == (False, None)
    assert "status 503" in snapshot.reason
    known = present(at=later)
    assert (known.age, known.is_stale) == (timedelta(hours=1), True)
    assert known.snapshot.btc_price_usd == Decimal("91234.5")
    (finding,) = stale_market(later)
    assert "status 503" in finding.text
    assert list(stale_market(now + timedelta(minutes=20))) == []


def test_a_source_that_fails_is_left_alone_and_tried_again(services: Services, now: datetime) -> None:
    services.says("/cg/simple/price", b"", 500)
    at = now
    for _turn in range(5):
        services.now(at)
        run(services, at)
        at += timedelta(minutes=10)
    state = SourceState.objects.get(source=Source.COINGECKO)
    assert state.failures == 5
    assert state.open_until is not None
    asked = len([one for one in services.asked if one.path.startswith("/cg")])
    assert asked == 15  # three tries each
    services.now(at)
    del services.instead["/cg/simple/price"]
    if at < state.open_until:
        run(services, at)
        assert outcomes(at)["coingecko price"] == Outcome.SKIPPED
    at = slot_of(state.open_until) + timedelta(minutes=10)
    services.now(at)
    assert run(services, at).price_source == "blockchain.info, coingecko, mempool.space"
    state.refresh_from_db()
    assert (state.failures, state.open_until) == (0, None)


def test_retry_after_is_kept_to(services: Services, now: datetime) -> None:
    services.says("/cg/simple/price", b"", 429, Retry_After="3600")
    run(services, now)
    assert SourceState.objects.get(source=Source.COINGECKO).open_until == now + timedelta(hours=1)
    assert len([one for one in services.asked if one.path.startswith("/cg")]) == 1


def test_unchanged_answers_stand_as_long_as_they_are_fresh(services: Services, now: datetime) -> None:
    services.tags = True
    run(services, now)
    later = now + timedelta(minutes=10)
    snapshot = run(services, later)
    assert set(outcomes(later).values()) == {Outcome.UNCHANGED}
    assert (snapshot.is_valid, snapshot.btc_price_usd) == (True, Decimal("91234.5"))
    late = now + timedelta(hours=2)
    snapshot = run(services, late)
    assert outcomes(late)["coingecko price"] == Outcome.INVALID
    assert not snapshot.is_valid
    # What was judged wrong is asked for anew, without conditions.
    services.now(late + timedelta(minutes=10))
    assert run(services, late + timedelta(minutes=10)).is_valid


def test_without_a_height_the_subsidy_follows_from_an_earlier_one(services: Services, now: datetime) -> None:
    for path in ("/bi/stats", "/mp/v1/difficulty-adjustment", "/mp/v1/mining/reward-stats/144"):
        services.says(path, {}, 404)
    snapshot = run(services, now)
    assert not snapshot.is_valid
    assert snapshot.reason.startswith("unknown: height; blockchain.info: status: status 404")
    services.instead.clear()
    later = now + timedelta(minutes=10)
    services.now(later)
    assert run(services, later).is_valid
    last = later + timedelta(minutes=10)
    services.now(last)
    for path in ("/bi/stats", "/mp/v1/difficulty-adjustment", "/mp/v1/mining/reward-stats/144"):
        services.says(path, {}, 404)
    snapshot = run(services, last)
    assert (snapshot.is_valid, snapshot.block_height, snapshot.block_reward_btc) == (True, None, Decimal("3.125"))


@pytest.mark.parametrize(("height", "is_valid"), [(1_048_000, True), (1_049_000, False)])
def test_near_a_halving_an_earlier_height_says_nothing(
    services: Services, now: datetime, height: int, is_valid: bool
) -> None:
    services.now(now, height=height)
    assert run(services, now).is_valid
    later = now + timedelta(minutes=10)
    services.now(later, height=height)
    for path in ("/bi/stats", "/mp/v1/difficulty-adjustment", "/mp/v1/mining/reward-stats/144"):
        services.says(path, {}, 404)
    snapshot = run(services, later)
    assert (snapshot.is_valid, snapshot.block_reward_btc) == (is_valid, Decimal("3.125") if is_valid else None)
