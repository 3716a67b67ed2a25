"""T3 continued: an issue in progress, and the document itself after everything around it has changed."""

import hashlib
import threading
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, connections, transaction

from accounts.models import User
from crm.documents.build import document_data
from crm.documents.render import render_pdf
from crm.domain import invoicing, issuing
from crm.models import Customer, Invoice, InvoiceLine, LegalEntity, Logo, Product, TaxCode, TaxRate
from crm.work import render_invoice_pdf
from tests.factories import NOW, TODAY, signed_deal
from tests.trust.frozen import build


def _line(invoice: Invoice) -> InvoiceLine:
    return InvoiceLine(invoice=invoice, position=2, description="Late", quantity=1, unit_price=Decimal("5"))


def _wait_until_somebody_waits_for_a_lock() -> None:
    for _ in range(200):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            cursor.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("nobody waits: the two transactions do not exclude each other")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("quiet_broker")
def test_a_line_added_while_the_issue_is_in_flight_is_refused(root: User, customer_a: Customer) -> None:
    draft = invoicing.draft_from_deal(signed_deal(by=root, customer=customer_a), by=root, at=NOW)
    outcome: list[Exception | None] = []

    def intrude() -> None:
        try:
            _line(draft).save()
            outcome.append(None)
        except DatabaseError as error:
            outcome.append(error)
        finally:
            connections.close_all()

    with transaction.atomic():
        issuing.issue_invoice(draft, by=root, on=TODAY, at=NOW)
        intruder = threading.Thread(target=intrude, daemon=True)
        intruder.start()
        _wait_until_somebody_waits_for_a_lock()
    intruder.join(timeout=10)

    assert "are frozen" in str(outcome[0])
    assert draft.reload().lines.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("quiet_broker")
def test_an_issue_waits_for_a_line_in_flight_and_bills_it(root: User, customer_a: Customer) -> None:
    draft = invoicing.draft_from_deal(signed_deal(by=root, customer=customer_a), by=root, at=NOW)
    outcome: list[Exception | Invoice] = []

    def issue() -> None:
        try:
            outcome.append(issuing.issue_invoice(draft, by=root, on=TODAY, at=NOW))
        except Exception as error:  # noqa: BLE001  (shown by the assertion)
            outcome.append(error)
        finally:
            connections.close_all()

    with transaction.atomic():
        _line(draft).save()
        issuer = threading.Thread(target=issue, daemon=True)
        issuer.start()
        _wait_until_somebody_waits_for_a_lock()
    issuer.join(timeout=10)

    assert isinstance(outcome[0], Invoice), outcome[0]
    assert (outcome[0].gross_total, outcome[0].lines.count()) == (Decimal("1005"), 2)


@pytest.mark.django_db
def test_the_same_bytes_come_out_after_everything_around_the_invoice_has_changed(root: User) -> None:
    picture = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9"/></svg>'
    frozen = build(root)
    logo = Logo.objects.create(sha256=hashlib.sha256(picture).hexdigest(), media_type="image/svg+xml", content=picture)
    LegalEntity.objects.filter(pk=frozen.entity.pk).update(logo=logo, footer="Court of Kiel")
    invoice = issuing.issue_invoice(
        invoicing.draft_from_deal(
            signed_deal(by=root, customer=frozen.customer, legal_entity=frozen.entity, title="Äther & 電 🚀"),
            by=root,
            at=NOW,
        ),
        by=root,
        on=TODAY,
        at=NOW,
    )
    finished = []
    render_invoice_pdf({"invoice_id": invoice.pk}, lambda: finished.append(1) or True)
    stored = invoice.documents.get(format="pdf")

    connection.check_constraints()  # as its commit would: number and document belong together by today's prefix
    other = hashlib.sha256(picture + b" ").hexdigest()
    LegalEntity.objects.filter(pk=frozen.entity.pk).update(
        name="Renamed SE", city="Elsewhere", vat_id="", iban="GB1", footer="", language="de",
        logo=Logo.objects.create(sha256=other, media_type="image/svg+xml", content=picture + b" "),
        payment_terms_days=99, number_prefix="ZZ", time_zone="Asia/Tokyo",
    )  # fmt: skip
    Customer.objects.filter(pk=frozen.customer.pk).update(
        company_name="Renamed Ltd", street="", vat_id="X", email="new@customer.example",
        language="de", currency="EUR", payment_terms_days=1, time_zone="Asia/Tokyo", buyer_reference="new",
        invoice_format="pdf", leitweg_id="991-01484-64",
    )  # fmt: skip
    Product.objects.update(name="Other", unit_price=1, unit_code="KWH")
    TaxRate.objects.update(rate=5)
    TaxCode.objects.update(name="Other", exemption_reason="Other")

    again = render_pdf(document_data(Invoice.objects.get(pk=invoice.pk), on=NOW.date()))
    assert hashlib.sha256(bytes(stored.content)).hexdigest() == stored.sha256
    assert (finished, stored.size) == ([1], len(again))
    assert hashlib.sha256(again).hexdigest() == stored.sha256


@pytest.mark.django_db
def test_a_logo_keeps_its_bytes_for_old_documents(root: User) -> None:
    logo = Logo.objects.create(sha256=hashlib.sha256(b"x").hexdigest(), media_type="image/png", content=b"x")
    for attack in (
        lambda: Logo.objects.filter(pk=logo.pk).update(content=b"y"),
        lambda: Logo.objects.filter(pk=logo.pk).delete(),
        lambda: Logo.objects.create(sha256="0" * 64, media_type="image/png", content=b"z"),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            attack()
    assert bytes(Logo.objects.get().content) == b"x"
