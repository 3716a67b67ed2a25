"""One row of every table that has a page, each in a state in which no rule but the permission stands in the way."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from django.contrib.auth.models import Group
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from accounts.domain import grants, keys
from accounts.models import LoginRecord, User, Wallet
from crm.domain import activities, payments
from crm.domain.memberships import grant_membership
from crm.models import InvoiceDelivery, LegalEntity
from hashinsight.events.models import OutboxEvent
from hashinsight.jobs.models import DueWork, JobRun
from tests import factories


def build_scene(root: User) -> dict[str, Any]:
    """The rows by model label; the draft of an invoice and an issued one under names of their own."""
    now = timezone.now()
    entity = LegalEntity.objects.first() or factories.LegalEntityFactory()
    customer = factories.CustomerFactory(legal_entity=entity)
    client = factories.UserFactory()
    lead = factories.LeadFactory()
    issued = factories.issued_invoice(by=root, customer=customer, at=now)
    code = factories.standard_tax()
    interval = IntervalSchedule.objects.create(every=7, period="hours")
    key, _secret = keys.create_key(client, name="k", scopes=["invoices:read"], expires_at=None, by=root, at=now)
    today = timezone.localdate()
    rows = [
        customer,
        lead,
        factories.DealFactory(customer=customer),
        issued,
        payments.record_payment(
            issued, amount=Decimal(1), currency="USD", received_on=today, by=root, on=today, at=now
        ),
        activities.create_activity(kind="note", subject="x", by=root, at=now, customer=customer),
        factories.ProductFactory(),
        code,
        entity,
        InvoiceDelivery.objects.get(invoice=issued),
        grant_membership(client, customer, role="customer_viewer", by=root),
        client,
        Group.objects.create(name="night shift"),
        grants.grant_access(factories.UserFactory(), by=root, at=now, days=3),
        key,
        LoginRecord.objects.create(email="a@x.example", outcome="failed"),
        Wallet.objects.create(user=client, chain="bitcoin", purpose="payout", address="bc1q"),
        EmailAddress.objects.create(user=client, email=client.email),
        AccessAttempt.objects.create(username="a", ip_address="192.0.2.1", failures_since_start=1),
        Authenticator.objects.create(user=client, type="totp", data={}),
        JobRun.objects.create(job="x", period_start=now - timedelta(days=1)),
        DueWork.objects.create(kind="k", key="1", state="failed"),
        OutboxEvent.objects.first(),
        interval,
        CrontabSchedule.objects.create(),
        PeriodicTask.objects.create(name="p", task="t", interval=interval),
    ]
    scene = {row._meta.label_lower: row for row in rows}
    scene["draft"] = factories.draft_invoice(by=root, customer=customer, at=now)
    return scene
