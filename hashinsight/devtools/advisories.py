"""Known weaknesses of the packages we pin: one question to osv.dev, which knows what PyPA and GitHub publish.

Run by ``./dev check advisories``. Where the service cannot be reached the check says so loudly and passes: without
a network it must not stand in anybody's way, and it takes a few seconds at most.
"""

import datetime
import json
import os
import re
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from hashinsight.devtools.console import announce
from hashinsight.devtools.paths import ROOT

SERVICE = "https://api.osv.dev/v1/querybatch"
REQUIREMENTS = ROOT / "requirements"
ACCEPTED = REQUIREMENTS / "accepted-advisories.txt"
SOCKET_SECONDS = 3.0
LONGEST_SECONDS = 8.0
NOTICE = "NOTICE: "  # ./dev check shows lines that begin so even when all is well
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")

Pins = Mapping[tuple[str, str], list[str]]
Ask = Callable[[list[tuple[str, str]]], list[list[str]]]


class Unreachable(Exception):
    """Nobody answers, or not in the way the service does."""


def pins(files: Iterable[Path]) -> dict[tuple[str, str], list[str]]:
    """Name and version of all that is pinned, with the hashes of its files."""
    found: dict[tuple[str, str], list[str]] = {}
    for file in files:
        hashes: list[str] = []
        for line in file.read_text(encoding="utf-8").splitlines():
            if pin := _PIN.match(line):
                name = re.sub(r"[-_.]+", "-", pin[1]).lower()
                hashes = found.setdefault((name, pin[2]), [])
            hashes += [one for one in _HASH.findall(line) if one not in hashes]
    return found


def ask_service(packages: list[tuple[str, str]], *, address: str = SERVICE) -> list[list[str]]:
    """The advisories of each package; raises Unreachable."""
    queries = [{"package": {"name": name, "ecosystem": "PyPI"}, "version": version} for name, version in packages]
    body = json.dumps({"queries": queries}).encode()
    request = urllib.request.Request(address, data=body, headers={"Content-Type": "application/json"})
    answers: list[Any] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(request, timeout=SOCKET_SECONDS) as answer:
                results = json.loads(answer.read())["results"]
            answers.append([[str(one["id"]) for one in result.get("vulns", ())] for result in results])
        except Exception as error:
            answers.append(error)

    # A name server that does not answer knows no timeout of ours; the thread is left behind then.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(LONGEST_SECONDS)
    if not answers:
        raise Unreachable(f"no answer within {LONGEST_SECONDS:g} seconds")
    if isinstance(answers[0], Exception):
        raise Unreachable(str(answers[0]) or type(answers[0]).__name__)
    if len(answers[0]) != len(packages):
        raise Unreachable("the answer is not one for our question")
    return list(answers[0])


def accepted(text: str, today: datetime.date) -> set[str]:
    """Advisories we live with until a day: ``ID YYYY-MM-DD reason``. A line whose day has passed counts no more."""
    kept = set()
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, until, reason = line.split(maxsplit=2)
            if datetime.date.fromisoformat(until) >= today and reason:
                kept.add(name)
    return kept


def judge(packages: Pins, ask: Ask, *, accept: set[str]) -> tuple[int, list[str]]:
    """Exit code and what to say."""
    asked = sorted(packages)
    try:
        answers = ask(asked)
    except Unreachable as why:
        return 0, [
            f"{NOTICE}NO ADVISORIES WERE READ: osv.dev cannot be reached ({why}); {len(asked)} pinned packages were"
            " not looked at"
        ]
    known = [(package, name) for package, names in zip(asked, answers, strict=True) for name in names]
    bad = [(package, name) for package, name in known if name not in accept]
    lines = [f"{name} {version}: https://osv.dev/vulnerability/{one}" for (name, version), one in bad]
    if bad:
        return 1, [*lines, f"{len(bad)} known weaknesses in {len(asked)} pinned packages"]
    taken = f", {len(known)} accepted in {ACCEPTED.name}" if known else ""
    return 0, [f"no known weakness in {len(asked)} pinned packages{taken}"]


def main() -> int:
    """All that any of the lists pins."""
    listed = pins(sorted(path for path in REQUIREMENTS.glob("*.txt") if path != ACCEPTED))
    today = datetime.datetime.now(datetime.UTC).date()
    code, lines = judge(listed, ask_service, accept=accepted(ACCEPTED.read_text(encoding="utf-8"), today))
    for line in lines:
        announce(line)
    return code


if __name__ == "__main__":
    result = main()
    sys.stdout.flush()
    os._exit(result)  # a thread that waits for a name server waits alone
