"""What the history must hold after something was done: an account of its own, kept beside the triggers.

All tracked tables are read before and after; each row that is another one must have its lines in the history, and no
other row may. Nothing here looks at how the change was made.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import connection, models


def tracked_models() -> list[type[models.Model]]:
    """Models whose every change leaves a line with before and after, and which count their changes."""
    return [
        model
        for model in apps.get_models()
        if getattr(model, "pgh_event_models", None)
        and {"insert", "update", "delete"} <= set(model.pgh_event_models)
        and any(one.name == "version" for one in model._meta.local_concrete_fields)
    ]


def _kept(model: type[models.Model]) -> list[str]:
    """Columns the history repeats."""
    event = next(iter(model.pgh_event_models.values()))
    known = {one.column for one in event._meta.concrete_fields}
    return [one.column for one in model._meta.local_concrete_fields if one.column in known]


def _rows(table: str, key: str, columns: list[str], where: str = "") -> list[tuple[str, dict[str, Any]]]:
    fields = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT "{key}", (SELECT to_jsonb(one) FROM (SELECT {fields}) one)::text FROM "{table}" {where} ORDER BY 1'
        )
        return [(str(row_id), json.loads(text)) for row_id, text in cursor.fetchall()]


@dataclass
class Account:
    """All tracked rows, and where the history of each table ends."""

    rows: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)


def take_account() -> Account:
    """How everything stands."""
    account = Account()
    for model in tracked_models():
        table = model._meta.db_table
        account.rows[table] = dict(_rows(table, model._meta.pk.column, _kept(model)))
        event = next(iter(model.pgh_event_models.values()))
        account.ends[table] = event._default_manager.aggregate(end=models.Max("pgh_id"))["end"] or 0
    return account


def faults(before: Account, *, actor: str, request_id: str | None) -> tuple[list[str], int]:
    """What the history lacks or has too much since then, and how many changes it tells rightly."""
    after = take_account()
    found: list[str] = []
    right = 0
    for model in tracked_models():
        table = model._meta.db_table
        lines = _lines(model, before.ends[table])
        was, now = before.rows[table], after.rows[table]
        for key in sorted({*was, *now, *lines}):
            problem = _fault(was.get(key), now.get(key), lines.get(key, []), actor=actor, request_id=request_id)
            if problem:
                found.append(f"{table} {key}: {problem}")
            right += bool(lines.get(key)) and not problem
    return found, right


def _lines(model: type[models.Model], end: int) -> dict[str, list[tuple[str, dict[str, Any], dict[str, Any]]]]:
    event = next(iter(model.pgh_event_models.values()))
    columns = ["pgh_obj_id", "pgh_label", "pgh_context_id", *_kept(model)]
    rows = apps.get_model("pghistory", "Context").objects.values_list("pk", "metadata")
    contexts = {str(pk): metadata for pk, metadata in rows}
    found: dict[str, list[tuple[str, dict[str, Any], dict[str, Any]]]] = {}
    for _key, row in _rows(event._meta.db_table, "pgh_id", columns, f"WHERE pgh_id > {end}"):
        key, label, context = str(row.pop("pgh_obj_id")), row.pop("pgh_label"), row.pop("pgh_context_id")
        found.setdefault(key, []).append((label, row, contexts.get(context, {})))
    return found


def _fault(was: Any, now: Any, lines: Any, *, actor: str, request_id: str | None) -> str:
    if was == now:
        return "unchanged, but there are lines" if lines and was is not None else ""
    wanted = 1 if was is None or now is None else now["version"] - was["version"]
    if was is None and now is not None:
        wanted = now["version"]  # the insert, and what the same act changed afterwards
    if len(lines) != wanted:
        return f"{wanted} changes, {len(lines)} lines"
    if not lines:
        return ""  # only columns whose change alone is none
    labels = [label for label, _row, _context in lines]
    first = "insert" if was is None else "delete" if now is None else "update"
    if labels[0] != first:
        return f"{labels} should begin with {first}"
    if lines[-1][1] != (now if now is not None else was):
        return "the last line does not show the row as it is"
    for _label, _row, context in lines:
        if context.get("actor") != actor:
            return f"by {context.get('actor')}, not {actor}"
        if request_id is not None and context.get("request_id") != request_id:
            return f"on request {context.get('request_id')}, not {request_id}"
    return ""
