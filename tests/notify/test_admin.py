"""The pages of notifications: who may press what, and what comes of it."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import User
from crm.models import Customer
from hashinsight.notify.domain import channels, raise_alert, sending
from hashinsight.notify.models import Alert, Channel, Delivery, Rule
from hashinsight.notify.tiles import open_alerts
from tests.factories import NOW, UserFactory
from tests.notify.conftest import rule
from tests.support.standing import standing

pytestmark = pytest.mark.django_db


def staff(*permissions: str) -> Client:
    user = UserFactory(is_staff=True)
    for codename in permissions:
        user.user_permissions.add(Permission.objects.get(content_type__app_label="notify", codename=codename))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
@standing
def boss(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


def url(model: str, view: str, *args: Any) -> str:
    return reverse(f"admin:notify_{model}_{view}", args=args)


def confirm(client: Client, address: str, **data: Any) -> Any:
    page = client.get(address)
    return client.post(address, {"seen": page.context["seen"], **data}) if page.status_code == 200 else page


NEW = {"name": "Bus", "kind": "webhook", "address": "https://hooks.example/x", "time_zone": "UTC"}


def test_a_new_webhook_shows_its_secret_once(boss: Client, customer_a: Customer) -> None:
    answer = boss.post(url("channel", "add"), {**NEW, "customer_number": customer_a.code.lower()})
    channel = Channel.objects.get()
    secret = channel.reveal_secret()
    assert channel.customer_id == customer_a.pk
    assert secret.encode() in answer.content
    assert "no-store" in answer["Cache-Control"]
    for page in ("change", "history"):
        assert secret.encode() not in boss.get(url("channel", page, channel.pk)).content
    rotated = confirm(boss, url("channel", "rotate", channel.pk), hours="24")
    assert Channel.objects.get().reveal_secret().encode() in rotated.content
    assert Channel.objects.get().reveal_secret() != secret


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"address": "http://127.0.0.1:6379/"}, "public Internet"),
        ({"address": "https://localhost/"}, "full host name"),
        ({"address": "https://x:y@hooks.example/"}, "user name"),
        ({"kind": "slack", "address": "", "new_credential": "json://127.0.0.1/"}, "incoming webhook"),
        ({"kind": "email", "address": "nobody"}, "no e-mail address"),
        ({"customer_number": "ZZZZZZ"}, "no customer with the number"),
        ({"quiet_from": "22:00"}, "beginning and an end"),
        ({"time_zone": "Mars/Olympus"}, "no time zone"),
    ],
)
def test_a_wrong_channel_is_refused_in_words(data: dict[str, str], said: str, boss: Client) -> None:
    answer = boss.post(url("channel", "add"), {**NEW, **data})
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert Channel.objects.count() == 0


def test_a_credential_is_kept_when_the_channel_is_edited(boss: Client) -> None:
    token = "123456789:AAabcdefg_hijklmnopqrstuvwxyz-12345"
    boss.post(url("channel", "add"), {**NEW, "kind": "telegram", "address": "12345", "new_credential": token})
    channel = Channel.objects.get()
    page = boss.get(url("channel", "change", channel.pk))
    assert token not in page.content.decode()
    data = {"name": "Ops", "address": "54321", "time_zone": "Europe/Berlin", "version_seen": channel.version}
    assert boss.post(url("channel", "change", channel.pk), data).status_code == 302
    channel.refresh_from_db()
    assert (channel.name, channel.address, channel.reveal_credential()) == ("Ops", "54321", token)


def test_a_rule_is_made_from_the_list_of_kinds(boss: Client, mailbox: Channel) -> None:
    data = {
        "name": "Trouble", "channel": mailbox.pk, "kinds": ["job.*", "invoice.overdue"], "min_severity": "info",
        "repeat_minutes": "30", "escalate_after_minutes": "0", "is_active": "on", "tells_end": "on",
    }  # fmt: skip
    assert boss.post(url("rule", "add"), data).status_code == 302
    assert Rule.objects.get().kinds == ["job.*", "invoice.overdue"]
    for wrong, said in (
        ({"kinds": ["no.such"]}, "no.such"),
        ({"escalate_after_minutes": "5"}, "second channel"),
        ({"repeat_minutes": "99999999"}, "repeat_minutes"),
    ):
        answer = boss.post(url("rule", "add"), {**data, **wrong})
        assert answer.status_code == 200
        assert said in answer.content.decode()
    assert Rule.objects.count() == 1


def test_a_customers_channel_can_be_told_of_its_own_kinds_only(boss: Client, root: User, customer_a: Customer) -> None:
    mine = channels.create_channel(
        by=root, at=NOW, name="A", kind="webhook", address="https://a.example/", customer_id=customer_a.pk
    )
    data = {
        "name": "x", "channel": mine.pk, "kinds": ["lead.created"], "min_severity": "info", "repeat_minutes": "0",
        "escalate_after_minutes": "0", "is_active": "on",
    }  # fmt: skip
    assert "can only be told of" in boss.post(url("rule", "add"), data).content.decode()
    assert boss.post(url("rule", "add"), {**data, "kinds": ["invoice.paid"]}).status_code == 302


PAGES = {
    "acknowledge_alert": ("alert", "acknowledge"),
    "redeliver_delivery": ("delivery", "redeliver"),
    "test_channel": ("channel", "test"),
    "switch_channel": ("channel", "switch"),
    "rotate_channel": ("channel", "rotate"),
}


@pytest.mark.parametrize("codename", PAGES)
def test_each_page_needs_its_own_power(codename: str, root: User) -> None:
    channel = channels.create_channel(by=root, at=NOW, name="A", kind="webhook", address="https://a.example/")
    rule(channel)
    alert = raise_alert("job.late", "x", at=NOW, title="Late")
    sending.note(Delivery.objects.get(), sending.Outcome(True, 200), at=NOW)
    rows = {"alert": alert.pk, "channel": channel.pk, "delivery": Delivery.objects.get().pk}
    model, page = PAGES[codename]
    address = url(model, page, rows[model])
    others = [name for name in PAGES if name != codename]
    assert staff(f"view_{model}", *others).get(address).status_code == 403
    assert staff(codename).get(address).status_code == 403
    able = staff(f"view_{model}", codename)
    assert able.get(address).status_code == 200
    confirm(able, address, hours="1")
    done = {
        "acknowledge_alert": lambda: Alert.objects.get().state == "acknowledged",
        "redeliver_delivery": lambda: Delivery.objects.get().state == "pending",
        "test_channel": lambda: Delivery.objects.filter(occasion="test").count() == 1,
        "switch_channel": lambda: not Channel.objects.get().is_active,
        "rotate_channel": lambda: bool(Channel.objects.get().previous_secret),
    }[codename]
    assert done()


def test_several_alerts_are_acknowledged_at_once(boss: Client) -> None:
    made = [raise_alert("job.late", name, at=NOW, title=name) for name in "abc"]
    answer = boss.post(
        url("alert", "changelist"), {"action": "acknowledge_selected", "_selected_action": [a.pk for a in made]}
    )
    confirm(boss, answer["Location"])
    assert set(Alert.objects.values_list("state", flat=True)) == {"acknowledged"}


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("model", "queries"), [("channel", 4), ("rule", 4), ("alert", 4), ("delivery", 4)])
def test_lists_ask_the_same_number_of_queries(
    model: str, queries: int, count: int, boss: Client, root: User, customer_a: Customer,
    django_assert_num_queries: Any,
) -> None:  # fmt: skip
    for number in range(count):
        channel = channels.create_channel(
            by=root, at=NOW, name=f"A{number}", kind="webhook", address="https://a.example/",
            customer_id=customer_a.pk if number else None,
        )  # fmt: skip
        rule(channel, only_customer_id=customer_a.pk)
        raise_alert("job.late", str(number), at=NOW, title="Late", customer_id=customer_a.pk)
    boss.get(url(model, "changelist"))
    with django_assert_num_queries(queries):
        assert boss.get(url(model, "changelist")).status_code == 200


def test_the_tile_is_red_while_somebody_should_act(root: User) -> None:
    assert (open_alerts()["big"], open_alerts()["bad"]) == (0, False)
    alert = raise_alert("job.late", "x", at=NOW, title="Late")
    raise_alert("disk.full", "x", at=NOW, title="Full", severity="critical")
    figures = open_alerts()
    assert (figures["big"], figures["bad"]) == (2, True)
    assert [(str(row["label"]), row["count"]) for row in figures["rows"]] == [("critical", 1), ("error", 1)]
    from hashinsight.notify.domain import acknowledge, recover_alert

    acknowledge(alert, by=root, at=NOW)
    recover_alert("disk.full", "x", at=NOW)
    assert (open_alerts()["big"], open_alerts()["bad"]) == (1, False)
