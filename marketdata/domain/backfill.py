"""Days and retargets that were missed, from the services that keep a history. Goes on where it was stopped."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from marketdata.clients import coingecko, mempool
from marketdata.clients.coingecko import PricePoint
from marketdata.clients.http import SourceFailed
from marketdata.domain.days import DayFigures, as_spans, midnight, missing_days, note_days
from marketdata.domain.periods import KnownPeriod, in_force, note_periods
from marketdata.domain.sources import Network
from marketdata.engine.chain import subsidy_btc
from marketdata.engine.figures import BadAnswer
from marketdata.enums import Origin, Source

LONGEST_DAYS = 365  # of CoinGecko's free plan
# A daily price is of midnight, give or take what the service needs.
NEAR = timedelta(minutes=10)
EHS = Decimal(10**18)
HALVING = 210_000
PERIOD = 2016


@dataclass(frozen=True)
class Filled:
    """Days and retargets that came, the spans of days still missing, and what the sources refused."""

    days: int
    retargets: int
    missing: list[tuple[date, date]]
    troubles: tuple[str, ...]


def backfill(*, at: datetime, network: Network, days: int = LONGEST_DAYS) -> Filled:
    """Ask for missing days among the last ``days`` and for retargets. What came is kept even when the rest failed."""
    troubles: list[str] = []
    retargets = _retargets(network, at, troubles)
    past = at.astimezone(UTC).date()
    wanted = missing_days(first=past - timedelta(days=min(days, LONGEST_DAYS)), past=past)
    count = 0
    if wanted:
        count = _fill(wanted, network, at, troubles)
    left = missing_days(first=past - timedelta(days=min(days, LONGEST_DAYS)), past=past)
    return Filled(count, retargets, as_spans(left), tuple(troubles))


def _retargets(network: Network, at: datetime, troubles: list[str]) -> int:
    try:
        answer = network.askers[Source.MEMPOOL].get(mempool.ADJUSTMENTS)
        found = mempool.parse_adjustments(answer.body)
        return note_periods(
            [KnownPeriod(one.height, None, one.difficulty, one.at) for one in found], source=Source.MEMPOOL, at=at
        )
    except (SourceFailed, BadAnswer) as error:
        troubles.append(f"{Source.MEMPOOL}: {error}")
        return 0


def _fill(wanted: list[date], network: Network, at: datetime, troubles: list[str]) -> int:
    span = (at.astimezone(UTC).date() - wanted[0]).days + 1
    try:
        answer = network.askers[Source.COINGECKO].get(coingecko.chart_path(span))
        points = coingecko.parse_chart(answer.body)
    except (SourceFailed, BadAnswer) as error:
        troubles.append(f"{Source.COINGECKO}: {error}")
        return 0
    rates = _rates(network, troubles)
    figures = list(_days_of(points, set(wanted), rates))
    noted = note_days(figures, origin=Origin.BACKFILLED, source=Source.COINGECKO, at=at)
    return noted.new + noted.changed


def _rates(network: Network, troubles: list[str]) -> dict[date, Decimal]:
    try:
        answer = network.askers[Source.MEMPOOL].get(mempool.HASHRATE_YEAR)
        return {one.at.astimezone(UTC).date(): one.hashrate_hps for one in mempool.parse_hashrate_days(answer.body)}
    except (SourceFailed, BadAnswer) as error:
        troubles.append(f"{Source.MEMPOOL}: {error}")
        return {}


def _days_of(points: list[PricePoint], wanted: set[date], rates: dict[date, Decimal]) -> Iterator[DayFigures]:
    """The price at the midnight that ends a day is its close."""
    for point in points:
        end = midnight((point.at + NEAR).astimezone(UTC).date())
        day = end.date() - timedelta(days=1)
        if abs(point.at - end) > NEAR or day not in wanted:
            continue
        period = in_force(end - timedelta(seconds=1))
        rate = rates.get(day)
        yield DayFigures(
            day, point.price_usd.quantize(Decimal("1e-8")),
            volume_usd=None if point.volume_24h_usd is None else point.volume_24h_usd.quantize(Decimal("0.01")),
            difficulty=period.difficulty if period else None,
            hashrate_ehs=None if rate is None else (rate / EHS).quantize(Decimal("1e-12")),
            block_reward_btc=_subsidy(period.first_height) if period else None,
        )  # fmt: skip


def _subsidy(first_height: int) -> Decimal | None:
    """Of a whole period; None for the one in which a halving lies, since the day's height is not known."""
    first, last = subsidy_btc(first_height), subsidy_btc(first_height + PERIOD - 1)
    return first if first == last else None
