"""The other pages of docs/: links lead somewhere, decisions are whole, check-lists speak of code that exists."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from tests.docs.schema_page import ROOT

ADR_PARTS = ["Context", "Decision", "Alternatives", "Consequences"]
ADR_LINES = 60
CODE_FOLDERS = (
    "hashinsight",
    "accounts",
    "marketdata",
    "crm",
    "hosting",
    "curtailment",
    "intelligence",
    "tests",
)
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
BACKTICKS = re.compile(r"`([^`\n]+)`")
# What a page may name although no file of ours defines it: libraries, SQL, the shell.
FOREIGN = {
    *("apps", "scope_path", "atomic", "db_default", "on_delete", "gettext_lazy", "violation_error_message"),
    *("varchar", "AddIndexConcurrently", "makemigrations", "sqlmigrate", "max_length", "VALIDATE"),
}


def pages(folder: str) -> list[Path]:
    return sorted((ROOT / "docs" / folder).glob("*.md"))


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def source_words() -> frozenset[str]:
    """Every word of our Python code, and of its strings."""
    files = (file for folder in CODE_FOLDERS for file in (ROOT / folder).rglob("*.py"))
    own = (file for file in files if file.parent != Path(__file__).parent)
    return frozenset(word for file in own for word in re.findall(r"[A-Za-z_][A-Za-z0-9_]*", file.read_text("utf-8")))


def broken_links(page: Path, text: str) -> list[str]:
    """Relative links to files that are not there."""
    links = [link for link in LINK.findall(text) if "://" not in link]
    return [link for link in links if not (page.parent / link).exists()]


def unknown_words(text: str, known: Iterable[str]) -> list[str]:
    """Identifiers and paths in backticks that neither the code nor the folder tree knows."""
    unknown = []
    for phrase in BACKTICKS.findall(text):
        if re.fullmatch(r"(?:\./)?[a-z_]+(?:/[A-Za-z0-9_.-]+)+/?", phrase):
            unknown += [] if (ROOT / phrase).exists() else [phrase]
        elif match := re.fullmatch(r"@?(?:[a-z_]+\.)*([A-Za-z][A-Za-z_]+)(?:\(.*\))?", phrase):
            unknown += [] if match[1] in known or match[1] in FOREIGN else [phrase]
    return unknown


def missing_parts(text: str) -> list[str]:
    """Parts of a decision record that are not there, or not in this order."""
    headings = re.findall(r"^## (\w+)", text, re.MULTILINE)
    return [] if headings == ADR_PARTS else [part for part in ADR_PARTS if part not in headings] or headings


@pytest.mark.parametrize("page", [*pages(""), *pages("adr"), *pages("howto")], ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page, page.read_text("utf-8")) == []


@pytest.mark.parametrize("page", pages("howto"), ids=name)
def test_checklists_name_code_that_exists(page: Path) -> None:
    assert unknown_words(page.read_text("utf-8"), source_words()) == []


@pytest.mark.parametrize("page", pages("adr"), ids=name)
def test_decisions_have_their_parts_and_fit_one_page(page: Path) -> None:
    text = page.read_text("utf-8")
    assert missing_parts(text) == []
    assert len(text.splitlines()) <= ADR_LINES
    assert text.startswith(f"# {page.name[:4]} ")


def test_decisions_are_numbered_without_gap() -> None:
    assert [page.name[:4] for page in pages("adr")] == [f"{number:04d}" for number in range(1, len(pages("adr")) + 1)]


def test_planted_mistakes_are_found() -> None:
    page = ROOT / "docs" / "glossary.md"
    assert broken_links(page, "[a](schema.md) [b](nowhere.md) [c](https://example.org)") == ["nowhere.md"]
    assert unknown_words("`crm/enums.py`, `crm/nothing.py`, `lock_for_move`, `lock_for_love(x)`", source_words()) == [
        "crm/nothing.py",
        "lock_for_love(x)",
    ]
    assert missing_parts("## Context\n## Decision\n## Consequences\n") == ["Alternatives"]
