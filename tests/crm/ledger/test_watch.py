"""Books that do not add up are told of, and no month is closed over them."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from crm.domain import periods
from crm.domain.ledger import watch
from crm.domain.ledger.backfill import backfill
from crm.models import AccountingPeriod, Customer, Invoice, Payment
from crm.tasks import check_ledger
from hashinsight.jobs.models import JobRun
from hashinsight.notify.models import Alert
from tests import factories
from tests.admin.forms import confirm
from tests.factories import NOW, TODAY
from tests.support.standing import standing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_broker")]
OCTOBER = date(2026, 10, 1)


@pytest.fixture
@standing
def invoice(root: User, customer_a: Customer) -> Invoice:
    return factories.issued_invoice(by=root, customer=customer_a, at=datetime(2026, 10, 20, 9, tzinfo=UTC))


@pytest.fixture
@standing
def lose(invoice: Invoice) -> Callable[[], Payment]:
    """Money that somebody wrote past the domain, without an entry in the books."""

    def write() -> Payment:
        return Payment.objects.create(
            customer=invoice.customer, invoice=invoice, amount=7, currency="USD", received_on=date(2026, 10, 21)
        )

    return write


def close(invoice: Invoice, root: User) -> AccountingPeriod:
    return periods.close_period(invoice.legal_entity, month=OCTOBER, by=root, at=NOW)


def test_a_month_is_not_closed_over_a_difference_and_the_first_is_named(
    invoice: Invoice, root: User, lose: Callable[[], Payment]
) -> None:
    payment = lose()
    with pytest.raises(periods.PeriodRefused) as refused:
        close(invoice, root)
    assert f"documents that are not booked (1), first payment {payment.public_id}" in str(refused.value)
    assert AccountingPeriod.objects.count() == 0
    assert backfill(on=TODAY, at=NOW) == 1
    assert close(invoice, root).state == "closed"


def test_control_without_the_check_it_would_be_closed(
    invoice: Invoice, root: User, lose: Callable[[], Payment], monkeypatch: pytest.MonkeyPatch
) -> None:
    lose()
    monkeypatch.setattr(periods, "_checks", [one for one in periods._checks if one is not watch.books_check])
    assert close(invoice, root).state == "closed"


def test_the_page_names_the_difference_before_the_button(
    invoice: Invoice, root: User, lose: Callable[[], Payment], client: Client
) -> None:
    lose()
    client.force_login(root)
    page: Any = confirm(
        client, "/admin/crm/accountingperiod/close/", legal_entity=invoice.legal_entity_id, month="2026-10"
    )
    assert page.status_code == 409
    assert "The books do not add up" in page.context["error"]
    assert any("The books do not add up" in str(text) for text in page.context["effect"].warnings)


def test_a_difference_raises_an_alert_which_ends_with_it(invoice: Invoice, lose: Callable[[], Payment]) -> None:
    assert watch.check_books(at=NOW) == 0
    assert Alert.objects.count() == 0
    payment = lose()
    assert watch.check_books(at=NOW) == 2
    alerts = {alert.key: alert for alert in Alert.objects.all()}
    assert set(alerts) == {"documents that are not booked", "invoices whose receivable is not what is outstanding"}
    told = alerts["documents that are not booked"]
    assert (told.kind, told.severity, told.state) == ("ledger.mismatch", "critical", "open")
    assert str(payment.public_id) in told.text
    backfill(on=TODAY, at=NOW)
    assert watch.check_books(at=NOW) == 0
    assert set(Alert.objects.values_list("state", flat=True)) == {"ended"}


def test_the_job_says_how_much_it_found(invoice: Invoice, lose: Callable[[], Payment]) -> None:
    lose()
    check_ledger()
    run = JobRun.objects.get(job="crm.check_ledger")
    assert (run.state, run.result) == ("done", {"mismatches": 2})
    assert run.started_at is None or run.started_at <= timezone.now()
