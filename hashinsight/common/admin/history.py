"""The history of one object, read from the audit rows that the database's triggers wrote."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import models
from django.utils.formats import localize
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.display import moment_text

PAGE = 50
HIDDEN = frozenset({"id", "version", "created_at", "updated_at", "public_id"})
VERBS = {
    "insert": gettext_lazy("created"),
    "update": gettext_lazy("changed"),
    "delete": gettext_lazy("deleted"),
}


@dataclass(frozen=True)
class HistorySource:
    """Rows whose changes belong to an object's history: the object's own, or those of its children.

    ``look_up`` is the column of the audit table that names the object; ``words`` names the parts of JSON columns by
    their keys, an empty name leaves a part out.
    """

    model: type[models.Model]
    look_up: str = "pgh_obj_id"
    words: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def events(self) -> type[models.Model]:
        """The audit table."""
        found: type[models.Model] = next(iter(self.model.pgh_event_models.values()))  # type: ignore[attr-defined]
        return found


@dataclass
class FieldChange:
    """One column before and after."""

    label: str
    before: str
    after: str


@dataclass
class Change:
    """One changed row: what, when, by whom, why, and through what."""

    at: datetime
    verb: str
    label: str
    thing: str
    actor: str
    reason: str
    source: str
    request_id: str
    fields: list[FieldChange] = field(default_factory=list)


@dataclass
class HistoryPage:
    """The newest changes before a moment; ``older`` is the moment to continue from."""

    changes: list[Change]
    older: datetime | None


def is_tracked(model: type[models.Model]) -> bool:
    """Whether audit rows are written for this model."""
    return bool(getattr(model, "pgh_event_models", None))


def history_page(sources: Sequence[HistorySource], pk: Any, *, before: datetime | None) -> HistoryPage:
    """Changes of an object and its children, newest first; a page always ends between two moments."""
    found = {source: _rows(source, pk, before) for source in sources}
    moments = sorted(at for rows in found.values() for at in rows.values_list("pgh_created_at", flat=True)[: PAGE + 1])
    moments.reverse()
    older = moments[PAGE - 1] if len(moments) > PAGE else None
    changes: list[Change] = []
    for source, rows in found.items():
        page = rows.filter(pgh_created_at__gte=older) if older else rows
        changes += _changes(source, list(page.select_related("pgh_context")))
    changes.sort(key=lambda change: change.at, reverse=True)
    # A row that was only touched (its document's lines changed) tells nothing by itself.
    return HistoryPage([change for change in changes if change.fields or change.verb != "update"], older)


def _rows(source: HistorySource, pk: Any, before: datetime | None) -> models.QuerySet[Any]:
    rows: models.QuerySet[Any] = source.events._default_manager.filter(**{source.look_up: pk})
    if before is not None:
        rows = rows.filter(pgh_created_at__lt=before)
    return rows.order_by("-pgh_created_at", "-pgh_id")


def _changes(source: HistorySource, events: list[Any]) -> list[Change]:
    if not events:
        return []
    columns = _columns(source)
    earlier = _earlier(source, events)
    following: dict[Any, Any] = {}
    pairs = []
    for event in reversed(events):  # oldest first, so that each finds the one before it
        key = getattr(event, "pgh_obj_id", None)
        pairs.append((following.get(key) or earlier.get(key), event))
        if key is not None:
            following[key] = event
    names = _related_names(columns, [event for pair in pairs for event in pair if event is not None])
    return [_change(source, columns, names, old, new) for old, new in reversed(pairs)]


def _columns(source: HistorySource) -> list[Any]:
    return [
        column
        for column in source.events._meta.concrete_fields
        if not column.name.startswith("pgh_")
        and column.name not in HIDDEN
        and source.look_up not in (column.name, column.attname)
    ]


def _earlier(source: HistorySource, events: list[Any]) -> dict[Any, Any]:
    """The last state before the page of each row on it, in one query."""
    keys = {event.pgh_obj_id for event in events if getattr(event, "pgh_obj_id", None) is not None}
    if not keys:
        return {}
    first = min(event.pgh_id for event in events)
    rows = source.events._default_manager.filter(pgh_obj_id__in=keys, pgh_id__lt=first)
    newest: Any = rows.order_by("pgh_obj_id", "-pgh_id").distinct("pgh_obj_id")
    return {row.pgh_obj_id: row for row in newest}


def _related_names(columns: Iterable[Any], events: list[Any]) -> dict[tuple[str, Any], str]:
    """Names of the rows that foreign keys point to, one query per column."""
    names: dict[tuple[str, Any], str] = {}
    for column in columns:
        if column.related_model is None:
            continue
        keys = {getattr(event, column.attname) for event in events} - {None}
        related: Any = column.related_model
        for pk, row in related._base_manager.in_bulk(keys).items() if keys else ():
            names[column.name, pk] = str(row)
    return names


def _change(source: HistorySource, columns: list[Any], names: dict[Any, str], old: Any, new: Any) -> Change:
    context = getattr(new.pgh_context, "metadata", None) or {}
    verb = new.pgh_label
    change = Change(
        at=new.pgh_created_at,
        verb=verb,
        label=str(VERBS.get(verb, verb)),
        thing=str(source.model._meta.verbose_name),
        actor=_actor(context),
        reason=str(context.get("reason", "")),
        source=str(context.get("source", "")),
        request_id=str(context.get("request_id", "")),
    )
    for column in columns:
        if isinstance(column, models.JSONField):
            change.fields += _nested_changes(column, old, new, verb, source.words)
            continue
        before = "" if verb == "insert" or old is None else _text(column, old, names)
        after = "" if verb == "delete" else _text(column, new, names)
        if verb == "delete":
            before = _text(column, new, names)
        if before != after:
            change.fields.append(FieldChange(str(column.verbose_name), before, after))
    return change


def _nested_changes(column: Any, old: Any, new: Any, verb: str, words: Mapping[str, Any]) -> list[FieldChange]:
    """What changed inside a value of many parts: a line per part, and nothing about the parts that stayed."""
    value = getattr(new, column.attname)
    earlier = {} if verb == "insert" or old is None else getattr(old, column.attname)
    before = _leaves(value if verb == "delete" else earlier, words)
    after = _leaves({} if verb == "delete" else value, words)
    name = str(column.verbose_name)
    return [
        FieldChange(" › ".join((name, *path)), before.get(path, ""), after.get(path, ""))
        for path in dict.fromkeys((*before, *after))
        if before.get(path, "") != after.get(path, "")
    ]


def _leaves(value: Any, words: Mapping[str, Any], path: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """Every part that holds something, by its way through the value; a list of plain parts is one part."""
    if isinstance(value, dict):
        found: dict[tuple[str, ...], str] = {}
        for key, part in value.items():
            name = str(words.get(key, str(key).replace("_", " ")))
            found |= _leaves(part, words, (*path, name)) if name else {}
        return found
    if isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
        found = {}
        for place, part in enumerate(value, start=1):
            found |= _leaves(part, words, (*path, str(place)))
        return found
    if isinstance(value, list):
        value = "\n".join(str(part) for part in value)
    if value is None or value == "":
        return {}
    if isinstance(value, bool):
        return {path: _("yes") if value else _("no")}
    return {path: str(value)}


def _actor(context: dict[str, Any]) -> str:
    name = str(context.get("actor_name") or context.get("actor") or "")
    return _("the system") if name in ("", "system") else name


def _text(column: Any, row: Any, names: dict[tuple[str, Any], str]) -> str:
    value = getattr(row, column.attname)
    if value is None or value == "":
        return ""
    if column.related_model is not None:
        return names.get((column.name, value), str(value))
    if column.flatchoices:
        return str(dict(column.flatchoices).get(value, value))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(column, models.DecimalField):
        return f"{value.normalize():f}"
    return str(localize(value))
