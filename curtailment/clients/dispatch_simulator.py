"""A small OpenADR 3 server for drills and tests: on loopback, in this process, with whatever goes wrong in real life.

It speaks to one client only, keeps what it was asked and told, and forgets everything when it is closed.
"""

import json
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

MOST_BODY = 1_000_000


@dataclass(frozen=True)
class Asked:
    """One call: what was asked, and what was answered."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    status: int
    answer: Any


@dataclass
class Trouble:
    """What is wrong with the server."""

    silent: bool = False  # the line is cut without an answer
    status: int = 0  # every call is answered with it
    retry_after: str = ""
    no_events: bool = False  # the list is empty, though the events are there
    clock_ahead: timedelta = timedelta(0)


@dataclass
class Vtn:
    """The server; ``with Vtn() as vtn:`` runs it."""

    newer: bool = True
    client_id: str = "ven-client"
    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    trouble: Trouble = field(default_factory=Trouble)
    objects: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {kind: {} for kind in ("programs", "events", "vens", "resources", "reports")}
    )
    asked: list[Asked] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    _server: Any = None
    _made: int = 0

    def __enter__(self) -> "Vtn":
        handler = type("Handler", (_Handler,), {"vtn": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Its base."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/openadr3/{'3.1.0' if self.newer else '3.0.1'}"

    # --- what its people do ---------------------------------------------------------------------------------------
    def add_program(self, name: str, **more: Any) -> str:
        """A program; returns its id."""
        return str(self._add("programs", "PROGRAM", {"programName": name, **more})["id"])

    def put_event(self, body: Mapping[str, Any], event_id: str = "") -> str:
        """A new event, or the next form of one; returns its id."""
        if not event_id:
            return str(self._add("events", "EVENT", dict(body))["id"])
        old = self.objects["events"][event_id]
        kept = {name: old[name] for name in ("id", "createdDateTime", "objectType")}
        self.objects["events"][event_id] = {**body, **kept, "modificationDateTime": self._now()}
        return event_id

    def delete_event(self, event_id: str) -> None:
        """It is not there any more."""
        del self.objects["events"][event_id]

    def told(self, kind: str) -> list[dict[str, Any]]:
        """What the client has made: ``reports``, ``vens``, ``resources``."""
        return list(self.objects[kind].values())

    def _add(self, kind: str, word: str, body: dict[str, Any]) -> dict[str, Any]:
        self._made += 1
        row = {
            **body, "id": f"{kind[:-1]}-{self._made}", "createdDateTime": self._now(),
            "modificationDateTime": self._now(), "objectType": word,
        }  # fmt: skip
        self.objects[kind][row["id"]] = row
        return row

    def _now(self) -> str:
        """Never the same twice: it tells the forms of an event apart."""
        self._made += 1
        moment = datetime.now(UTC) + self.trouble.clock_ahead + timedelta(microseconds=self._made)
        return moment.isoformat().replace("+00:00", "Z")

    # --- what it answers ------------------------------------------------------------------------------------------
    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any, token: str) -> tuple[int, Any]:
        """Status and object."""
        if self.trouble.status:
            return self.trouble.status, _problem(self.trouble.status, "the drill says so")
        if path == "/auth/token" and method == "POST":
            return self._token(body)
        if path == "/auth/server" and self.newer:
            return 200, {"tokenURL": f"{self.url}/auth/token"}
        if token not in self.tokens:
            return 401, _problem(401, "no such token")
        first, _slash, rest = path.strip("/").partition("/")
        if not self.newer and first == "vens" and rest.endswith("/resources"):
            first, rest = "resources", ""
        if first not in self.objects:
            return 404, _problem(404, path)
        if method == "POST":
            return self._post(first, body)
        if rest:
            row = self.objects[first].get(rest)
            return (200, row) if row else (404, _problem(404, rest))
        return 200, self._page(first, query)

    def _token(self, body: Any) -> tuple[int, Any]:
        right = (body.get("client_id"), body.get("client_secret")) == (self.client_id, self.client_secret)
        if not right:
            return 401, {"error": "invalid_client"}
        token = secrets.token_urlsafe(16)
        self.tokens.add(token)
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600}

    def _post(self, kind: str, body: Any) -> tuple[int, Any]:
        if kind not in ("vens", "resources", "reports"):
            return 403, _problem(403, "clients do not write these")
        names = {"vens": "venName", "resources": "resourceName", "reports": "reportName"}
        name = body.get(names[kind])
        if any(row.get(names[kind]) == name for row in self.objects[kind].values()):
            return 409, _problem(409, f"{name} is there already")
        more = {"clientID": self.client_id} if self.newer else {}
        return 201, self._add(kind, kind[:-1].upper(), {**body, **more})

    def _page(self, kind: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        if kind == "events" and self.trouble.no_events:
            return []
        rows = list(self.objects[kind].values())
        for asked, name in (("programID", "programID"), ("venName", "venName"), ("resourceName", "resourceName")):
            if asked in query:
                rows = [row for row in rows if row.get(name) == query[asked]]
        skip, limit = int(query.get("skip", 0)), min(int(query.get("limit", 50)), 50)
        return rows[skip : skip + limit]


def _problem(status: int, detail: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": "Problem", "status": status, "detail": detail}


class _Handler(BaseHTTPRequestHandler):
    """HTTP around it."""

    vtn: Vtn
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Reading."""
        self._serve()

    def do_POST(self) -> None:
        """Writing."""
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what was asked is kept."""

    def _serve(self) -> None:
        vtn = self.vtn
        if vtn.trouble.silent:
            self.close_connection = True
            self.connection.close()
            return
        parts = urlsplit(self.path)
        base = urlsplit(vtn.url).path
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = self._body()
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        path = parts.path.removeprefix(base)
        status, answer = vtn.answer(str(self.command), path, query, body, token)
        vtn.asked.append(Asked(str(self.command), path, query, body, status, answer))
        raw = json.dumps(answer).encode()
        self.send_response_only(status)
        self.send_header("Date", format_datetime(datetime.now(UTC) + vtn.trouble.clock_ahead, usegmt=True))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        if vtn.trouble.retry_after:
            self.send_header("Retry-After", vtn.trouble.retry_after)
        self.end_headers()
        self.wfile.write(raw)

    def _body(self) -> Any:
        length = min(int(self.headers.get("Content-Length") or 0), MOST_BODY)
        raw = self.rfile.read(length)
        if not raw:
            return None
        if "json" in self.headers.get("Content-Type", ""):
            return json.loads(raw)
        return {name: values[0] for name, values in parse_qs(raw.decode()).items()}


def price_event(
    program: str, start: datetime, values: Sequence[float | str | None], *, minutes: int = 60, currency: str = "USD",
    units: str = "KWH", kind: str = "PRICE", **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """An event that prices intervals one after the other; empty currency or units are left out."""
    said = {"payloadType": kind, **({"units": units} if units else {}), **({"currency": currency} if currency else {})}
    return {
        "programID": program, "eventName": "Prices", "payloadDescriptors": [said],
        "intervalPeriod": {"start": start.isoformat().replace("+00:00", "Z"), "duration": f"PT{minutes}M"},
        "intervals": [
            {"id": number, "payloads": [{"type": kind, "values": [value]}]} for number, value in enumerate(values)
        ],
        **more,
    }  # fmt: skip
