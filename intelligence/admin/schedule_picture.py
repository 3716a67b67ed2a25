"""A day as a picture: a row for each class, a bar for each span in which it does the same; prices as a curve."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from hashinsight.common.admin.charting import Line, chart
from intelligence.models import ScheduleClass, ScheduleEntry, ScheduleRun

WIDTH, NAME, ROW, HEAD = 1000, 230, 24, 18
MOST_ROWS = 40
LONGEST_NAME = 34


@dataclass(frozen=True)
class Bar:
    """One span of one class, in the units of the picture; ``text`` says it in words."""

    x: float
    width: float
    kind: str
    text: str


@dataclass(frozen=True)
class Row:
    """One class: its name, where it is drawn, its bars."""

    name: str
    full_name: str
    y: int
    bars: tuple[Bar, ...]


def bars_of(run: ScheduleRun, classes: Sequence[ScheduleClass], entries: Sequence[ScheduleEntry]) -> dict[str, Any]:
    """What the template draws; classes beyond the first forty are left to the file."""
    shown = classes[:MOST_ROWS]
    steps = int((run.ends_at - run.starts_at) / timedelta(minutes=run.step_minutes))
    scale = (WIDTH - NAME) / steps
    by_class: dict[int, list[ScheduleEntry]] = {}
    for entry in entries:
        by_class.setdefault(entry.place, []).append(entry)
    rows = [
        Row(
            _short(one.name), one.name, HEAD + ROW * number,
            tuple(_bars(run, one, by_class.get(one.place, []), scale)),
        )
        for number, one in enumerate(shown)
    ]  # fmt: skip
    return {
        "rows": rows, "width": WIDTH, "height": HEAD + ROW * len(rows) + 4, "name_width": NAME, "bar": ROW - 6,
        "hours": _hours(run, scale), "bottom": HEAD + ROW * len(rows), "more": len(classes) - len(shown),
    }  # fmt: skip


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _bars(run: ScheduleRun, one: ScheduleClass, entries: Sequence[ScheduleEntry], scale: float) -> Iterable[Bar]:
    begin = 0
    for place in range(1, len(entries) + 1):
        if place < len(entries) and _same(entries[place], entries[begin]):
            continue
        first, last = entries[begin], entries[place - 1]
        end = last.starts_at + timedelta(minutes=last.minutes)
        said = {
            "since": _clock(run, first.starts_at), "until": _clock(run, end), "off": first.machines_off,
            "all": one.machines, "throttled": first.machines_throttled,
        }  # fmt: skip
        text = _("%(since)s to %(until)s: all run") % said
        if first.machines_off:
            text = _("%(since)s to %(until)s: %(off)s of %(all)s off") % said
        elif first.machines_throttled:
            text = _("%(since)s to %(until)s: %(throttled)s of %(all)s throttled") % said
        yield Bar(round(NAME + scale * begin, 2), round(scale * (place - begin), 2), first.action, text)
        begin = place


def _same(one: ScheduleEntry, other: ScheduleEntry) -> bool:
    return (one.machines_off, one.machines_throttled) == (other.machines_off, other.machines_throttled)


def _hours(run: ScheduleRun, scale: float) -> list[tuple[float, str]]:
    """Every third hour of the site's clock, and where it is drawn."""
    found, moment = [], run.starts_at
    while moment < run.ends_at:
        local = moment.astimezone(ZoneInfo(run.time_zone))
        if local.minute == 0 and local.hour % 3 == 0:
            steps = (moment - run.starts_at) / timedelta(minutes=run.step_minutes)
            found.append((round(NAME + scale * steps, 2), f"{local:%H:%M}"))
        moment += timedelta(minutes=run.step_minutes)
    return found


def _clock(run: ScheduleRun, moment: datetime) -> str:
    return f"{moment.astimezone(ZoneInfo(run.time_zone)):%H:%M}"


def labels_of(run: ScheduleRun) -> list[str]:
    """The steps by the site's clock."""
    step = timedelta(minutes=run.step_minutes)
    count = int((run.ends_at - run.starts_at) / step)
    return [_clock(run, run.starts_at + step * place) for place in range(count)]


def price_chart(run: ScheduleRun, classes: Sequence[ScheduleClass]) -> str:
    """What a kWh costs, beside the break-even of the best and of the worst class."""
    inputs = run.inputs
    costs = [None if one is None else one + add for one, add in zip(inputs["price"], inputs["adders"], strict=True)]
    lines = [Line(_("energy"), costs, "third", stepped=True)]
    shares = [float(one.hashrate_ths) * 1000 / one.power_w for one in classes if one.power_w and one.hashrate_ths]
    for name, share, colour in ((_("best break-even"), max(shares, default=0), "first"),
                                (_("worst break-even"), min(shares, default=0), "past")):  # fmt: skip
        if share and any(inputs["revenue"]):
            lines.append(Line(name, [share * one for one in inputs["revenue"]], colour, dashed=True, stepped=True))
    return chart(labels_of(run), lines, unit=f"{run.currency}/kWh")


def power_chart(run: ScheduleRun, entries: Sequence[ScheduleEntry]) -> str:
    """Planned power, and what was measured once the day is scored."""
    steps = sorted({entry.starts_at for entry in entries})
    planned = dict.fromkeys(steps, 0.0)
    seen: dict[datetime, float | None] = dict.fromkeys(steps)
    for entry in entries:
        planned[entry.starts_at] += float(entry.load_kw)
        if entry.actual_kwh is not None:
            seen[entry.starts_at] = (seen[entry.starts_at] or 0.0) + float(entry.actual_kwh) * 60 / entry.minutes
    lines = [Line(_("planned"), list(planned.values()), stepped=True)]
    if any(one is not None for one in seen.values()):
        lines.append(Line(_("measured"), list(seen.values()), "past", stepped=True))
    return chart(labels_of(run), lines, unit="kW")
