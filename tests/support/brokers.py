"""Brokers installed on this machine beside the embedded one: found, given a place of our own in them, and left clean.

Found is what HASHINSIGHT_TEST_BROKER_URL names (its vhost or database is ours then), or a RabbitMQ or Redis that
answers on its usual port with its usual login. In a RabbitMQ we make a vhost, of quorum queues as on a server, and
delete it; of a Redis we use one database that is empty, and empty that one again.
"""

import atexit
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support import children

VARIABLE = "HASHINSIGHT_TEST_BROKER_URL"
USUAL = {"rabbitmq": "amqp://guest:guest@127.0.0.1:5672", "redis": "redis://127.0.0.1:6379"}
SCHEMES = {"amqp": "rabbitmq", "amqps": "rabbitmq", "redis": "redis", "rediss": "redis"}
EMBEDDED = "embedded"
NIGHTLY = bool(os.environ.get("HASHINSIGHT_NIGHTLY"))
NONE = f"LOUD: no RabbitMQ and no Redis is installed here; set {VARIABLE} to try one"
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_leaving: list["subprocess.Popen[bytes]"] = []


def installed() -> dict[str, str]:
    """By kind: the address of each broker that answers."""
    if url := os.environ.get(VARIABLE):
        return {SCHEMES[urlsplit(url).scheme]: url}
    return {kind: url for kind, url in USUAL.items() if _answers(url)}


def pytest_generate_tests(metafunc: Any) -> None:
    """A hook: at night whatever uses a broker runs on each there is."""
    if NIGHTLY and "broker_url" in metafunc.fixturenames:
        metafunc.parametrize("broker_url", [EMBEDDED, *installed()], indirect=True)


@contextmanager
def place_in(kind: str) -> Iterator[str]:
    """The address of an empty place of ours."""
    url = installed()[kind]
    if os.environ.get(VARIABLE):
        yield url
    elif kind == "rabbitmq":
        yield from _vhost(url)
    else:
        yield from _database(f"{url}/{13 - WORKER % 5}")


def _vhost(url: str) -> Iterator[str]:
    name = f"/hi_test_{os.getpid()}"
    if not shutil.which("rabbitmqctl") or _ctl("add_vhost", name, "--default-queue-type", "quorum").wait(timeout=60):
        pytest.skip(f"LOUD: RabbitMQ is here, but rabbitmqctl may not make a vhost in it; set {VARIABLE}")
    try:
        assert _ctl("set_permissions", "-p", name, "guest", ".*", ".*", ".*").wait(timeout=60) == 0
        yield f"{url}/{name.replace('/', '%2F')}"
    finally:
        _leaving.append(_ctl("delete_vhost", name))  # takes a second, for which nobody need wait


def _database(url: str) -> Iterator[str]:
    from redis import Redis

    with Redis.from_url(url) as line:
        if line.dbsize():
            pytest.skip(f"LOUD: database {urlsplit(url).path} of the Redis here is in use; set {VARIABLE}")
        try:
            yield url
        finally:
            line.flushdb()


def _ctl(*arguments: str) -> "subprocess.Popen[bytes]":
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return children.start(["rabbitmqctl", "--quiet", *arguments], **quiet)


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    try:
        with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=1):
            return True
    except OSError:
        return False


@atexit.register
def _wait() -> None:
    for process in _leaving:
        process.wait(timeout=60)
