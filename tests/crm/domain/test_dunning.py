"""Reminders: by the ladder, once per invoice and level, never of what is held, disputed, paid or sample data."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from crm.documents.dunning import render_letter_html
from crm.domain import dunning, payments
from crm.dunning_work import send_dunning_letter
from crm.models import Customer, DunningItem, DunningLetter, DunningLevel, Invoice
from hashinsight.jobs.models import DueWork
from tests import factories
from tests.factories import NOW, TODAY
from tests.support.standing import standing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_broker")]


@pytest.fixture
@standing
def ladder(customer_a: Customer) -> list[DunningLevel]:
    """7 days: a friendly word; 21 days: 5 USD and 10 % interest."""
    rows = [
        DunningLevel(level=1, days_after_due=7, text_en="Please\npay <at once> & soon.", text_de="Bitte zahlen."),
        DunningLevel(level=2, days_after_due=21, fee=Decimal(5), interest_percent=Decimal(10), text_en="Pay now."),
    ]
    for row in rows:
        row.legal_entity = customer_a.legal_entity
        row.save()
    return rows


def issued(root: User, customer: Customer, *, days_late: int, **fields: Any) -> Invoice:
    at = NOW - timedelta(days=days_late + 14)
    return factories.issued_invoice(by=root, customer=customer, at=at, **fields)


def dun(customer: Customer, on: date = TODAY) -> list[DunningLetter]:
    return dunning.dun_customer(customer.pk, on=on, at=NOW)


def work(letter: DunningLetter) -> list[bool]:
    done: list[bool] = []
    send_dunning_letter({"letter_id": letter.pk}, lambda: bool(done.append(True)) or True)
    return done


def test_one_letter_lists_all_that_is_late(root: User, customer_a: Customer, ladder: Any) -> None:
    first, second = (issued(root, customer_a, days_late=days) for days in (10, 8))
    issued(root, customer_a, days_late=6)  # not yet
    (letter,) = dun(customer_a)
    assert list(letter.items.order_by("id").values_list("invoice", "level", "days_late")) == [
        (first.pk, 1, 10),
        (second.pk, 1, 8),
    ]
    assert (letter.level, letter.open_total, letter.fee, letter.interest_total) == (1, Decimal(2000), 0, 0)


@pytest.mark.parametrize(("days", "level"), [(6, None), (7, 1), (20, 1), (21, 1)])
def test_the_first_letter_is_of_the_first_level(
    root: User, customer_a: Customer, ladder: Any, days: int, level: int | None
) -> None:
    issued(root, customer_a, days_late=days)
    assert [letter.level for letter in dun(customer_a)] == ([] if level is None else [level])


def test_the_ladder_is_climbed_step_by_step_with_interest_and_fee(
    root: User, customer_a: Customer, ladder: Any
) -> None:
    invoice = issued(root, customer_a, days_late=7)
    assert [letter.level for letter in dun(customer_a)] == [1]
    assert dun(customer_a, TODAY + timedelta(days=13)) == []
    (second,) = dun(customer_a, TODAY + timedelta(days=14))
    # 1,000 * 10 % * 21 / 365 = 5.7534
    assert (second.level, second.interest_total, second.fee) == (2, Decimal("5.75"), Decimal(5))
    assert second.fee_invoice is not None
    draft = second.fee_invoice
    assert (draft.status, draft.kind, draft.net_total, draft.customer) == ("draft", "usage", Decimal(5), customer_a)
    assert dun(customer_a, TODAY + timedelta(days=90)) == []  # the ladder ends
    assert invoice.reload().gross_total == Decimal(1000)


def test_twice_a_day_changes_nothing(root: User, customer_a: Customer, ladder: Any) -> None:
    issued(root, customer_a, days_late=30)
    assert len(dun(customer_a)) == 1
    assert dun(customer_a) == []
    issued(root, customer_a, days_late=30)
    assert dun(customer_a) == []  # one letter a day
    assert DunningLetter.objects.count() == 1
    assert DueWork.objects.filter(kind="crm.send_dunning_letter").count() == 1


def test_killed_in_the_middle_leaves_nothing_and_the_next_run_does_it(
    root: User, customer_a: Customer, ladder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued(root, customer_a, days_late=30)
    with monkeypatch.context() as patch:
        patch.setattr(dunning, "require_work", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            dun(customer_a)
    assert (DunningLetter.objects.count(), DunningItem.objects.count()) == (0, 0)
    assert len(dun(customer_a)) == 1


def test_the_database_lets_an_invoice_reach_a_level_once(root: User, customer_a: Customer, ladder: Any) -> None:
    issued(root, customer_a, days_late=30)
    (letter,) = dun(customer_a)
    item = letter.items.get()
    with pytest.raises(IntegrityError, match="crm_dunningitem"), transaction.atomic():
        DunningItem.objects.create(letter=letter, invoice=item.invoice, level=1, open_amount=1, days_late=1, interest=0)


@pytest.mark.parametrize("of_invoice", [True, False])
def test_a_hold_stops_reminders_until_its_day(root: User, customer_a: Customer, ladder: Any, of_invoice: bool) -> None:
    invoice = issued(root, customer_a, days_late=30)
    dunning.hold(customer_a, invoice=invoice if of_invoice else None, until=TODAY, reason="They called", at=NOW)
    assert dun(customer_a) == []
    assert len(dun(customer_a, TODAY + timedelta(days=1))) == 1


def test_a_hold_needs_a_reason_and_an_own_invoice(root: User, customer_a: Customer, customer_b: Customer) -> None:
    foreign = issued(root, customer_b, days_late=1)
    with pytest.raises(dunning.DunningRefused):
        dunning.hold(customer_a, invoice=foreign, until=TODAY, reason="x", at=NOW)
    with pytest.raises(dunning.DunningRefused):
        dunning.hold(customer_a, invoice=None, until=TODAY, reason=" ", at=NOW)


def test_what_is_disputed_is_not_asked_for(root: User, customer_a: Customer, ladder: Any) -> None:
    invoice = issued(root, customer_a, days_late=30)
    with pytest.raises(dunning.DunningRefused):
        dunning.dispute(invoice, amount=Decimal(1001), reason="x", by=root, at=NOW)
    part = dunning.dispute(invoice, amount=Decimal(400), reason="Wrong meter", by=root, at=NOW)
    assert [letter.open_total for letter in dunning.plan(customer_a, on=TODAY)] == [Decimal(600)]
    dunning.close_dispute(part, outcome="They were right", by=root, at=NOW)
    dunning.dispute(invoice, amount=Decimal(1000), reason="All wrong", by=root, at=NOW)
    assert dun(customer_a) == []


def test_who_has_paid_is_not_reminded(root: User, customer_a: Customer, ladder: Any) -> None:
    invoice = issued(root, customer_a, days_late=30)
    (letter,) = dun(customer_a)
    payments.record_payment(invoice, amount=Decimal(1000), currency="USD", received_on=TODAY, by=root, on=TODAY, at=NOW)
    assert dun(customer_a, TODAY + timedelta(days=60)) == []
    mail.outbox.clear()
    assert work(letter) == [True]
    assert mail.outbox == []


def test_the_letter_is_printed_stored_and_sent_once(root: User, customer_a: Customer, ladder: Any) -> None:
    issued(root, customer_a, days_late=30)
    (letter,) = dun(customer_a)
    mail.outbox.clear()
    assert work(letter) == [True]
    (message,) = mail.outbox
    letter.reload()
    assert (message.to, message.extra_headers["Message-ID"]) == ([customer_a.invoice_email], letter.message_id)
    stored = bytes(letter.content or b"")
    assert stored.startswith(b"%PDF")
    assert message.attachments[0][1] == stored
    assert letter.sent_at is not None
    assert work(letter) == [True]
    assert len(mail.outbox) == 1


def test_sending_again_is_the_same_document(root: User, customer_a: Customer, ladder: Any) -> None:
    issued(root, customer_a, days_late=30)
    (letter,) = dun(customer_a)
    with pytest.raises(dunning.DunningRefused):
        dunning.resend(letter, recipient="a@b.example", at=NOW)  # not printed yet
    work(letter)
    mail.outbox.clear()
    dunning.resend(letter, recipient="other@customer.example", at=NOW)
    row = DueWork.objects.filter(kind="crm.send_dunning_letter").latest("id")
    send_dunning_letter(row.payload, lambda: True)
    (message,) = mail.outbox
    assert message.to == ["other@customer.example"]
    assert message.attachments[0][1] == bytes(letter.reload().content or b"")
    assert message.extra_headers["Message-ID"] != letter.message_id


def test_sample_data_never_leaves_the_house(root: User, customer_a: Customer, ladder: Any) -> None:
    issued(root, customer_a, days_late=30, is_sample=True)
    (letter,) = dun(customer_a)
    mail.outbox.clear()
    assert work(letter) == [True]
    assert mail.outbox == []
    assert not dunning.mark_sent(letter, at=NOW)
    with pytest.raises(IntegrityError, match="no_sample_sent"), transaction.atomic():
        DunningLetter.objects.filter(pk=letter.pk).update(sent_at=NOW)


def test_a_german_letter_is_german(root: User, customer_a: Customer, ladder: Any) -> None:
    customer_a.language = "de"
    customer_a.save()
    issued(root, customer_a, days_late=30)
    (letter,) = dun(customer_a)
    text = render_letter_html(letter)
    assert "Bitte zahlen." in text
    assert "1.000,00" in text


def test_planning_writes_nothing(root: User, customer_a: Customer, ladder: Any) -> None:
    issued(root, customer_a, days_late=30)
    (planned,) = dunning.plan(customer_a, on=TODAY)
    assert planned.open_total == Decimal(1000)
    assert DunningLetter.objects.count() == 0
    assert dunning.customers_due(NOW) == [(customer_a.pk, TODAY)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE crm_dunningletter SET open_total = 1",
        "UPDATE crm_dunningitem SET level = 3",
        "DELETE FROM crm_dunningitem",
        "DELETE FROM crm_dunningletter",
    ],
)
def test_a_reminder_stays_as_it_was_written(root: User, customer_a: Customer, ladder: Any, statement: str) -> None:
    issued(root, customer_a, days_late=30)
    dun(customer_a)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
