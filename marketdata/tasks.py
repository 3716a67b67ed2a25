"""Tasks of market data: thin, safe to run twice and to kill."""

from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from hashinsight.jobs.domain import runs
from hashinsight.jobs.models import JobRun
from hashinsight.jobs.periodic import run_periodic
from marketdata.clients import coingecko
from marketdata.clients.http import Asker, SourceFailed
from marketdata.domain import asking_series, backfill, coins, collecting, days, indicators, sources
from marketdata.engine.figures import BadAnswer
from marketdata.enums import Source
from marketdata.models import Coin

OFF: dict[str, Any] = {"off": "MARKET_COLLECT"}


def asker_for(url: str) -> Asker:
    """Who asks the address of a series."""
    return Asker(url, {}, float(settings.MARKET_SECONDS))


@shared_task(name="marketdata.collect")
def collect() -> dict[str, Any] | None:
    """Every ten minutes: one snapshot."""
    return run_periodic("marketdata.collect", _collect)


def _collect(run: JobRun) -> dict[str, Any]:
    if not settings.MARKET_COLLECT:
        return OFF
    slot = collecting.slot_of(run.period_start)
    snapshot = collecting.collect(slot, clock=timezone.now, network=sources.network())
    return {"valid": snapshot.is_valid, "reason": snapshot.reason}


@shared_task(name="marketdata.ask_series")
def ask_series() -> dict[str, Any] | None:
    """Every five minutes: the series whose interval is over."""
    return run_periodic("marketdata.ask_series", _ask_series)


def _ask_series(run: JobRun) -> dict[str, Any]:
    if not settings.MARKET_COLLECT:
        return OFF
    return dict(asking_series.ask_due(clock=timezone.now, asker_for=asker_for))


@shared_task(name="marketdata.close_days")
def close_days() -> dict[str, Any] | None:
    """Hourly: days that are over, and the indicators of all days that have none."""
    return run_periodic("marketdata.close_days", _close_days)


def _close_days(run: JobRun) -> dict[str, Any]:
    closed = days.close_days(at=timezone.now())
    reckoned = 0
    while count := indicators.catch_up(at=timezone.now()):
        reckoned += count
        if not runs.beat(run, at=timezone.now()):
            break
    return {"closed": [day.isoformat() for day in closed], "indicators": reckoned}


@shared_task(name="marketdata.backfill")
def fill_gaps() -> dict[str, Any] | None:
    """Four times a day: what was missed, and prices of the other coins."""
    return run_periodic("marketdata.backfill", _fill_gaps)


def _fill_gaps(run: JobRun) -> dict[str, Any]:
    if not settings.MARKET_COLLECT:
        return OFF
    network = sources.network()
    filled = backfill.backfill(at=timezone.now(), network=network)
    return {
        "days": filled.days,
        "retargets": filled.retargets,
        "missing": [f"{first.isoformat()}/{last.isoformat()}" for first, last in filled.missing],
        "troubles": [*filled.troubles, *_prices_of_coins(network)],
    }


def _prices_of_coins(network: sources.Network) -> list[str]:
    names = list(Coin.objects.filter(is_active=True).exclude(price_id="").values_list("price_id", flat=True))
    if not names:
        return []
    try:
        answer = network.askers[Source.COINGECKO].get(coingecko.markets_path(names))
        coins.take_prices(coingecko.parse_markets(answer.body), at=timezone.now())
    except (SourceFailed, BadAnswer) as error:
        return [f"{Source.COINGECKO}: {error}"]
    return []
