"""Dispatches: each message is kept and judged, and what holds afterwards becomes plans.

Messages of one programme go in one after another. A message that came before (by its id) gets the answer it got then.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from crm.domain.texts import printable
from curtailment.domain.dispatch.dispatch_plans import begin_of, reconcile
from curtailment.domain.dispatch.programmes import MOMENT, agreed_over, commitment_at, in_hours, season_of
from curtailment.domain.draws import load_kw
from curtailment.engine.dispatching import (
    LONGEST,
    Action,
    Agreed,
    Call,
    Code,
    Known,
    Outcome,
    Verdict,
    judge,
    newest,
    normal_operation,
    start_of,
    wanted,
)
from curtailment.enums import (
    DISPATCH_MOVES,
    WANTED_STATES,
    DispatchSource,
    DispatchState,
    OnTest,
    OnUnauthorised,
    OnUnusual,
)
from curtailment.models import Dispatch, DispatchMessage, Programme, ProgrammeCommitment, VtnConnection
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_row
from hashinsight.events.domain import publish
from hosting.models import Site

ZERO = Decimal(0)


class MessageDiffers(DomainError):
    """A message of this id came before, and it was another one."""

    code = "message_differs"


class DispatchRefused(DomainError):
    """What a person asks of a dispatch is not possible."""

    code = "dispatch_refused"


@dataclass(frozen=True)
class Heard:
    """A message, by which way it came, and word for word. ``site`` as the sender names it; empty: the only one."""

    call: Call
    source: str
    raw: str
    message_id: str = ""
    site: str = ""
    by: Any = None
    connection: VtnConnection | None = None
    event_id: str = ""
    interval: int | None = None


@transaction.atomic
def receive(programme: Programme, heard: Heard, *, at: datetime) -> tuple[DispatchMessage, bool]:
    """Keep a message and do what it says; also whether it came before. Raises MessageDiffers.

    A refusal is an outcome, not an error: it is kept like any other.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"programme:{programme.pk}"])
    digest = hashlib.sha256(heard.raw.encode()).hexdigest()
    if heard.message_id:
        before = DispatchMessage.objects.filter(programme=programme, message_id=heard.message_id).first()
        if before is not None:
            if before.digest != digest:
                raise MessageDiffers(_("A message of this id came before, and it said something else."))
            return before, True
    site = _site_of(programme, heard.site, at)
    if site is None:
        return _keep(programme, None, heard, Verdict(Outcome.REFUSED, Code.UNKNOWN_SITE), digest, at), False
    row = Dispatch.objects.filter(programme=programme, site=site, reference=heard.call.dispatch_id).first()
    known = None if row is None else known_of(row)
    agreed = agreed_of(programme, site, heard.call, known, at=at, by_hand=heard.by is not None)
    heard = replace(heard, call=normal_operation(heard.call, known, agreed))
    verdict = judge(heard.call, known, agreed, at=at)
    with audit_context(reason=verdict.code, source=heard.source):
        if verdict.outcome not in (Outcome.OLDER, Outcome.REPEATED) and (row is None or not _is_refusal(verdict)):
            row = _written(programme, site, row, heard, verdict, agreed, known, at)
        elif verdict.outcome is Outcome.REPEATED and row is not None:
            _note_newer(row, heard.call)
    return _keep(programme, row, heard, verdict, digest, at), False


def _note_newer(row: Dispatch, call: Call) -> None:
    """What says the same again is newer than whatever was sent before it, and may still be on its way."""
    locked = lock_row(row)
    locked.sequence, locked.sent_at = newest(known_of(locked), call)
    locked.save(update_fields=["sequence", "sent_at"])


def _is_refusal(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.REFUSED


def _site_of(programme: Programme, name: str, at: datetime) -> Site | None:
    """By id or name among the sites something is committed for; without a name the only one."""
    day = at.date() - timedelta(days=1)
    rows = ProgrammeCommitment.objects.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=day), programme=programme)
    sites = {row.site_id: row.site for row in rows.select_related("site")}
    fitting = [one for one in sites.values() if not name or name in (one.name, str(one.public_id))]
    return fitting[0] if len(fitting) == 1 else None


def known_of(row: Dispatch) -> Known:
    """A dispatch as the engine takes it."""
    return Known(
        state=str(row.state), goal=str(row.goal), kw=row.kw, starts_at=row.starts_at, ends_at=row.ends_at,
        is_test=row.is_test, is_authorised=row.is_authorised, sequence=row.sequence, sent_at=row.sent_at,
        cancelled_by_us=row.cancelled_by_id is not None,
    )  # fmt: skip


def agreed_of(
    programme: Programme, site: Site, call: Call, known: Known | None, *, at: datetime, by_hand: bool = False
) -> Agreed:
    """What was agreed about such a call: all of its time; of one without an end, when it begins."""
    start = start_of(call, known, at)
    row = commitment_at(programme, site, start)
    if call.ends_at is None:
        committed, inside = None if row is None else row.kw, row is not None and in_hours(row, start)
    else:  # what is longer than a plan may be is refused for that
        end = min(max(call.ends_at, start + MOMENT), max(start, at) + LONGEST)
        committed, inside = agreed_over(programme, site, max(start, at - LONGEST), end)
    longest = programme.longest_minutes
    return Agreed(
        committed_kw=committed, goal=str(programme.goal), in_hours=inside,
        notice=timedelta(minutes=programme.notice_minutes),
        longest=None if longest is None else timedelta(minutes=longest), open_ended=programme.allows_open_ended,
        log_tests=programme.on_test == OnTest.LOG, unauthorised_wait=programme.on_unauthorised == OnUnauthorised.WAIT,
        unusual_run=programme.on_unusual == OnUnusual.RUN, skewed_run=programme.on_skew == OnUnusual.RUN,
        skew=timedelta(seconds=programme.skew_seconds), calls_left=_calls_left(programme, site, row, start),
        reference_kw=load_kw(site, at=at) if call.goal not in ("", programme.goal) else None,
        by_hand=by_hand,
    )  # fmt: skip


def _calls_left(programme: Programme, site: Site, row: ProgrammeCommitment | None, start: datetime) -> int | None:
    """Until one of the two limits; tests that were only written down and what never began do not count."""
    counted = Dispatch.objects.filter(programme=programme, site=site).exclude(
        Q(state__in=(DispatchState.REFUSED, DispatchState.RECEIVED, DispatchState.LOGGED))
        | Q(state=DispatchState.CANCELLED, ended_at__lte=F("starts_at"))
        | Q(is_test=True)
    )
    left: list[int] = []
    if programme.calls_per_day is not None:
        zone = ZoneInfo(site.time_zone)
        day = start.astimezone(zone).date()
        begin = datetime(day.year, day.month, day.day, tzinfo=zone)
        after = begin.date() + timedelta(days=1)
        end = datetime(after.year, after.month, after.day, tzinfo=zone)
        left.append(programme.calls_per_day - counted.filter(starts_at__gte=begin, starts_at__lt=end).count())
    if programme.calls_per_season is not None and row is not None:
        opens, closes = season_of(row)
        season = counted.filter(starts_at__gte=opens)
        season = season if closes is None else season.filter(starts_at__lt=closes)
        left.append(programme.calls_per_season - season.count())
    return min(left) if left else None


# --- what holds afterwards ------------------------------------------------------------------------------------------
def _written(
    programme: Programme, site: Site, row: Dispatch | None, heard: Heard, verdict: Verdict, agreed: Agreed,
    known: Known | None, at: datetime,
) -> Dispatch:  # fmt: skip
    call = heard.call
    locked = Dispatch(
        programme=programme, site=site, reference=call.dispatch_id, source=heard.source, received_at=at,
        created_at=at, goal=programme.goal, kw=ZERO, starts_at=at, state_since=at, is_authorised=call.is_authorised,
        connection=heard.connection, event_id=heard.event_id,
    ) if row is None else lock_row(row)  # fmt: skip
    locked.marks, locked.code = list(verdict.marks), verdict.code
    locked.sequence = locked.sequence if call.sequence is None else call.sequence
    locked.sent_at = locked.sent_at if call.sent_at is None else call.sent_at
    locked.revision += 1
    locked.reason = printable(call.reason)[:300] or locked.reason
    if call.action is Action.CANCEL:
        locked.cancelled_by = heard.by
        move(locked, DispatchState.CANCELLED, at=at, by=heard.by)
        return locked
    locked.goal, locked.kw = wanted(call, agreed)
    locked.starts_at, locked.ends_at = start_of(call, known, at), call.ends_at
    locked.is_open_ended, locked.is_test, locked.is_authorised = call.open_ended, call.is_test, call.is_authorised
    locked.stale_since = None
    if heard.interval is not None:
        locked.event_interval = heard.interval
    waited = known is not None and (not known.is_authorised or known.state == DispatchState.RECEIVED)
    if heard.by is not None and call.is_authorised and waited:
        locked.authorised_by = heard.by
    locked.begins_at = begin_of(locked, at=at) if verdict.outcome is Outcome.APPLIED else None
    move(locked, _state_after(locked, verdict, at), at=at, by=heard.by)
    return locked


def _state_after(row: Dispatch, verdict: Verdict, at: datetime) -> DispatchState:
    if verdict.outcome is Outcome.REFUSED:
        return DispatchState.REFUSED
    if row.ends_at is not None and row.ends_at <= at:
        return DispatchState.ENDED
    if verdict.outcome is Outcome.LOGGED:
        return DispatchState.LOGGED
    if verdict.outcome is Outcome.WAITS:
        return DispatchState.RECEIVED
    return DispatchState.RUNNING if row.starts_at <= at else DispatchState.ACCEPTED


def move(row: Dispatch, to: DispatchState, *, at: datetime, by: Any = None) -> None:
    """Write a dispatch (locked by the caller) in its new state, tell of it, and let plans follow."""
    if row.pk is not None and row.state != to and to not in DISPATCH_MOVES[DispatchState(row.state)]:
        raise DispatchRefused(_("%(dispatch)s is %(state)s.") % {"dispatch": row, "state": row.get_state_display()})
    if row.state != to:
        row.state, row.state_since = to, at
    if to not in (DispatchState.ENDED, DispatchState.CANCELLED):
        row.ended_at = None
    elif row.ended_at is None:
        row.ended_at = at
    row.save()
    publish(
        f"curtailment.dispatch_{to.value}",
        aggregate_type="dispatch",
        aggregate_id=row.public_id,
        payload=payload_of(row),
        user_id=getattr(by, "pk", None),
    )
    reconcile(row, at=at)


def payload_of(row: Dispatch) -> dict[str, Any]:
    """What events and answers tell of a dispatch."""
    return {
        "dispatch_id": str(row.public_id), "reference": row.reference, "programme": row.programme.name,
        "site_id": str(row.site.public_id), "state": str(row.state), "revision": row.revision,
        "goal": str(row.goal), "kw": f"{row.kw:f}", "starts_at": row.starts_at.isoformat(),
        "ends_at": row.ends_at.isoformat() if row.ends_at else None, "is_test": row.is_test,
    }  # fmt: skip


def _keep(
    programme: Programme, row: Dispatch | None, heard: Heard, verdict: Verdict, digest: str, at: datetime
) -> DispatchMessage:
    call = heard.call
    said = {name: value for name, value in asdict(call).items() if value not in (None, "", False)}
    if heard.site:
        said["site"] = heard.site
    shown = None if row is None else payload_of(row)
    answer = {
        "outcome": str(verdict.outcome), "code": str(verdict.code), "marks": [str(one) for one in verdict.marks],
        "received_at": at.isoformat(), "dispatch": shown,
    }  # fmt: skip
    if verdict.outcome is Outcome.REFUSED:
        publish(
            "curtailment.dispatch_turned_away",
            aggregate_type="programme",
            aggregate_id=programme.public_id,
            payload={"programme": programme.name, "reference": call.dispatch_id, "code": str(verdict.code)},
        )
    return DispatchMessage.objects.create(
        programme=programme, dispatch=row, message_id=heard.message_id, source=heard.source, by=heard.by,
        received_at=at, sent_at=call.sent_at, sequence=call.sequence, digest=digest, raw=heard.raw,
        said=json.loads(json.dumps(said, default=_plain)), outcome=verdict.outcome.value, code=verdict.code,
        marks=list(verdict.marks), answer=answer,
        revision=row.revision if row is not None and verdict.outcome not in (Outcome.OLDER, Outcome.REPEATED) else None,
    )  # fmt: skip


def _plain(value: object) -> str:
    """What JSON has no word for."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


# --- as time goes by, and by hand -----------------------------------------------------------------------------------
def follow(at: datetime) -> dict[str, int]:
    """Begin and end dispatches by the clock, and let plans catch up with what could not be planned before."""
    counts = {"began": 0, "ended": 0, "followed": 0}
    due = Q(state__in=WANTED_STATES) | Q(state__in=(DispatchState.LOGGED, DispatchState.RECEIVED), ends_at__lte=at)
    failed = None
    for pk in Dispatch.objects.filter(due).order_by("pk").values_list("pk", flat=True):
        try:
            _follow_one(pk, counts, at)
        except Exception as error:  # noqa: BLE001  (told below: one that cannot be followed holds up no other)
            failed = error
    if failed is not None:
        raise failed
    return counts


@transaction.atomic
def _follow_one(pk: int, counts: dict[str, int], at: datetime) -> None:
    row = Dispatch.objects.select_for_update(of=("self",)).select_related("programme", "site").get(pk=pk)
    if row.ends_at is not None and row.ends_at <= at and row.ended_at is None:
        move(row, DispatchState.ENDED, at=at)
        counts["ended"] += 1
    elif row.state == DispatchState.ACCEPTED and row.starts_at <= at:
        move(row, DispatchState.RUNNING, at=at)
        counts["began"] += 1
    elif row.state in WANTED_STATES:
        counts["followed"] += reconcile(row, at=at)


def type_dispatch(programme: Programme, call: Call, *, site: Site, by: Any, at: datetime) -> DispatchMessage:
    """A dispatch somebody heard of by telephone or mail. Raises DispatchRefused saying why it does not hold."""
    return _by_hand(programme, call, site=site, by=by, at=at)


def authorise(row: Dispatch, *, by: Any, at: datetime) -> Dispatch:
    """Somebody says that a dispatch which waits is to be followed. Raises DispatchRefused."""
    if row.state != DispatchState.RECEIVED:
        raise DispatchRefused(_("%(dispatch)s is %(state)s.") % {"dispatch": row, "state": row.get_state_display()})
    call = Call(
        row.reference, starts_at=row.starts_at, ends_at=row.ends_at, open_ended=row.is_open_ended, goal=str(row.goal),
        kw=row.kw, is_test=row.is_test, reason=row.reason,
    )  # fmt: skip
    _by_hand(row.programme, call, site=row.site, by=by, at=at)
    return row.reload()


def cancel(row: Dispatch, *, reason: str, by: Any, at: datetime) -> Dispatch:
    """Somebody takes a dispatch back for whoever called it; nothing revives it. Raises DispatchRefused."""
    _by_hand(row.programme, Call(row.reference, Action.CANCEL, reason=reason), site=row.site, by=by, at=at)
    return row.reload()


@transaction.atomic
def _by_hand(programme: Programme, call: Call, *, site: Site, by: Any, at: datetime) -> DispatchMessage:
    raw = json.dumps(asdict(call), default=str, sort_keys=True)
    heard = Heard(call, DispatchSource.HAND, raw, site=str(site.public_id), by=by)
    message, _before = receive(programme, heard, at=at)
    if message.outcome == Outcome.REFUSED:
        raise DispatchRefused(code_text(message.code), code=message.code)
    return message


def code_text(code: str) -> str:
    """A code in words."""
    return {
        Code.CLOCK: _("Its sender's clock is wrong."),
        Code.UNAUTHORISED: _("It says that it is not authorised."),
        Code.UNKNOWN: _("Nobody had heard of it before."),
        Code.UNKNOWN_SITE: _("It does not say for which site, or nothing is committed there."),
        Code.CANCELLED: _("It was cancelled, and stays so."),
        Code.OVER: _("It is over already."),
        Code.NO_END: _("It has no end and does not say that it is meant so."),
        Code.OPEN_ENDED: _("The programme may not call without an end."),
        Code.NO_TIME: _("It ends before it begins."),
        Code.NO_COMMITMENT: _("It does not say how much, and nothing is committed then."),
        Code.NOTHING: _("It asks for 0 kW less: that is nothing to do."),
        Code.HOURS: _("It lies outside of the hours agreed."),
        Code.MORE: _("It asks for more than is committed."),
        Code.UNCOMPARED: _("Nobody knows the load now: it cannot be compared with what is committed."),
        Code.NOTICE: _("It comes with less notice than agreed."),
        Code.LONG: _("It is longer than agreed."),
        Code.CALLS: _("As often as agreed the programme has called already."),
        Code.SAME_NUMBER: _("Another message with the same number came before."),
        Code.NOT_NOW: _("No plan can be made of it now."),
    }.get(Code(code), code) if code else ""  # fmt: skip
