"""Run something, cut it off at the n-th SQL statement, and read the state of the tables that matter."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError, connection
from django.db.models import Count, Sum

from crm.models import (
    Activity,
    Contract,
    DunningLetter,
    Invoice,
    InvoiceDelivery,
    InvoiceDocument,
    InvoiceLine,
    JournalEntry,
    Payment,
)
from curtailment.models import (
    ControlledMachine,
    CurtailmentEvent,
    CurtailmentPlan,
    CurtailmentPlanMiner,
    Dispatch,
    EventMachine,
    MachineOrder,
    PeakRule,
    RuleExecution,
    StrikeRule,
    VtnConnection,
)
from hashinsight.common.models import IdempotencyRecord
from hashinsight.events.models import OutboxEvent
from hashinsight.jobs.domain import work as due
from hashinsight.jobs.models import DueWork, JobRun
from hashinsight.notify.models import Alert, Delivery, RuleWindow
from hosting.models import (
    Demand15Min,
    DemandLedgerMonth,
    ExcusedInterval,
    Miner,
    MinerContact,
    MinerImport,
    MinerOperation,
    PlaceCount,
    SeriesPartition,
    Telemetry,
    TelemetryDay,
    TelemetryFiveMinutes,
)
from intelligence.models import ForecastPoint, ForecastRun, ForecastScore, ScheduleEntry, ScheduleRun
from marketdata.models import (
    Coin,
    DifficultyPeriod,
    MarketDay,
    NetworkSnapshot,
    PricePoint,
    SourceAnswer,
    TechnicalIndicator,
)
from tests.factories import NOW

KEYED_BY_A_NEW_ROW = {"notify.deliver", "crm.send_dunning_letter"}
ABOUT_A_NEW_ROW = {
    "miner.registered",
    "intelligence.forecast_generated",
    "price_series.values_stored",
    "curtailment.event_started",
    "curtailment.planned",
    "ops.schedule_created",
    "ops.schedule_applied",
    "ops.schedule_scored",
}


class Killed(BaseException):
    """The process is gone; nothing of it runs any more, no ``except Exception`` either."""


class Cut:
    """An execute wrapper that counts statements and stops at the n-th; rolling back is what the server does."""

    def __init__(self, at: int | None = None, error: type[BaseException] = Killed) -> None:
        self.at, self.error, self.count = at, error, 0
        self.depth = len(connection.savepoint_ids)

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if str(sql).startswith(("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")):
            return execute(sql, params, many, context)
        self.mend()
        self.count += 1
        dead = self.at is not None and self.count > self.at and self.error is Killed
        if self.count == self.at or dead:
            raise self.error(f"cut at statement {self.count}")
        return execute(sql, params, many, context)

    def mend(self) -> None:
        """The suite's own transaction stands for autocommit: outside of the task's blocks an error breaks nothing."""
        if len(connection.savepoint_ids) == self.depth:
            connection.needs_rollback = False


@contextmanager
def as_a_process_that_dies(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Claims made inside belong to a process of this host that is gone afterwards."""
    with monkeypatch.context() as patched:
        patched.setattr(due, "worker_identity", lambda: f"{socket.gethostname()}:4194305:1")
        yield


def statements(run: Callable[[], Any]) -> int:
    """How many statements a clean run needs."""
    cut = Cut()
    with connection.execute_wrapper(cut):
        run()
    return cut.count


def run_cut(run: Callable[[], Any], *, at: int, error: type[BaseException]) -> bool:
    """Run until the n-th statement; False when it ended before it."""
    cut = Cut(at, error)
    try:
        with connection.execute_wrapper(cut):
            run()
    except (Killed, OperationalError):
        cut.mend()
    return cut.count >= at


def state() -> dict[str, Any]:
    """What must be the same whether a task ran once, twice, or in pieces: no ids, no times, no attempts."""
    audit = InvoiceDelivery.pgh_event_model, InvoiceDocument.pgh_event_model, Invoice.pgh_event_model
    return {
        "work": sorted(
            (kind, "" if kind in KEYED_BY_A_NEW_ROW else key, *rest)  # named after a row made while it ran
            for kind, key, *rest in DueWork.objects.values_list("kind", "key", "queue", "state", "last_error")
        ),
        "alerts": sorted(Alert.objects.values_list("kind", "key", "state", "severity")),
        "messages": sorted(Delivery.objects.values_list("kind", "occasion", "recipient", "subject", "state", "error")),
        "windows": sorted(RuleWindow.objects.values_list("rule", "key", "suppressed")),
        "runs": sorted(set(JobRun.objects.filter(state="done").values_list("job", flat=True))),
        "invoices": sorted(
            Invoice.objects.values_list("customer", "status", "number", "paid_on", "gross_total"), key=str
        ),
        "lines": sorted(InvoiceLine.objects.values_list("invoice__number", "position", "net_amount"), key=str),
        "documents": sorted(InvoiceDocument.objects.values_list("invoice", "format", "size", "sha256")),
        "deliveries": sorted(InvoiceDelivery.objects.values_list("invoice", "recipient", "status", "error")),
        "payments": sorted(Payment.objects.values_list("invoice", "amount")),
        "activities": sorted(Activity.objects.values_list("kind", "subject", "invoice"), key=str),
        "events": sorted(
            (kind, "" if kind in ABOUT_A_NEW_ROW else str(about))
            for kind, about in OutboxEvent.objects.values_list("kind", "aggregate_id")
        ),
        "machines": sorted(Miner.objects.values_list("serial", "customer", "site", "nameplate_w"), key=str),
        "operations": sorted(MinerOperation.objects.values_list("miner__serial", "operation", "request_id")),
        "imports": sorted(MinerImport.objects.values_list("pk", "state")),
        "documents in history": audit[1].objects.count(),
        "moves in history": sorted(set(audit[2].objects.values_list("customer_id", "number", "status")), key=str),
        "letters": sorted(
            DunningLetter.objects.values_list("customer", "level", "currency", "dated_on", "open_total"), key=str
        ),
        "journal": sorted(
            JournalEntry.objects.values_list("kind", "posted_on", "postings__debit", "postings__credit"), key=str
        ),
        "five minutes": sorted(TelemetryFiveMinutes.objects.values_list("bucket_start", "samples", "power_w")),
        "days": sorted(TelemetryDay.objects.values_list("day", "samples", "expected_samples", "power_w")),
        "partitions": sorted(SeriesPartition.objects.values_list("name", flat=True)),
        # The last quarter-hour becomes ripe while the clock of the test goes on.
        "demand": sorted(
            Demand15Min.objects.filter(interval_start__lt=NOW - timedelta(minutes=15)).values_list(
                "interval_start", "version", "quality", "coverage"
            )
        ),
        "ledger": sorted(DemandLedgerMonth.objects.values_list("month", "version", "kwh", "peak_at")),
        "readings": sorted(Telemetry.objects.values_list("miner_id", "state", "source")),
        "contacts": sorted(MinerContact.objects.values_list("miner", "dialect", "trouble")),
        "contracts": sorted(Contract.objects.values_list("number", "status", "ends_on")),
        "counts": sorted(
            PlaceCount.objects.order_by().values_list("site_id", "zone_id").annotate(Sum("machines"), Sum("active")),
            key=str,
        ),
        "health": sorted(Miner.objects.values_list("serial", "health")),
        "answers": sorted(IdempotencyRecord.objects.values_list("owner", "key")),
        "snapshots": sorted(NetworkSnapshot.objects.values_list("slot_at", "is_valid", "btc_price_usd"), key=str),
        "sources": sorted(SourceAnswer.objects.values_list("slot_at", "call", "outcome", "figures"), key=str),
        "closes": sorted(MarketDay.objects.values_list("day", "close_usd", "origin", "difficulty"), key=str),
        "signals": sorted(TechnicalIndicator.objects.values_list("day", "rsi", "signal"), key=str),
        "periods": sorted(DifficultyPeriod.objects.values_list("first_height", "bits")),
        "prices": sorted(PricePoint.objects.values_list("starts_at", "value", "version")),
        "coins": sorted(Coin.objects.values_list("symbol", "price_usd", "current_difficulty"), key=str),
        "forecasts": sorted(ForecastRun.objects.values_list("kind", "data_hash", "is_current")),
        "said": sorted(ForecastPoint.objects.values_list("run__kind", "horizon", "value", "upper")),
        "scores": sorted(ForecastScore.objects.values_list("kind", "horizon", "forecasts", "mae")),
        "plans": sorted(CurtailmentPlan.objects.values_list("number", "status", "measured_kw")),
        "plan machines": sorted(CurtailmentPlanMiner.objects.values_list("plan__number", "miner__serial", "result")),
        "dispatches": sorted(Dispatch.objects.values_list("reference", "state", "revision", "code")),
        "schedules": sorted(ScheduleRun.objects.values_list("target_date", "status", "label", "profit"), key=str),
        "steps of schedules": sorted(
            ScheduleEntry.objects.order_by().values_list("run__target_date", "status").annotate(count=Count("pk"))
        ),
        "servers": sorted(VtnConnection.objects.values_list("name", "error")),
        "orders": sorted(MachineOrder.objects.values_list("miner__serial", "action", "outcome")),
        "events of curtailment": sorted(
            CurtailmentEvent.objects.values_list("number", "status", "machines", "estimated_kwh", "revision")
        ),
        "machines of events": sorted(EventMachine.objects.values_list("miner__serial", "told_at", "estimated_kwh")),
        "excused": sorted(ExcusedInterval.objects.values_list("miner__serial", "starts_at", "ends_at")),
        "controlled": sorted(ControlledMachine.objects.values_list("miner__serial", "touched", "resumed")),
        "executions": sorted(RuleExecution.objects.values_list("kind", "rule_name", "decision")),
        "rules": sorted(
            (rule.name, rule.state.get("doubt", ""), len(rule.state.get("plans", {})))
            for model in (StrikeRule, PeakRule)
            for rule in model.objects.all()
        ),
        "message ids": sorted({str(message.extra_headers["Message-ID"]) for message in mail.outbox}),
    }
