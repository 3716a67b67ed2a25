"""Advisories about pinned packages, and the list of what a server is made of."""

import datetime
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from hashinsight.devtools import advisories, checks, cli, sbom
from hashinsight.devtools.advisories import ACCEPTED, REQUIREMENTS, Unreachable, accepted, ask_service, judge, pins
from tests.support.servers import Heard, listening

TODAY = datetime.date(2026, 11, 20)
PINS = {("django", "5.2.19"): ["a" * 64], ("jinja2", "2.4.1"): ["b" * 64]}
ASKED = sorted(PINS)


def knowing(heard: Heard) -> tuple[int, dict[str, str], bytes]:
    """A service that knows one weakness of Jinja2 2.4.1."""
    found = [
        {"vulns": [{"id": "GHSA-462w-v97r-4m45", "modified": "x"}]} if one["package"]["name"] == "jinja2" else {}
        for one in json.loads(heard.body)["queries"]
    ]
    return 200, {}, json.dumps({"results": found}).encode()


def test_one_question_names_every_package_with_its_version() -> None:
    with listening() as service:
        service.answer = knowing
        assert ask_service(ASKED, address=service.url()) == [[], ["GHSA-462w-v97r-4m45"]]
    [heard] = service.requests
    assert json.loads(heard.body)["queries"] == [
        {"package": {"name": name, "ecosystem": "PyPI"}, "version": version} for name, version in ASKED
    ]


def test_a_known_weakness_fails_and_is_named() -> None:
    code, lines = judge(PINS, lambda asked: [[], ["GHSA-1"]], accept=set())
    assert code == 1
    assert lines[0] == "jinja2 2.4.1: https://osv.dev/vulnerability/GHSA-1"


def test_without_any_it_passes_and_says_how_many_were_looked_at() -> None:
    assert judge(PINS, lambda asked: [[], []], accept=set()) == (0, ["no known weakness in 2 pinned packages"])


def test_an_accepted_one_passes_until_its_day() -> None:
    text = "# heading\nGHSA-1 2026-11-20 not reachable from our code\n"
    for day, code in ((TODAY, 0), (TODAY + datetime.timedelta(days=1), 1)):
        assert judge(PINS, lambda asked: [[], ["GHSA-1"]], accept=accepted(text, day))[0] == code
    with pytest.raises(ValueError, match="not enough values"):
        accepted("GHSA-1 2026-11-20\n", TODAY)


@pytest.mark.parametrize("answer", [(500, b"x"), (200, b"<html>"), (200, b"{}"), (200, b'{"results": []}')])
def test_an_answer_that_is_none_counts_as_unreachable(answer: tuple[int, bytes]) -> None:
    with listening() as service:
        service.answer = lambda heard: (answer[0], {}, answer[1])
        with pytest.raises(Unreachable):
            ask_service(ASKED, address=service.url())


def test_nobody_there_is_said_loudly_passes_and_takes_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advisories, "LONGEST_SECONDS", 0.3)
    with socket.socket() as deaf:  # takes the call and never answers
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        began = time.monotonic()
        code, lines = judge(PINS, lambda asked: ask_service(asked, address=address), accept=set())
    assert (code, time.monotonic() - began < 2) == (0, True)
    [line] = lines
    assert line.startswith("NOTICE: NO ADVISORIES WERE READ")
    assert "2 pinned packages were not looked at" in line


def test_the_check_shows_a_notice_though_it_passed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log"
    log.write_text("something\nNOTICE: NO ADVISORIES WERE READ\n")

    class Process:
        returncode = 0

    one = next(check for check in checks.CHECKS if check.name == "advisories")
    process: Any = Process()
    assert checks._report([checks.Started(one, process, log, 0.0)]) == 0
    assert "NOTICE: NO ADVISORIES WERE READ" in capsys.readouterr().out


def test_every_list_is_compiled_and_every_pin_has_hashes() -> None:
    names = {path.stem for path in REQUIREMENTS.glob("*.in")}
    assert {path.stem for path in REQUIREMENTS.glob("*.txt")} == names | {ACCEPTED.stem}
    for name in names:
        found = pins([REQUIREMENTS / f"{name}.txt"])
        assert found, name
        assert [pin for pin, hashes in found.items() if not hashes] == [], name
        compiled = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8").count("==")
        assert compiled == len(found), name


def test_what_is_asked_for_is_what_is_pinned() -> None:
    """The compiled lists belong to what the lists name."""
    for path in REQUIREMENTS.glob("*.in"):
        wanted = {line.partition("[")[0].split("==")[0].lower(): line.partition("==")[2] for line in path.read_text(
            encoding="utf-8").splitlines() if "==" in line and not line.startswith("#")}  # fmt: skip
        found = dict(pins([path.with_suffix(".txt")]))
        missing = [name for name, version in wanted.items() if (name.replace("_", "-"), version.strip()) not in found]
        assert missing == [], path.name


def test_the_list_of_a_server_is_whole_and_always_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sbom"]) == 0
    first = capsys.readouterr().out
    assert cli.main(["sbom", "-"]) == 0
    assert capsys.readouterr().out == first
    document = json.loads(first)
    pinned = pins([REQUIREMENTS / "production.txt"])
    assert {(one["name"], one["version"]) for one in document["components"]} == set(pinned)
    for one in document["components"]:
        [reference] = one["externalReferences"]
        assert {two["content"] for two in reference["hashes"]} == set(pinned[one["name"], one["version"]])
    other = json.loads(sbom.written([REQUIREMENTS / "production.txt", REQUIREMENTS / "geoip.txt"]))
    assert other["serialNumber"] != document["serialNumber"]
    assert "maxminddb" in {one["name"] for one in other["components"]} - {one["name"] for one in document["components"]}


def test_a_part_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sbom", "-", "everything"]) == 1
    assert "there is no part everything" in capsys.readouterr().err
