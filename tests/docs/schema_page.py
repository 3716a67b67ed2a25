"""Reading docs/schema.md: rows out of its tables, and targets looked up in the running product.

A target is one of

    crm.Customer.email            a field                     crm.Customer          a table
    crm.Lead.status = won         a value of a choice field   accounts.User.role()  a question a row answers
    index: crm.Lead.status        a field the database finds rows by
    move: crm.enums.LEAD_MOVES new -> contacted               an arrow in a table of moves
    job: jobs.sweep               a periodic job              event: crm.lead_won   a registered kind of event
    code: crm.domain.leads.create_lead                        anything importable
    setting: DATABASES            a Django setting            file: docs/roles.md   a file of the project
    part: Steel                   not there yet; the part of the product that brings it
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from hashinsight.events.registry import all_kinds
from hashinsight.jobs.registry import periodic_jobs

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    "One invoice",
    "The walls",
    "Steel",
    "Numbers about the world",
    "Curtailment",
    "Usage billing",
    "GB wind",
    "Solo mining",
    "GPU hosting",
)
HEADER = ["Id", "Source", "Ours", "Note"]
ROW_ID = re.compile(r"S00[0-4]-\d\d$")
DIVIDER = re.compile(r"(?<!\\)\|")


class PageError(ValueError):
    """The page cannot be read, or a target does not exist; the message names the place."""


@dataclass(frozen=True)
class Row:
    """One line of a table: ``section`` is the heading of level two above it."""

    line: int
    section: str
    id: str
    source: str
    targets: tuple[str, ...]
    note: str


def parse(text: str) -> list[Row]:
    """All rows of all tables; raises PageError on a table line that is not a proper row."""
    rows = []
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("## "):
            section = line[3:].strip()
        if not line.startswith("|"):
            continue
        cells = [cell.strip() for cell in DIVIDER.split(line)[1:-1]]
        if cells == HEADER or all(cell and set(cell) <= set("-:") for cell in cells):
            continue
        rows.append(_row(number, section, cells))
    return rows


def _row(number: int, section: str, cells: list[str]) -> Row:
    if len(cells) != len(HEADER):
        raise PageError(f"line {number}: {len(cells)} cells instead of {len(HEADER)}")
    row_id, source, ours, note = cells
    if not ROW_ID.match(row_id):
        raise PageError(f"line {number}: {row_id!r} is no checklist id")
    if not re.fullmatch(r"`[^`]+`", source):
        raise PageError(f"line {number}: the source must be one name in backticks")
    if not re.fullmatch(r"`[^`]+`(, `[^`]+`)*", ours):
        raise PageError(f"line {number}: targets are names in backticks with a comma between them")
    return Row(number, section, row_id, source.strip("`"), tuple(re.findall(r"`([^`]+)`", ours)), note)


def problem_of(target: str) -> str | None:
    """What is wrong with a target; None when it exists."""
    try:
        _resolve(target)
    except (ValueError, ImportError, LookupError, FieldDoesNotExist, AttributeError) as error:
        return f"{target}: {error}"
    return None


def _resolve(target: str) -> None:
    kind, colon, rest = target.partition(": ")
    if not colon:
        _resolve_model(target)
    elif kind == "part":
        _member(rest, PARTS, "part of the product")
    elif kind == "job":
        _member(rest, [job.name for job in periodic_jobs()], "periodic job")
    elif kind == "event":
        _member(rest, [event.kind for event in all_kinds()], "kind of event")
    elif kind == "index":
        _resolve_index(rest)
    elif kind == "move":
        _resolve_move(rest)
    elif kind == "code":
        resolve_name(rest)
    elif kind == "setting":
        getattr(settings, rest)
    elif kind == "file":
        _resolve_file(rest)
    else:
        raise PageError("no such kind of target")


def _member(name: str, known: Any, what: str) -> None:
    if name not in known:
        raise PageError(f"no such {what}")


def _resolve_file(path: str) -> None:
    if not (ROOT / path).is_file():
        raise PageError("no such file")


def _resolve_model(target: str) -> None:
    path, equals, value = (piece.strip() for piece in target.partition("="))
    app_label, _, rest = path.partition(".")
    model_name, dot, attribute = rest.partition(".")
    model = apps.get_model(app_label, model_name)
    if attribute.endswith("()"):
        if not hasattr(model, attribute[:-2]) or attribute[:-2] in {field.name for field in model._meta.get_fields()}:
            raise PageError("no such question")
    elif dot:
        field = model._meta.get_field(attribute)
        if equals:
            _resolve_value(field, value)
    elif equals:
        raise PageError("a value needs a field")


def _resolve_value(field: Any, value: str) -> None:
    if isinstance(field, models.BooleanField):
        _member(value, ("true", "false"), "value")
    else:
        _member(value, [str(choice) for choice, _ in field.flatchoices], "value")


def _resolve_index(path: str) -> None:
    label, _, name = path.rpartition(".")
    model = apps.get_model(label)
    model._meta.get_field(name)
    if name not in set(_indexed_fields(model)):
        raise PageError("the database has no index to find rows by it")


def _indexed_fields(model: type[models.Model]) -> Iterator[str]:
    fields: list[Any] = list(model._meta.local_fields)
    yield from (field.name for field in fields if field.primary_key or field.unique or field.db_index)
    for index in model._meta.indexes:
        yield from (name.lstrip("-") for name in index.fields[:1])
        yield from _names_in(index.condition)
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            yield from constraint.fields[:1]
            yield from _names_of(constraint.expressions[:1])


def _names_of(expressions: Any) -> Iterator[str]:
    for expression in expressions:
        parts = expression.flatten() if hasattr(expression, "flatten") else [expression]
        yield from (part.name for part in parts if hasattr(part, "name"))


def _names_in(condition: models.Q | None) -> Iterator[str]:
    """Fields a partial index is about: its condition finds the few rows in that state."""
    for child in condition.children if condition else ():
        if isinstance(child, models.Q):
            yield from _names_in(child)
        elif isinstance(child, tuple):
            yield child[0].partition("__")[0]


def _resolve_move(rest: str) -> None:
    path, _, arrow = rest.partition(" ")
    start, _, end = (piece.strip() for piece in arrow.partition("->"))
    moves = resolve_name(path)
    if end not in {str(state) for state in moves[start]}:
        raise PageError("no such move")
