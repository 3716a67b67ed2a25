"""The shell that a programme copies from docs/howto/dispatches.md makes messages that we take in."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from curtailment.domain.dispatch.drill import SCENARIOS
from curtailment.engine.dispatch_message import NAMES, call_of
from curtailment.models import Dispatch, Programme
from tests.curtailment.programme import hours

PAGE = (Path(__file__).resolve().parents[2] / "docs/howto/dispatches.md").read_text("utf-8")


@pytest.mark.django_db
@pytest.mark.skipif(shutil.which("openssl") is None, reason="LOUD: openssl is not installed")
def test_the_shell_of_the_page_signs_as_we_read_it(programme: Programme, tmp_path: Path) -> None:
    cache.clear()
    now = timezone.now()
    said = {"dispatch": "D", "starts_at": now + hours(1), "ends_at": now + hours(2), "kw": "7"}
    (tmp_path / "body.json").write_text(json.dumps(said, default=str))
    (code,) = re.findall(r"```sh\n(key=.*?)```", PAGE, re.S)
    fake = 'curl() { shift 3; for one in "$@"; do case "$one" in -H) ;; *) printf "%s\\n" "$one";; esac; done; }\n'
    environment = {
        "SECRET": programme.reveal_secret(), "ID": "m-1", "TIMESTAMP": str(int(now.timestamp())),
        "ADDRESS": "x", "PATH": "/usr/local/bin:/usr/bin:/bin",
    }  # fmt: skip
    made = subprocess.run(
        ["sh", "-c", fake + code], cwd=tmp_path, env=environment, capture_output=True, check=True, text=True
    ).stdout.splitlines()
    headers = dict(line.split(": ", 1) for line in made)
    kind = headers.pop("content-type")
    raw = (tmp_path / "body.json").read_bytes()
    path = f"/api/v1/dispatches/{programme.public_id}/"
    assert Client().post(path, raw, content_type=kind, headers=headers).status_code == 201
    assert Dispatch.objects.get().reference == "D"
    changed = raw.replace(b'"7"', b'"9"')
    assert Client().post(path, changed, content_type=kind, headers=headers).status_code == 401


def test_the_page_names_every_field_and_its_example_is_read() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE.split("## By signed webhook")[1].split("## By OpenADR")[0], re.M)
    assert {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)} >= NAMES
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.S)
    call, _site = call_of(json.loads(example))
    assert (call.dispatch_id, call.sequence) == ("ERS-1129-1", 1)
    assert f"plays {len(SCENARIOS)} scenarios" in PAGE
