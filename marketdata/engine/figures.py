"""What a source says of the network at one moment, in our units; and what is wrong with an answer."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

GENESIS = datetime(2009, 1, 3, tzinfo=UTC)
# Moments are seconds or milliseconds since 1970, by their size: in seconds this number is the year 5138.
MILLISECONDS_FROM = 10**11


class BadAnswer(ValueError):
    """An answer that must not be used; ``reason`` is a short name of the rule, ``detail`` says what was seen."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail = reason, detail[:200]


@dataclass(frozen=True)
class Figures:
    """Figures of one answer, or of several taken together. None is what nobody said.

    price_usd per BTC, volume_24h_usd in USD, difficulty raw, hashrate_hps in hashes per second, fees_per_block_btc
    as the mean over recent blocks, fee_rate_sat_vb in satoshi per virtual byte, retarget_change_pct in percent.
    """

    price_usd: Decimal | None = None
    volume_24h_usd: Decimal | None = None
    difficulty: Decimal | None = None
    hashrate_hps: Decimal | None = None
    height: int | None = None
    fees_per_block_btc: Decimal | None = None
    fee_rate_sat_vb: Decimal | None = None
    retarget_change_pct: Decimal | None = None
    retarget_at: datetime | None = None
    remaining_blocks: int | None = None
    observed_at: datetime | None = None

    def said(self) -> dict[str, str]:
        """What is there, as text without loss: for keeping."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: value.isoformat() if isinstance(value, datetime) else str(value)
            for name, value in found.items()
            if value is not None
        }

    @classmethod
    def from_said(cls, said: dict[str, str]) -> "Figures":
        """Back from ``said``; unknown names are left out."""
        kept: dict[str, Any] = {}
        for name, text in said.items():
            if name in ("height", "remaining_blocks"):
                kept[name] = int(text)
            elif name in ("retarget_at", "observed_at"):
                kept[name] = datetime.fromisoformat(text)
            elif name in cls.__dataclass_fields__:
                kept[name] = Decimal(text)
        return cls(**kept)


def number(value: Any, name: str, *, text: bool = False) -> Decimal:
    """A finite JSON number as Decimal; digits in quotes only where the service documents them (``text``)."""
    if isinstance(value, str) and text:
        try:
            value = Decimal(value)
        except InvalidOperation as error:
            raise BadAnswer("not_a_number", f"{name} is {value[:40]!r}") from error
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise BadAnswer("missing" if value is None else "not_a_number", f"{name} is {str(value)[:40]!r}")
    found = Decimal(value)
    if not found.is_finite() or abs(found.adjusted()) > 60:
        raise BadAnswer("not_a_number", f"{name} is {str(value)[:40]}")
    return found


def whole(value: Any, name: str, *, text: bool = False) -> int:
    """A whole number of at least 0, also when it was written as 1.84E9."""
    found = number(value, name, text=text)
    if found != found.to_integral_value() or found < 0:
        raise BadAnswer("not_a_whole_number", f"{name} is {found}")
    return int(found)


def positive(value: Any, name: str, *, text: bool = False) -> Decimal:
    """A number above zero."""
    found = number(value, name, text=text)
    if found <= 0:
        raise BadAnswer("not_positive", f"{name} is {found}")
    return found


def moment(value: Any, name: str) -> datetime:
    """Seconds or milliseconds since 1970; refused before the first block and far from now-like years."""
    found = number(value, name)
    seconds = found / 1000 if abs(found) >= MILLISECONDS_FROM else found
    if not Decimal(int(GENESIS.timestamp())) <= seconds < Decimal(MILLISECONDS_FROM) / 20:
        raise BadAnswer("not_a_moment", f"{name} is {found}")
    return datetime.fromtimestamp(0, tz=UTC) + timedelta(seconds=float(seconds))
