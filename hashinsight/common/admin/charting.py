"""Curves on pages: what the chart component wants, and the same figures as a file."""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.db.models import Model
from django.http import HttpResponse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.timezone import localtime

from hashinsight.common.exports import safe_text

_FIGURE = re.compile(r"-?[0-9]+(\.[0-9]+)?")
SIGNIFICANT = 6
COLOURS = {
    "first": "var(--color-primary-600)",
    "second": "var(--color-primary-400)",
    "third": "var(--color-primary-800)",
    "faint": "var(--color-primary-200)",
    "past": "#8a6d3b",
    "metered": "#b45309",
}


@dataclass(frozen=True)
class Line:
    """One line of a chart: its name, its values (None is a gap), and how it is drawn."""

    label: str
    values: Sequence[float | None]
    colour: str = "first"
    dashed: bool = False
    stepped: bool = False
    fill: str | bool = False


def chart(labels: Sequence[str], lines: Sequence[Line], *, unit: str) -> str:
    """The JSON of a line chart; the first line carries the axis."""
    datasets = [
        {
            "label": f"{line.label} ({unit})" if unit else line.label,
            "data": [shortened(value) for value in line.values],
            "borderColor": COLOURS[line.colour],
            "borderWidth": 1.5,
            "borderDash": [4, 3] if line.dashed else [],
            "pointRadius": 0,
            "spanGaps": False,
            "stepped": "before" if line.stepped else False,
            "fill": line.fill,
            "backgroundColor": COLOURS["faint"],
            "displayYAxis": place == 0,
            "suffixYAxis": unit,
            "maxTicksXLimit": 8,
        }
        for place, line in enumerate(lines)
    ]
    return json.dumps({"labels": list(labels), "datasets": datasets}, ensure_ascii=False)


def time_labels(moments: Sequence[datetime], zone: tzinfo | None = None) -> list[str]:
    """Labels of an axis of moments, by the clock of the pages or of ``zone``; with the day where there are several."""
    local = [localtime(one, zone) for one in moments]
    style = "TIME_FORMAT" if len({one.date() for one in local}) <= 1 else "DATETIME_FORMAT"
    return [date_format(one, style) for one in local]


def shortened(value: Any) -> float | None:
    """Six digits are more than a picture shows."""
    return None if value is None else float(f"{float(value):.{SIGNIFICANT}g}")


def csv_file(name: str, headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """A file of plain figures and moments; an empty cell is what nobody knows. Text is made safe for spreadsheets."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(headers)
    for row in rows:
        writer.writerow([_cell(cell) for cell in row])
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)
    response["Content-Disposition"] = f'attachment; filename="{safe}.csv"'
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _cell(value: Any) -> Any:
    """A figure may stand there as text already; any other text might have been typed by people."""
    return safe_text(value) if isinstance(value, str | Promise | Model) and not _FIGURE.fullmatch(str(value)) else value
