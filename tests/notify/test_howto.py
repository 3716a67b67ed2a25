"""The code a receiver copies from docs/howto/notifications.md does what it says."""

import base64
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hashinsight.notify.engine import signing

PAGE = (Path(__file__).resolve().parents[2] / "docs/howto/notifications.md").read_text("utf-8")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = signing.new_secret(b"y" * 32)
STAMP = 1614265330
BODY = b'{"test": 2432232314}'


def _verify() -> Any:
    names: dict[str, Any] = {}
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    exec(code, names)
    return names["verify"]


def test_the_python_of_the_page_tells_good_from_bad() -> None:
    verify = _verify()
    good = signing.headers([SECRET], message_id="msg_1", timestamp=STAMP, body=BODY)
    assert verify(SECRET, good, BODY, now=STAMP + 10)
    assert not verify(SECRET, good, BODY + b" ", now=STAMP + 10)
    assert not verify(SECRET, {**good, "webhook-id": "msg_2"}, BODY, now=STAMP + 10)
    assert not verify(OTHER, good, BODY, now=STAMP + 10)
    assert not verify(SECRET, good, BODY, now=STAMP + 301)
    assert not verify(SECRET, good, BODY, now=STAMP - 301)
    rotated = signing.headers([OTHER, SECRET], message_id="msg_1", timestamp=STAMP, body=BODY)
    assert verify(SECRET, rotated, BODY, now=STAMP)
    assert verify(OTHER, rotated, BODY, now=STAMP)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="LOUD: openssl is not installed")
def test_the_shell_of_the_page_makes_the_same_signature(tmp_path: Path) -> None:
    (code,) = re.findall(r"```sh\n(key=.*?)```", PAGE, re.S)
    (tmp_path / "body.json").write_bytes(BODY)
    environment = {"SECRET": SECRET, "ID": "msg_p5jXN8AQM9LWM0D4loKWxJek", "TIMESTAMP": str(STAMP)}
    environment["PATH"] = "/usr/local/bin:/usr/bin:/bin"
    made = subprocess.run(
        ["sh", "-c", code], cwd=tmp_path, env=environment, capture_output=True, check=True, text=True
    ).stdout.strip()
    assert base64.b64decode(made)
    assert f"v1,{made}" == signing.signature(SECRET, message_id=environment["ID"], timestamp=STAMP, body=BODY)
