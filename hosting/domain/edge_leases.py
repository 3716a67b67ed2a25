"""Leases: written by whoever controls machines, handed out signed, and what devices say of them taken in.

What is in a lease is the control's affair (``curtailment``); here it is carried. A device asks with a number it has
made up; the answer is signed there and then with that number, the server's time and a counter that only rises, so
nothing that was signed before answers it. ``expires_at`` belongs to the control's last step: when the control stands
still, the lease runs out, however often it is fetched.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from hashinsight.common.hold import may_act
from hosting.domain.edge import EdgeRefused
from hosting.domain.lease_keys import private_key, public_keys, signing_key
from hosting.engine.leasing.document import LEVELS_FORM, digest, in_form, sign
from hosting.enums import EdgeStatus
from hosting.models import EdgeDevice, EdgeLease, Site

TAKES_LEASES = timedelta(minutes=15)  # a device that has not asked for so long takes none
FORGOTTEN = timedelta(minutes=10)
IDLE_POLL_S = 10.0
_SEEN = ("state", "power_w", "chip_c", "inlet_c")
_LEVELS = ("limit_w", "had_w")  # only devices that know of limits say them
_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Told:
    """What a device says came of one order; moments by our clock."""

    order: int
    outcome: str
    sent_at: datetime | None
    before_w: int | None
    after_w: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class Question:
    """What a device asks and tells: keys it has pinned, the roster it has, results, readings (columns), itself.

    ``forms``: of leases, those it reads; who says none reads the first.
    """

    challenge: str
    keys: tuple[str, ...]
    roster: str = ""
    results: tuple[Mapping[str, Any], ...] = ()
    seen: Mapping[str, Any] | None = None
    switched: int = 0
    alone: bool = False
    trouble: str = ""
    forms: tuple[str, ...] = ()


Results = Callable[[EdgeDevice, Sequence[Told], datetime], Sequence[int]]
_takers: list[Results] = []


def register_results(take: Results) -> None:
    """Called from ``ready()`` of the app that controls: it is told what came of orders, and answers which it knows."""
    if take not in _takers:
        _takers.append(take)


# --- whose machines ---------------------------------------------------------------------------------------------------
def lease_takers(site: Site, *, asked_since: datetime | None = None) -> list[EdgeDevice]:
    """Devices of a site that take leases, the oldest first; with ``asked_since`` those that have asked since then."""
    rows = EdgeDevice.objects.filter(site=site, status=EdgeStatus.ACTIVE, lease__asked_at__isnull=False)
    if asked_since is not None:
        rows = rows.filter(lease__asked_at__gte=asked_since)
    return list(rows.order_by("pk"))


def limit_takers(devices: Sequence[EdgeDevice]) -> frozenset[int]:
    """Of these devices, those that pass limits of power on."""
    rows = EdgeLease.objects.filter(device__in=devices, takes_limits=True)
    return frozenset(rows.values_list("device_id", flat=True))


def taker_of(zone_id: int | None, devices: Sequence[EdgeDevice]) -> EdgeDevice | None:
    """Who switches machines of a zone: its own device, else one of the whole site."""
    own = next((one for one in devices if zone_id is not None and one.zone_id == zone_id), None)
    return own or next((one for one in devices if one.zone_id is None), None)


# --- the control's side -----------------------------------------------------------------------------------------------
def lock_leases(devices: Sequence[EdgeDevice]) -> None:
    """Until the caller's transaction ends nobody else writes them or hands them out."""
    list(EdgeLease.objects.select_for_update(of=("self",)).filter(device__in=devices).order_by("pk").only("pk"))


def write_lease(
    device: EdgeDevice, *, content: Mapping[str, Any], roster: str, machines: int, expires_at: datetime, frozen: bool,
    at: datetime,
) -> None:  # fmt: skip
    """What the device may do until then; takes the place of what was written before, in the caller's transaction."""
    EdgeLease.objects.filter(device=device).update(
        content=content, roster=roster, machines=machines, expires_at=expires_at, written_at=at, frozen=frozen
    )


def freeze_leases(rows: QuerySet[EdgeLease], *, frozen: bool) -> int:
    """The kill switch: from the next question on nothing is switched; or it is released."""
    return int(rows.filter(content__isnull=False).update(frozen=frozen))


def leases_of(site: Site | None) -> QuerySet[EdgeLease]:
    """Of a site, or all."""
    rows = EdgeLease.objects.all()
    return rows if site is None else rows.filter(device__site=site)


# --- the device's side ------------------------------------------------------------------------------------------------
def answer(device: EdgeDevice, question: Question, *, at: datetime) -> dict[str, Any]:
    """Take in what the device says, and tell it what it may do. Raises EdgeRefused where it has pinned no key of ours.

    An answer has ``lease`` None as long as nobody ever wanted anything of its machines.
    """
    key = signing_key(question.keys)
    if key is None:
        raise EdgeRefused(_("This device has pinned no key of leases: rotate its token."), code="lease_key_unknown")
    heard = _take_results(device, question, at)  # in a transaction of its own: the control writes orders, then leases
    return {"heard": heard, **_handed_out(device, question, private_key(key), at)}


@transaction.atomic
def _handed_out(device: EdgeDevice, question: Question, private: bytes, at: datetime) -> dict[str, Any]:
    EdgeLease.objects.get_or_create(device=device)
    lease = EdgeLease.objects.select_for_update(of=("self",)).get(device=device)
    _take_report(lease, question, at)
    said: dict[str, Any] = {"lease": None, "signature": None, "roster": None, "poll_s": IDLE_POLL_S}
    if lease.content is not None:
        frozen = lease.frozen or not may_act()
        document = _document(lease, question, at, frozen=frozen)
        text, signature = sign(document, private)
        known = question.roster == document["roster"]
        said |= {"lease": text, "signature": signature, "poll_s": document["poll_s"]}
        said["roster"] = None if known else lease.roster
        lease.counter, lease.handed_at = document["counter"], at
        lease.held_until = lease.expires_at
        _note_share(lease, int(document["ramp"]["up_w"]), timedelta(seconds=document["step_s"]), at)
    lease.save()
    return said


def _note_share(lease: EdgeLease, share_w: int, step: timedelta, at: datetime) -> None:
    """A smaller share of the ramp counts when it was held for a step: what was started before is over by then."""
    if share_w >= lease.handed_up_w or (lease.narrowed_at is not None and at - lease.narrowed_at >= step):
        lease.handed_up_w, lease.narrowed_at = share_w, None
    elif lease.narrowed_at is None:
        lease.narrowed_at = at


def _document(lease: EdgeLease, question: Question, at: datetime, *, frozen: bool) -> dict[str, Any]:
    content: Any = lease.content
    expires_at, written_at = _moment(lease.expires_at), _moment(lease.written_at)
    end = min(expires_at, at + (expires_at - written_at))  # a clock that was set back must not prolong it
    return {
        **in_form(content, question.forms, frozen=frozen),
        "device": str(lease.device.public_id),
        # Of the clock, so that a database put back from a backup does not begin below what devices have seen.
        "counter": max(lease.counter + 1, round(at.timestamp() * _US)),
        "nonce": secrets.token_hex(16),
        "challenge": question.challenge,
        "now": milliseconds(at),
        "expires_at": max(milliseconds(end), 0),
        "frozen": frozen,
        "keys": public_keys(),
        "roster": digest(lease.roster.encode()),
    }


def _moment(value: datetime | None) -> datetime:
    if value is None:
        raise ValueError("a lease with content has its moments")  # the table says so as well
    return value


def milliseconds(moment: datetime) -> int:
    """Since 1970."""
    return round(moment.timestamp() * 1000)


def _take_results(device: EdgeDevice, question: Question, at: datetime) -> list[int]:
    """Those the control knows, and those it never heard of: the device need not say either again."""
    told = [
        Told(
            order=one["order"], outcome=one["outcome"],
            sent_at=None if one.get("sent_ago_s") is None else at - timedelta(seconds=one["sent_ago_s"]),
            before_w=one.get("before_w"), after_w=one.get("after_w"), detail=one.get("detail", ""),
        )
        for one in question.results
    ]  # fmt: skip
    if told:
        for take in _takers:
            take(device, told, at)
    return [one.order for one in told]


def _take_report(lease: EdgeLease, question: Question, at: datetime) -> None:
    lease.asked_at, lease.known_keys = at, list(question.keys)
    lease.switched, lease.is_alone, lease.trouble = question.switched, question.alone, question.trouble[:300]
    lease.takes_limits = LEVELS_FORM in question.forms
    if question.seen is not None:
        lease.seen, lease.seen_at = _merged(lease.seen, question.seen, at), at


def _merged(before: Any, told: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Newer readings take the place of older ones; what is not told again goes after a while."""
    columns = ("machines", "at", *_SEEN, *_LEVELS)
    moments = [(at - timedelta(seconds=age)).timestamp() for age in told["age_s"]]
    said = [_column(told, name, len(moments)) for name in (*_SEEN, *_LEVELS)]
    rows = dict(zip(told["machines"], zip(moments, *said, strict=True), strict=True))
    if before is not None:
        since, count = (at - FORGOTTEN).timestamp(), len(before["machines"])
        for name, *row in zip(*(_column(before, column, count) for column in columns), strict=True):
            if row[0] > since and (name not in rows or rows[name][0] < row[0]):
                rows[name] = tuple(row)
    cells = [list(column) for column in zip(*((name, *row) for name, row in rows.items()), strict=True)]
    return dict(zip(columns, cells or [[] for _ in columns], strict=True))


def _column(told: Mapping[str, Any], name: str, count: int) -> Sequence[Any]:
    """As it was said; what nobody said is unknown for each."""
    column: Sequence[Any] = told.get(name) or [None] * count
    return column
