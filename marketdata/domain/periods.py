"""Difficulty in force at any height and at any moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from marketdata.engine.figures import BadAnswer
from marketdata.engine.targets import compact, difficulty_of, target_of
from marketdata.models import DifficultyPeriod

RETARGET_BLOCKS = 2016
DIFFICULTY_ONE = 0x1D00FFFF
# A service writes the difficulty with 15 digits or so; the compact target it came from has 7. So it is found exactly.
TOLERANCE = Decimal("1e-9")


@dataclass(frozen=True)
class KnownPeriod:
    """First block of a period, and its target (``bits``) or difficulty; the moment of the block where it is known."""

    first_height: int
    bits: int | None = None
    difficulty: Decimal | None = None
    starts_at: datetime | None = None


def bits_of(difficulty: Decimal) -> int:
    """The compact target behind a difficulty a service wrote. Raises BadAnswer when none is near enough."""
    bits = compact(int(target_of(DIFFICULTY_ONE) / difficulty))
    for candidate in (bits, bits + 1, bits - 1):
        exact = difficulty_of(candidate)
        if abs(exact - difficulty) <= exact * TOLERANCE:
            return candidate
    raise BadAnswer("impossible", f"no target has the difficulty {difficulty}")


@transaction.atomic
def note_periods(periods: Iterable[KnownPeriod], *, source: str, at: datetime) -> int:
    """Keep periods that are new, and the moment of those that had none. Returns how many were new or completed.

    Raises BadAnswer when one contradicts what is there; then nothing is kept.
    """
    count = 0
    for period in sorted(periods, key=lambda one: one.first_height):
        if period.first_height % RETARGET_BLOCKS:
            raise BadAnswer("impossible", f"a period from height {period.first_height}")
        if period.bits is None and period.difficulty is None:
            raise BadAnswer("missing", f"neither target nor difficulty of {period.first_height}")
        bits = period.bits if period.bits is not None else bits_of(period.difficulty or Decimal(0))
        row, created = DifficultyPeriod.objects.get_or_create(
            first_height=period.first_height,
            defaults={
                "bits": f"{bits:08x}", "difficulty": difficulty_of(bits).quantize(Decimal("1e-8")),
                "starts_at": period.starts_at, "source": source[:100], "created_at": at,
            },
        )  # fmt: skip
        if row.bits != f"{bits:08x}":
            raise BadAnswer("contradicts", f"{period.first_height} has {row.bits}, not {bits:08x}")
        if not created and row.starts_at is None and period.starts_at is not None:
            created = bool(
                DifficultyPeriod.objects.filter(pk=row.pk, starts_at=None).update(starts_at=period.starts_at)
            )
        count += created
    return count


def at_height(height: int) -> DifficultyPeriod | None:
    """The period of a height; None when it is not known."""
    found: DifficultyPeriod | None = DifficultyPeriod.objects.filter(
        first_height=height // RETARGET_BLOCKS * RETARGET_BLOCKS
    ).first()
    return found


def in_force(at: datetime) -> DifficultyPeriod | None:
    """The period whose difficulty is in force at a moment; None before the first known, and after a gap.

    A period lasts two weeks or so; when the newest known one began more than eight weeks (four times that, the most
    the rule of the chain allows) before, a retarget has been missed.
    """
    found: DifficultyPeriod | None = DifficultyPeriod.objects.filter(starts_at__lte=at).order_by("-starts_at").first()
    if found is None or found.starts_at is None:
        return None
    following = DifficultyPeriod.objects.filter(first_height=found.first_height + RETARGET_BLOCKS).first()
    if following is not None:
        return found if following.starts_at is not None and following.starts_at > at else None
    if DifficultyPeriod.objects.filter(first_height__gt=found.first_height).exists():
        return None
    return found if (at - found.starts_at).days <= 56 else None
