"""Statement of account and receivables by age: their sums are those of the ledger, in every form they come in."""

import csv
import io
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db.models import Sum
from django.test import Client

from accounts.models import User
from crm.documents.ageing import ageing_csv, figures_of, render_ageing
from crm.documents.statement import render_statement, render_statement_html, statement_csv
from crm.domain import customer_credits, dunning, payments, refunds, reversals, write_offs
from crm.domain.ledger import ageing, queries
from crm.domain.ledger.statement import Statement, StatementRefused, statement_of, usual_period
from crm.models import Customer, Invoice, JournalEntry, LedgerPosting, LegalEntity
from tests import factories
from tests.factories import NOW, TODAY
from tests.support.standing import standing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_broker")]
LATER = TODAY + timedelta(days=50)


@pytest.fixture
@standing
def books(root: User, customer_a: Customer, customer_b: Customer) -> Invoice:
    """Two customers, two currencies, every kind of movement on two days."""
    first = factories.issued_invoice(by=root, customer=customer_a)
    factories.issued_invoice(by=root, customer=customer_a, currency="EUR", value=Decimal(70))
    factories.issued_invoice(by=root, customer=customer_b, value=Decimal(300))
    step: dict[str, Any] = {"by": root, "on": TODAY, "at": NOW}
    payments.record_payment(
        first, amount=Decimal(100), currency="USD", received_on=TODAY, reference="=HYPERLINK(1)", **step
    )
    held = customer_credits.record_deposit(
        customer_a, amount=Decimal(250), currency="USD", received_on=TODAY, reference="D-1", **step
    )
    customer_credits.apply_credit(held, invoice=first, amount=Decimal(50), **step)
    after: dict[str, Any] = {"by": root, "on": LATER, "at": NOW + timedelta(days=50)}
    back = refunds.refund_credit(held, amount=Decimal(20), reason="for the house only", **after)
    reversals.reverse(back, reason="x", **after)
    write_offs.write_off(first, amount=Decimal(30), reason="for the house only", **after)
    dunning.dispute(first, amount=Decimal(200), reason="x", by=root, at=NOW)
    return first


def of(customer: Customer, first: date = TODAY, last: date = LATER, currency: str = "USD") -> Statement:
    return statement_of(customer, currency=currency, first=first, last=last)


def test_every_movement_runs_from_the_opening_to_the_closing_balance(books: Invoice) -> None:
    found = of(books.customer)
    assert [(line.kind, line.debit, line.credit, line.moved, line.balance) for line in found.lines] == [
        ("invoice", Decimal(1000), 0, 0, Decimal(1000)),
        ("payment", 0, Decimal(100), 0, Decimal(900)),
        ("deposit", 0, Decimal(250), 0, Decimal(650)),
        ("application", 0, 0, Decimal(50), Decimal(650)),
        ("refund", Decimal(20), 0, 0, Decimal(670)),
        ("reversal", 0, Decimal(20), 0, Decimal(650)),
        ("write_off", 0, Decimal(30), 0, Decimal(620)),
    ]
    assert (found.opening, found.closing, found.held) == (0, Decimal(620), Decimal(200))
    assert found.closing == queries.balance_of(books.customer, "USD") == found.ageing.total - found.held
    assert [item.amount for item in found.items] == [Decimal(820)]


def test_what_was_before_is_the_opening_balance(books: Invoice) -> None:
    found = of(books.customer, first=TODAY + timedelta(days=1))
    assert (found.opening, len(found.lines), found.closing) == (Decimal(650), 3, Decimal(620))
    assert found.opening + found.debits - found.credits == found.closing
    past = of(books.customer, last=TODAY)
    assert past.closing == queries.balance_of(books.customer, "USD", on=TODAY) == found.opening


def test_an_account_is_kept_per_legal_entity_and_currency(books: Invoice, root: User) -> None:
    other: LegalEntity = factories.LegalEntityFactory()
    customer_credits.record_deposit(
        books.customer, amount=Decimal(9), currency="USD", received_on=TODAY, legal_entity=other, by=root, on=TODAY,
        at=NOW,
    )  # fmt: skip
    known = {(one.legal_entity_id, one.currency): one.balance for one in queries.accounts_of(books.customer)}
    mine = books.legal_entity_id
    assert known == {(mine, "USD"): Decimal(620), (mine, "EUR"): Decimal(70), (other.pk, "USD"): Decimal(-9)}
    assert queries.accounts_of(books.customer)[0].legal_entity_id == other.pk
    for (entity, currency), balance in known.items():
        found = statement_of(
            books.customer, currency=currency, first=TODAY, last=LATER, legal_entity_id=entity
        )  # fmt: skip
        assert found.closing == balance == found.ageing.total - found.held


def test_a_period_must_make_sense_and_fit(books: Invoice, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StatementRefused, match="ends before it begins"):
        of(books.customer, first=TODAY, last=TODAY - timedelta(days=2))
    monkeypatch.setattr("crm.domain.ledger.statement.MOST_LINES", 6)
    with pytest.raises(StatementRefused, match="too many movements"):
        of(books.customer)
    assert usual_period(date(2026, 1, 15)) == (date(2025, 11, 1), date(2026, 1, 15))


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def test_the_file_holds_the_same_and_no_formula(books: Invoice) -> None:
    found = of(books.customer)
    rows = rows_of(statement_csv(found))
    assert rows[0] == ["date", "kind", "invoice", "text", "charged", "paid or credited", "balance", "currency"]
    assert rows[1] == [TODAY.isoformat(), "Opening balance", "", "", "", "", "0.00", "USD"]
    assert rows[-1] == [LATER.isoformat(), "Closing balance", "", "", "1020.00", "400.00", "620.00", "USD"]
    movements = rows[2:-1]
    assert sum(Decimal(row[4]) - Decimal(row[5]) for row in movements) == Decimal("620.00")
    assert [row[3] for row in movements if "HYPERLINK" in row[3]] == ["'=HYPERLINK(1)"]
    assert "for the house only" not in statement_csv(found).decode()


def test_the_paper_is_in_the_customers_language_and_names_both_parties(books: Invoice) -> None:
    customer = books.customer
    english = render_statement_html(of(customer), books.legal_entity)
    for text in ("Statement of account", "1,000.00", "620.00\xa0USD", "Opening balance", books.legal_entity.name):
        assert text in english, text
    assert "for the house only" not in english
    Customer.objects.filter(pk=customer.pk).update(language="de")
    customer.refresh_from_db()
    german = render_statement_html(of(customer), books.legal_entity)
    assert "1.000,00" in german
    assert "620,00\xa0USD" in german
    content = render_statement(of(customer), books.legal_entity)
    assert content.startswith(b"%PDF-1.7")
    assert content == render_statement(of(customer), books.legal_entity)


# --- ageing ---------------------------------------------------------------------------------------------------
def booked(kind: str, currency: str, on: date) -> Decimal:
    rows = LedgerPosting.objects.filter(kind=kind, currency=currency, entry__posted_on__lte=on)
    sums = rows.aggregate(debit=Sum("debit"), credit=Sum("credit"))
    return (sums["debit"] or Decimal(0)) - (sums["credit"] or Decimal(0))


@pytest.mark.parametrize("on", [TODAY - timedelta(days=1), TODAY, TODAY + timedelta(days=20), LATER])
def test_the_sum_of_all_ages_is_what_the_ledger_says(books: Invoice, on: date) -> None:
    rows = ageing.receivables(on=on)
    for total in ageing.totals(rows):
        assert total.ageing.total == booked("receivable", total.currency, on)
        assert total.held == -booked("deposits", total.currency, on) - booked("credits", total.currency, on)
    assert {total.currency for total in ageing.totals(rows)} == ({"USD", "EUR"} if on >= TODAY else set())


def test_control_a_posting_left_out_is_noticed(books: Invoice, monkeypatch: pytest.MonkeyPatch) -> None:
    real = ageing._postings
    monkeypatch.setattr(
        ageing, "_postings", lambda on, entity: real(on, entity).exclude(entry__kind="payment", kind="receivable")
    )
    (total,) = [one for one in ageing.totals(ageing.receivables(on=LATER)) if one.currency == "USD"]
    assert total.ageing.total != booked("receivable", "USD", LATER)


def test_disputes_are_those_of_the_day(books: Invoice, root: User) -> None:
    def disputed(on: date) -> list[Decimal | None]:
        return [row.disputed for row in ageing.with_disputes(ageing.receivables(on=on), on=on)]

    assert disputed(TODAY) == [0, Decimal(200), 0]  # EUR and USD of one customer, USD of the other
    dunning.close_dispute(books.disputes.get(), outcome="x", by=root, at=NOW + timedelta(days=10))
    assert disputed(TODAY) == [0, Decimal(200), 0]
    assert disputed(LATER) == [0, 0, 0]


def test_files_of_the_ageing_hold_the_same_figures(books: Invoice) -> None:
    rows = ageing.with_disputes(ageing.receivables(on=LATER), on=LATER)
    lines = rows_of(ageing_csv(rows, language="en", disputes=True))
    assert lines[0][3:] == [
        "Not due", "1–30 days late", "31–60 days late", "61–90 days late", "Over 90 days late", "Total",
        "Of it disputed", "Held by us", "Net",
    ]  # fmt: skip
    assert [[Decimal(cell) for cell in line[3:]] for line in lines[1:]] == [
        figures_of(row, disputes=True) for row in rows
    ]
    assert "Of it disputed" not in rows_of(ageing_csv(rows, language="en", disputes=False))[0]
    content = render_ageing(
        rows, on=LATER, seller=books.legal_entity, companies=[], language="en", disputes=True
    )  # fmt: skip
    assert content.startswith(b"%PDF")


# --- pages ----------------------------------------------------------------------------------------------------
@pytest.fixture
def browser(root: User, client: Client) -> Client:
    client.force_login(root)
    return client


def test_the_page_of_a_customer_shows_its_statement_and_gives_the_files(books: Invoice, browser: Client) -> None:
    address = f"/admin/crm/customer/{books.customer_id}/statement"
    query = f"?currency=USD&first={TODAY}&last={LATER}"
    page = browser.get(f"{address}/{query}")
    assert page.status_code == 200
    assert page.context["shown"]["closing"] == "620.00\xa0USD"
    text = re.sub(r"\s+", " ", page.content.decode())
    assert "EUR" in text
    assert browser.get(f"{address}-pdf/{query}").content.startswith(b"%PDF")
    assert rows_of(browser.get(f"{address}-csv/{query}").content)[-1][6] == "620.00"
    wrong = browser.get(f"{address}/?first={LATER}&last={TODAY}")
    assert (wrong.status_code, wrong.context["shown"]) == (400, None)
    assert browser.get(f"{address}-pdf/?first=nonsense").status_code == 302


def test_the_page_of_a_customer_without_any_account_is_empty(
    customer_b: Customer, browser: Client
) -> None:  # fmt: skip
    page = browser.get(f"/admin/crm/customer/{customer_b.pk}/statement/")
    assert page.status_code == 200
    assert page.context["shown"]["rows"] == []
    assert JournalEntry.objects.count() == 0


def test_the_ageing_page_is_for_readers_and_its_files_for_those_who_may_export(
    books: Invoice, browser: Client, clerk: User
) -> None:
    address = "/admin/crm/journalentry/ageing"
    page = browser.get(f"{address}/?on={LATER}")
    assert [table["total"][5] for table in page.context["tables"]] == ["70.00", "1,120.00"]
    assert browser.get(f"{address}-pdf/?on={LATER}").content.startswith(b"%PDF")
    assert len(rows_of(browser.get(f"{address}-csv/?on={LATER}").content)) == 4
    assert browser.get(f"{address}/?on=never").status_code == 400
    browser.force_login(clerk)
    assert browser.get(f"{address}/").status_code == 403
    clerk.user_permissions.add(Permission.objects.get(codename="view_journalentry"))
    assert browser.get(f"{address}/").status_code == 200
    assert [browser.get(f"{address}-{kind}/").status_code for kind in ("pdf", "csv")] == [403, 403]
