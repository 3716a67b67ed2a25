"""Machines as somebody asks them: where they answer and with which login, and what is kept of their answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from hosting.clients.adapter import Target
from hosting.clients.aside import Heard as Answer
from hosting.clients.limits import Limits, Trouble
from hosting.domain.contacts import Heard, keep_contacts
from hosting.domain.miner_secrets import credentials_of
from hosting.domain.telemetry import store_readings
from hosting.engine.identity import Known
from hosting.engine.ingest.columns import columns_of
from hosting.engine.ingest.spans import microseconds
from hosting.enums import ReadingSource
from hosting.models import Miner, Site

IN_FULL_EVERY = timedelta(hours=6)  # who it is, not only its figures
_COLUMNS = (
    "pk", "address", "port", "serial", "mac", "model__name", "model_text", "contact__dialect", "contact__trouble",
    "contact__asked_in_full_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """A machine to ask."""

    pk: int
    target: Target
    ours: Known


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of storing answers: machines without one, failures of ours, rows stored."""

    silent: int
    faults: int
    stored: int


def machines_to_ask(rows: QuerySet[Miner], *, at: datetime) -> Iterator[Asked]:
    """In the order of ``rows``; machines without an address are left out."""
    ids: Any = rows.order_by().values("pk")
    logins = credentials_of(ids)
    found = rows.filter(address__isnull=False).values_list(*_COLUMNS)
    for pk, address, port, serial, mac, model, text, dialect, trouble, in_full_at in found:
        # Not all machines of a site in the same minute; and who was away may have come back as another.
        due = at - IN_FULL_EVERY - timedelta(minutes=pk % 60)
        quick = dialect and not trouble and in_full_at is not None and in_full_at > due
        target = Target(address, port=port, dialect=dialect if quick else "", key=str(pk), credentials=logins.get(pk))
        yield Asked(pk, target, Known(serial, mac, model or text))


def limits_of(seconds: int) -> Limits:
    """How long one machine may take where machines are read every so many seconds."""
    total = min(8.0, max(2.0, seconds / 4))
    return Limits(connect_s=min(3.0, total / 2), silence_s=min(5.0, total), total_s=total)


def keep_answers(site: Site, part: Sequence[tuple[Asked, Answer]], *, at: datetime) -> Kept:
    """Store what machines said, in the running transaction."""
    # A failure of our own reader says nothing about the machine: no row, not even "unreachable".
    told = [
        (machine, moment, result)
        for machine, (moment, result) in part
        if result.reading is not None or result.trouble is not Trouble.FAULT
    ]
    ids = [machine.pk for machine, _answer in part]
    known = set(Miner.objects.filter(pk__in=ids).values_list("pk", flat=True))
    stored = store_readings(
        columns_of((machine.pk, _second(moment), result.reading) for machine, moment, result in told),
        source=ReadingSource.COLLECTOR, at=at, site=site,
    )  # fmt: skip
    keep_contacts(
        (
            Heard(machine.pk, machine.ours, result, in_full=not machine.target.dialect)
            for machine, (_moment, result) in part
            if machine.pk in known
        ),
        at=at,
    )
    silent = sum(result.reading is None for _machine, _moment, result in told)
    return Kept(silent, len(part) - len(told), stored.stored)


def _second(moment: datetime) -> Any:
    return microseconds(moment.replace(microsecond=0))
