"""The settings stand by topic, each name in one file: of two, the order of the imports would choose."""

import ast
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from hashinsight.devtools.paths import ROOT

FOLDER = ROOT / "hashinsight" / "settings"
# What is started with; each begins with the whole of ``base`` and says what is different.
ENVIRONMENTS = {"local", "production", "test"}


def _topics() -> dict[str, str]:
    """The text of each file of topic, ``base`` included."""
    paths = (path for path in FOLDER.glob("*.py") if path.stem not in {*ENVIRONMENTS, "__init__"})
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(paths, key=lambda path: Path(path).stem)}


def _settings_of(text: str) -> set[str]:
    """Names in capitals that the file gives a value."""
    names = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, ast.Store) and node.id.isupper()}


def _said_twice(topics: Mapping[str, str]) -> list[str]:
    counted = Counter(name for text in topics.values() for name in _settings_of(text))
    return sorted(name for name, files in counted.items() if files > 1)


def _left_out(topics: Mapping[str, str]) -> list[str]:
    """Settings of files that ``base`` does not take in, so that nobody would ever have them."""
    taken: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(topics["base"])):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("hashinsight.settings."):
            taken[str(node.module).rpartition(".")[2]] = {alias.name for alias in node.names}
    return sorted(
        f"{topic}: {name}"
        for topic, text in topics.items()
        if topic != "base" and "*" not in taken.get(topic, set())
        for name in _settings_of(text) - taken.get(topic, set())
    )


def test_each_setting_stands_in_one_file_and_each_file_is_taken_in() -> None:
    topics = _topics()
    assert {"base", "database", "jobs", "people", "api"} <= set(topics)
    assert (_said_twice(topics), _left_out(topics)) == ([], [])


def test_a_second_place_and_a_forgotten_file_are_found() -> None:
    topics = _topics()
    assert _said_twice({**topics, "api": topics["api"] + "\nif True:\n    SESSION_COOKIE_AGE = 60\n"}) == [
        "SESSION_COOKIE_AGE"
    ]
    assert _left_out({**topics, "forgotten": "RATE = 5\n"}) == ["forgotten: RATE"]
    assert _left_out(
        {**topics, "base": topics["base"].replace("settings.uploads import *", "settings.nothing import *")}
    )
