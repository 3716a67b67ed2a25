"""A client (VEN) of an OpenADR 3 server (VTN): its token, its lists page by page, our registration, our reports.

Calls go through the one door to the outside: https only, to public addresses, unless the house names a network of its
own. Reading is tried again at once where the line broke; whoever asks waits longer after that. Nothing here believes a
server: sizes, pages and forms are limited, and whatever is not as the standard says is an error with words.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

from curtailment.engine.openadr_bodies import PAGE, resource_body, ven_body
from hashinsight.common.outbound import OutboundFailed, OutboundRefused, Policy, Reply, fetch

MOST_PAGES = 40
MOST_BYTES = 4_000_000
SECONDS = 20.0
TRIES = 3
PAUSE_S = 0.5
LONGEST_WAIT_S = 3600
TOKEN_MARGIN = timedelta(seconds=60)
TOKEN_LIVES = timedelta(minutes=10)  # where the server does not say
GONE = 404


class VtnError(Exception):
    """The server did not give what was asked; the message is fit for a page. ``wait_s``: so long it asks for."""

    def __init__(self, message: str, *, wait_s: float = 0.0) -> None:
        super().__init__(message[:300])
        self.wait_s = wait_s


@dataclass(frozen=True)
class Account:
    """What opens a server."""

    base_url: str
    client_id: str
    client_secret: str
    token_url: str = ""
    scope: str = ""
    newer: bool = True


class Vtn:
    """A conversation with one server. ``token`` and ``token_until`` may be kept from one to the next."""

    def __init__(
        self, account: Account, *, policy: Policy, clock: Callable[[], datetime], token: str = "",
        token_until: datetime | None = None, sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self.account, self.policy, self.clock, self.sleep = account, policy, clock, sleep
        self.token, self.token_until = token, token_until
        self.offset_s: int | None = None

    # --- what it has ----------------------------------------------------------------------------------------------
    def programs(self) -> list[Mapping[str, Any]]:
        """All we may see."""
        return list(self._pages("/programs"))

    def events(self, program_id: str = "") -> list[Mapping[str, Any]]:
        """Of a program, or all."""
        return list(self._pages("/events", **({"programID": program_id} if program_id else {})))

    def event(self, event_id: str) -> Mapping[str, Any] | None:
        """One event; None where the server says that there is none."""
        return self._object("GET", f"/events/{quote(event_id, safe='')}", gone=True)

    def ven(self, name: str) -> str:
        """The id of our registration, made where there is none."""
        for row in self._pages("/vens", venName=name):
            if row.get("venName") == name:
                return _id_of(row)
        return _id_of(self._created("/vens", ven_body(name, newer=self.account.newer)))

    def resource(self, name: str, *, ven_id: str) -> str:
        """The id of a site there, made where there is none."""
        newer = self.account.newer
        path = "/resources" if newer else f"/vens/{quote(ven_id, safe='')}/resources"
        asked = {"resourceName": name, **({"venID": ven_id} if newer else {})}
        for row in self._pages(path, **asked):
            if row.get("resourceName") == name:
                return _id_of(row)
        return _id_of(self._created(path, resource_body(name, ven_id=ven_id, newer=newer)))

    def send_report(self, body: Mapping[str, Any]) -> None:
        """Hand a report over; one of the same name that is there already is as good."""
        reply = self._call("POST", "/reports", body=json.dumps(body).encode())
        if reply.status not in (200, 201, 409):
            raise _error(reply)

    # --- how ------------------------------------------------------------------------------------------------------
    def _created(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        reply = self._call("POST", path, body=json.dumps(body).encode())
        if reply.status not in (200, 201):
            raise _error(reply)
        return _mapping(_json(reply))

    def _object(self, method: str, path: str, *, gone: bool) -> Mapping[str, Any] | None:
        reply = self._call(method, path)
        if gone and reply.status == GONE:
            return None
        if reply.status != 200:
            raise _error(reply)
        return _mapping(_json(reply))

    def _pages(self, path: str, **asked: str) -> Iterator[Mapping[str, Any]]:
        """Everything, page by page; a page that is not full is the last, a row that came before is not given again."""
        seen: set[str] = set()
        for number in range(MOST_PAGES):
            query = urlencode({**asked, "skip": number * PAGE, "limit": PAGE})
            reply = self._call("GET", f"{path}?{query}")
            if reply.status != 200:
                raise _error(reply)
            rows = _json(reply)
            if not isinstance(rows, list):
                raise VtnError(f"{path}: no list")
            new = [row for row in map(_mapping, rows) if str(row.get("id")) not in seen]
            seen |= {str(row.get("id")) for row in new}
            yield from new
            if len(rows) < PAGE or not new:
                return
        raise VtnError(f"{path}: more than {MOST_PAGES * PAGE} rows")

    def _call(self, method: str, path: str, *, body: bytes = b"") -> Reply:
        """With our token; a new one where the server does not take it any more."""
        for fresh in (False, True):
            if fresh or not self._has_token():
                self._fetch_token()
            headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
            if body:
                headers["Content-Type"] = "application/json"
            reply = self._fetch(method, self.account.base_url.rstrip("/") + path, headers, body)
            if reply.status != 401 or fresh:
                return reply
        raise AssertionError("never reached")

    def _has_token(self) -> bool:
        return bool(self.token) and self.token_until is not None and self.clock() < self.token_until

    def _fetch_token(self) -> None:
        form = {
            "grant_type": "client_credentials", "client_id": self.account.client_id,
            "client_secret": self.account.client_secret,
        }  # fmt: skip
        if self.account.scope:
            form["scope"] = self.account.scope
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        reply = self._fetch("POST", self._token_url(), headers, urlencode(form).encode())
        if reply.status != 200:
            raise VtnError(f"no token: {_words(reply)}", wait_s=_wait(reply))
        said = _mapping(_json(reply))
        token, lives = said.get("access_token"), said.get("expires_in")
        if not isinstance(token, str) or not 0 < len(token) <= 4096 or not token.isascii() or not token.isprintable():
            raise VtnError("no token: the answer has none")
        self.token = token
        seconds = timedelta(seconds=min(int(lives), 86_400)) if isinstance(lives, int) and lives > 0 else TOKEN_LIVES
        self.token_until = self.clock() + max(seconds - TOKEN_MARGIN, seconds / 2)

    def _token_url(self) -> str:
        """As it was typed; else as the server tells (3.1), else where 3.0 has it."""
        base = self.account.base_url.rstrip("/")
        if self.account.token_url:
            return self.account.token_url
        if self.account.newer:
            reply = self._fetch("GET", f"{base}/auth/server", {"Accept": "application/json"})
            if reply.status == 200:
                url = _mapping(_json(reply)).get("tokenURL")
                if isinstance(url, str) and url:
                    return url if url.startswith(("http://", "https://")) else f"{base}/{url.lstrip('/')}"
        return f"{base}/auth/token"

    def _fetch(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        error, wait = "", 0.0
        for number in range(TRIES if method == "GET" else 1):
            if number:
                self.sleep(PAUSE_S * number)
            try:
                reply = fetch(method, url, headers=headers, body=body, policy=self.policy)
            except OutboundRefused as refused:
                raise VtnError(str(refused)) from refused
            except OutboundFailed as failed:
                error = str(failed)
                continue
            self._note_clock(reply)
            if reply.status < 500:
                return reply
            error, wait = _words(reply), _wait(reply)
        raise VtnError(error, wait_s=wait)

    def _note_clock(self, reply: Reply) -> None:
        try:
            theirs = parsedate_to_datetime(reply.headers.get("date", ""))
        except (TypeError, ValueError):
            return
        theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
        self.offset_s = round((theirs - self.clock()).total_seconds())


def _json(reply: Reply) -> Any:
    if reply.cut:
        raise VtnError("the answer is too long")
    try:
        return json.loads(reply.body.decode(), parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise VtnError("the answer is no JSON") from error


def _no_number(name: str) -> Any:
    raise ValueError(name)


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise VtnError("the answer is no object")
    return value


def _id_of(row: Mapping[str, Any]) -> str:
    value = row.get("id")
    if not isinstance(value, str) or not 0 < len(value) <= 128:
        raise VtnError("the answer has no id")
    return value


def _words(reply: Reply) -> str:
    """Status, and what the problem says of itself."""
    try:
        said = json.loads(reply.body.decode())
    except (ValueError, RecursionError):
        said = {}
    said = said if isinstance(said, dict) else {}
    parts = [said.get(name) for name in ("title", "detail", "error", "error_description")]
    texts = ["".join(letter for letter in one if letter.isprintable())[:120] for one in parts if isinstance(one, str)]
    return f"HTTP {reply.status} {'; '.join(texts)}".strip()


def _wait(reply: Reply) -> float:
    """What Retry-After says, in seconds."""
    text = reply.headers.get("retry-after", "")
    return float(min(int(text), LONGEST_WAIT_S)) if text.isascii() and text.isdigit() and len(text) < 9 else 0.0


def _error(reply: Reply) -> VtnError:
    return VtnError(_words(reply), wait_s=_wait(reply))
