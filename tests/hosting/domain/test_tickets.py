"""Tickets: numbers that tell nothing, moves, the clock, what clients read, and what a repair does to a machine."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from crm.models import Customer
from hashinsight.common.transitions import MoveRefused
from hashinsight.events.models import OutboxEvent
from hashinsight.journal.domain import JournalRefused, NewFile, attach_file, notes_of, timeline_of
from hashinsight.journal.models import Attachment, AttachmentContent, Note
from hosting.domain import fleet, repairs, tickets
from hosting.domain.repairs import RepairRefused
from hosting.domain.ticket_clock import late_tickets
from hosting.domain.tickets import TicketRefused
from hosting.enums import MinerIntent
from hosting.models import Miner, RepairOrder, Ticket
from tests.support.standing import standing

Machines = Callable[..., list[Miner]]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
@standing
def ticket(customer_a: Customer, alice: User, now: datetime) -> Ticket:
    return tickets.open_ticket(subject="Fan is loud", customer=customer_a, priority="high", by=alice, at=now)


def test_numbers_are_counted_per_customer_and_ours_apart(
    customer_a: Customer, customer_b: Customer, root: User, now: datetime
) -> None:
    def opened(customer: Customer | None, **more: Any) -> str:
        return tickets.open_ticket(subject="x", customer=customer, by=root, at=now, **more).reference

    assert [opened(customer_a), opened(customer_b), opened(customer_a)] == ["T-0001", "T-0001", "T-0002"]
    assert [opened(None), opened(customer_a, client_visible=False), opened(customer_a)] == [
        "I-0001",
        "I-0002",
        "T-0003",
    ]


def test_the_whole_way_and_back(ticket: Ticket, root: User, now: datetime) -> None:
    assert (ticket.respond_due_at, ticket.resolve_due_at) == (now + HOUR, now + 12 * HOUR)
    ticket = tickets.assign_ticket(ticket, to=root, by=root)
    ticket = tickets.begin_work(ticket, by=root, at=now + MINUTE)
    assert (ticket.status, ticket.responded_at) == ("in_progress", now + MINUTE)
    ticket = tickets.resolve_ticket(ticket, resolution="Fan changed", by=root, at=now + HOUR)
    assert (ticket.status, ticket.resolved_at) == ("resolved", now + HOUR)
    ticket = tickets.reopen_ticket(ticket, reason="Still loud", by=root, at=now + 2 * HOUR)
    assert (ticket.status, ticket.resolved_at, ticket.reopened) == ("assigned", None, 1)
    assert ticket.resolve_due_at == now + 14 * HOUR
    ticket = tickets.close_ticket(ticket, by=root, at=now + 3 * HOUR)
    assert (ticket.status, ticket.closed_at, ticket.resolved_at) == ("closed", now + 3 * HOUR, now + 3 * HOUR)
    with pytest.raises(MoveRefused):
        tickets.begin_work(ticket, by=root, at=now)


def test_the_clock_stands_while_we_wait_and_goes_on_with_the_answer(
    ticket: Ticket, alice: User, root: User, now: datetime
) -> None:
    ticket = tickets.wait_for_client(ticket, question="Which fan?", by=root, at=now + MINUTE)
    assert ticket.responded_at == now + MINUTE
    assert [*late_tickets(now + 40 * HOUR)] == []
    tickets.write_note(ticket, body="The left one", by=alice, at=now + 10 * HOUR)
    ticket.refresh_from_db()
    assert (ticket.waiting_since, ticket.resolve_due_at) == (None, now + 22 * HOUR - MINUTE)
    (late,) = late_tickets(now + 40 * HOUR)
    assert late.key == str(ticket.public_id)
    assert [(note.body, note.from_client) for note in notes_of(ticket)] == [
        ("Which fan?", False),
        ("The left one", True),
    ]


def test_another_priority_is_another_promise_and_keeps_the_waiting(ticket: Ticket, root: User, now: datetime) -> None:
    tickets.wait_for_client(ticket, question="?", by=root, at=now)
    tickets.resolve_ticket(ticket, resolution="", by=root, at=now + HOUR)
    tickets.reopen_ticket(ticket, reason="no", by=root, at=now + HOUR)
    ticket = tickets.change_ticket(ticket, changes={"priority": "urgent"}, by=root)
    assert ticket.respond_due_at == now + 15 * MINUTE
    assert ticket.resolve_due_at == now + 5 * HOUR  # four hours, and the one that was added


def test_notes_among_us_are_no_answer_and_no_client_reads_them(
    ticket: Ticket, alice: User, root: User, now: datetime
) -> None:
    tickets.write_note(ticket, body="They call every week", by=root, at=now)
    assert ticket.reload().responded_at is None
    tickets.write_note(ticket, body="We look at it", by=root, at=now, client_visible=True)
    assert ticket.reload().responded_at == now
    assert [note.body for note in Note.objects.visible_to(alice)] == ["We look at it"]
    assert OutboxEvent.objects.filter(kind="ticket.note_added").count() == 1  # nor does an event tell of it


def test_a_clients_note_opens_a_resolved_ticket_and_is_refused_on_a_closed_one(
    ticket: Ticket, alice: User, root: User, now: datetime
) -> None:
    tickets.resolve_ticket(ticket, resolution="Done", by=root, at=now)
    tickets.write_note(ticket, body="Not done", by=alice, at=now + HOUR)
    assert (ticket.reload().status, ticket.reopened, ticket.resolved_at) == ("open", 1, None)
    tickets.close_ticket(ticket, by=root, at=now)
    with pytest.raises(TicketRefused):
        tickets.write_note(ticket, body="Hello?", by=alice, at=now)
    with pytest.raises(TicketRefused):
        tickets.add_file(ticket, file=NewFile("a.txt", "text/plain", b"a"), by=alice, at=now)


def test_machines_of_others_are_refused(
    customer_a: Customer, customer_b: Customer, machines: Machines, root: User, now: datetime
) -> None:
    (miner,) = machines(1)
    fleet.assign_miners([miner], customer=customer_b, since=fleet.quarter_hour(now), by=root, at=now)
    with pytest.raises(TicketRefused):
        tickets.open_ticket(subject="x", customer=customer_a, miners=[miner.reload()], by=root, at=now)
    assert not Ticket.objects.exists()


def test_written_is_written(ticket: Ticket, root: User, now: datetime) -> None:
    tickets.write_note(ticket, body="First", by=root, at=now)
    file = tickets.add_file(ticket, file=NewFile("a.txt", "text/plain", b"abc"), by=root, at=now)
    for change in (
        lambda: Note.objects.update(body="Second"),
        lambda: Note.objects.update(client_visible=True),
        lambda: Attachment.objects.update(sha256="0" * 64),
        lambda: AttachmentContent.objects.update(data=b"abd"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
    Note.objects.update(author=None)  # a person may be deleted, what they wrote stays
    assert bytes(file.content.data) == b"abc"


def test_the_same_file_twice_is_one_and_files_are_bounded(ticket: Ticket, root: User, now: datetime) -> None:
    first = tickets.add_file(ticket, file=NewFile("a.txt", "text/plain", b"abc"), by=root, at=now)
    assert tickets.add_file(ticket, file=NewFile("b.txt", "text/plain", b"abc"), by=root, at=now) == first
    with pytest.raises(JournalRefused):
        attach_file(ticket, file=NewFile("big", "x", b"x" * (4 * 1024 * 1024 + 1)), by=root, at=now)
    with pytest.raises(JournalRefused):
        tickets.write_note(ticket, body="   ", by=root, at=now)
    assert len(timeline_of(ticket)) == 1


def test_files_among_us_take_no_place_of_those_a_client_sees(
    ticket: Ticket, alice: User, root: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashinsight.journal.domain.entries.MOST_FILES", 2)

    def add(content: bytes, by: User) -> Attachment:
        return tickets.add_file(ticket, file=NewFile("a.txt", "text/plain", content), by=by, at=now)

    for content in (b"1", b"2"):
        add(content, root)
    for content in (b"1", b"2"):  # else the client learns at the first that we have two among us
        add(content, alice)
    for person in (root, alice):
        with pytest.raises(JournalRefused, match="2 files already"):
            add(b"3", person)
    assert Attachment.objects.filter(client_visible=True).count() == 2


def test_a_repair_locks_the_machine_out_and_pauses_billing_on_quarter_hours(
    machines: Machines, customer_a: Customer, root: User, now: datetime
) -> None:
    (miner,) = machines(1)
    start = fleet.quarter_hour(now) + timedelta(minutes=7)
    order = repairs.order_repair(miner, reason="Board 2 dead", by=root, at=start)
    assert miner.reload().intent == MinerIntent.MAINTENANCE
    assert (order.paused_from, order.paused_to) == (fleet.quarter_hour(start), None)
    with pytest.raises(Exception, match="repaired already"):
        repairs.order_repair(miner, reason="Again", by=root, at=start)
    repairs.move_repair(order, to="sent", by=root, at=start)
    end = start + timedelta(days=3)
    order = repairs.finish_repair(order, to="returned", outcome="New board", by=root, at=end)
    assert order.paused_to == fleet.quarter_hour(end) + timedelta(minutes=15)
    assert miner.reload().intent == MinerIntent.PAUSED


def test_a_cancelled_repair_paused_nothing_and_one_written_off_retires(
    machines: Machines, root: User, now: datetime
) -> None:
    first, second = machines(2)
    order = repairs.order_repair(first, reason="Noise", by=root, at=now)
    order = repairs.finish_repair(order, to="cancelled", outcome="It was the radio", by=root, at=now + HOUR)
    assert order.paused_to == order.paused_from == fleet.quarter_hour(now)
    lost = repairs.order_repair(second, reason="Fire", by=root, at=now)
    repairs.finish_repair(lost, to="written_off", outcome="Burnt", by=root, at=now + HOUR)
    assert second.reload().intent == MinerIntent.RETIRED
    with pytest.raises(RepairRefused):
        repairs.order_repair(second, reason="?", by=root, at=now)
    with pytest.raises(MoveRefused):
        repairs.move_repair(lost, to="sent", by=root, at=now)


def test_the_database_refuses_a_pause_off_the_grid(machines: Machines, root: User, now: datetime) -> None:
    order = repairs.order_repair(machines(1)[0], reason="x", by=root, at=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        RepairOrder.objects.filter(pk=order.pk).update(paused_from=fleet.quarter_hour(now) + MINUTE)
