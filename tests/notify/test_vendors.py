"""Slack, Telegram and PagerDuty: the right call to the right host, and no way to any other."""

import ast
import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError

from accounts.models import User
from hashinsight.common import outbound
from hashinsight.common.outbound import Reply
from hashinsight.notify.clients import vendors
from hashinsight.notify.domain import channels, raise_alert, recover_alert
from hashinsight.notify.models import Alert, Channel, Delivery
from tests.factories import NOW
from tests.notify.conftest import rule, work
from tests.support.servers import Resolver

ROOT = Path(__file__).resolve().parents[2]
SLACK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ".replace("/A1", "/B1")
TELEGRAM = "123456789:AAabcdefg_hijklmnopqrstuvwxyz-12345"
PAGER = "A1B2C3D4E5F6A1B2C3D4E5F6A1B2C3D4"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Any]]:
    """What would leave the house, after every check of the address by its looks."""
    made: list[tuple[str, str, Any]] = []
    answers: dict[str, bytes] = {"hooks.slack.com": b"ok"}

    def call(method: str, url: str, headers: Any, body: bytes, policy: outbound.Policy, deadline: float) -> Reply:
        target = outbound.check_url(url, policy=policy)
        made.append((method, url, json.loads(body)))
        return Reply(200, {}, answers.get(target.host, b"{}"))

    monkeypatch.setattr(outbound, "_call", call)
    return made


def _channel(root: User, kind: str, credential: str, address: str = "") -> Channel:
    return channels.create_channel(by=root, at=NOW, name=kind, kind=kind, credential=credential, address=address)


@pytest.mark.django_db
def test_slack(root: User, calls: list[Any], clock: time_machine.Traveller) -> None:
    channels.send_test(_channel(root, "slack", SLACK), by=root, at=NOW)
    assert work(NOW) == ["done"]
    ((method, url, body),) = calls
    assert (method, url) == ("POST", SLACK)
    assert "Test message from HashInsight" in json.dumps(body)
    rule(Channel.objects.get())
    raise_alert("job.late", "x", at=NOW, title="1 < 2 & <!channel>", text="<!here>")
    work(NOW)
    assert "1 &lt; 2 &amp; &lt;!channel&gt;" in json.dumps(calls[-1][2])
    assert "<!" not in json.dumps(calls[-1][2])
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


@pytest.mark.django_db
def test_telegram_writes_text_not_markup(root: User, calls: list[Any], clock: time_machine.Traveller) -> None:
    rule(_channel(root, "telegram", TELEGRAM, "-100123456"))
    raise_alert("job.late", "x", at=NOW, title="1 < 2 & <b>bold</b>")
    assert work(NOW) == ["done"]
    ((method, url, body),) = calls
    assert (method, url) == ("POST", f"https://api.telegram.org/bot{TELEGRAM}/sendMessage")
    assert str(body["chat_id"]) == "-100123456"
    assert "<b>bold</b>" not in body["text"]
    assert body["text"].startswith("<b>Error: 1 &lt; 2 &amp; &lt;b&gt;bold&lt;/b&gt;</b>")


@pytest.mark.django_db
def test_pagerduty_resolves_the_incident_it_triggered(
    root: User, calls: list[Any], clock: time_machine.Traveller
) -> None:
    rule(_channel(root, "pagerduty", PAGER, "eu"))
    alert = raise_alert("job.late", "x", at=NOW, title="Late", severity="warning")
    work(NOW)
    recover_alert("job.late", "x", at=NOW)
    work(NOW)
    assert [(url, body["event_action"], body["dedup_key"]) for _method, url, body in calls] == [
        ("https://events.eu.pagerduty.com/v2/enqueue", "trigger", str(alert.public_id)),
        ("https://events.eu.pagerduty.com/v2/enqueue", "resolve", str(alert.public_id)),
    ]
    assert calls[0][2]["payload"]["severity"] == "warning"
    assert calls[0][2]["routing_key"] == PAGER


@pytest.mark.django_db
def test_a_service_that_refuses_is_tried_again(
    root: User, monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller
) -> None:
    rule(_channel(root, "slack", SLACK))
    monkeypatch.setattr(outbound, "_call", lambda *args: Reply(404, {}, b"no_service"))
    raise_alert("job.late", "x", at=NOW, title="Late")
    work(NOW)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.response_status, delivery.error) == ("pending", 404, "HTTP 404")
    assert delivery.response_excerpt == "no_service"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "credential", "address"),
    [
        ("slack", "json://127.0.0.1:8000/", ""),
        ("slack", "file:///etc/passwd", ""),
        ("slack", "https://hooks.slack.com.evil.example/services/T1JJ3T3L2/B1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", ""),
        ("slack", SLACK + "/../../../x", ""),
        ("slack", SLACK, "https://127.0.0.1/"),
        ("slack", "", ""),
        ("telegram", TELEGRAM, "chat?x=y"),
        ("telegram", "../../" + TELEGRAM, "123456"),
        ("telegram", TELEGRAM, ""),
        ("pagerduty", PAGER, "mars"),
        ("pagerduty", PAGER + "@127.0.0.1", "us"),
        ("webhook", "", "http://example.com/"),
        ("webhook", "", "https://127.0.0.1/"),
        ("webhook", "", "https://user@example.com/"),
        ("webhook", "", "mailto://x"),
        ("webhook", "", ""),
        ("email", "", "not an address"),
        ("email", "", "a@example.com\nb@"),
        ("windows", "", ""),
        ("dbus", "", ""),
    ],
)
def test_what_a_channel_may_not_be(kind: str, credential: str, address: str, root: User) -> None:
    with pytest.raises((ValidationError, ValueError)):
        channels.create_channel(by=root, at=NOW, name="x", kind=kind, credential=credential, address=address)
    assert Channel.objects.count() == 0


@pytest.mark.parametrize(
    "url", ["https://example.com/", "http://hooks.slack.com/", "https://127.0.0.1/", "https://hooks.slack.com:8443/"]
)
def test_the_three_classes_reach_their_makers_only(url: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name leads to the outside here, and what own networks are allowed does not count for them."""
    Resolver(example_com=["93.184.215.14"], hooks_slack_com=["93.184.215.14"]).install(monkeypatch)
    settings.OUTBOUND_ALLOWED_NETWORKS, settings.OUTBOUND_PORTS = ["127.0.0.0/8"], [8443]

    def connect(*args: Any) -> None:
        raise AssertionError(f"a connection to {args}")

    monkeypatch.setattr(socket, "create_connection", connect)
    guarded: Any = vendors.slack_module.requests
    assert isinstance(guarded, vendors.GuardedRequests)
    for send in (guarded.get, guarded.post):
        call: Callable[..., Any] = send
        with pytest.raises(guarded.RequestException):
            call(url)


def test_only_three_services_of_apprise_are_ever_loaded() -> None:
    import subprocess

    code = (
        "import django, sys; django.setup(); import hashinsight.notify.work;"
        "print(sorted(m for m in sys.modules if m.startswith('apprise.plugins.') and m.count('.') == 2))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    names = {name.rpartition(".")[2] for name in ast.literal_eval(found)}
    assert names == {"base", "slack", "telegram", "pagerduty"}


def _calls_out(path: Path) -> list[str]:
    """Imports that speak HTTP."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found += [n for n in names if n.split(".")[0] in {"requests", "httpx", "urllib3", "aiohttp"}]
        found += [n for n in names if n in {"urllib.request", "http.client"}]
    return found


def test_nothing_else_in_the_product_speaks_http() -> None:
    allowed = {
        "hashinsight/common/outbound.py", "hashinsight/notify/clients/vendors.py",
        "hosting/clients/edge_server.py",  # runs on an edge device and calls us
    }  # fmt: skip
    packages = ("hashinsight", "accounts", "crm", "marketdata", "hosting", "curtailment", "intelligence")
    speaking = {
        path.relative_to(ROOT).as_posix(): found
        for package in packages
        for path in (ROOT / package).rglob("*.py")
        if "/devtools/" not in path.as_posix() and (found := _calls_out(path))
    }
    assert set(speaking) <= allowed, speaking
    assert set(speaking) == allowed, "the look-out works"


@pytest.mark.django_db
def test_a_failing_channel_raises_no_alert_about_its_own_alerts(
    root: User, monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller
) -> None:
    """The channel that is told of failed channels is the one that fails: it does not go round for ever."""
    rule(_channel(root, "slack", SLACK))
    monkeypatch.setattr(outbound, "_call", lambda *args: Reply(410, {}, b""))
    raise_alert("delivery.failed", "x", at=NOW, title="x")
    for _round in range(5):
        work(NOW)
    assert Delivery.objects.count() == 1
    assert sorted(Alert.objects.values_list("kind", flat=True)) == ["channel.disabled", "delivery.failed"]
