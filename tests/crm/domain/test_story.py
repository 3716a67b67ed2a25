"""The whole story through the domain: a lead becomes a frozen, paid document."""

from datetime import datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from crm.domain import deals, issuing, leads, payments
from crm.models import Customer, Invoice
from hashinsight.events.models import OutboxEvent
from hashinsight.jobs.models import DueWork
from tests import factories

pytestmark = pytest.mark.django_db


def test_lead_becomes_paid_invoice(root: User, legal_entity: object, now: datetime) -> None:
    lead = leads.create_lead(
        title="2 MW in Kiel", company="Gamma", email="g@gamma.example", by=root, at=now, value=1200
    )
    deal = leads.convert_lead(lead, by=root, at=now)
    deals.submit_deal(deal, by=root, at=now)
    deals.approve_deal(deal, by=root, at=now)
    deals.sign_deal(deal, by=root, on=now.date(), at=now)
    invoice = deals.complete_deal(deal, by=root, at=now)
    Customer.objects.filter(pk=deal.customer_id).update(country="US")  # a lead has none, an e-invoice wants it
    issued = issuing.issue_invoice(invoice, by=root, on=now.date(), at=now)
    payments.record_payment(
        issued, amount=Decimal("1200.00"), currency="USD", received_on=now.date(), by=root, on=now.date(), at=now
    )
    issued.refresh_from_db()
    assert (issued.status, issued.paid_on, issued.gross_total) == ("paid", now.date(), Decimal("1200"))
    kinds = list(OutboxEvent.objects.order_by("id").values_list("kind", flat=True))
    assert kinds == [
        "lead.created",
        "customer.created",
        "lead.converted",
        "deal.moved",
        "deal.moved",
        "deal.moved",
        "deal.moved",
        "deal.moved",
        "invoice.drafted",
        "invoice.issued",
        "payment.recorded",
        "invoice.paid",
    ]
    assert list(DueWork.objects.values_list("kind", flat=True)) == ["crm.render_invoice_pdf"]


def test_issued_invoice_refuses_update_from_the_application_login(root: User, customer_a: Customer) -> None:
    invoice = factories.issued_invoice(by=root, customer=customer_a)
    with pytest.raises(IntegrityError, match="is frozen"), transaction.atomic():
        Invoice.objects.filter(pk=invoice.pk).update(net_total=1, gross_total=1)
