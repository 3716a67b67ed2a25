"""The matrix: every route, verb, foreign tenant and way of asking, with a twin that asks for what nobody has.

A cell is an attack, a twin and a control. The attack must bring no foreign byte and change nothing; the twin must get
the very same answer (else the difference tells that the foreign row exists); the control proves that the same call
works for whoever may make it.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.http import HttpResponse

from tests.api.client import Caller
from tests.isolation.bodies import CALCULATED, DOORS, NOT_FOUND, OWN_ROWS, ROWS, SHARED, STATED_MARKET, body_of
from tests.isolation.tables import snapshot
from tests.isolation.world import MARK, NOBODY, Tenant, World

VERBS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
FOREIGN_COLUMNS = (
    "id", "pk", "public_id", "internal_note", "customer_id", "customer__company_name", "customer__internal_note",
    "code", "probability", "invoice__number", "lead__score", "user__email", "?",
)  # fmt: skip
# Collections that do not exist for a client.
STAFF_ONLY = ("demand", "meters", "meter-readings", "racks", "leads", "approvals", "write-offs", "accounting-exports")
# What is no list of rows.
NO_LIST = ("me", "ageing", "calculator", "break-even", "portfolio")
# What answers a file instead of JSON.
FILES = ("/pdf/", "/xml/", "/csv/", "/file/")
# What an address needs to show the same on any day.
QUERIES = {
    "/statement/": "?first_on=2026-11-01&last_on=2026-11-30",
    "/telemetry/": "?resolution=day&starts_from=2026-11-01T00:00:00Z&starts_before=2026-12-01T00:00:00Z",
}
REQUEST_ID = "the-same-request"
VOLATILE = ("RateLimit-Remaining", "RateLimit-Reset")
MORE_ROWS = {
    "deals": ("draft deal", "third"),
    "invoices": ("draft invoice", "withdrawn invoice", "credit note"),
    "contracts": ("draft contract", "cancelled contract", "ended contract"),
    "sites": ("empty site",),
    "zones": ("empty zone",),
    "hosting-terms": ("draft terms", "former terms"),
    "miners": ("other miner", "house miner", "sold miner"),
    "tickets": ("hidden ticket",),
    "repair-orders": ("former repair", "house repair"),
    **{f"curtailment-{name}s": (f"house {name}",) for name in ("plan", "event")},
    "attachments": ("hidden file",),
    "activities": ("hidden activity",),
    "api-keys": ("customer_viewer key",),
}
KINDS = {
    "customer": "customer",
    "deal": "approved deal",
    **{name: name for name in ("invoice", "lead")},
    "corrects": "open invoice",
    **{name: name for name in ("webhook", "payment", "contract", "site", "zone", "miner", "rack", "ticket")},
    "credit": "deposit",
    "price_plan": "price plan",
    "terms": "terms",
    **{name: name for name in ("model", "meter")},
    "miner_model": "model",
    "repair-orders miner": "sick miner",
    "version": "draft version",
}


@dataclass(frozen=True)
class Ask:
    """One request."""

    method: str
    path: str
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()

    def send(self, caller: Caller) -> Any:
        """The answer."""
        body = {} if self.body is None and self.method in ("POST", "PUT", "PATCH") else self.body
        answer: Any = caller.call(self.method, self.path, body, X_Request_ID=REQUEST_ID, **dict(self.headers))
        if not answer.streaming:
            return answer
        whole = b"".join(answer.streaming_content)
        return HttpResponse(whole, status=answer.status_code, headers=dict(answer.headers))

    @property
    def text(self) -> str:
        """What the caller knew already, because he sent it."""
        return f"{self.path} {json.dumps(self.body, default=str)} {self.headers}"


@dataclass(frozen=True)
class Cell:
    """One attack with its twin and its control."""

    resource: str
    way: str
    attack: Ask
    twin: Ask | None = None
    control: tuple[str, Ask, Callable[[Any], bool]] | None = None
    wanted: int | None = None
    tenant: str = field(default="b")

    def __str__(self) -> str:
        return f"{self.way}: {self.attack.method} {self.attack.path} {self.attack.body or ''}"


class Matrix:
    """All cells of a world, from the paths of the OpenAPI document."""

    def __init__(self, world: World, spec: dict[str, Any], client_actions: dict[str, frozenset[str]]) -> None:
        self.world = world
        self.spec = spec
        self.client_actions = client_actions
        self._tags: dict[tuple[int, str], Any] = {}

    def cells(self) -> Iterator[Cell]:
        """Every cell, in a fixed order."""
        for path, operations in self.spec["paths"].items():
            resource = path.split("/")[3]
            if resource in SHARED or resource in DOORS:
                continue
            short = path.removeprefix("/api/v1")
            for tenant in self.world.foreign:
                for verb in VERBS:
                    operation = operations.get("get" if verb == "HEAD" else verb.lower())
                    action = self._action(resource, operation)
                    if "{id}" in path:
                        yield from self._by_id(resource, short, verb, action, tenant)
                    else:
                        yield self._plain(resource, short, verb, action, tenant)
                if resource == "calculator":
                    yield from self._calculated(resource, short, tenant)
                if "get" in operations and "{id}" not in path and resource not in NO_LIST:
                    yield from self._by_parameter(resource, short, operations["get"], tenant)
                    yield from self._by_cursor(resource, short, tenant)
                if "post" in operations or "patch" in operations:
                    yield from self._by_body(resource, short, operations, tenant)
            if "{id}" in path and "get" in operations:
                yield from self._own(resource, short)
            if "get" in operations and "{id}" not in path and resource not in NO_LIST:
                yield from self._orderings(resource, short)

    def _action(self, resource: str, operation: dict[str, Any] | None) -> str | None:
        if operation is None:
            return None
        name: str = operation["operationId"]
        return name.removeprefix(resource.replace("-", "_") + "_")

    def _row(self, resource: str, action: str | None, tenant: Tenant) -> str:
        return tenant.id(ROWS[resource].get(action or "", ROWS[resource][""]))

    def _control(self, resource: str, path: str, verb: str, action: str | None, tenant: Tenant, body: Any) -> Any:
        """Who may make the call makes it: the tenant itself, else staff; a verb that is not there is 405 for both."""
        url = path.replace("{id}", self._row(resource, action, tenant))
        ask = Ask(verb, url, body if verb in ("POST", "PUT", "PATCH") else None)
        if action is None:
            return (
                tenant.name if resource not in STAFF_ONLY else "root",
                ask,
                lambda answer: answer.status_code == 405,
            )
        who = tenant.name if action in self.client_actions[resource] else "root"
        return (who, ask, lambda answer: 200 <= answer.status_code < 300)

    def _by_id(self, resource: str, path: str, verb: str, action: str | None, tenant: Tenant) -> Iterator[Cell]:
        body = body_of(resource, action or "", tenant if action != "partial_update" else self.world.attacker)
        body_sent = body if verb in ("POST", "PATCH") else None
        way = "file" if path.endswith(FILES) else "path"
        control = self._control(resource, path, verb, action, tenant, body_of(resource, action or "", tenant))
        names = [ROWS[resource].get(action or "", ROWS[resource][""]), *MORE_ROWS.get(resource, ())]
        for name in names:
            attack = Ask(verb, path.replace("{id}", tenant.id(name)), body_sent)
            twin = Ask(verb, path.replace("{id}", NOBODY), body_sent)
            yield Cell(resource, way, attack, twin, control, tenant=tenant.name)
        yield from self._by_condition(resource, path, verb, action, tenant, body_sent)

    def _by_condition(
        self, resource: str, path: str, verb: str, action: str | None, tenant: Tenant, body: Any
    ) -> Iterator[Cell]:
        """The foreign row's own entity tag opens nothing."""
        if action is None or verb == "HEAD":
            return
        url = path.replace("{id}", self._row(resource, action, tenant))
        get = self._reader(resource, action, tenant)
        page = url if verb == "GET" else path.split("{id}")[0] + f"{self._row(resource, action, tenant)}/"
        tag = self._tag_of(get, page)
        assert tag or verb != "GET", url
        header = (("If_None_Match" if verb == "GET" else "If_Match", tag),)
        attack, twin = Ask(verb, url, body, header), Ask(verb, path.replace("{id}", NOBODY), body, header)
        reader = tenant.name if action in self.client_actions[resource] else "root"
        control = None
        if verb == "GET":
            streamed = resource == "accounting-exports" and url.endswith("/file/")
            kept = 200 if streamed else 304  # a streamed file is sent anew
            control = (reader, attack, lambda answer: answer.status_code == kept)
        yield Cell(resource, "condition", attack, twin, control, tenant=tenant.name)

    def _tag_of(self, get: Caller, url: str) -> Any:
        """The entity tag a page has now; each page is fetched once."""
        if (id(get), url) not in self._tags:
            self._tags[id(get), url] = get.call("GET", url).get("ETag")
        return self._tags[id(get), url]

    def _reader(self, resource: str, action: str, tenant: Tenant) -> Caller:
        own: Caller = tenant.rows["customer_admin caller"]
        return own if action in self.client_actions[resource] else self.world.root

    def _plain(self, resource: str, path: str, verb: str, action: str | None, tenant: Tenant) -> Cell:
        if resource == "break-even":
            path = f"{path}?{STATED_MARKET}"
        body = body_of(resource, action or "", tenant) if verb in ("POST", "PUT", "PATCH") else None
        if resource == "me":
            wanted = 200 if action else 405
            control: Any = (tenant.name, Ask(verb, path), lambda answer: answer.status_code == wanted)
        else:
            control = self._control(resource, path, verb, action, tenant, body)
        if resource == "calculator" and action:
            control = (tenant.name, Ask(verb, path), lambda answer: answer.status_code == 400)  # nothing was asked
        elif verb == "GET" and action and resource not in STAFF_ONLY:
            known_by = {"me": "customer_admin key", "api-keys": "customer_admin key", "webhook-deliveries": "webhook"}
            own = tenant.id(known_by.get(resource, OWN_ROWS.get(resource, "customer"))).encode()
            control = (tenant.name, Ask(verb, path), lambda answer: own in answer.content or path.endswith(FILES))
        if verb == "POST" and resource in ("activities", "api-keys"):
            body = {"surprise": 1}  # what the attacker may do with own rows is no attack
        return Cell(resource, "list", Ask(verb, path, body), None, control, tenant=tenant.name)

    def _calculated(self, resource: str, path: str, tenant: Tenant) -> Iterator[Cell]:
        """By a row of the tenant: somebody else's is like one that nobody has. (The plan's series is not there.)"""
        for name, kind, known in (("model", "model", b'"daily"'), ("price_plan", "price plan", b"energy_unknown")):
            query = f"{path}?{CALCULATED[name]}&{name}="
            mine = Ask("GET", query + tenant.id(kind))
            control = (tenant.name, mine, lambda answer, known=known: known in answer.content)
            yield Cell(resource, "filter", mine, Ask("GET", query + NOBODY), control, tenant=tenant.name)

    def _by_parameter(self, resource: str, path: str, operation: dict[str, Any], tenant: Tenant) -> Iterator[Cell]:
        for parameter in operation["parameters"]:
            name, schema = parameter.get("name", ""), parameter.get("schema", {})
            if name in ("cursor", "ordering", "page_size", "fields", "") or "enum" in schema:
                continue
            value, nobody = self._value(resource, name, schema, tenant)
            if value is None:
                continue
            who = "root" if resource in STAFF_ONLY or name == "lead" else tenant.name
            found = (who, Ask("GET", f"{path}?{name}={value}"), lambda answer: len(answer.json()["results"]) >= 1)
            way = "search" if name == "search" else "filter"
            control = None if (resource, name) in NOT_FOUND else found
            yield Cell(
                resource, way, Ask("GET", f"{path}?{name}={value}"), Ask("GET", f"{path}?{name}={nobody}"), control,
                tenant=tenant.name,
            )  # fmt: skip

    def _value(self, resource: str, name: str, schema: dict[str, Any], tenant: Tenant) -> tuple[str | None, str]:
        if schema.get("format") == "uuid":
            kind = "third" if name == "deal" else KINDS.get(f"{resource} {name}", KINDS[name])
            if name == "invoice" and resource in ("credit-applications", "write-offs"):
                kind = "open invoice"
            return tenant.id(kind), NOBODY
        rows = tenant.rows
        known: dict[tuple[str, str], str] = {
            ("customers", "search"): rows["customer"].company_name,
            ("leads", "search"): rows["lead"].title,
            ("deals", "search"): rows["approved deal"].title,
            ("invoices", "search"): rows["invoice"].number,
            ("invoices", "number"): rows["invoice"].number,
            ("payments", "reference"): rows["payment"].reference,
            ("credits", "reference"): rows["deposit"].reference,
            ("refunds", "reference"): rows["refund"].reference,
            ("approvals", "action"): "crm.credit_note",
            ("activities", "search"): rows["activity"].subject,
            ("contracts", "search"): rows["contract"].title,
            ("contracts", "number"): rows["contract"].number,
            ("sites", "search"): rows["site"].name,
            ("zones", "search"): rows["zone"].name,
            ("racks", "search"): rows["rack"].name,
            ("price-plans", "search"): rows["price plan"].name,
            ("miner-models", "search"): rows["model"].name,
            ("miner-models", "manufacturer"): rows["model"].manufacturer,
            ("tickets", "search"): rows["ticket"].subject,
            ("miners", "serial"): rows["miner"].serial,
            ("miners", "mac"): rows["miner"].mac,
        }
        return known.get((resource, name)), "nobody-has-this"

    def _by_cursor(self, resource: str, path: str, tenant: Tenant) -> Iterator[Cell]:
        owner: Caller = self.world.root if resource in STAFF_ONLY else tenant.rows["customer_admin caller"]
        link = owner.get(f"{path}?page_size=1").json()["next"]
        if link is None:
            return
        mine = link.partition("/api/v1")[2]
        who = "root" if resource in STAFF_ONLY else tenant.name
        yield Cell(
            resource, "cursor", Ask("GET", mine), Ask("GET", f"{path}?page_size=1&cursor=AAAA"),
            (who, Ask("GET", mine), lambda answer: answer.status_code == 200),
            wanted=404 if resource in STAFF_ONLY else 400, tenant=tenant.name,
        )  # fmt: skip

    def _by_body(self, resource: str, path: str, operations: dict[str, Any], tenant: Tenant) -> Iterator[Cell]:
        mine = self.world.attacker
        for verb in ("post", "patch"):
            if verb not in operations:
                continue
            action = self._action(resource, operations[verb]) or ""
            reference = operations[verb]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            component = self.spec["components"]["schemas"][reference.rpartition("/")[2]]
            for name, schema in component.get("properties", {}).items():
                if schema.get("format") != "uuid" or name not in KINDS:
                    continue
                good = body_of(resource, action, mine)
                url = path.replace("{id}", self._row(resource, action, mine))
                kind = {"deal": "signed deal" if resource == "invoices" else "third"}.get(name, KINDS[name])
                attack = Ask(verb.upper(), url, {**good, name: tenant.id(kind)})
                twin = Ask(verb.upper(), url, {**good, name: NOBODY})
                control = self._control(resource, path, verb.upper(), action, tenant, body_of(resource, action, tenant))
                yield Cell(resource, "body", attack, twin, control, tenant=tenant.name)

    def _own(self, resource: str, path: str) -> Iterator[Cell]:
        """Own rows in full: nothing of others and nothing of the house is nested in them."""
        if resource in STAFF_ONLY:
            return
        mine = self.world.attacker
        mark = f"zq{mine.name}".encode()
        for name in {ROWS[resource][""], *MORE_ROWS.get(resource, ())}:
            query = next((query for end, query in QUERIES.items() if path.endswith(end)), "")
            ask = Ask("GET", path.replace("{id}", mine.id(name)) + query)
            shown = name in (ROWS[resource][""], "third", "credit note") and not path.endswith(FILES)
            # Nothing in it was typed by anybody: it is known by its id, or by figures alone.
            known = mine.id(name).encode() if resource in ("credit-applications", "usage", "repair-orders") else mark
            known = {"telemetry": b'"starts_at"', "machines": b'"baseline_w"'}.get(path.split("/")[-2], known)
            control = (mine.name, ask, lambda answer, known=known: known in answer.content) if shown else None
            yield Cell(resource, "nested", ask, None, control, tenant="a")

    def _orderings(self, resource: str, path: str) -> Iterator[Cell]:
        for column in FOREIGN_COLUMNS:
            for sign in ("", "-"):
                wanted = 404 if resource in STAFF_ONLY else 400
                has_none = resource in ("activities", "demand", "meter-readings", "usage")  # by another moment
                control = ("root", Ask("GET", path if has_none else f"{path}?ordering=-created_at"),
                           lambda answer: answer.status_code == 200)  # fmt: skip
                yield Cell(resource, "ordering", Ask("GET", f"{path}?ordering={sign}{column}"), None, control, wanted)


def foreign_bytes(world: World, name: str, ask: Ask, answer: Any) -> list[str]:
    """What the answer holds that this tenant must not see and did not send itself."""
    content = answer.content + json.dumps(dict(answer.headers)).encode()
    marks = {(kind, owner, text) for kind, owner, text in MARK.findall(content)}
    found = [
        text.decode()
        for kind, owner, text in marks
        if (kind == b"h" or owner.decode() != name) and text.decode() not in ask.text
    ]
    sent = ask.text
    return found + [text.decode() for text in world.forbidden_to(name) if text in content and text.decode() not in sent]


def attack(world: World, *cells: Cell) -> list[str]:
    """Make the attacks one after another; returns what is wrong."""
    found, before = [], snapshot()
    for cell in cells:
        found += _attack(world, cell)
        if cell.attack.method not in ("GET", "HEAD", "OPTIONS"):
            after = snapshot()
            found += [] if after == before else [f"{cell}: changed something"]
            before = after
    return found


def _attack(world: World, cell: Cell) -> list[str]:
    mine = world.attacker
    caller: Caller = mine.rows["customer_admin caller"]
    answer = cell.attack.send(caller)
    found = [f"{cell}: shows {text}" for text in foreign_bytes(world, mine.name, cell.attack, answer)]
    if answer.status_code >= 500:
        found.append(f"{cell}: {answer.status_code}")
    if cell.wanted is not None and answer.status_code != cell.wanted:
        found.append(f"{cell}: {answer.status_code} instead of {cell.wanted}")
    if cell.twin is not None:
        twin = cell.twin.send(caller)
        if _comparable(answer, cell.attack) != _comparable(twin, cell.twin):
            found.append(f"{cell}: differs from what nobody has ({answer.status_code}, {twin.status_code})")
    return found


def control_fails(world: World, cell: Cell) -> str | None:
    """Make the control and take it back; returns what is wrong."""
    if cell.control is None:
        return None
    who, ask, good = cell.control
    caller: Caller = world.root if who == "root" else world.tenants[who].rows["customer_admin caller"]
    with transaction.atomic():
        answer = ask.send(caller)
        transaction.set_rollback(True)
    return None if good(answer) else f"control of {cell} by {who}: {answer.status_code} {answer.content[:300]!r}"


def _comparable(answer: Any, ask: Ask) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name not in VOLATILE}
    return answer.status_code, headers, answer.content
