"""Tickets, repairs and the rota of the demo: their pages show something, and what they show hangs together."""

from datetime import timedelta
from pathlib import Path

import pytest

from accounts.models import User
from crm.models import Customer
from hashinsight.journal.models import Attachment, Note
from hashinsight.notify.domain import oncall
from hashinsight.notify.models import Rota
from hosting.domain.histories import histories_that_differ
from hosting.domain.ticket_clock import late_tickets
from hosting.enums import MinerIntent
from hosting.models import RepairOrder, Ticket
from tests.api.client import Caller
from tests.demo.conftest import NOW


def test_tickets_stand_in_every_state_and_for_both_sides(demo: Path) -> None:
    assert set(Ticket.objects.values_list("status", flat=True)) == {"open", "in_progress", "resolved", "closed"}
    assert Ticket.objects.filter(waiting_since__isnull=False).count() == 1
    assert set(Ticket.objects.values_list("client_visible", flat=True)) == {True, False}
    assert Note.objects.filter(client_visible=False).exists()
    assert Attachment.objects.get().from_client
    assert not Ticket.objects.filter(created_at__gt=NOW).exists()
    assert list(late_tickets(NOW)) == []  # whoever starts the product is not woken by it


def test_repairs_follow_their_machines(demo: Path) -> None:
    away, back = RepairOrder.objects.order_by("-status")
    assert (away.status, away.paused_to, away.miner.intent) == ("sent", None, MinerIntent.MAINTENANCE)
    assert (back.status, back.miner.intent) == ("returned", MinerIntent.ACTIVE)
    assert back.paused_from is not None
    assert back.paused_from < back.paused_to <= back.finished_at + timedelta(minutes=15)
    for order in (away, back):
        assert order.ticket.customer_id == order.customer_id == order.miner.customer_id
    assert histories_that_differ() == []


def test_somebody_is_on_call_all_week(demo: Path) -> None:
    (rota,) = Rota.objects.all()
    plan = oncall.plan_of(rota, first=NOW, past=NOW + timedelta(days=7))
    assert all(people for _span, people in plan)
    assert {person.email for _span, people in plan for person in people} == {
        "owner@nordkessel.example", "operations@nordkessel.example",
    }  # fmt: skip
    assert list(oncall.gaps(NOW)) == []


@pytest.mark.parametrize(("name", "count"), [("alma", 2), ("boris", None)])
def test_clients_see_the_tickets_of_their_own(demo: Path, name: str, count: int | None) -> None:
    user = User.objects.get(email=f"{name}@client.example")
    answer = Caller(user).get("/tickets/").json()["results"]
    mine = {str(customer.public_id) for customer in Customer.objects.visible_to(user)}
    assert {row["customer"] for row in answer} <= mine
    assert count is None or len(answer) == count
