"""A place of its own for each test: readable for the servers' account, and gone afterwards."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hashinsight.devtools.paths import Place
from hashinsight.devtools.processes import Keeper
from hashinsight.devtools.services import stop_services
from tests.devtools.support import isolate, roomy_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    with roomy_folder() as path:
        yield path


@pytest.fixture(autouse=True)
def _embedded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(folder, monkeypatch)


@pytest.fixture
def place(folder: Path) -> Place:
    made = Place("unit", folder / "var")
    made.make()
    return made


@pytest.fixture
def keeper(place: Place) -> Iterator[Keeper]:
    made = Keeper(place)
    yield made
    made.hurry = True
    made.stop([one.program.name for one in made.running if one.program.name not in {"postgres", "valkey"}], 1.0)
    stop_services(made)


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: it gives files to another account")
