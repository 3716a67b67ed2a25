"""Words of the market data app."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Source(TextChoices):
    """Who said a figure."""

    COINGECKO = "coingecko", "CoinGecko"
    BLOCKCHAIN_INFO = "blockchain.info", "Blockchain.com"
    MEMPOOL = "mempool.space", "mempool.space"


class Outcome(TextChoices):
    """What became of one call to a source."""

    VALID = "valid", _("valid")
    UNCHANGED = "unchanged", _("unchanged")
    INVALID = "invalid", _("invalid")
    FAILED = "failed", _("failed")
    SKIPPED = "skipped", _("not asked")


class Origin(TextChoices):
    """How a row came to us."""

    COLLECTED = "collected", _("collected")
    IMPORTED = "imported", _("imported")
    BACKFILLED = "backfilled", _("backfilled")
    SIMULATED = "simulated", _("simulated")


class Signal(TextChoices):
    """What the rule of the indicators says of a day."""

    BUY = "buy", _("buy")
    SELL = "sell", _("sell")
    NEUTRAL = "neutral", _("neutral")


class SeriesKind(TextChoices):
    """What a price series is a series of."""

    ENERGY = "energy", _("energy price")
    FX = "fx", _("exchange rate")
    BITCOIN = "bitcoin", _("Bitcoin price")
    DIFFICULTY = "difficulty", _("difficulty")
    LOAD = "load", _("load of a grid")


class KnownFrom(TextChoices):
    """When a value whose file or feed does not say so became known."""

    END = "end", _("at the end of its interval")
    START = "start", _("at the start of its interval")
    DAY_AHEAD = "day_ahead", _("at 13:00 local time of the day before")
    RECEIVED = "received", _("when it reached us")


class Adapter(TextChoices):
    """How new values of a series come."""

    NONE = "none", _("by import")
    JSON = "json", _("JSON over HTTP")
    CSV = "csv", _("CSV over HTTP")


class Algorithm(TextChoices):
    """Proof of work of a coin: ours is for SHA-256 machines alone."""

    SHA256D = "sha256d", "SHA-256d"
