"""Who is on call: asked when a message is due, shown for the days ahead, and an alert where nobody is."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from hashinsight.notify.engine import oncall as engine
from hashinsight.notify.engine.oncall import Dated, Span, Weekly
from hashinsight.notify.models import Rota
from hashinsight.notify.registry import Finding

GAP_ALERT = "rota.gap"
AHEAD = timedelta(days=1)
READ_WITH = ("rows__person", "shifts__person")


def people_on_call(rota: Rota, *, at: datetime) -> list[Any]:
    """Users on call at a moment; whoever has left, or is no staff any more, is none of them."""
    weekly, dated, people = _read(rota, at, at + timedelta(microseconds=1))
    return [people[key] for key in engine.on_call(at, ZoneInfo(rota.time_zone), weekly, dated)]


def plan_of(rota: Rota, *, first: datetime, past: datetime) -> list[tuple[Span, list[Any]]]:
    """Who is on call from one moment to another, in turn."""
    weekly, dated, people = _read(rota, first, past)
    found = engine.spans(first, past, ZoneInfo(rota.time_zone), weekly, dated)
    return [(span, [people[key] for key in span.people]) for span in found]


def gaps(at: datetime) -> Iterator[Finding]:
    """Rotas on which somebody should always be on call, and on which nobody is within the next day."""
    for rota in Rota.objects.filter(is_seamless=True).prefetch_related(*READ_WITH).order_by("pk"):
        empty = [span for span, people in plan_of(rota, first=at, past=at + AHEAD) if not people]
        if empty:
            zone = ZoneInfo(rota.time_zone)
            hours = ", ".join(
                f"{span.begins.astimezone(zone):%Y-%m-%d %H:%M} – {span.ends.astimezone(zone):%Y-%m-%d %H:%M}"
                for span in empty
            )
            yield Finding(
                key=str(rota.public_id),
                title=_("Nobody is on call: %(rota)s") % {"rota": rota},
                text=f"{hours} ({rota.time_zone})",
            )


def _read(rota: Rota, first: datetime, past: datetime) -> tuple[list[Weekly], list[Dated], dict[int, Any]]:
    """What may count in that time, of people who are still there; they are numbered for the arithmetic."""
    prefetch_related_objects([rota], *READ_WITH)  # nothing where a list has done so for all its rows
    rows = [row for row in rota.rows.all() if _is_there(row.person)]
    shifts = [
        shift
        for shift in rota.shifts.all()
        if shift.begins_at < past and shift.ends_at > first and _is_there(shift.person)
    ]
    people = {*(row.person for row in rows), *(shift.person for shift in shifts)}
    users = sorted(people, key=lambda user: str(user.email))
    numbers = {user.pk: number for number, user in enumerate(users)}
    weekly = [Weekly(numbers[row.person_id], row.weekday, row.begins, row.ends) for row in rows]
    dated = [Dated(numbers[shift.person_id], shift.begins_at, shift.ends_at) for shift in shifts]
    return weekly, dated, dict(enumerate(users))


def _is_there(user: Any) -> bool:
    return bool(user.is_active and user.is_staff)
