"""No file of the project holds a secret: neither a private key nor a key or token of a known form."""

import re
import subprocess

import pytest

from hashinsight.devtools.paths import ROOT

FORMS = {
    "private key": re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    "AWS key": re.compile(rb"\bAKIA[0-9A-Z]{16}\b"),
    "GitHub token": re.compile(rb"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
    "Slack token": re.compile(rb"\bxox[abprs]-[0-9A-Za-z-]{20,}"),
    "Stripe key": re.compile(rb"\b[sr]k_live_[0-9A-Za-z]{20,}"),
    "our API key": re.compile(rb"\bhi_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}\b"),
}


def found(content: bytes) -> list[str]:
    return [name for name, form in FORMS.items() if form.search(content)]


def test_no_tracked_file_holds_a_secret() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: nothing tells which files are the project's")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]

    assert len(paths) > 400
    assert [f"{path}: {kinds}" for path in paths if path.is_file() and (kinds := found(path.read_bytes()))] == []


@pytest.mark.parametrize(
    ("name", "planted"),
    [
        ("private key", "-----BEGIN " + "RSA PRIVATE KEY-----"),
        ("AWS key", "AKIA" + "A" * 16),
        ("GitHub token", "ghp_" + "a" * 36),
        ("Slack token", "xoxb-" + "1" * 24),
        ("Stripe key", "sk_live_" + "a" * 24),
        ("our API key", "hi_" + "a" * 8 + "_" + "b" * 43),
    ],
)
def test_a_planted_secret_is_found(name: str, planted: str) -> None:
    assert found(f"x = '{planted}'".encode()) == [name]
