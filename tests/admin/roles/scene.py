"""One row of every table that has a page, each in a state in which no rule but the permission stands in the way."""

import hashlib
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from django.contrib.auth.models import Group
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from accounts.domain import grants, keys
from accounts.models import LoginRecord, Session, User, Wallet
from crm.domain import activities, customer_credits, invitations, payments, refunds, reversals, write_offs
from crm.domain.memberships import grant_membership
from crm.models import (
    AccountingExport,
    AccountingPeriod,
    AccountingSettings,
    ApprovalLimit,
    DebtorNumber,
    Dispute,
    DunningHold,
    DunningLetter,
    DunningLevel,
    Invoice,
    InvoiceDelivery,
    JournalEntry,
    LedgerAccount,
    LegalEntity,
    TaxKey,
)
from hashinsight.approvals.domain.requests import request_approval
from hashinsight.audit.models import AuditBatch
from hashinsight.backup.models import Backup, RestoreDrill
from hashinsight.common.models import Incarnation
from hashinsight.events.models import DeadLetter, HeldDelivery, InboxEntry, OutboxEvent, RelayProcess, Replay
from hashinsight.jobs.models import (
    DueWork,
    JobRun,
    JobSwitch,
    LegalHold,
    RetentionPolicy,
    RetentionReport,
    TableSize,
)
from hashinsight.notify.models import Alert, Channel, Delivery, Rota, Rule
from tests import factories
from tests.admin.roles.steel import build_steel
from tests.intelligence.world import build_forecasts, build_user_miner
from tests.marketdata.world import build_market


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
    wish = request_approval(
        issued,
        kind="crm.credit_note",
        payload={"reason": "x", "quantities": None, "send": False},
        reason="x",
        by=root,
        at=now,
    )
    rows = [
        wish,
        DunningLevel.objects.create(legal_entity=entity, level=1, days_after_due=7, text_en="x"),
        DunningHold.objects.create(customer=customer, until=date(2020, 1, 1), reason="x"),
        Dispute.objects.create(invoice=issued, amount=1, reason="x", opened_by=root, opened_at=now),
        DunningLetter.objects.create(
            customer=customer,
            legal_entity=entity,
            dated_on=date(2020, 1, 1),
            level=1,
            currency="USD",
            language="en",
            open_total=1,
            interest_total=0,
            fee=0,
            text="x",
            message_id="<x>",
        ),
        AccountingPeriod.objects.create(legal_entity=entity, month=date(2020, 1, 1), state="closed", closed_at=now),
        AccountingSettings.objects.create(legal_entity=entity),
        DebtorNumber.objects.create(legal_entity=entity, customer=customer, number="10000"),
        TaxKey.objects.create(legal_entity=entity, tax_category="S", tax_rate=19, datev_key="3"),
        AccountingExport.objects.create(
            legal_entity=entity,
            kind="journal_csv",
            first_month=date(2020, 1, 1),
            last_month=date(2020, 1, 1),
            file_name="x.csv",
            sha256=hashlib.sha256(b"x").hexdigest(),
            size=1,
            row_count=0,
            content=b"x",
            state_of=now,
            made_by=root,
        ),
        ApprovalLimit.objects.create(legal_entity=entity, act="refund", rule="never"),
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
        invitations.invite("new@x.example", by=root, at=now, customer=customer, role="customer_viewer"),
        Group.objects.create(name="night shift"),
        grants.grant_access(factories.UserFactory(), by=root, at=now, days=3),
        key,
        LoginRecord.objects.create(email="a@x.example", outcome="failed"),
        Session.objects.create(session_key="0" * 64, user=client, expire_date=now + timedelta(hours=1)),
        Wallet.objects.create(user=client, chain="bitcoin", purpose="payout", address="bc1q"),
        EmailAddress.objects.create(user=client, email=client.email),
        AccessAttempt.objects.create(username="a", ip_address="192.0.2.1", failures_since_start=1),
        Authenticator.objects.create(user=client, type="totp", data={}),
        JobRun.objects.create(job="x", period_start=now - timedelta(days=1)),
        DueWork.objects.create(kind="k", key="1", state="failed"),
        *_watched(now, today),
        *_money(issued, {"by": root, "on": today, "at": now}),
        *build_steel(customer, root, now),
        *build_forecasts(now).values(),
        build_user_miner(client, at=now),
        *build_market(now).values(),
        *_told(now),
        Backup.objects.create(name="b", kind="dump"),
        RestoreDrill.objects.create(backup_name="b"),
        Incarnation.objects.create(fingerprint="elsewhere", is_restored=True, held_at=now),
        _batch(),
        event := _handed_on(),
        InboxEntry.objects.create(event_id=event.event_id, consumer_group="g"),
        HeldDelivery.objects.create(event=event, consumer_group="h"),
        DeadLetter.objects.create(event_id=event.event_id, consumer_group="d", payload={}),
        RelayProcess.objects.create(name="r", lane="inner"),
        Replay.objects.create(consumer_group="g", kind="k", reason="x"),
        interval,
        CrontabSchedule.objects.create(),
        PeriodicTask.objects.create(name="p", task="t", interval=interval),
    ]
    scene = {row._meta.label_lower: row for row in rows}
    scene["draft"] = factories.draft_invoice(by=root, customer=customer, at=now)
    return scene


def _watched(now: datetime, today: date) -> list[Any]:
    """What is kept for how long, and how tables and jobs stand."""
    return [
        RetentionPolicy.objects.order_by("id").first() or RetentionPolicy.objects.create(kind="k", keep_days=9),
        LegalHold.objects.create(subject="crm.customer", key="1", label="x", reason="x", placed_by="x"),
        RetentionReport.objects.create(kind="k", keep_days=9, cutoff=now),
        TableSize.objects.create(table="t", measured_on=today, total_bytes=1, row_estimate=1),
        JobSwitch.objects.create(job="x", is_enabled=True, reason="x", switched_by="x"),
    ]


def _money(invoice: Invoice, step: dict[str, Any]) -> list[Any]:
    """Money without an invoice, used, paid back, given up, and something taken back again."""
    held = customer_credits.record_deposit(
        invoice.customer, amount=Decimal(9), currency="USD", received_on=step["on"], **step
    )
    one: dict[str, Any] = {"amount": Decimal(1), **step}
    gone = refunds.refund_credit(held, reason="x", **one)
    return [
        held,
        customer_credits.apply_credit(held, invoice=invoice, **one),
        refunds.refund_credit(held, reason="x", **one),
        write_offs.write_off(invoice, reason="x", **one),
        reversals.reverse(gone, reason="x", **step),
        JournalEntry.objects.latest("pk"),
        LedgerAccount.objects.latest("pk"),
    ]


def _told(now: datetime) -> list[Any]:
    """Who is told what, and how."""
    channel = Channel.objects.create(name="c", kind="email", address="a@x.example")
    rule = Rule.objects.create(name="r", channel=channel, kinds=["invoice.issued"])
    alert = Alert.objects.create(kind="k", key="1", severity="warning", title="x", first_at=now, last_at=now)
    told = Delivery.objects.create(
        rule=rule, channel=channel, source="s", recipient="a@x.example", occasion="event", kind="k", subject="x"
    )
    return [channel, rule, alert, told, Rota.objects.create(name="Scene")]


def _batch() -> AuditBatch:
    return AuditBatch.objects.create(
        number=1, table="t", columns=[], first_id=0, last_id=1, row_count=0, contents=b"", rows_sha256="",
        batch_hash="", signature="",
    )  # fmt: skip


def _handed_on() -> OutboxEvent:
    event = OutboxEvent.objects.order_by("id")[0]
    event.status = "processed"
    event.save(update_fields=["status"])
    return event
