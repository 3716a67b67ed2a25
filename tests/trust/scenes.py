"""For each task: rows to work on, and what may be asked of the database afterwards.

A task without a scene fails ``test_every_task_has_a_scene``: whoever adds one shows here that it may run twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from accounts.models import User
from crm.domain import contracts, documents, dunning, invitations, invoicing, issuing
from crm.models import DunningLevel, Invoice, Payment
from hashinsight.approvals.domain.requests import request_approval
from hashinsight.common.models import IdempotencyRecord
from hashinsight.events.models import OutboxEvent
from hashinsight.jobs.domain.work import require_work
from hashinsight.jobs.enums import WorkQueue
from hashinsight.jobs.models import DueWork
from hashinsight.notify.domain import channels, raise_alert
from hashinsight.notify.models import Channel, Rule
from hosting.domain import fleet, partitions, places, rollups
from hosting.domain.miner_import import steps
from hosting.models import Demand15Min, Miner, MinerLatest, MinerModel, PlaceCount, Telemetry
from tests import factories
from tests.curtailment.scenes import (
    dispatches_in_time,
    due_servers,
    event_that_is_over,
    event_to_reckon,
    machine_off,
    plan_of_a_machine_nobody_reaches,
    rule_that_wants,
    rules_that_want,
    servers_nobody_may_call,
    site_to_control,
)
from tests.factories import NOW, TODAY
from tests.intelligence.schedule_world import a_day_to_plan, a_day_to_score, a_site_to_plan
from tests.intelligence.world import days_to_forecast
from tests.marketdata.scenes import a_day_to_close, a_feed, coins

Kwargs = dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """``arrange`` makes the rows and returns the task's arguments; ``kind`` is the due work it exercises, if any."""

    task: str
    arrange: Callable[[User], Kwargs]
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.task} {self.kind}".strip()


def _issued(by: User, **fields: Any) -> Invoice:
    deal = factories.signed_deal(by=by, customer=factories.CustomerFactory(), **fields)
    draft = invoicing.draft_from_deal(deal, by=by, at=NOW - timedelta(days=40))
    at = NOW - timedelta(days=40)
    return issuing.issue_invoice(draft, by=by, on=at.date(), at=at)


def _open(invoice: Invoice, kind: str) -> DueWork:
    key = str(invoice.pk) if kind == "crm.render_invoice_pdf" else str(invoice.deliveries.get().pk)
    return DueWork.objects.get(kind=kind, key=key)


def render(by: User) -> Kwargs:
    factories.LegalEntityFactory()
    return {"work_id": _open(_issued(by), "crm.render_invoice_pdf").pk}


def import_miners(by: User) -> Kwargs:
    factories.LegalEntityFactory()
    MinerModel.objects.create(name="M", manufacturer="B", hashrate_ths=1, power_w=1)
    note = "n" * 2000
    rows = "".join(f"S{number},M,{note}\n" for number in range(steps.AT_ONCE_BYTES // 2000))
    kept = steps.receive(f"serial,model,note\n{rows}".encode(), name="f.csv", by=by, at=NOW)
    steps.check(kept, at=NOW)
    DueWork.objects.filter(kind=steps.WORK).delete()
    steps.confirm(kept, sha256=kept.sha256, by=by, at=NOW)
    return {"work_id": DueWork.objects.get(kind=steps.WORK).pk}


def send_email(by: User) -> Kwargs:
    factories.LegalEntityFactory()
    invoice = _issued(by)
    documents.store_document(invoice, content=b"%PDF-1.7", template_version="1", at=NOW)
    DueWork.objects.filter(kind="crm.render_invoice_pdf").update(state="done")
    return {"work_id": _open(invoice, "crm.send_invoice_email").pk}


def send_invitation(by: User) -> Kwargs:
    customer = factories.CustomerFactory()
    made = invitations.invite("new@x.example", by=by, at=NOW, customer=customer, role="customer_viewer")
    return {"work_id": DueWork.objects.get(kind=invitations.WORK_KIND, key=f"{made.pk}:1").pk}


def drain(by: User) -> Kwargs:
    factories.LegalEntityFactory()
    _issued(by, is_sample=True)
    return {}


def sweep(by: User) -> Kwargs:
    factories.LegalEntityFactory()
    _issued(by)
    require_work("crm.render_invoice_pdf", key="none", payload={"invoice_id": 0}, at=NOW, queue=WorkQueue.BULK)
    return {}


def overdue(by: User) -> Kwargs:
    factories.LegalEntityFactory()
    for _ in range(2):
        _issued(by)
    return {}


def overdue_customer(by: User) -> Kwargs:
    factories.LegalEntityFactory()
    customer = factories.CustomerFactory()
    at = NOW - timedelta(days=40)
    for value in (1, 2):
        deal = factories.signed_deal(by=by, customer=customer, value=Decimal(value))
        issuing.issue_invoice(invoicing.draft_from_deal(deal, by=by, at=at), by=by, on=at.date(), at=at)
    return {"customer_id": customer.pk, "on": TODAY.isoformat()}


def old_answers(by: User) -> Kwargs:
    for age in (0, 23, 25, 26, 40):
        IdempotencyRecord.objects.create(
            owner=str(by.pk),
            key=f"{age} hours",
            fingerprint="x",
            claim_token=uuid4(),
            claimed_until=NOW - timedelta(hours=age),
            created_at=NOW - timedelta(hours=age),
        )
    return {}


def old_rows(by: User) -> Kwargs:
    for days in (6, 8, 40):
        at = NOW - timedelta(days=days)
        OutboxEvent.objects.create(
            kind="x", aggregate_type="x", aggregate_id=str(days), payload={}, status="processed", processed_at=at
        )
        require_work("crm.render_invoice_pdf", key=str(days), payload={}, at=at)
    DueWork.objects.update(state="done", done_at=NOW - timedelta(days=100))
    return {}


def old_requests(by: User) -> Kwargs:
    factories.LegalEntityFactory()
    for days in (20, 1):
        request_approval(
            _issued(by), kind="crm.credit_note", payload={}, reason="x", by=by, at=NOW - timedelta(days=days)
        )
    return {}


def _mailbox(by: User, name: str = "ops") -> Channel:
    return channels.create_channel(by=by, at=NOW, name=name, kind="email", address=f"{name}@hashinsight.example")


def message(by: User) -> Kwargs:
    Rule.objects.create(name="all", channel=_mailbox(by), kinds=["*"])
    raise_alert("job.late", "x", at=NOW, title="Late")
    return {"work_id": DueWork.objects.get(kind="notify.deliver").pk}


def summary(by: User) -> Kwargs:
    Rule.objects.create(name="all", channel=_mailbox(by), kinds=["*"], repeat_minutes=5)
    for minutes in (9, 8, 7):
        raise_alert("job.late", "x", at=NOW - timedelta(minutes=minutes), title="Late")
    return {"work_id": DueWork.objects.get(kind="notify.digest").pk}


def nobody_answers(by: User) -> Kwargs:
    Rule.objects.create(
        name="all", channel=_mailbox(by), kinds=["*"], escalate_after_minutes=5, escalate_to=_mailbox(by, "boss")
    )
    raise_alert("job.late", "x", at=NOW - timedelta(minutes=9), title="Late")
    return {"work_id": DueWork.objects.get(kind="notify.escalate").pk}


def given_up_work(by: User) -> Kwargs:
    Rule.objects.create(name="all", channel=_mailbox(by), kinds=["work.*"])
    DueWork.objects.create(kind="crm.render_invoice_pdf", key="x", state="failed")
    raise_alert("work.failed", "what is done again", at=NOW, title="Over soon")
    return {}


def silent_machine(by: User) -> Kwargs:
    """It should hash, and has given no answer for five hours."""
    kwargs = machine_off(by)
    (miner,) = Miner.objects.filter(site_id=kwargs["site_id"])
    fleet.set_intent([miner], to="active", by=by, at=NOW)
    MinerLatest.objects.create(
        miner=miner, recorded_at=NOW, received_at=NOW, answered_at=NOW - timedelta(hours=5), state=6
    )
    return {}


def due_site(by: User) -> Kwargs:
    machine_off(by)
    return {}


def nothing(by: User) -> Kwargs:
    """No backup login and no backup in these tests: what such a run does is tried on servers of its own."""
    return {}


def unsealed(by: User) -> Kwargs:
    customer = factories.CustomerFactory()
    customer.company_name = "Renamed"
    customer.save()
    return {}


def unbooked(by: User) -> Kwargs:
    """Money that never reached the books: two checks find it."""
    factories.LegalEntityFactory()
    Rule.objects.create(name="all", channel=_mailbox(by), kinds=["ledger.*"])
    invoice = _issued(by)
    Payment.objects.create(
        customer=invoice.customer, invoice=invoice, amount=1, currency=invoice.currency, received_on=TODAY
    )
    return {}


def _late(by: User, **fields: Any) -> Invoice:
    invoice = _issued(by, **fields)
    DunningLevel.objects.get_or_create(
        legal_entity=invoice.legal_entity, level=1, defaults={"days_after_due": 7, "fee": 5, "text_en": "Please pay."}
    )
    return invoice


def dun(by: User) -> Kwargs:
    factories.LegalEntityFactory()
    for _ in range(2):
        _late(by)
    return {}


def dun_customer(by: User) -> Kwargs:
    factories.LegalEntityFactory()
    return {"customer_id": _late(by).customer_id, "on": TODAY.isoformat()}


def send_letter(by: User) -> Kwargs:
    factories.LegalEntityFactory()
    (letter,) = dunning.dun_customer(_late(by).customer_id, on=TODAY, at=NOW)
    DueWork.objects.exclude(kind="crm.send_dunning_letter").update(state="done")
    return {"work_id": DueWork.objects.get(kind="crm.send_dunning_letter", key=str(letter.pk)).pk}


def steel(by: User) -> Kwargs:
    """Machines with readings of an hour ago in every stage: unreckoned ones, a marked day, a month that is over."""
    site = places.create_site(name="Site", capacity_kw=Decimal(100), time_zone="UTC", currency="USD", at=NOW)
    zone = places.create_zone(site=site, name="Hall", capacity_kw=Decimal(100), at=NOW)
    model = MinerModel.objects.create(name="M", manufacturer="X", hashrate_ths=100, power_w=3000)
    miners = fleet.register_miners([Miner(serial=f"S{n}", model=model) for n in range(2)], by=by, at=NOW)
    begin = fleet.quarter_hour(NOW - timedelta(hours=1))
    fleet.place_miners(miners, spot=fleet.Spot(site, zone), by=by, at=begin)
    partitions.ensure_partitions(at=NOW)
    ids = [miner.pk for miner in miners]
    for minutes in (1, 6, 11):
        at = begin + timedelta(minutes=minutes)
        Telemetry.objects.bulk_create(
            [Telemetry(miner_id=one, recorded_at=at, power_w=3000, source=1, power_source=1) for one in ids]
        )
        rollups.mark([at - timedelta(minutes=1)], ids, at=NOW)
    rollups.reckon_five_minutes(at=NOW)
    rollups.mark([begin], ids, at=NOW)
    Demand15Min.objects.create(
        zone=zone, interval_start=begin - timedelta(days=40), kw=4, kwh=1, source="machines", quality="measured",
        coverage=1,
    )  # fmt: skip
    return {}


def old_contracts(by: User) -> Kwargs:
    """Two to renew, one of them for several terms, and one nobody has given notice of yet."""
    for number, days in (("C-1", 10), ("C-2", 400), ("C-3", -90)):
        draft = contracts.create_contract(
            customer=factories.CustomerFactory(), number=number, title="Hosting", starts_on=date(2024, 1, 31),
            ends_on=TODAY - timedelta(days=days), renewal_months=6, by=by, at=NOW,
        )  # fmt: skip
        contracts.activate_contract(draft, by=by, at=NOW)
    return {}


def miscounted(by: User) -> Kwargs:
    steel(by)
    PlaceCount.objects.update(machines=9)
    PlaceCount.objects.create(site_id=0, machines=1, active=0, nameplate_w=0, unknown=0)
    return {}


SCENES = [
    Scene("marketdata.collect", coins),
    Scene("marketdata.close_days", a_day_to_close),
    Scene("marketdata.backfill", coins),
    Scene("marketdata.ask_series", a_feed),
    Scene("intelligence.forecast", days_to_forecast),
    Scene("intelligence.schedules", a_site_to_plan),
    Scene("jobs.do_due_work", a_day_to_plan, kind="intelligence.plan_day"),
    Scene("jobs.do_due_work", a_day_to_score, kind="intelligence.score_day"),
    Scene("curtailment.control", plan_of_a_machine_nobody_reaches),
    Scene("curtailment.control_site", site_to_control),
    Scene("curtailment.follow_dispatches", dispatches_in_time),
    Scene("curtailment.poll_vtns", due_servers),
    Scene("curtailment.poll_vtn", servers_nobody_may_call),
    Scene("curtailment.measure", event_that_is_over),
    Scene("curtailment.measure_event", event_to_reckon),
    Scene("curtailment.rules", rules_that_want),
    Scene("curtailment.rule", rule_that_wants),
    Scene("hosting.ensure_partitions", steel),
    Scene("hosting.reckon_five_minutes", steel),
    Scene("hosting.close_quarters", steel),
    Scene("hosting.reckon_days", steel),
    Scene("hosting.close_months", steel),
    Scene("hosting.verify_counts", miscounted),
    Scene("backup.nightly", nothing),
    Scene("backup.drill", nothing),
    Scene("audit.seal", unsealed),
    Scene("jobs.do_due_work", message, kind="notify.deliver"),
    Scene("jobs.do_due_work", summary, kind="notify.digest"),
    Scene("jobs.do_due_work", nobody_answers, kind="notify.escalate"),
    Scene("notify.watch", given_up_work),
    Scene("jobs.do_due_work", render, kind="crm.render_invoice_pdf"),
    Scene("jobs.do_due_work", send_email, kind="crm.send_invoice_email"),
    Scene("jobs.do_due_work", send_invitation, kind="crm.send_invitation"),
    Scene("jobs.do_due_work", import_miners, kind="hosting.miner_import"),
    Scene("hosting.collect", due_site),
    Scene("hosting.health", silent_machine),
    Scene("hosting.collect_site", machine_off),
    Scene("jobs.drain_bulk", drain),
    Scene("jobs.sweep", sweep),
    Scene("jobs.forget_answers", old_answers),
    Scene("jobs.retention", old_rows),
    Scene("jobs.measure_tables", nothing),
    Scene("approvals.expire_requests", old_requests),
    Scene("jobs.do_due_work", send_letter, kind="crm.send_dunning_letter"),
    Scene("crm.dun", dun),
    Scene("crm.dun_customer", dun_customer),
    Scene("crm.check_overdue", overdue),
    Scene("crm.check_ledger", unbooked),
    Scene("crm.check_overdue_customer", overdue_customer),
    Scene("crm.renew_contracts", old_contracts),
]
