"""The server as an edge device sees it: seven addresses, and troubles that pass or do not."""

import gzip
import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from hosting.engine.ingest.wire import MEDIA_TYPE

_TIMEOUT_S = 60.0
_MOST_ANSWER = 20_000_000


class ServerAway(Exception):
    """Nobody answered, or asked for patience: try again after ``wait_s``."""

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class ServerRefused(Exception):
    """Trying again will not help; ``code`` is the server's word for why."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code


@dataclass(slots=True)
class EdgeServer:
    """Calls of one device."""

    address: str
    token: str = ""

    def __post_init__(self) -> None:
        if urlsplit(self.address).scheme not in ("http", "https"):
            raise ValueError("the address of the server begins with https:// (or http:// on a closed network)")

    def enrol(self, code: str, *, public_key: str, version: str) -> dict[str, Any]:
        """Trade a code for a token."""
        return self._call("enrol", {"code": code, "public_key": public_key, "software_version": version})

    def rotate(self) -> dict[str, Any]:
        """A new token, and the public keys of leases; the token in use opens for another day."""
        return self._call("rotate", {})

    def lease(self, question: dict[str, Any]) -> dict[str, Any]:
        """Say what became of orders and machines, and fetch what may be switched."""
        return self._call("lease", question)

    def machines(self) -> dict[str, Any]:
        """Whom to read, and how often."""
        return self._call("machines", None)

    def meters(self) -> dict[str, Any]:
        """Which meters to read, and how."""
        return self._call("meters", None)

    def push(self, body: bytes) -> dict[str, Any]:
        """Hand a batch over: columns are of machines, JSON is of meters."""
        of_meters = body.startswith(b"{")
        headers = {
            "Content-Type": "application/json" if of_meters else MEDIA_TYPE,
            "Content-Encoding": "gzip",
            "X-Sent-At": datetime.now(UTC).isoformat(),
        }
        return self._send("meter-readings" if of_meters else "batches", gzip.compress(body, 1), headers)

    def _call(self, name: str, said: Any) -> dict[str, Any]:
        body = None if said is None else json.dumps(said).encode()
        return self._send(name, body, {"Content-Type": "application/json"})

    def _send(self, name: str, body: bytes | None, headers: dict[str, str]) -> dict[str, Any]:
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        address = f"{self.address.rstrip('/')}/api/v1/edge/{name}/"
        request = urllib.request.Request(address, body, headers)  # noqa: S310  (http or https: checked above)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
                return _object(answer.read(_MOST_ANSWER))
        except urllib.error.HTTPError as error:
            raise _trouble(error) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ServerAway(f"{type(error).__name__}: {error}"[:200]) from error


def _object(raw: bytes) -> dict[str, Any]:
    said = json.loads(raw)
    if not isinstance(said, dict):
        raise ValueError("the answer is no object")
    return said


def _trouble(error: urllib.error.HTTPError) -> Exception:
    wait = error.headers.get("Retry-After", "")
    if error.code == 429 or error.code >= 500:
        return ServerAway(f"the server answered {error.code}", float(wait) if wait.isdecimal() else 0.0)
    try:
        said = _object(error.read(100_000))
    except (OSError, ValueError, http.client.HTTPException):
        said = {}
    return ServerRefused(error.code, str(said.get("code", "")), str(said.get("detail", ""))[:200])
