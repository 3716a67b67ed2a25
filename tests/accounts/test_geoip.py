"""The place of an address in login records: only where a file is configured, and never in the way of a sign-in."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from accounts.checks import check_geoip
from accounts.clients import geoip
from accounts.models import LoginRecord, User
from tests.accounts.conftest import HOME, SignIn

ZURICH = {"city": {"names": {"en": "Zürich", "de": "Zürich"}}, "country": {"names": {"en": "Switzerland"}}}


@pytest.fixture
def file(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A file, and in place of the optional package one that answers with what the test puts in."""
    path = tmp_path / "city.mmdb"
    path.write_bytes(b"x")
    settings.GEOIP_FILE = str(path)
    known: dict[str, Any] = {"198.51.100.7": ZURICH}
    monkeypatch.setitem(sys.modules, "maxminddb", SimpleNamespace(open_database=lambda name: known))
    geoip._opened.cache_clear()
    return known


def test_nothing_is_configured(dora: User, sign_in: SignIn) -> None:
    sign_in()

    assert LoginRecord.objects.get().location == ""
    assert check_geoip() == []


def test_a_sign_in_names_its_place(dora: User, sign_in: SignIn, client: Client, root: User, file: Any) -> None:
    sign_in()

    assert LoginRecord.objects.get().location == "Zürich, Switzerland"
    assert "Zürich, Switzerland" in client.get(HOME).content.decode()
    client.force_login(root)
    assert "Zürich, Switzerland" in client.get("/admin/accounts/loginrecord/").content.decode()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, ""),
        ({}, ""),
        ({"country": {"names": {"en": "Norway"}}}, "Norway"),
        ({"country": {"names": {"de": "Norwegen"}}}, ""),
        ({"city": "x", "country": ["y"]}, ""),
        ("text", ""),
        ({"city": {"names": {"en": "a\x00\u202eb" + "c" * 900}}}, None),
    ],
)
def test_whatever_the_file_says(dora: User, sign_in: SignIn, file: Any, answer: Any, words: str | None) -> None:
    file["198.51.100.7"] = answer
    sign_in()
    location = LoginRecord.objects.get().location

    assert location == words if words is not None else (len(location), location[:3]) == (512, "abc")


@pytest.mark.parametrize("broken", ["missing", "no package", "nonsense"])
def test_a_broken_set_up_is_told_and_locks_nobody_out(
    dora: User, sign_in: SignIn, file: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fails(name: str) -> None:
        raise ValueError("not a database")

    if broken == "missing":
        settings.GEOIP_FILE = "/nowhere/city.mmdb"
    elif broken == "no package":
        monkeypatch.setitem(sys.modules, "maxminddb", None)
    else:
        monkeypatch.setitem(sys.modules, "maxminddb", SimpleNamespace(open_database=fails))
    [warning] = check_geoip()

    assert (warning.id, warning.msg.startswith("GEOIP_FILE: ")) == ("accounts.W001", True)
    assert sign_in()["Location"] == HOME
    assert LoginRecord.objects.get().location == ""
