"""Each move from each state: what the tables of moves allow happens, everything else is refused and changes nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import User
from crm import enums
from crm.domain import customers, deals, deliveries, invoicing, issuing, leads
from crm.models import Activity, Customer, Deal, Invoice, InvoiceDelivery, Lead
from hashinsight.common.errors import DomainError
from hashinsight.events.models import OutboxEvent
from tests import factories
from tests.factories import NOW, TODAY

pytestmark = pytest.mark.django_db
Row = Any
Moves = dict[str, tuple[str, Callable[[Row, User], Any]]]


def _put(row: Row, field: str, state: str) -> Row:
    """Bring a row into a state the short way; the columns that constraints want are filled."""
    extra: dict[str, Any] = {}
    if isinstance(row, Lead) and state == "won":
        extra = {"customer": factories.CustomerFactory(), "converted_at": NOW}
        factories.DealFactory(lead=row, from_conversion=True)
    if isinstance(row, Deal) and field == "status" and state in ("signed", "completed"):
        extra = {"stage": "closed_won", "actual_close_on": TODAY, "completed_at": NOW}
    type(row).objects.filter(pk=row.pk).update(**{field: state}, **extra)
    return row.reload()


def _footprint(row: Row) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT to_jsonb(t)::text FROM {row._meta.db_table} t WHERE id = %s", [row.pk])
        return cursor.fetchone()[0], Activity.objects.count(), OutboxEvent.objects.count(), Invoice.objects.count()


def outcomes(row: Row, field: str, states: list[str], moves: Moves, by: User) -> tuple[dict[str, set[str]], list[str]]:
    """From each state: the moves that went through; and refusals that changed something all the same."""
    allowed: dict[str, set[str]] = {}
    leaks: list[str] = []
    for state in states:
        allowed[state] = set()
        for name, (_to, move) in moves.items():
            try:
                with transaction.atomic():
                    stale = type(row).objects.get(pk=row.pk)
                    _put(row, field, state)
                    before = _footprint(row)
                    try:
                        with transaction.atomic():
                            move(stale, by)
                        allowed[state].add(name)
                    except DomainError:
                        if _footprint(row) != before:
                            leaks.append(f"{name} from {state}")
                    raise _Undone
            except _Undone:
                continue
    return allowed, leaks


class _Undone(Exception):
    pass


def table(moves_table: Any, moves: Moves, *, also: dict[str, set[str]] | None = None) -> dict[str, set[str]]:
    """What the table of moves says, by name of the move; ``also`` adds repeats that are meant to be harmless."""
    wanted = {
        str(state): {name for name, (to, _move) in moves.items() if to in targets}
        for state, targets in moves_table.items()
    }
    for state, names in (also or {}).items():
        wanted[state] |= names
    return wanted


def test_leads(root: User, legal_entity: object) -> None:
    moves: Moves = {
        to: (to, lambda row, by, to=to: leads.move_lead(row, to=to, by=by, at=NOW, reason="because"))
        for to in ("new", "contacted", "qualified", "negotiation", "lost")
    }
    moves["convert"] = ("won", lambda row, by: leads.convert_lead(row, by=by, at=NOW))
    allowed, leaks = outcomes(factories.LeadFactory(), "status", enums.LeadStatus.values, moves, root)
    assert leaks == []
    assert allowed == table(enums.LEAD_MOVES, moves, also={"won": {"convert"}})


def test_deal_status(root: User, legal_entity: object) -> None:
    moves: Moves = {
        "submit": ("pending", lambda row, by: deals.submit_deal(row, by=by, at=NOW)),
        "return": ("draft", lambda row, by: deals.return_deal(row, by=by, at=NOW, reason="because")),
        "approve": ("approved", lambda row, by: deals.approve_deal(row, by=by, at=NOW)),
        "sign": ("signed", lambda row, by: deals.sign_deal(row, by=by, on=TODAY, at=NOW)),
        "complete": ("completed", lambda row, by: deals.complete_deal(row, by=by, at=NOW)),
        "cancel": ("cancelled", lambda row, by: deals.cancel_deal(row, by=by, at=NOW, reason="because")),
    }
    allowed, leaks = outcomes(factories.DealFactory(), "status", enums.DealStatus.values, moves, root)
    assert leaks == []
    assert allowed == table(enums.DEAL_MOVES, moves)


def test_deal_stage(root: User, legal_entity: object) -> None:
    moves: Moves = {
        to: (to, lambda row, by, to=to: deals.move_stage(row, to=to, by=by, at=NOW, reason="because"))
        for to in enums.DealStage.values
    }
    allowed, leaks = outcomes(factories.DealFactory(), "stage", enums.DealStage.values, moves, root)
    assert leaks == []
    assert allowed == table(enums.DEAL_STAGE_MOVES, moves)


@pytest.mark.parametrize("to", [stage for stage in enums.DealStage.values if stage != "closed_lost"])
def test_a_cancelled_deal_cannot_be_won_nor_go_on(to: str, root: User) -> None:
    deal = deals.cancel_deal(factories.DealFactory(), by=root, at=NOW, reason="no power")
    with pytest.raises(DomainError):
        deals.move_stage(deal, to=to, by=root, at=NOW)
    assert deal.reload().stage == "discovery"
    assert deals.move_stage(deal, to="closed_lost", by=root, at=NOW).stage == "closed_lost"


def test_losing_a_deal_cancels_its_contract_and_winning_closes_it(root: User) -> None:
    lost = deals.move_stage(factories.DealFactory(), to="closed_lost", by=root, at=NOW, reason="too dear")
    assert (lost.status, lost.cancel_reason, lost.closed_at, lost.probability) == ("cancelled", "too dear", NOW, 0)
    won = deals.move_stage(factories.DealFactory(), to="closed_won", by=root, at=NOW)
    assert (won.status, won.closed_at, won.probability) == ("draft", NOW, 100)


def test_a_lost_deal_is_not_signed(root: User) -> None:
    deal = factories.DealFactory()
    Deal.objects.filter(pk=deal.pk).update(status="approved", stage="closed_lost")
    with pytest.raises(deals.DealRefused):
        deals.sign_deal(deal, by=root, on=TODAY, at=NOW)


def test_customers(root: User) -> None:
    moves: Moves = {
        to: (to, lambda row, by, to=to: customers.change_status(row, to=to, by=by, reason="because"))
        for to in enums.CustomerStatus.values
    }
    allowed, leaks = outcomes(factories.CustomerFactory(), "status", enums.CustomerStatus.values, moves, root)
    assert leaks == []
    assert allowed == table(enums.CUSTOMER_MOVES, moves)


def test_invoices(root: User, customer_a: Customer) -> None:
    """Drafts move by issuing and withdrawing; issued ones only by money and credit."""
    moves: Moves = {
        "issue": ("sent", lambda row, by: issuing.issue_invoice(row, by=by, on=TODAY, at=NOW)),
        "withdraw": ("cancelled", lambda row, by: invoicing.cancel_draft(row, by=by, reason="no")),
        "change": ("", lambda row, by: invoicing.recalculate(row, on=TODAY)),
        "credit": ("", lambda row, by: issuing.credit_invoice(row, by=by, on=TODAY, at=NOW, reason="wrong")),
    }
    draft = factories.draft_invoice(by=root, customer=customer_a)
    allowed, leaks = outcomes(draft, "status", ["draft", "cancelled"], moves, root)
    assert (allowed, leaks) == ({"draft": {"issue", "withdraw", "change"}, "cancelled": set()}, [])
    sent = factories.issued_invoice(by=root, customer=customer_a)
    allowed, leaks = outcomes(sent, "status", ["sent", "overdue"], moves, root)
    assert (allowed, leaks) == ({"sent": {"credit"}, "overdue": {"credit"}}, [])


def test_deliveries(root: User, customer_a: Customer) -> None:
    moves: Moves = {
        "sent": ("sent", lambda row, by: deliveries.mark_sent(row, at=NOW)),
        "again": ("queued", lambda row, by: deliveries.requeue(row, at=NOW)),
    }
    delivery = InvoiceDelivery.objects.get(invoice=factories.issued_invoice(by=root, customer=customer_a))
    allowed, leaks = outcomes(delivery, "status", enums.DeliveryStatus.values, moves, root)
    assert leaks == []
    assert allowed == table(enums.DELIVERY_MOVES, moves)


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_move_that_needs_a_reason_is_refused_without_one(reason: str, root: User, customer_a: Customer) -> None:
    invoice = factories.issued_invoice(by=root, customer=customer_a)
    for move in (
        lambda: leads.move_lead(factories.LeadFactory(), to="lost", by=root, at=NOW, reason=reason),
        lambda: deals.cancel_deal(factories.DealFactory(), by=root, at=NOW, reason=reason),
        lambda: deals.move_stage(factories.DealFactory(), to="closed_lost", by=root, at=NOW, reason=reason),
        lambda: issuing.credit_invoice(invoice, by=root, on=TODAY, at=NOW, reason=reason),
    ):
        with pytest.raises(DomainError, match=r"State (why|the reason)"):
            move()


def test_a_lead_is_won_by_conversion_only(root: User) -> None:
    with pytest.raises(leads.LeadRefused):
        leads.move_lead(factories.LeadFactory(), to="won", by=root, at=NOW)


def test_a_won_lead_whose_draft_was_deleted_gets_a_new_one_and_no_second_customer(root: User) -> None:
    lead = factories.LeadFactory(company="Quarz AG", value=500)
    first = leads.convert_lead(lead, by=root, at=NOW)
    assert leads.convert_lead(lead, by=root, at=NOW) == first
    Activity.objects.filter(deal=first).delete()
    first.delete()
    later = NOW + timedelta(days=3)
    again = leads.convert_lead(lead, by=root, at=later)
    assert (again.customer, again.value, again.status, again.created_at) == (first.customer, 500, "draft", later)
    assert leads.convert_lead(lead, by=root, at=later) == again
    assert (Customer.objects.count(), lead.reload().converted_at) == (1, NOW)
    assert Activity.objects.get(deal=again).subject.startswith("The draft of the deal had been deleted")
    kinds = OutboxEvent.objects.order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["customer.created", "lead.converted", "deal.created"]


def test_no_deal_is_made_anew_for_an_inactive_customer(root: User) -> None:
    lead = factories.LeadFactory()
    deal = leads.convert_lead(lead, by=root, at=NOW)
    Activity.objects.filter(deal=deal).delete()
    deal.delete()
    customers.change_status(deal.customer, to="inactive", by=root, reason="gone")
    with pytest.raises(leads.LeadRefused, match="is inactive"):
        leads.convert_lead(lead, by=root, at=NOW)


def test_inactive_customers_get_no_deals_and_no_invoices(root: User, customer_a: Customer) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    signed = factories.signed_deal(by=root, customer=customer_a)
    lead = factories.LeadFactory(customer=customer_a)
    customers.change_status(customer_a, to="inactive", by=root, reason="gone")
    customer_a.refresh_from_db()
    for move in (
        lambda: deals.create_deal(customer=customer_a, title="x", value=1, by=root, at=NOW),
        lambda: deals.complete_deal(signed, by=root, at=NOW),
        lambda: leads.convert_lead(lead, by=root, at=NOW),
        lambda: issuing.issue_invoice(draft, by=root, on=TODAY, at=NOW),
    ):
        with pytest.raises(DomainError, match="is inactive"):
            move()
    assert (signed.reload().status, lead.reload().status, draft.reload().status) == ("signed", "new", "draft")


def test_a_customer_with_open_invoices_stays_active_but_may_still_be_credited(root: User, customer_a: Customer) -> None:
    invoice = factories.issued_invoice(by=root, customer=customer_a)
    with pytest.raises(customers.CustomerRefused):
        customers.change_status(customer_a, to="inactive", by=root, reason="gone")
    issuing.credit_invoice(invoice, by=root, on=TODAY, at=NOW, reason="wrong")
    assert customers.change_status(customer_a, to="inactive", by=root, reason="gone").status == "inactive"
