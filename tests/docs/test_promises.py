"""Each promise names a test that exists."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_ID = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def unknown_tests(page: str) -> list[str]:
    """Ids on the page that no file or function answers to."""
    found = []
    for file_name, function in _ID.findall(page):
        path = ROOT / file_name
        if not path.exists():
            found.append(file_name)
        elif function and function not in _functions(path):
            found.append(f"{file_name}::{function}")
    return found


def _functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


def test_every_promise_names_a_test_that_exists() -> None:
    page = (ROOT / "docs" / "promises.md").read_text("utf-8")
    assert len(_ID.findall(page)) >= 30
    assert unknown_tests(page) == []


def test_a_promise_without_a_test_is_found() -> None:
    assert unknown_tests("`tests/none.py::test_x` `tests/docs/test_promises.py::test_y`") == [
        "tests/none.py",
        "tests/docs/test_promises.py::test_y",
    ]
