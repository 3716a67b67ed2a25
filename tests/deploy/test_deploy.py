"""deploy/ names programs, queues, commands and settings that exist, and the same set of processes everywhere."""

import ast
import configparser
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from hashinsight.devtools import product
from hashinsight.devtools.environment import Endpoints
from hashinsight.devtools.paths import ROOT, Place

DEPLOY = ROOT / "deploy"
UNITS = DEPLOY / "systemd"
# Said by code or by the container, not by a person.
INTERNAL = {"HASHINSIGHT_ROLE"}
# Read by ./dev, by the processes' starters or by the release, not by the settings.
ELSEWHERE = {"DATABASE_OWNER_URL", "KAFKA_BOOTSTRAP_SERVERS"}
HARDENED = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "RestrictSUIDSGID": "yes",
}


def settings_read() -> set[str]:
    """Names of the environment the settings ask for, from their source."""
    names: set[str] = set()
    for path in [*(ROOT / "hashinsight" / "settings").glob("*.py"), ROOT / "hashinsight" / "env.py"]:
        if path.name in {"test.py"}:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            function = getattr(node.func, "id", "")
            if (function.startswith("env_") or function.endswith("_from_url")) and node.args[0].value:
                names.add(str(node.args[0].value))
    return names - INTERNAL


def settings_named(text: str) -> dict[str, str]:
    """Names in an environment file, each with the comment above it ('' when there is none)."""
    found: dict[str, str] = {}
    comment = ""
    for line in text.splitlines():
        name = re.match(r"(?:# )?([A-Z][A-Z0-9_]+)=", line)
        if name:
            found[name[1]] = comment
        elif line.startswith("# ") and not line.startswith("# ---"):
            comment = line
        else:
            comment = ""
    return found


def unit(path: Path) -> dict[str, dict[str, list[str]]]:
    """Sections of a unit; a key may come several times."""
    sections: dict[str, dict[str, list[str]]] = {}
    current: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), {})
        elif line and not line.startswith(("#", ";")):
            key, _equals, value = line.partition("=")
            current.setdefault(key, []).append(value)
    return sections


def unit_commands() -> dict[str, list[str]]:
    """Program and arguments of each unit."""
    return {
        path.stem.removeprefix("hashinsight-").rstrip("@"): shlex.split(unit(path)["Service"]["ExecStart"][0])
        for path in sorted(UNITS.glob("*.service"))
    }


def compose() -> dict[str, Any]:
    """The compose file."""
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def compose_commands() -> dict[str, list[str]]:
    """Program and arguments of each service that is the product."""
    services = compose()["services"]
    return {name: one["command"] for name, one in services.items() if one.get("image") == "hashinsight:latest"}


def kind_of(argv: list[str]) -> tuple[str, ...]:
    """What a process is, however it is started: (worker, its queues), (beat,), (relay,), (sinks,), (web,), …"""
    words = [Path(word).name if "/" in word and "," not in word else word for word in argv]
    if "worker" in words:
        return ("worker", words[words.index("--queues") + 1])
    if "beat" in words:
        return ("beat",)
    if "run_relay" in words:
        return ("sinks",) if "--sinks" in words else ("relay",)
    if "gunicorn" in words:
        return ("web",)
    return ("command", words[words.index("manage.py") + 1]) if "manage.py" in words else ("unknown", *words)


def local_kinds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> set[tuple[str, ...]]:
    """The processes of ``./dev run``, with sinks."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092")
    place = Place("deploy", tmp_path)
    place.make()
    endpoints = Endpoints("postgresql:///x", "postgresql:///x", "redis://x", "locmem://")
    programs = product.product_programs(place, endpoints, port=0)
    return {kind_of(one.argv) for one in programs}


def test_all_three_ways_run_the_same_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    local = local_kinds(monkeypatch, tmp_path)
    assert ("unknown",) not in {one[:1] for one in local}
    units = {kind_of(argv) for name, argv in unit_commands().items() if name != "backup"}
    composed = {kind_of(argv) for name, argv in compose_commands().items() if name != "migrate"}
    assert local == units == composed
    assert len(local) == 8


def test_two_beats_and_a_timer_for_the_backup() -> None:
    wanted = " ".join(unit(UNITS / "hashinsight.target")["Unit"]["Wants"]).split()
    assert {"hashinsight-beat@1.service", "hashinsight-beat@2.service", "hashinsight-backup.timer"} <= set(wanted)
    for name in wanted:
        assert (UNITS / re.sub(r"@\w+", "@", name)).exists(), name
    assert compose()["services"]["beat"]["deploy"]["replicas"] == 2


def commands_named() -> Iterator[tuple[str, str]]:
    """Every ``manage.py …`` of files and how-tos."""
    pages = [*DEPLOY.rglob("*"), *(ROOT / "docs" / "howto").glob("*.md")]
    for path in pages:
        if path.is_file():
            for name in re.findall(r'manage\.py"?,? "?([a-z_]+)', path.read_text("utf-8")):
                yield path.name, name


def test_every_command_named_exists() -> None:
    known = set(get_commands())
    found = list(commands_named())
    assert len(found) > 10
    assert [(page, name) for page, name in found if name not in known] == []


def test_every_program_named_exists() -> None:
    folder = Path(sys.executable).parent
    for name, argv in {**unit_commands(), **compose_commands()}.items():
        program = Path(argv[0]).name
        assert program == "sh" or (folder / program).exists(), (name, program)


def test_every_setting_is_in_the_example_with_a_comment_and_none_that_is_not() -> None:
    named = settings_named((DEPLOY / "env.example").read_text("utf-8"))
    assert sorted(settings_read() - set(named)) == []
    assert sorted(set(named) - settings_read() - ELSEWHERE) == []
    # Lines of one group stand below one comment.
    lines = (DEPLOY / "env.example").read_text("utf-8").splitlines()
    bare = [
        line
        for before, line in pairwise(lines)
        if re.match(r"(# )?[A-Z][A-Z0-9_]+=", line) and (not before.strip() or before.startswith("# ---"))
    ]
    assert [line for line in bare if not line.startswith("# ")] == []


def test_a_setting_left_out_and_one_made_up_are_found() -> None:
    text = (DEPLOY / "env.example").read_text("utf-8")
    assert "SECRET_KEY" in settings_read() - set(settings_named(text.replace("\nSECRET_KEY=", "\n")))
    assert "MADE_UP" in set(settings_named(text + "\nMADE_UP=1\n")) - settings_read()


@pytest.mark.parametrize("path", sorted(UNITS.glob("*.service")), ids=lambda path: path.stem)
def test_units_give_no_more_rights_than_needed_and_stop_in_time(path: Path) -> None:
    service = unit(path)["Service"]
    for key, value in HARDENED.items():
        assert service.get(key) == [value], key
    assert service["User"] == ["hashinsight"]
    assert int(service["TimeoutStopSec"][0]) > 30  # the workers' own patience


def test_containers_give_no_more_rights_than_needed_and_stop_in_time() -> None:
    for name, one in compose()["services"].items():
        if one.get("image") == "hashinsight:latest":
            assert (one["read_only"], one["cap_drop"], one["user"]) == (True, ["ALL"], "10001:10001"), name
            assert int(one["stop_grace_period"].removesuffix("s")) > 30
        published = [port for port in one.get("ports", []) if not port.startswith("127.0.0.1:")]
        assert published == [], name
    for name in ("database", "broker", "web"):
        assert "healthcheck" in compose()["services"][name]


def test_volumes_and_secrets_named_are_declared() -> None:
    known = compose()
    for name, one in known["services"].items():
        for volume in one.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in known["volumes"] or (DEPLOY / source).exists(), (name, source)
        for secret in one.get("secrets", []):
            assert secret in known["secrets"]


def test_the_archive_keeps_what_is_promised() -> None:
    """At most fifteen minutes are lost: the log is archived every five."""
    parser = configparser.ConfigParser(strict=True, interpolation=None)
    parser.read_string("[server]\n" + (DEPLOY / "postgresql" / "hashinsight.conf").read_text("utf-8"))
    server = parser["server"]
    assert (server["archive_mode"], server["wal_level"]) == ("on", "replica")
    assert 0 < int(server["archive_timeout"]) <= 600


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("LOUD: no systemd-analyze here, so only our own look at the units was taken")
    for path in UNITS.iterdir():
        text = path.read_text("utf-8").replace("/opt/hashinsight/venv/bin/", "/bin/")
        text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", text)
        name = path.name
        (tmp_path / name).write_text(re.sub(r"(?m)^(User|Group|WorkingDirectory|EnvironmentFile)=.*\n", "", text))
        if "@" in name:
            shutil.copy(tmp_path / name, tmp_path / name.replace("@", "@1"))
            shutil.copy(tmp_path / name, tmp_path / name.replace("@", "@2"))
    chosen = [str(path) for path in sorted(tmp_path.iterdir()) if "@." not in path.name]
    done = subprocess.run(
        [program, "verify", "--man=no", "--recursive-errors=no", *chosen],
        capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "hashinsight" in line]
    assert ours == []
