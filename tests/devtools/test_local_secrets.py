"""Secrets: for their owner only, the same after every restart."""

import json
import os
from dataclasses import asdict
from pathlib import Path

from hashinsight.devtools.local_secrets import load_or_create


def test_the_file_is_private_whatever_the_umask(folder: Path) -> None:
    old = os.umask(0)
    try:
        load_or_create(folder / "secrets.json")
    finally:
        os.umask(old)

    assert (folder / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_secrets_stay_the_same_and_differ_between_places(folder: Path) -> None:
    first = load_or_create(folder / "a.json")

    assert load_or_create(folder / "a.json") == first
    assert set(asdict(first).values()).isdisjoint(asdict(load_or_create(folder / "b.json")).values())
    assert len(set(asdict(first).values())) == len(asdict(first))
    assert len(first.secret_key) >= 50


def test_a_missing_value_is_added_and_the_others_kept(folder: Path) -> None:
    path = folder / "secrets.json"
    first = load_or_create(path)
    known = {**json.loads(path.read_text()), "from_a_later_version": "x"}
    del known["api_key_pepper"]
    path.write_text(json.dumps(known))

    second = load_or_create(path)

    assert second.owner_password == first.owner_password
    assert second.api_key_pepper not in {"", first.api_key_pepper}
    assert json.loads(path.read_text())["from_a_later_version"] == "x"


def test_a_file_left_open_is_closed_again(folder: Path) -> None:
    path = folder / "secrets.json"
    load_or_create(path)
    path.chmod(0o644)

    load_or_create(path)

    assert path.stat().st_mode & 0o777 == 0o600
