"""What somebody has to know about programmes and their servers: findings for the alert rules."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from curtailment.domain.dispatch.dispatches import code_text
from curtailment.domain.dispatch.programmes import commitment_at, in_hours
from curtailment.engine.dispatching import Code
from curtailment.enums import WANTED_STATES, DispatchState, MessageOutcome
from curtailment.models import Dispatch, DispatchMessage, VtnConnection
from hashinsight.notify.registry import Finding

FRESH = timedelta(minutes=30)


def called(at: datetime) -> Iterator[Finding]:
    """Dispatches that are accepted or run."""
    for row in _wanted():
        yield Finding(
            key=str(row.public_id),
            title=_("%(programme)s calls on %(site)s") % {"programme": row.programme, "site": row.site},
            text=_("%(goal)s %(kw)s kW from %(start)s UTC to %(end)s.")
            % {
                "goal": row.get_goal_display(), "kw": f"{row.kw:.0f}", "start": f"{row.starts_at:%Y-%m-%d %H:%M}",
                "end": f"{row.ends_at:%Y-%m-%d %H:%M} UTC" if row.ends_at else _("no end"),
            },
        )  # fmt: skip


def _wanted() -> Iterator[Dispatch]:
    rows = Dispatch.objects.filter(state__in=WANTED_STATES, programme__is_drill=False)
    yield from rows.select_related("programme", "site").order_by("pk")


def turned_away(at: datetime) -> Iterator[Finding]:
    """Messages of the last half hour that were refused."""
    rows = DispatchMessage.objects.filter(outcome=MessageOutcome.REFUSED, received_at__gte=at - FRESH)
    for row in rows.select_related("programme", "dispatch"):
        yield Finding(
            key=str(row.pk),
            title=_("A message of %(programme)s was refused") % {"programme": row.programme},
            text=f"{row.said.get('dispatch_id', '')}: {code_text(row.code)}",
        )


def waiting(at: datetime) -> Iterator[Finding]:
    """Dispatches nobody has authorised."""
    for row in Dispatch.objects.filter(state=DispatchState.RECEIVED).select_related("programme", "site"):
        yield Finding(
            key=str(row.public_id),
            title=_("%(dispatch)s waits to be authorised") % {"dispatch": row},
            text=_("It is to begin at %(start)s UTC.") % {"start": f"{row.starts_at:%Y-%m-%d %H:%M}"},
        )


def unplanned(at: datetime) -> Iterator[Finding]:
    """Dispatches that are to be followed, and no plan can be made."""
    for row in _wanted():
        if row.code == Code.NOT_NOW:
            yield Finding(
                key=str(row.public_id),
                title=_("%(dispatch)s: no plan can be made") % {"dispatch": row},
                text=_("It is tried again and again; the executions of rules say why."),
            )


def open_ended(at: datetime) -> Iterator[Finding]:
    """Dispatches without an end: each day that one is old, and when the hours that were agreed are over."""
    for row in _wanted():
        days = (at - row.starts_at).days
        if row.is_open_ended and days >= 1:
            yield Finding(
                key=f"{row.public_id}:{days}",
                title=_("%(dispatch)s has run for %(days)s days") % {"dispatch": row, "days": days},
                text=_("It has no end: machines stay off until it is cancelled."),
            )
        if row.is_open_ended and row.starts_at <= at and Code.HOURS not in row.marks and _hours_are_over(row, at):
            yield Finding(
                key=f"{row.public_id}:hours",
                title=_("%(dispatch)s runs on after the hours agreed") % {"dispatch": row},
                text=_("It has no end: machines stay off until it is cancelled."),
            )


def _hours_are_over(row: Dispatch, at: datetime) -> bool:
    commitment = commitment_at(row.programme, row.site, at)
    return commitment is None or not in_hours(commitment, at)


def silent_servers(at: datetime) -> Iterator[Finding]:
    """Servers that were not heard of for too long."""
    for row in VtnConnection.objects.filter(is_active=True, programme__is_drill=False):
        since = row.heard_at or row.created_at
        if at - since > row.silent_after:
            yield Finding(
                key=str(row.public_id),
                title=_("%(server)s does not answer") % {"server": row},
                text=_("Not heard of since %(since)s UTC: %(error)s")
                % {"since": f"{since:%Y-%m-%d %H:%M}", "error": row.error or "–"},
            )


def wrong_clocks(at: datetime) -> Iterator[Finding]:
    """Servers whose clock is further from ours than the programme lets pass."""
    for row in VtnConnection.objects.filter(is_active=True, programme__is_drill=False).select_related("programme"):
        if row.clock_offset_s is not None and abs(row.clock_offset_s) > row.programme.skew_seconds:
            yield Finding(
                key=str(row.public_id),
                title=_("The clock of %(server)s differs from ours") % {"server": row},
                text=_("It is %(seconds)s s ahead; events that begin *now* begin then by our clock.")
                % {"seconds": row.clock_offset_s},
            )
