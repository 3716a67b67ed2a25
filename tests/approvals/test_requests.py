"""Asking and deciding: never the same person, never twice, only what was asked for, all in one transaction."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.models import User
from crm.domain import credit_requests, issuing, payments
from crm.models import ApprovalLimit, Invoice
from hashinsight.approvals.domain import gate, requests
from hashinsight.approvals.domain.queries import waiting_for
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.common.transitions import MoveRefused
from hashinsight.events.models import OutboxEvent
from tests import factories
from tests.approvals.conftest import DECIDER, People
from tests.factories import NOW, TODAY
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


def ask(invoice: Invoice, by: User, share: str = "0.6") -> Any:
    return credit_requests.credit_or_ask(
        invoice, by=by, on=TODAY, at=NOW, reason="Down for weeks", quantities={1: Decimal(share)}
    )


def notes() -> int:
    return Invoice.objects.filter(kind="credit_note").count()


@pytest.fixture
@standing
def request_(invoice: Invoice, limit: ApprovalLimit, asker: User) -> ApprovalRequest:
    made = ask(invoice, asker)
    assert isinstance(made, ApprovalRequest)
    return made


def test_above_the_limit_nothing_happens_but_a_request(request_: ApprovalRequest, asker: User) -> None:
    assert notes() == 0
    assert (request_.state, request_.amount, request_.currency, request_.requested_by) == (
        "pending", Decimal(600), "USD", asker,
    )  # fmt: skip
    assert request_.payload == {"reason": "Down for weeks", "quantities": {"1": "0.6"}, "send": True}
    event = OutboxEvent.objects.get(kind="approval.requested")
    assert (event.payload["state"], event.payload["amount"]) == ("pending", "600.00")


def test_up_to_the_limit_one_person_suffices(invoice: Invoice, limit: ApprovalLimit, asker: User) -> None:
    assert isinstance(ask(invoice, asker, "0.5"), Invoice)
    assert ApprovalRequest.objects.count() == 0


def test_small_steps_add_up(invoice: Invoice, limit: ApprovalLimit, asker: User) -> None:
    assert isinstance(ask(invoice, asker, "0.3"), Invoice)
    assert isinstance(ask(invoice, asker, "0.3"), ApprovalRequest)


@pytest.mark.parametrize(
    ("rule", "amount", "asks"), [("never", None, False), ("always", None, True), ("above", 0, True)]
)
def test_never_and_always(invoice: Invoice, asker: User, rule: str, amount: int | None, asks: bool) -> None:
    ApprovalLimit.objects.create(legal_entity=invoice.legal_entity, act="credit_note", rule=rule, amount=amount)
    assert isinstance(ask(invoice, asker, "0.001"), ApprovalRequest) is asks


def test_another_currency_than_the_limits_cannot_be_compared(
    invoice: Invoice, limit: ApprovalLimit, asker: User, root: User
) -> None:
    foreign = factories.issued_invoice(by=root, customer=invoice.customer, currency="EUR")
    assert isinstance(ask(foreign, asker, "0.001"), ApprovalRequest)


def test_the_second_person_approves_and_it_is_done_at_once(request_: ApprovalRequest, decider: User) -> None:
    approved = requests.approve(request_, by=decider, at=LATER)
    note = Invoice.objects.get(kind="credit_note")
    assert (note.gross_total, note.note) == (Decimal(600), "Down for weeks")
    assert (approved.state, approved.decided_by, approved.executed_at, approved.result) == (
        "approved", decider, LATER, note.number,
    )  # fmt: skip
    assert OutboxEvent.objects.get(kind="approval.decided").payload["state"] == "approved"


def test_whoever_asks_cannot_decide(request_: ApprovalRequest, asker: User) -> None:
    with pytest.raises(requests.OwnRequest):
        requests.approve(request_, by=asker, at=LATER)
    with pytest.raises(requests.OwnRequest):
        requests.reject(request_, by=asker, at=LATER, note="no")
    assert notes() == 0


@pytest.mark.parametrize("state", ["approved", "rejected"])
def test_the_database_refuses_the_decision_of_whoever_asked(request_: ApprovalRequest, asker: User, state: str) -> None:
    with pytest.raises(IntegrityError, match="approvals_request_two_people"), transaction.atomic():
        ApprovalRequest.objects.filter(pk=request_.pk).update(state=state, decided_by=asker, decided_at=LATER)
    with pytest.raises(IntegrityError, match="approvals_request_two_people"), transaction.atomic():
        ApprovalRequest.objects.filter(pk=request_.pk).update(state=state)


@pytest.mark.parametrize("missing", ["approvals.decide_approvalrequest", "crm.credit_invoice"])
def test_deciding_needs_both_powers(request_: ApprovalRequest, people: People, missing: str) -> None:
    person = people(*(name for name in DECIDER if name != missing))
    with pytest.raises(requests.NotEntitled):
        requests.approve(request_, by=person, at=LATER)
    assert list(waiting_for(person)) == []
    assert notes() == 0


def test_what_waits_for_me(request_: ApprovalRequest, asker: User, decider: User) -> None:
    assert list(waiting_for(decider)) == [request_]
    assert list(waiting_for(asker)) == []


def test_a_refusal_of_the_act_takes_the_decision_back(
    request_: ApprovalRequest, decider: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = Invoice.objects.get(pk=request_.object_id).customer
    type(customer).objects.filter(pk=customer.pk).update(company_name=" ")
    with pytest.raises(issuing.InvoiceRefused, match="has no name"):
        requests.approve(request_, by=decider, at=LATER)
    requests.note_refusal(request_, message="no name")
    request_.reload()
    assert (request_.state, request_.decided_by, request_.last_refusal) == ("pending", None, "no name")
    assert notes() == 0
    assert not OutboxEvent.objects.filter(kind="approval.decided").exists()


def test_what_changed_meanwhile_is_not_done(request_: ApprovalRequest, invoice: Invoice, decider: User) -> None:
    payments.record_payment(invoice, amount=Decimal(1), currency="USD", received_on=TODAY, by=None, on=TODAY, at=NOW)
    with pytest.raises(requests.ObjectChanged):
        requests.approve(request_, by=decider, at=LATER)
    assert request_.reload().state == "pending"


def test_becoming_overdue_is_no_change_of_the_money(request_: ApprovalRequest, invoice: Invoice, decider: User) -> None:
    Invoice.objects.filter(pk=invoice.pk).update(status="overdue")
    assert requests.approve(request_, by=decider, at=LATER).state == "approved"


def test_one_waits_at_a_time(request_: ApprovalRequest, invoice: Invoice, asker: User) -> None:
    with pytest.raises(requests.AlreadyWaiting):
        ask(invoice, asker, "0.7")
    with pytest.raises(IntegrityError, match="approvals_request_one_waiting"), transaction.atomic():
        ApprovalRequest.objects.create(
            kind=request_.kind, object_type=request_.object_type, object_id=request_.object_id,
            object_label="x", object_state="x", reason="x", requested_at=NOW, expires_at=LATER,
        )  # fmt: skip


def test_each_end_is_an_end(request_: ApprovalRequest, asker: User, decider: User) -> None:
    requests.reject(request_, by=decider, at=LATER, note="Too much")
    for move in (
        lambda: requests.approve(request_, by=decider, at=LATER),
        lambda: requests.reject(request_, by=decider, at=LATER, note="x"),
        lambda: requests.withdraw(request_, by=asker, at=LATER),
    ):
        with pytest.raises(MoveRefused):
            move()
    assert requests.expire_due(at=NOW + timedelta(days=99)) == 0
    assert notes() == 0


def test_only_whoever_asked_withdraws(request_: ApprovalRequest, asker: User, decider: User) -> None:
    with pytest.raises(requests.NotEntitled):
        requests.withdraw(request_, by=decider, at=LATER)
    assert requests.withdraw(request_, by=asker, at=LATER).state == "withdrawn"


def test_what_nobody_decides_expires_at_its_time(request_: ApprovalRequest, decider: User) -> None:
    assert requests.expire_due(at=request_.expires_at - timedelta(seconds=1)) == 0
    with pytest.raises(requests.ApprovalRefused, match="time"):
        requests.approve(request_, by=decider, at=request_.expires_at)
    assert requests.expire_due(at=request_.expires_at) == 1
    assert requests.expire_due(at=request_.expires_at) == 0
    assert request_.reload().state == "expired"


# --- no way around ------------------------------------------------------------------------------------------
def test_the_domain_function_itself_refuses(invoice: Invoice, limit: ApprovalLimit, root: User) -> None:
    with pytest.raises(gate.SecondPersonNeeded):
        issuing.credit_invoice(invoice, by=root, on=TODAY, at=NOW, reason="x")
    assert notes() == 0


def test_an_approval_in_hand_proves_nothing(request_: ApprovalRequest, invoice: Invoice, decider: User) -> None:
    request_.state, request_.decided_by = "approved", decider
    with pytest.raises(gate.SecondPersonNeeded):
        issuing.credit_invoice(invoice, by=decider, on=TODAY, at=NOW, reason="x", approval=request_)
    request_.reload()
    done = requests.approve(request_, by=decider, at=LATER)
    with pytest.raises(gate.SecondPersonNeeded):  # a used one neither
        issuing.credit_invoice(
            invoice, by=decider, on=TODAY, at=NOW, reason="x", quantities={1: Decimal("0.4")}, approval=done
        )
    assert notes() == 1


def test_an_approval_is_for_its_own_amount(request_: ApprovalRequest, invoice: Invoice, decider: User) -> None:
    with transaction.atomic():
        ApprovalRequest.objects.filter(pk=request_.pk).update(state="approved", decided_by=decider, decided_at=LATER)
        with pytest.raises(gate.SecondPersonNeeded):
            issuing.credit_invoice(
                invoice, by=decider, on=TODAY, at=NOW, reason="x", quantities={1: Decimal("0.7")}, approval=request_
            )
        transaction.set_rollback(True)


def test_an_approval_cannot_be_kept_in_store(request_: ApprovalRequest, decider: User) -> None:
    ApprovalRequest.objects.filter(pk=request_.pk).update(state="approved", decided_by=decider, decided_at=LATER)
    with pytest.raises(IntegrityError, match="carried out at once"):
        connection.check_constraints()
    transaction.set_rollback(True)


@pytest.mark.parametrize(
    "change", ["payload = '{}'", "amount = 1", "reason = 'x'", "object_id = 7", "requested_by_id = NULL", "kind = 'x'"]
)
def test_a_wish_stays_as_it_was_made(request_: ApprovalRequest, change: str) -> None:
    with pytest.raises(IntegrityError, match="stays as it was"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE approvals_approvalrequest SET {change}")


@pytest.mark.parametrize("statement", ["DELETE FROM approvals_approvalrequest", "TRUNCATE approvals_approvalrequest"])
def test_a_request_is_kept(request_: ApprovalRequest, statement: str) -> None:
    refused = pytest.raises(DatabaseError, match=r"kept|emptied|permission denied")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert ApprovalRequest.objects.count() == 1


def test_a_decision_stays(request_: ApprovalRequest, decider: User) -> None:
    requests.reject(request_, by=decider, at=LATER, note="no")
    with pytest.raises(IntegrityError, match="stays as it was"), transaction.atomic():
        ApprovalRequest.objects.filter(pk=request_.pk).update(state="pending", decided_by=None, decided_at=None)
