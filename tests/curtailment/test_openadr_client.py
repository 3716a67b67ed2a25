"""The OpenADR 3 client against a server on loopback, and every message of both against the official description."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_network
from typing import Any

import pytest

from curtailment.clients import dispatch_simulator
from curtailment.clients.openadr import Account, Vtn, VtnError
from curtailment.engine.openadr import event_of
from curtailment.engine.openadr_bodies import Quarter, report_body, resource_body, ven_body
from hashinsight.common.outbound import Policy
from tests.curtailment.openadr_standard import operation, schema_of_answer, schema_of_body, wrong

LOOPBACK = Policy(networks=(ip_network("127.0.0.0/8"),), seconds=5)
AT = datetime(2026, 11, 29, 16, tzinfo=UTC)
EVENT = {
    "programID": "programs-1", "eventName": "Peak", "priority": 1,
    "intervalPeriod": {"start": "2026-11-29T17:00:00Z", "duration": "PT1H"},
    "intervals": [{"id": 0, "payloads": [{"type": "SIMPLE", "values": [2]}]}],
}  # fmt: skip


@pytest.fixture(params=[True, False], ids=["3.1", "3.0"])
def server(request: pytest.FixtureRequest) -> Iterator[dispatch_simulator.Vtn]:
    """With one program and one event."""
    with dispatch_simulator.Vtn(newer=request.param) as made:
        made.put_event({**EVENT, "programID": made.add_program("Peak")})
        yield made


def client(server: dispatch_simulator.Vtn, **more: Any) -> Vtn:
    """Ours, which does not wait."""
    account = Account(
        server.url, server.client_id, more.pop("secret", server.client_secret), newer=server.newer,
        token_url=more.pop("token_url", ""), scope=more.pop("scope", ""),
    )  # fmt: skip
    return Vtn(
        account, policy=more.pop("policy", LOOPBACK), clock=lambda: datetime.now(UTC), sleep=lambda _s: None, **more
    )


def report(server: dispatch_simulator.Vtn, event_id: str) -> dict[str, Any]:
    """Two quarters."""
    quarters = [Quarter(AT, Decimal("2.5")), Quarter(AT + timedelta(minutes=15), Decimal(3))]
    return report_body(
        event_id=event_id, program_id="program-1", client="ven", resource="west", interval=0, quarters=quarters,
        kinds=["USAGE", "DEMAND", "GHG"], newer=server.newer,
    )  # fmt: skip


def test_each_message_of_both_sides_is_as_the_standard_says(server: dispatch_simulator.Vtn) -> None:
    talk = client(server, scope="read_targets")
    (program,), (event,) = talk.programs(), talk.events()
    assert talk.event(event["id"]) == event
    assert talk.event("no-such-event") is None
    ven = talk.ven("ven")
    talk.resource("west", ven_id=ven)
    talk.send_report(report(server, event["id"]))
    calls = {(one.method, one.path.split("/")[1]) for one in server.asked}
    assert {("POST", "auth"), ("GET", "programs"), ("GET", "events"), ("POST", "vens"), ("POST", "reports")} <= calls
    assert program["programName"] == "Peak"
    for one in server.asked:
        known = operation(one.method, one.path, newer=server.newer)
        parameters = {row["name"]: row for row in known.get("parameters", ())}
        assert set(one.query) <= set(parameters), (one.path, one.query)
        for name, text in one.query.items():
            value = int(text) if parameters[name]["schema"].get("type") == "integer" else text
            assert wrong(value, parameters[name]["schema"], newer=server.newer) == [], (one.path, name, text)
        if one.body is not None:
            assert wrong(one.body, schema_of_body(known), newer=server.newer) == [], one
        found = wrong(one.answer, schema_of_answer(known, one.status), newer=server.newer)
        if one.path in ("/vens", "/resources") and server.newer:
            # Here the description contradicts itself: objectType is to be VEN and BL_VEN_REQUEST at once.
            found = [text for text in found if "objectType: '" not in text]
        assert found == [], one


def test_control_a_message_that_is_not_as_the_standard_says_is_found(server: dispatch_simulator.Vtn) -> None:
    schema = schema_of_body(operation("POST", "/reports", newer=server.newer))
    good = report(server, "event-1")
    assert wrong(good, schema, newer=server.newer) == []
    for change in ({"eventID": "not an id!"}, {"resources": [{"resourceName": "x"}]}, {"clientName": ""}):
        assert wrong({**good, **change}, schema, newer=server.newer) != []
    bare = {name: value for name, value in good.items() if name != "clientName"}
    assert wrong(bare, schema, newer=server.newer) != []


def test_what_we_read_is_what_the_standard_lets_servers_write(server: dispatch_simulator.Vtn) -> None:
    """The example of the description, filled as it says, is understood."""
    schema = {"$ref": "#/components/schemas/event"}
    said = next(iter(server.objects["events"].values()))
    targets: Any = ["west"] if server.newer else [{"type": "RESOURCE_NAME", "values": ["west"]}]
    full = {
        **said, "targets": targets, "reportDescriptors": [{"payloadType": "USAGE"}],
        "payloadDescriptors": [
            {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "SIMPLE", "units": None, "currency": None}
        ],
    }  # fmt: skip
    assert wrong(full, schema, newer=server.newer) == []
    found = event_of(full, units={}, at=AT, whose="ven")
    assert (found.targets, found.reports, len(found.parts)) == (("west",), ("USAGE",), 1)


# --- without the description --------------------------------------------------------------------------------------
def test_our_own_messages() -> None:
    assert ven_body("ven", newer=True) == {"objectType": "VEN_VEN_REQUEST", "venName": "ven"}
    assert ven_body("ven", newer=False) == {"objectType": "VEN", "venName": "ven"}
    newer = {"objectType": "VEN_RESOURCE_REQUEST", "resourceName": "west", "venID": "v"}
    assert resource_body("west", ven_id="v", newer=True) == newer
    assert resource_body("west", ven_id="v", newer=False) == {**newer, "objectType": "RESOURCE"}
    quarter = Quarter(AT, Decimal("2.5"))
    said: Any = {
        "event_id": "e", "program_id": "p", "client": "ven", "resource": "west", "interval": 3, "quarters": [quarter],
        "kinds": ["USAGE", "DEMAND", "GHG"],
    }  # fmt: skip
    body: dict[str, Any] = {
        "eventID": "e", "clientName": "ven", "reportName": "e-west-20261129T1600Z",
        "payloadDescriptors": [
            {"objectType": "REPORT_PAYLOAD_DESCRIPTOR", "payloadType": kind, "units": units, "readingType": reading}
            for kind, units, reading in (("USAGE", "KWH", "SUMMED"), ("DEMAND", "KW", "MEAN"))
        ],
        "resources": [
            {
                "resourceName": "west",
                "intervals": [
                    {
                        "id": 3, "intervalPeriod": {"start": "2026-11-29T16:00:00Z", "duration": "PT15M"},
                        "payloads": [{"type": "USAGE", "values": [2.5]}, {"type": "DEMAND", "values": [10.0]}],
                    }
                ],
            }
        ],
    }  # fmt: skip
    assert report_body(**said, newer=True) == body
    assert report_body(**said, newer=False) == {**body, "objectType": "REPORT", "programID": "p"}


def test_everything_is_read_page_by_page(server: dispatch_simulator.Vtn) -> None:
    for _ in range(120):
        server.put_event(EVENT)
    talk = client(server)
    assert len(talk.events()) == 121
    assert [one.query["skip"] for one in server.asked if one.path == "/events"] == ["0", "50", "100"]
    assert {one.query["limit"] for one in server.asked if one.path == "/events"} == {"50"}
    assert len(talk.events("programs-1")) == 120


def test_a_server_that_gives_the_same_page_for_ever_is_left(
    server: dispatch_simulator.Vtn, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(60):
        server.put_event(EVENT)
    rows = list(server.objects["events"].values())[:50]
    monkeypatch.setattr(dispatch_simulator.Vtn, "_page", lambda _self, _kind, _query: rows)
    assert len(client(server).events()) == 50


def test_a_token_is_used_until_it_is_refused(server: dispatch_simulator.Vtn) -> None:
    talk = client(server)
    talk.programs()
    kept, until = talk.token, talk.token_until
    again = client(server, token=kept, token_until=until)
    again.programs()
    assert sum(one.path == "/auth/token" for one in server.asked) == 1
    server.tokens.clear()
    again.programs()
    assert sum(one.path == "/auth/token" for one in server.asked) == 2
    assert until is not None
    assert timedelta(minutes=58) < until - datetime.now(UTC) < timedelta(minutes=60)


def test_a_wrong_secret_is_said_without_telling_it(server: dispatch_simulator.Vtn) -> None:
    with pytest.raises(VtnError, match="no token: HTTP 401 invalid_client") as refused:
        client(server, secret="hush-hush").programs()
    assert "hush" not in str(refused.value)


def test_registering_twice_makes_one(server: dispatch_simulator.Vtn) -> None:
    ids = [client(server).ven("ven") for _ in range(2)]
    assert ids[0] == ids[1]
    assert {client(server).resource("west", ven_id=ids[0]) for _ in range(2)} == {server.told("resources")[0]["id"]}
    talk = client(server)
    for _ in range(2):
        talk.send_report(report(server, "event-1"))
    assert len(server.told("reports")) == 1


def test_the_clock_of_the_server_is_seen(server: dispatch_simulator.Vtn) -> None:
    server.trouble.clock_ahead = timedelta(minutes=7)
    talk = client(server)
    talk.programs()
    assert talk.offset_s is not None
    assert 415 < talk.offset_s < 425


def test_what_goes_wrong_is_said_and_reading_is_tried_again(server: dispatch_simulator.Vtn) -> None:
    talk = client(server)
    talk.programs()
    server.asked.clear()
    server.trouble.status, server.trouble.retry_after = 503, "77"
    with pytest.raises(VtnError, match="HTTP 503 Problem; the drill says so"):
        talk.programs()
    assert len(server.asked) == 3
    server.trouble.status = 429
    with pytest.raises(VtnError) as limited:
        talk.programs()
    assert limited.value.wait_s == 77
    server.trouble.status, server.trouble.silent = 0, True
    with pytest.raises(VtnError, match=r"no answer|broke off"):
        talk.programs()


@pytest.mark.parametrize(
    "answer", ["x", 5, None, {"a": 1}, ["x"], [[]], [{"id": 5}], float("inf")],
)  # fmt: skip
def test_answers_of_another_form_are_errors(
    server: dispatch_simulator.Vtn, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    talk = client(server)
    talk.programs()
    monkeypatch.setattr(dispatch_simulator.Vtn, "answer", lambda *_args: (200, answer))
    if answer != [{"id": 5}]:
        with pytest.raises(VtnError):
            talk.programs()
    for ask in (lambda: talk.ven("ven"), lambda: talk.event("e")) if not isinstance(answer, dict) else ():
        with pytest.raises(VtnError):
            ask()


@pytest.mark.parametrize(
    ("url", "policy"),
    [
        ("http://127.0.0.1:1/x", Policy()),
        ("http://10.0.0.5/x", LOOPBACK),
        ("https://169.254.169.254/latest", LOOPBACK),
        ("https://user@vtn.example/x", LOOPBACK),
        ("file:///etc/passwd", LOOPBACK),
    ],
)
def test_we_call_nobody_inside_and_nothing_without_tls(url: str, policy: Policy) -> None:
    talk = Vtn(Account(url, "a", "b"), policy=policy, clock=lambda: AT, sleep=lambda _s: None)
    with pytest.raises(VtnError, match="cannot be called"):
        talk.programs()


def test_nor_where_a_server_sends_us_for_its_tokens(
    server: dispatch_simulator.Vtn, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not server.newer:  # such a server cannot say where tokens are, and is not asked
        client(server).programs()
        assert "/auth/server" not in {one.path for one in server.asked}
        return
    real = dispatch_simulator.Vtn.answer

    def inside(self: Any, method: str, path: str, *rest: Any) -> Any:
        evil = {"tokenURL": "http://169.254.169.254/token"}
        return (200, evil) if path == "/auth/server" else real(self, method, path, *rest)

    monkeypatch.setattr(dispatch_simulator.Vtn, "answer", inside)
    with pytest.raises(VtnError, match="cannot be called"):
        client(server).programs()
