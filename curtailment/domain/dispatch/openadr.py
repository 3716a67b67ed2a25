"""What OpenADR servers call: asked again and again, and turned into dispatches.

A poll reads all there is and compares it with what we know, so nothing is lost by a poll that failed. An event that is
not there any more is asked for by its id before it counts as taken back: half an answer cancels nothing.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from curtailment.clients.openadr import SECONDS, Account, Vtn, VtnError
from curtailment.domain.dispatch.dispatches import Heard, move, receive
from curtailment.domain.dispatch.openadr_prices import Meant, keep_prices
from curtailment.domain.dispatch.openadr_reports import send_reports
from curtailment.domain.dispatch.programmes import commitment_at, level_kw
from curtailment.engine.dispatching import Action, Call, Outcome
from curtailment.engine.openadr import Event, Part, event_of, units_of
from curtailment.engine.openadr_time import NotUnderstood
from curtailment.enums import WANTED_STATES, DispatchSource, DispatchState, OpenAdrVersion
from curtailment.models import Dispatch, DispatchMessage, VtnConnection, VtnResource
from hashinsight.common.outbound import Policy, house_policy
from hashinsight.jobs.domain.locks import give_back_lock, take_lock
from hosting.models import Site

LOCK_S = 300.0
LONGEST_WAIT = timedelta(minutes=15)
OVER = (DispatchState.ENDED, DispatchState.CANCELLED)
Clock = Callable[[], datetime]


@dataclass
class Polled:
    """What a poll came to."""

    events: int = 0
    messages: int = 0
    cancelled: int = 0
    prices: int = 0
    reports: int = 0
    troubles: list[str] = field(default_factory=list)


def due(at: datetime) -> list[VtnConnection]:
    """Servers to be asked now."""
    rows = VtnConnection.objects.filter(is_active=True, programme__is_active=True).order_by("pk")
    return [row for row in rows.exclude(not_before__gt=at) if _is_due(row, at)]


def _is_due(row: VtnConnection, at: datetime) -> bool:
    """A clock that was set back does not hold it up."""
    turn = timedelta(seconds=row.poll_seconds)
    return row.polled_at is None or not timedelta(0) <= at - row.polled_at < turn


def poll(row: VtnConnection, *, clock: Clock, policy: Policy | None = None, vtn: Vtn | None = None) -> Polled | None:
    """Ask a server once; None when another process is at it. What goes wrong stands at the connection."""
    key = f"vtn:{row.pk}"
    token = take_lock(key, seconds=LOCK_S)
    if token is None:
        return None
    try:
        row.refresh_from_db()
        talk = vtn or _conversation(row, clock, policy or house_policy(seconds=SECONDS, most_bytes=4_000_000))
        try:
            found = _asked(row, talk, clock)
        except VtnError as error:
            _note_failure(row, talk, error, at=clock())
            return Polled(troubles=[str(error)])
        _note_success(row, talk, found, at=clock())
        return found
    finally:
        give_back_lock(key, token=token)


def _conversation(row: VtnConnection, clock: Clock, policy: Policy) -> Vtn:
    account = Account(
        base_url=row.base_url, client_id=row.client_id, client_secret=row.reveal_client_secret(),
        token_url=row.token_url, scope=row.scope, newer=row.openadr_version != OpenAdrVersion.V30,
    )  # fmt: skip
    return Vtn(account, policy=policy, clock=clock, token=row.reveal_access_token(), token_until=row.token_until)


def _note_failure(row: VtnConnection, talk: Vtn, error: VtnError, *, at: datetime) -> None:
    """Twice as long each time, a quarter of an hour at most, and as long as the server asks for."""
    failures = row.failures + 1
    wait = min(timedelta(seconds=row.poll_seconds) * 2 ** min(failures - 1, 10), LONGEST_WAIT)
    VtnConnection.objects.filter(pk=row.pk).update(
        polled_at=at, failures=failures, error=str(error)[:300], failing_since=row.failing_since or at,
        not_before=at + max(wait, timedelta(seconds=error.wait_s)), **_kept(row, talk),
    )  # fmt: skip


def _note_success(row: VtnConnection, talk: Vtn, found: Polled, *, at: datetime) -> None:
    VtnConnection.objects.filter(pk=row.pk).update(
        polled_at=at, heard_at=at, failures=0, failing_since=None, not_before=None, events_seen=found.events,
        error="; ".join(found.troubles)[:300], **_kept(row, talk),
    )  # fmt: skip


def _kept(row: VtnConnection, talk: Vtn) -> dict[str, Any]:
    row.conceal_access_token(talk.token)
    return {"access_token": row.access_token, "token_until": talk.token_until, "clock_offset_s": talk.offset_s}


# --- one poll -----------------------------------------------------------------------------------------------------
def _asked(row: VtnConnection, talk: Vtn, clock: Clock) -> Polled:
    resources = list(row.resources.select_related("site").order_by("pk"))
    _register(row, resources, talk)
    programs = _programs(row, talk)
    found = Polled()
    heard: dict[str, Event] = {}
    broken: set[str] = set()
    meant: list[Meant] = []
    for said in _events(row, programs, talk):
        found.events += 1
        try:
            event = _understood(row, said, programs, at=clock())
        except NotUnderstood as error:
            found.troubles.append(f"event {str(said.get('id'))[:60]}: {error}")
            broken.add(str(said.get("id")))
            continue
        heard[event.id] = event
        ours = [one for one in resources if _is_meant(event, row, one)]
        for resource in ours:
            found.messages += _heard(row, resource, event, json.dumps(said, default=str), at=clock())
        if ours:
            meant.append(Meant(event, said, len(ours) == len(resources)))
    found.cancelled = _gone(row, heard, broken, talk, clock)
    gone = lambda key: talk.event(key) is None  # noqa: E731
    kept = keep_prices(row, meant, programs, heard=set(heard), unsure=broken, is_gone=gone, at=clock())
    found.prices = kept.stored + kept.withdrawn
    found.troubles += kept.troubles
    if row.sends_reports:
        found.reports = send_reports(row, resources, heard, talk, at=clock())
    return found


def _register(row: VtnConnection, resources: Sequence[VtnResource], talk: Vtn) -> None:
    """Once: what the server made is remembered."""
    if not row.ven_id:
        row.ven_id = talk.ven(row.ven_name)
        row.save(update_fields=["ven_id"])
    for one in resources:
        if not one.resource_id:
            one.resource_id = talk.resource(one.name, ven_id=row.ven_id)
            one.save(update_fields=["resource_id"])


def _programs(row: VtnConnection, talk: Vtn) -> dict[str, Mapping[str, Any]]:
    """Those of the connection by id."""
    wanted = {line.strip() for line in row.programs.splitlines() if line.strip()}
    rows = {str(one.get("id")): one for one in talk.programs()}
    return {key: one for key, one in rows.items() if not wanted or key in wanted or one.get("programName") in wanted}


def _events(row: VtnConnection, programs: Mapping[str, Any], talk: Vtn) -> list[Mapping[str, Any]]:
    if not row.programs.strip():
        return [one for one in talk.events() if one.get("programID") in programs]
    return [one for key in programs for one in talk.events(key)]


def _understood(
    row: VtnConnection, said: Mapping[str, Any], programs: Mapping[str, Mapping[str, Any]], *, at: datetime
) -> Event:
    units = units_of(programs.get(str(said.get("programID")), {}).get("payloadDescriptors"))
    return event_of(
        said, units=units, at=at, whose=row.ven_name, relative_reduces=row.relative_reduces,
        no_duration_is_forever=row.openadr_version == OpenAdrVersion.V30,
    )  # fmt: skip


def _is_meant(event: Event, row: VtnConnection, resource: VtnResource) -> bool:
    """An event without targets is meant for all."""
    names = {row.ven_name, resource.name, *(line.strip() for line in resource.targets.splitlines() if line.strip())}
    return not event.targets or bool(names & set(event.targets))


def _heard(row: VtnConnection, resource: VtnResource, event: Event, raw: str, *, at: datetime) -> int:
    """Tell the programme what is new of an event; what it knows is not told again. Returns how many messages."""
    count = 0
    known = list(Dispatch.objects.filter(connection=row, site=resource.site, event_id=event.id).order_by("pk"))
    pairs = matched(event.parts, known)
    taken = _taken(row, resource, event.id)
    for part, before in pairs:
        if before is None and part.ends_at is not None and part.ends_at <= at:
            continue  # over before we heard of it
        if before is not None and (before.state == DispatchState.ENDED or not _is_news(before, event)):
            continue
        reference = before.reference if before is not None else _free(event.id, taken)
        taken.add(reference)
        call = _call(row, resource.site, event, part, reference, at=at)
        count += _tell(row, resource.site, event, call, raw, part, at=at)
    left = {one.pk for one in known} - {one.pk for _part, one in pairs if one is not None}
    for one in known:
        if one.pk in left and one.state not in (*OVER, DispatchState.REFUSED):
            cancel = Call(one.reference, Action.CANCEL, sequence=_sequence(event), reason="emptied")
            count += _tell(row, resource.site, event, cancel, raw, None, at=at)
    return count


def matched(parts: Sequence[Part], known: Sequence[Dispatch]) -> list[tuple[Part, Dispatch | None]]:
    """Which dispatch a part of an event is: the one with its times; else one that is not over, by its interval, then
    in the order of time. What is over stays what it was, and a part that is none of them is a new one."""
    found: dict[int, Dispatch] = {}
    left = list(known)

    def take(place: int, fits: Callable[[Dispatch], bool]) -> None:
        one = next((one for one in left if place not in found and fits(one)), None)
        if one is not None:
            found[place] = one
            left.remove(one)

    for place, part in enumerate(parts):
        take(place, lambda one, part=part: _same_time(one, part))  # type: ignore[misc]
    left = sorted((one for one in left if one.state not in OVER), key=lambda one: one.starts_at)
    for place, part in enumerate(parts):
        take(place, lambda one, part=part: one.event_interval == part.interval)  # type: ignore[misc]
    for place in range(len(parts)):
        take(place, lambda _one: True)
    return [(part, found.get(place)) for place, part in enumerate(parts)]


def _same_time(one: Dispatch, part: Part) -> bool:
    return one.ends_at == part.ends_at and part.starts_at in (None, one.starts_at)


def _taken(row: VtnConnection, resource: VtnResource, event_id: str) -> set[str]:
    """References that are used already, also those of another server that gave the same id to something else."""
    rows = Dispatch.objects.filter(programme=row.programme, site=resource.site)
    rows = rows.filter(Q(reference=event_id) | Q(reference__startswith=f"{event_id}."))
    return set(rows.values_list("reference", flat=True))


def _free(event_id: str, taken: set[str]) -> str:
    """The first dispatch of an event is called like it, the others have a number behind."""
    names = (event_id if number == 1 else f"{event_id}.{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _is_news(before: Dispatch, event: Event) -> bool:
    last = _sequence(event)
    if last is not None and before.sequence is not None:
        return last > before.sequence
    return True  # without a time of change it is compared by what it says


def _sequence(event: Event) -> int | None:
    return None if event.modified_at is None else int(event.modified_at.timestamp() * 1_000_000)


def _call(row: VtnConnection, site: Site, event: Event, part: Part, reference: str, *, at: datetime) -> Call:
    ask = part.ask
    goal, kw = ask.goal, ask.kw
    if ask.level is not None:
        commitment = commitment_at(row.programme, site, part.starts_at or at)
        goal = str(row.programme.goal)
        kw = None if commitment is None else level_kw(row.programme, commitment, ask.level)
    return Call(
        reference, starts_at=part.starts_at, ends_at=part.ends_at, open_ended=part.ends_at is None, goal=goal, kw=kw,
        sequence=_sequence(event), is_test=is_test(event), reason=event.name,
    )  # fmt: skip


def is_test(event: Event) -> bool:
    """OpenADR 3 has no word for it; servers say it in the name: TEST as a word of its own."""
    words = "".join(one if one.isalnum() else " " for one in event.name).upper().split()
    return "TEST" in words


def _tell(
    row: VtnConnection, site: Site, event: Event, call: Call, raw: str, part: Part | None, *, at: datetime
) -> int:
    with transaction.atomic():
        last = DispatchMessage.objects.filter(dispatch__connection=row, dispatch__site=site).filter(
            dispatch__reference=call.dispatch_id
        )
        before = last.order_by("-pk").first()
        if before is not None and before.raw == raw and before.outcome != Outcome.OLDER:
            return 0
        heard = Heard(
            call, DispatchSource.OPENADR, raw, site=str(site.public_id), connection=row, event_id=event.id,
            interval=part.interval if part else None,
        )  # fmt: skip
        receive(row.programme, heard, at=at)
    return 1


def _gone(row: VtnConnection, heard: Mapping[str, Event], broken: set[str], talk: Vtn, clock: Clock) -> int:
    """Events that the lists do not name any more; each is asked for, and only *there is none* cancels."""
    rows = Dispatch.objects.filter(connection=row).exclude(state__in=(*OVER, DispatchState.REFUSED))
    missing = rows.exclude(event_id__in=[*heard, *broken]).select_related("programme", "site").order_by("pk")
    there: dict[str, bool] = {}
    count = 0
    for one in missing:
        if one.event_id not in there:
            there[one.event_id] = talk.event(one.event_id) is not None
        if there[one.event_id]:
            continue
        raw = json.dumps({"deleted": one.event_id})
        call = Call(one.reference, Action.CANCEL, reason="deleted")
        heard_of = Heard(
            call, DispatchSource.OPENADR, raw, site=str(one.site.public_id), connection=row, event_id=one.event_id
        )
        receive(one.programme, heard_of, at=clock())
        count += 1
    return count


# --- a server that is silent ------------------------------------------------------------------------------------------
def hold_what_is_stale(at: datetime) -> int:
    """What a silent server has called without an end holds for as long as each contract lets stale data hold."""
    count = 0
    rows = Dispatch.objects.filter(state__in=WANTED_STATES, is_open_ended=True, connection__isnull=False)
    for one in rows.select_related("connection").order_by("pk"):
        link: VtnConnection = one.connection  # type: ignore[assignment]
        heard_at = link.heard_at or link.created_at
        since = heard_at if at - heard_at > link.silent_after else None
        if (since is None) == (one.stale_since is None):
            continue
        with transaction.atomic():
            locked = Dispatch.objects.select_for_update(of=("self",)).select_related("programme", "site").get(pk=one.pk)
            if locked.state in WANTED_STATES and locked.is_open_ended:
                locked.stale_since, locked.revision = since, locked.revision + 1
                move(locked, DispatchState(locked.state), at=at)
                count += 1
    return count
