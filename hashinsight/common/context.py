"""The id of the request being served, carried through logs, answers, audit rows and tasks."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from hashinsight.common.ids import new_public_id

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")


def current_request_id() -> str:
    """The id of the request or task being served; empty outside of one."""
    return _request_id.get()


def clean_request_id(value: str | None) -> str:
    """The caller's id when it is harmless (8 to 64 letters, digits, ``._-``), otherwise a new one."""
    if value and _ACCEPTED.fullmatch(value):
        return value
    return str(new_public_id())


@contextmanager
def request_id_scope(value: str) -> Iterator[str]:
    """Make ``value`` the current request id inside the block."""
    token = _request_id.set(value)
    try:
        yield value
    finally:
        _request_id.reset(token)
