"""What was committed to programmes: which commitment holds when, what it leaves running, and who signs."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from curtailment.enums import WANTED_STATES, Goal
from curtailment.models import Dispatch, Programme, ProgrammeCommitment
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_row
from hashinsight.notify.engine import signing
from hosting.engine.windows import parse_windows
from hosting.models import Site, SiteHoliday

OVERLAP = timedelta(hours=24)
LONGEST_OVERLAP = timedelta(days=7)
STEP = timedelta(minutes=15)  # hours of commitments begin and end at quarter-hours of the clock
MOMENT = timedelta(microseconds=1)
ZERO = Decimal(0)
WATT = Decimal("0.001")


class ProgrammeRefused(DomainError):
    """The programme cannot be like that."""

    code = "programme_refused"


@dataclass(frozen=True)
class Commitment:
    """Load in a span of time that somebody has a say in, for whoever plans a site's load.

    ``called``: a dispatch was accepted, and the load is to be reduced by or to ``kw``. Otherwise it may be called, and
    ``reserve_kw`` of load are to be running for that.
    """

    name: str
    starts_at: datetime
    ends_at: datetime
    goal: str
    kw: Decimal
    reserve_kw: Decimal
    priority: int
    called: bool


# --- which commitment holds ---------------------------------------------------------------------------------------
def commitment_at(programme: Programme, site: Site, moment: datetime) -> ProgrammeCommitment | None:
    """The one that is valid on that day at the site, whatever its hours."""
    day = _local(site, moment).date()
    rows = ProgrammeCommitment.objects.filter(_valid_on(day), programme=programme, site=site)
    found: ProgrammeCommitment | None = rows.first()
    return found


def _valid_on(day: date) -> Q:
    return Q(valid_from__lte=day) & (Q(valid_to__isnull=True) | Q(valid_to__gt=day))


def agreed_over(programme: Programme, site: Site, start: datetime, end: datetime) -> tuple[Decimal | None, bool]:
    """What is committed from start to end, and whether all of that time lies in the hours of commitments.

    Where one commitment follows another the smaller reduction counts; None: nothing is committed then.
    """
    first, last = _local(site, start).date(), _local(site, max(start, end - MOMENT)).date()
    rows = ProgrammeCommitment.objects.filter(
        Q(valid_to__isnull=True) | Q(valid_to__gt=first), programme=programme, site=site, valid_from__lte=last
    ).select_related("site")
    holidays = holidays_of(site)
    spans = sorted(span for row in rows for span in _spans(row, start, end, holidays))
    covered_to = start
    for begins, ends in spans:
        covered_to = max(covered_to, ends) if begins <= covered_to else covered_to
    powers = [row.kw for row in rows]
    least = min if programme.goal == Goal.REDUCE_BY else max
    return least(powers) if powers else None, bool(spans) and covered_to >= end


def in_hours(row: ProgrammeCommitment, moment: datetime, holidays: frozenset[date] | None = None) -> bool:
    """Whether the moment lies in the commitment's hours, by the clock and the holidays of the site."""
    windows = parse_windows(row.hours)
    if not windows:
        return True
    days = holidays_of(row.site) if holidays is None else holidays
    local = _local(row.site, moment)
    return any(window.covers(local, days) for window in windows)


def holidays_of(site: Site) -> frozenset[date]:
    """Days that count as holidays there."""
    return frozenset(SiteHoliday.objects.filter(site=site).values_list("day", flat=True))


def _local(site: Site, moment: datetime) -> datetime:
    return moment.astimezone(ZoneInfo(site.time_zone))


def season_of(row: ProgrammeCommitment) -> tuple[datetime, datetime | None]:
    """From when to when calls of the same season are counted: as long as the commitment is valid."""
    return _begin(row.site, row.valid_from), None if row.valid_to is None else _begin(row.site, row.valid_to)


def _begin(site: Site, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(site.time_zone))


# --- for whoever plans the load of a site ---------------------------------------------------------------------------
def commitments(site: Site, start: datetime, end: datetime) -> list[Commitment]:
    """All that programmes may call at a site, and have called, from start to end; in order of time."""
    found = [*_standing(site, start, end), *_called(site, start, end)]
    return sorted(found, key=lambda one: (one.starts_at, one.priority, one.name, one.called))


def _standing(site: Site, start: datetime, end: datetime) -> Iterator[Commitment]:
    first, last = _local(site, start).date(), _local(site, end).date()
    rows = ProgrammeCommitment.objects.filter(
        Q(valid_to__isnull=True) | Q(valid_to__gt=first), site=site, valid_from__lte=last, programme__is_active=True
    ).select_related("programme", "site")
    holidays = holidays_of(site)
    for row in rows.order_by("pk"):
        for begins, ends in _spans(row, start, end, holidays):
            yield Commitment(
                row.programme.name, begins, ends, row.programme.goal, row.kw, row.reserve_kw, row.programme.priority,
                called=False,
            )  # fmt: skip


def _spans(
    row: ProgrammeCommitment, start: datetime, end: datetime, holidays: frozenset[date]
) -> Iterator[tuple[datetime, datetime]]:
    """Times in which it holds, cut at quarter-hours and at the borders asked for."""
    opens, closes = season_of(row)
    moment, begun = max(start, opens), None
    last = end if closes is None else min(end, closes)
    while moment < last:
        inside = in_hours(row, moment, holidays)
        if inside and begun is None:
            begun = moment
        elif not inside and begun is not None:
            yield begun, moment
            begun = None
        moment = _next_quarter(moment)
    if begun is not None:
        yield begun, last


def _next_quarter(moment: datetime) -> datetime:
    seconds = int(STEP.total_seconds())
    return datetime.fromtimestamp((int(moment.timestamp()) // seconds + 1) * seconds, moment.tzinfo)


def _called(site: Site, start: datetime, end: datetime) -> Iterator[Commitment]:
    rows = Dispatch.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=start), site=site, state__in=WANTED_STATES, starts_at__lt=end
    ).select_related("programme")
    for row in rows.order_by("pk"):
        yield Commitment(
            row.programme.name, max(start, row.starts_at), min(end, row.ends_at or end), row.goal, row.kw, ZERO,
            row.programme.priority, called=True,
        )  # fmt: skip


def most_reserved(site: Site, start: datetime, end: datetime, *, priority: int) -> Decimal:
    """Load that whoever is of less importance than a programme leaves on: the largest reserve in any hour of a span."""
    found = [one.reserve_kw for one in _standing(site, start, end) if one.priority < priority]
    return max(found, default=ZERO)


def level_kw(programme: Programme, row: ProgrammeCommitment, level: int, base_kw: Decimal | None = None) -> Decimal:
    """What a level from 1 to 3 asks for: a share of the commitment; *reduce to* goes the way down from the base."""
    share: Decimal = (programme.level_1_percent, programme.level_2_percent, programme.level_3_percent)[level - 1] / 100
    kw: Decimal = row.kw
    if programme.goal == Goal.REDUCE_BY:
        return (kw * share).quantize(WATT)
    base: Decimal = row.site.capacity_kw if base_kw is None else base_kw
    return max(kw, base - (base - kw) * share).quantize(WATT)


# --- programmes and their secrets -----------------------------------------------------------------------------------
@transaction.atomic
def create_programme(*, by: Any, at: datetime, **fields: Any) -> Programme:
    """A programme with a signing secret, to be read once from the object returned. Raises ValidationError."""
    row = Programme(created_at=at, **fields)
    row.conceal_secret(signing.new_secret(os.urandom(signing.SECRET_BYTES)))
    row.full_clean()
    with audit_context(actor=by):
        row.save()
    return row


@transaction.atomic
def rotate_secret(row: Programme, *, by: Any, at: datetime, overlap: timedelta = OVERLAP) -> Programme:
    """A new signing secret; for ``overlap`` the old one opens as well. Read it once from the object returned."""
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise ProgrammeRefused(
            _("Old and new secret may live side by side for at most 7 days."), code="overlap_invalid"
        )
    with audit_context(actor=by, reason="rotation"):
        locked = lock_row(row)
        locked.conceal_previous_secret(locked.reveal_secret() if overlap else "")
        locked.previous_secret_until = at + overlap if overlap else None
        locked.conceal_secret(signing.new_secret(os.urandom(signing.SECRET_BYTES)))
        locked.save(update_fields=["secret", "previous_secret", "previous_secret_until"])
    return locked.reload()


def live_secrets(row: Programme, at: datetime) -> list[str]:
    """What signs at this moment, the newest first; nothing where there is none yet."""
    until = row.previous_secret_until
    both = row.previous_secret and until is not None and at < until
    found = [row.reveal_secret(), *([row.reveal_previous_secret()] if both else [])]
    return [one for one in found if one]
