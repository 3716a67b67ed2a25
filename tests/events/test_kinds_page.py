"""docs/events.md is what the registries say."""

from pathlib import Path

from hashinsight.events.kinds_page import kinds_page
from hashinsight.events.registry import all_kinds

PAGE = Path(__file__).resolve().parents[2] / "docs" / "events.md"


def test_the_page_is_the_one_of_the_registries() -> None:
    assert PAGE.read_text(encoding="utf-8") == kinds_page(), "run ./dev manage export_events --page docs/events.md"


def test_every_kind_stands_on_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [kind.kind for kind in all_kinds() if f"| `{kind.kind}` |" not in text] == []
