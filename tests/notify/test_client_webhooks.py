"""Webhooks through the API: an admin of the customer keeps them, a viewer looks on, nobody else knows of them."""

import json
from typing import Any

import pytest
import time_machine

from accounts.models import User
from crm.models import Customer
from hashinsight.notify.models import Channel, Delivery
from tests.api.client import Caller
from tests.factories import NOW
from tests.notify.conftest import work
from tests.support.servers import Receiver

pytestmark = pytest.mark.django_db


def _new(of: Customer, /, **changes: Any) -> dict[str, Any]:
    return {
        "customer": str(of.public_id),
        "name": "Books",
        "url": "https://hooks.example/x",
        "kinds": ["invoice.paid", "invoice.issued"],
        **changes,
    }


def test_the_life_of_a_webhook(
    alice: User, bob: User, customer_a: Customer, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    admin, viewer = Caller(alice), Caller(bob)
    made = admin.post("/webhooks/", _new(customer_a, url=receiver.url()), Idempotency_Key="k1")
    assert made.status_code == 201, made.content
    body = made.json()
    assert body["secret"].startswith("whsec_")
    assert body["kinds"] == ["invoice.issued", "invoice.paid"]
    again = admin.post("/webhooks/", _new(customer_a, url=receiver.url()), Idempotency_Key="k1").json()
    assert (again["id"], again["secret"], again["secret_withheld"]) == (body["id"], None, True)
    path = f"/webhooks/{body['id']}/"
    shown = viewer.get(path)
    assert "secret" not in shown.json()
    assert body["secret"].encode() not in shown.content
    for call in ("test", "rotate", "disable", "enable"):
        assert viewer.post(f"{path}{call}/").status_code == 403
    assert viewer.patch(path, {"name": "x"}).status_code == 403
    assert viewer.post("/webhooks/", _new(customer_a)).status_code == 403
    assert admin.patch(path, {"kinds": ["payment.recorded"], "name": "New"}).json()["kinds"] == ["payment.recorded"]
    rotated = admin.post(f"{path}rotate/", {"overlap_hours": 1}).json()
    assert rotated["secret"] != body["secret"]
    message = admin.post(f"{path}test/").json()
    assert (message["state"], message["kind"]) == ("pending", "channel.test")
    work(NOW)
    (heard,) = receiver.requests
    assert heard.headers["webhook-id"] == message["id"]
    assert len(heard.headers["webhook-signature"].split()) == 2
    seen = viewer.get(f"/webhook-deliveries/{message['id']}/").json()
    assert (seen["state"], seen["response_status"], seen["response_excerpt"]) == ("delivered", 200, "ok")
    assert seen["payload"] == json.loads(heard.body)
    assert viewer.post(f"/webhook-deliveries/{message['id']}/redeliver/").status_code == 403
    assert admin.post(f"/webhook-deliveries/{message['id']}/redeliver/").json()["state"] == "pending"
    assert admin.post(f"/webhook-deliveries/{message['id']}/redeliver/").status_code == 409
    work(NOW)
    assert [one.headers["webhook-id"] for one in receiver.requests] == [message["id"]] * 2
    assert admin.post(f"{path}disable/").json()["is_active"] is False
    assert admin.post(f"{path}disable/").status_code == 409
    assert admin.post(f"{path}enable/").json()["is_active"] is True


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "http://127.0.0.1:5432/"},
        {"url": "https://169.254.169.254/latest/"},
        {"url": "https://[::ffff:10.0.0.1]/"},
        {"url": "file:///etc/passwd"},
        {"kinds": ["lead.created"]},
        {"kinds": ["*"]},
        {"kinds": []},
        {"name": ""},
        {"secret": "whsec_mine"},
        {"customer": "0199f3a1-7c1e-7b52-9d3e-2f6a41c07d11"},
    ],
)
def test_a_wrong_webhook_is_a_400(changes: dict[str, Any], alice: User, customer_a: Customer) -> None:
    answer = Caller(alice).post("/webhooks/", _new(customer_a, **changes))
    assert answer.status_code == 400, answer.content
    assert Channel.objects.count() == 0


def test_nobody_registers_for_somebody_elses_customer(charlie: User, alice: User, customer_a: Customer) -> None:
    assert Caller(charlie).post("/webhooks/", _new(customer_a)).status_code == 400
    made = Caller(alice).post("/webhooks/", _new(customer_a)).json()
    stranger = Caller(charlie)
    assert stranger.get(f"/webhooks/{made['id']}/").status_code == 404
    assert stranger.post(f"/webhooks/{made['id']}/test/").status_code == 404
    assert stranger.get("/webhooks/").json()["results"] == []


def test_there_are_at_most_ten(alice: User, customer_a: Customer) -> None:
    caller = Caller(alice)
    for _number in range(10):
        assert caller.post("/webhooks/", _new(customer_a)).status_code == 201
    answer = caller.post("/webhooks/", _new(customer_a))
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_webhooks")


def test_webhooks_of_the_house_are_not_in_the_api(root: User, webhook: Channel) -> None:
    caller = Caller(root)
    assert caller.get("/webhooks/").json()["results"] == []
    assert caller.get(f"/webhooks/{webhook.public_id}/").status_code == 404
    assert Delivery.objects.count() == 0
