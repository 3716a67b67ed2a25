"""docs/schema.md names each table, column, state and job of the source documents once, with a real target."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.schema_page import ROOT, PageError, Row, parse, problem_of

PAGE = ROOT / "docs" / "schema.md"
WANTED: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_name("source_tables.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return parse(PAGE.read_text("utf-8"))


def wanted_columns(tables: dict[str, str]) -> Iterator[tuple[str, str]]:
    """(id, "table.column") for each column the documents define."""
    for key, columns in tables.items():
        row_id, table = key.split()
        yield from ((row_id, f"{table}.{column}") for column in columns.split())


def wanted_words(words: dict[str, str]) -> Iterator[tuple[str, str]]:
    """(id, word) for lists of plain names."""
    for row_id, names in words.items():
        yield from ((row_id, name) for name in names.split())


def wanted_values(fields: dict[str, str], joint: str) -> Iterator[tuple[str, str]]:
    """(id, "table.column = value") for the values and moves of a state."""
    for key, values in fields.items():
        row_id, field = key.split()
        yield from ((row_id, f"{field}{joint}{value.replace('>', ' → ')}") for value in values.split())


def wanted_lines(lines: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """(id, sentence) for jobs and rules written as sentences."""
    for row_id, sentences in lines.items():
        yield from ((row_id, sentence) for sentence in sentences)


def wanted_links(links: dict[str, str]) -> Iterator[tuple[str, str]]:
    """(id, "parent → child") for relations."""
    for row_id, pairs in links.items():
        yield from ((row_id, pair.replace(">", " → ")) for pair in pairs.split())


SECTIONS = {
    "Columns": lambda: wanted_columns(WANTED["columns"]),
    "Tables named without columns": lambda: wanted_words(WANTED["named_only"]),
    "States and choices": lambda: wanted_values(WANTED["states"], " = "),
    "Moves": lambda: wanted_values(WANTED["moves"], ": "),
    "Jobs": lambda: wanted_lines(WANTED["jobs"]),
    "Retention": lambda: wanted_lines(WANTED["retention"]),
    "Events": lambda: wanted_words(WANTED["events"]),
    "Relations": lambda: wanted_links(WANTED["relations"]),
    "Indexes": lambda: wanted_words(WANTED["indexes"]),
}


def difference(found: list[tuple[str, str]], wanted: list[tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    """Missing, unknown and doubled entries; all empty when the page is complete."""
    return {
        "missing": sorted(set(wanted) - set(found)),
        "unknown": sorted(set(found) - set(wanted)),
        "twice": sorted(entry for entry, times in Counter(found).items() if times > 1),
    }


COMPLETE: dict[str, list[tuple[str, str]]] = {"missing": [], "unknown": [], "twice": []}


@pytest.mark.parametrize("section", SECTIONS)
def test_section_lists_each_source_name_once(rows: list[Row], section: str) -> None:
    found = [(row.id, row.source) for row in rows if row.section == section]
    assert difference(found, list(SECTIONS[section]())) == COMPLETE


def test_sections_are_the_known_ones(rows: list[Row]) -> None:
    assert {row.section for row in rows} == {*SECTIONS, "Rules and flows"}


def test_rules_are_listed_once(rows: list[Row]) -> None:
    rules = [(row.id, row.source) for row in rows if row.section == "Rules and flows"]
    assert difference(rules, sorted(set(rules))) == COMPLETE


def test_every_checklist_id_has_a_line(rows: list[Row]) -> None:
    wanted = {
        f"{document}-{number:02d}"
        for document, first in WANTED["first_ids"].items()
        for number in range(first, WANTED["last_ids"][document] + 1)
    }
    assert {row.id for row in rows} == wanted


def test_every_decision_on_a_contradiction_is_mentioned() -> None:
    mentioned = set(re.findall(r"C-(\d\d)", PAGE.read_text("utf-8")))
    assert sorted(mentioned) == [f"{number:02d}" for number in range(1, WANTED["last_ids"]["C"] + 1)]


def test_every_target_exists(rows: list[Row]) -> None:
    problems = [
        f"line {row.line}: {problem}" for row in rows for target in row.targets if (problem := problem_of(target))
    ]
    assert problems == []


def test_source_list_has_the_size_of_the_documents() -> None:
    tables = Counter(key.partition("-")[0] for key in WANTED["columns"])
    assert tables == {"S000": 23, "S001": 17, "S002": 15, "S003": 16, "S004": 8}
    assert sum(len(columns.split()) for columns in WANTED["columns"].values()) == 740


# --- the same functions on planted mistakes: what finds nothing here would find nothing above


GOOD = """
## Columns
| Id | Source | Ours | Note |
|---|---|---|---|
| S000-07 | `crm_customers.email` | `crm.Customer.email` | |
"""


def test_parse_reads_a_good_row() -> None:
    assert parse(GOOD) == [Row(5, "Columns", "S000-07", "crm_customers.email", ("crm.Customer.email",), "")]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("| S000-07", "| S009-07", "line 5: 'S009-07' is no checklist id"),
        ("| |", "|", "line 5: 3 cells instead of 4"),
        ("| |", "| a | b |", "line 5: 5 cells instead of 4"),
        ("`crm_customers.email`", "crm_customers.email", "line 5: the source must be one name in backticks"),
        (
            "`crm.Customer.email`",
            "crm.Customer.email",
            "line 5: targets are names in backticks with a comma between them",
        ),
        (
            "`crm.Customer.email`",
            "`a.b` and `c.d`",
            "line 5: targets are names in backticks with a comma between them",
        ),
        ("`crm.Customer.email`", "", "line 5: targets are names in backticks with a comma between them"),
    ],
)
def test_parse_refuses_a_broken_row(old: str, new: str, message: str) -> None:
    with pytest.raises(PageError) as refusal:
        parse(GOOD.replace(old, new))
    assert str(refusal.value) == message


def test_difference_finds_missing_unknown_and_doubled_entries() -> None:
    wanted = list(wanted_columns({"S000-07 crm_customers": "id email"}))
    found = [
        ("S000-07", "crm_customers.id"),
        ("S000-07", "crm_customers.id"),
        ("S000-08", "crm_customers.email"),
    ]
    assert difference(found, wanted) == {
        "missing": [("S000-07", "crm_customers.email")],
        "unknown": [("S000-08", "crm_customers.email")],
        "twice": [("S000-07", "crm_customers.id")],
    }


@pytest.mark.parametrize(
    "target",
    [
        "crm.Customer",
        "crm.Customer.email",
        "crm.Lead.status = won",
        "accounts.User.is_active = true",
        "accounts.User.get_full_name()",
        "index: crm.Customer.public_id",
        "index: events.OutboxEvent.status",
        "move: crm.enums.LEAD_MOVES new -> contacted",
        "job: jobs.sweep",
        "code: hashinsight.events.domain.publish",
        "setting: DATABASES",
        "file: docs/glossary.md",
        "part: Steel",
    ],
)
def test_real_targets_are_found(target: str) -> None:
    assert problem_of(target) is None


@pytest.mark.parametrize(
    "target",
    [
        "crm.Custommer",
        "nowhere.Customer",
        "crm.Customer.no_such_column",
        "crm.Lead.status = married",
        "crm.Customer = active",
        "accounts.User.is_active = maybe",
        "accounts.User.no_such_question()",
        "accounts.User.email()",
        "index: crm.Customer.no_such_column",
        "index: events.OutboxEvent.payload",
        "move: crm.enums.LEAD_MOVES won -> new",
        "move: crm.enums.LEAD_MOVES born -> new",
        "job: jobs.sleep",
        "event: crm.nothing_happened",
        "code: hashinsight.events.domain.shout",
        "setting: NO_SUCH_SETTING",
        "file: docs/no-such-page.md",
        "part: Cheese",
        "place: Texas",
        "",
    ],
)
def test_planted_targets_are_refused(target: str) -> None:
    assert (problem_of(target) or "").startswith(f"{target}: ")
