"""The services as the settings name them, and how each has been lately."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings

from marketdata.clients.http import Asker
from marketdata.engine.breaker import BreakerState, after_failure, after_success
from marketdata.engine.plausibility import Limits
from marketdata.enums import Source
from marketdata.models import SourceState


@dataclass
class Network:
    """Everything that reaches outside: one asker per source, and the dice for pauses. Tests bring their own."""

    askers: Mapping[Source, Asker]
    dice: random.Random = field(default_factory=random.SystemRandom)


def network() -> Network:
    """As the settings say."""
    key = settings.MARKET_COINGECKO_KEY
    seconds, spacing = float(settings.MARKET_SECONDS), float(settings.MARKET_SPACING_SECONDS)
    return Network(
        {
            Source.COINGECKO: Asker(
                settings.MARKET_COINGECKO_URL, {"x-cg-demo-api-key": key} if key else {}, seconds, spacing
            ),
            Source.BLOCKCHAIN_INFO: Asker(settings.MARKET_BLOCKCHAIN_INFO_URL, {}, seconds, spacing),
            Source.MEMPOOL: Asker(settings.MARKET_MEMPOOL_URL, {}, seconds, spacing),
        }
    )


def limits() -> Limits:
    """What counts as stale, and as too far apart."""
    return Limits(
        stale_after=timedelta(minutes=settings.MARKET_STALE_MINUTES),
        spread=Decimal(settings.MARKET_SPREAD_PERCENT) / 100,
    )


def state_of(source: Source) -> BreakerState:
    """How the source has been."""
    row = SourceState.objects.filter(source=source).first()
    return BreakerState(row.failures, row.open_until) if row else BreakerState()


def note_good(source: Source, *, at: datetime) -> None:
    """It gave a good answer."""
    after = after_success(BreakerState())
    SourceState.objects.update_or_create(
        source=source,
        defaults={"failures": after.failures, "open_until": after.open_until, "last_good_at": at, "last_reason": ""},
    )


def note_bad(source: Source, *, at: datetime, reason: str, retry_after: timedelta | None, dice: random.Random) -> None:
    """It gave none, or one that must not be used."""
    after = after_failure(state_of(source), at=at, retry_after=retry_after, dice=dice)
    SourceState.objects.update_or_create(
        source=source,
        defaults={
            "failures": after.failures, "open_until": after.open_until, "last_failed_at": at,
            "last_reason": reason[:300],
        },
    )  # fmt: skip
