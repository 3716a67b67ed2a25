"""T18: after a run exactly the rows that are due are gone; what is held, unprocessed or disputed stays."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from accounts.enums import LoginOutcome
from accounts.models import LoginRecord
from crm.models import Customer
from hashinsight.events.models import OutboxEvent
from hashinsight.jobs import retention as registry
from hashinsight.jobs.domain import retention
from hashinsight.jobs.models import DueWork, JobRun, LegalHold, RetentionPolicy
from hashinsight.jobs.retention import Held, RetentionKind
from tests.factories import NOW

pytestmark = pytest.mark.django_db
NIGHTLY = bool(os.environ.get("HASHINSIGHT_NIGHTLY"))
EXAMPLES = 1000 if NIGHTLY else 100
TOGETHER = 10  # histories that lie in the tables side by side: the policies run over all of them at once
HELD_CUSTOMER, FREE_CUSTOMER, HELD_INVOICE = 4711, 12, 99

Row = tuple[str, dict[str, Any]]
# Around each limit to the second, and anywhere.
AGES = st.one_of(
    st.integers(0, 400).map(lambda days: timedelta(days=days, hours=5)),
    st.tuples(st.sampled_from([7, 14, 30, 90, 180, 365]), st.integers(-1, 1)).map(
        lambda pair: timedelta(days=pair[0], seconds=pair[1])
    ),
)


def _fields(*names: tuple[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"age": AGES, **dict(names)})


HISTORY = st.lists(
    st.one_of(
        st.tuples(
            st.just("event"),
            _fields(
                ("status", st.sampled_from(["pending", "processed", "failed"])),
                ("customer", st.sampled_from([None, HELD_CUSTOMER, FREE_CUSTOMER])),
                ("about", st.sampled_from(["invoice:99", "invoice:1", "deal:99"])),
            ),
        ),
        st.tuples(st.just("run"), _fields(("state", st.sampled_from(["due", "running", "done", "failed", "missed"])))),
        st.tuples(
            st.just("work"),
            _fields(
                ("state", st.sampled_from(["pending", "claimed", "done", "failed"])),
                ("invoice", st.sampled_from([None, HELD_INVOICE, 1])),
            ),
        ),
        st.tuples(st.just("login"), _fields()),
    ),
    max_size=14,
)


def write(history: list[Row]) -> dict[tuple[str, int], Row]:
    """The rows, by table and key."""
    return {(kind, _write(kind, facts, NOW - facts["age"])): (kind, facts) for kind, facts in history}


def _write(kind: str, facts: dict[str, Any], at: datetime) -> int:
    if kind == "event":
        about, _, key = facts["about"].partition(":")
        done = at if facts["status"] == "processed" else None
        return OutboxEvent.objects.create(
            kind="test.kind", aggregate_type=about, aggregate_id=key, customer_id=facts["customer"], payload={},
            status=facts["status"], created_at=at, processed_at=done,
        ).pk  # fmt: skip
    if kind == "run":
        return JobRun.objects.create(job=str(uuid4()), period_start=at, started_at=at, state=facts["state"]).pk
    if kind == "work":
        payload = {} if facts["invoice"] is None else {"invoice_id": facts["invoice"]}
        done = at if facts["state"] == "done" else None
        return DueWork.objects.create(
            kind="test.kind", key=str(uuid4()), payload=payload, state=facts["state"], created_at=at, done_at=done
        ).pk
    return LoginRecord.objects.create(email="x@example.com", outcome=LoginOutcome.SUCCESS, attempted_at=at).pk


def stays(row: Row) -> bool:
    """Said once more, in other words than the product's."""
    kind, facts = row
    age = facts["age"]
    if kind == "event":
        if facts["customer"] == HELD_CUSTOMER or facts["about"] == "invoice:99" or facts["status"] == "pending":
            return True
        return bool(age <= timedelta(days=7 if facts["status"] == "processed" else 30))
    if kind == "run":
        limit = {"done": 14, "missed": 14, "failed": 180}.get(facts["state"])
        return limit is None or bool(age <= timedelta(days=limit))
    if kind == "work":
        return bool(facts["state"] != "done" or facts["invoice"] == HELD_INVOICE or age <= timedelta(days=90))
    return bool(age <= timedelta(days=365))


TABLES = {"event": OutboxEvent, "run": JobRun, "work": DueWork, "login": LoginRecord}


def left() -> set[tuple[str, int]]:
    return {
        (kind, key) for kind, model in TABLES.items() for key in model._default_manager.values_list("pk", flat=True)
    }


def of_these_tables() -> list[str]:
    """The policies that may touch what a history writes."""
    known = {model._meta.label for model in TABLES.values()}
    return [kind.name for kind in registry.kinds() if kind.table in known]


def run_all(*, shift: timedelta = timedelta(0), only: list[str] | None = None) -> int:
    deleted = 0
    policies = RetentionPolicy.objects.filter(is_enabled=True)
    for policy in policies if only is None else policies.filter(kind__in=only):
        report = retention.run_policy(policy, at=NOW + shift, go_on=lambda: True, batch=7)
        assert report.deleted_count == report.due_count, policy.kind
        deleted += report.deleted_count
    return deleted


@pytest.fixture
def holds() -> None:
    retention.seed_policies()
    for subject, key in (("crm.customer", HELD_CUSTOMER), ("crm.invoice", HELD_INVOICE)):
        LegalHold.objects.create(subject=subject, key=str(key), label="x", reason="court", placed_by="a")


class _Undo(Exception):
    pass


def undone(work: Callable[[], None]) -> None:
    """Each generated history begins with empty tables."""
    try:
        with transaction.atomic():
            work()
            raise _Undo
    except _Undo:
        pass


def generated(test: Callable[[list[Row]], None], *, count: int = EXAMPLES) -> Callable[[], None]:
    """The test on ``count`` generated histories, ``TOGETHER`` of them at a time."""
    quiet = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    limits = settings(
        max_examples=count // TOGETHER, deadline=None, suppress_health_check=quiet, database=None,
        phases=[Phase.generate],
    )  # fmt: skip
    beside = st.lists(HISTORY, min_size=TOGETHER, max_size=TOGETHER)
    wrapped: Callable[[], None] = seed(18)(
        limits(given(beside)(lambda histories: test([row for history in histories for row in history])))
    )
    return wrapped


def test_exactly_what_is_due_goes_and_a_second_run_deletes_nothing(holds: None) -> None:
    total, runs, these = [0], [0], of_these_tables()
    assert len(these) > len(TABLES)

    @generated
    def check(history: list[Row]) -> None:
        def work() -> None:
            rows = write(history)
            runs[0] += 1
            total[0] += run_all(only=these)
            assert left() == {key for key, row in rows.items() if stays(row)}
            assert run_all(only=these) == 0

        undone(work)

    check()
    assert runs[0] * TOGETHER == EXAMPLES
    assert total[0] > EXAMPLES / 2, "the histories give the policies something to do"


def test_control_a_day_off_is_noticed(holds: None) -> None:
    wrong, these = [0], of_these_tables()

    def check(history: list[Row]) -> None:
        def work() -> None:
            rows = write(history)
            run_all(shift=timedelta(days=1), only=these)
            wrong[0] += left() != {key for key, row in rows.items() if stays(row)}

        undone(work)

    generated(check, count=max(EXAMPLES // 2, 5 * TOGETHER))()
    assert wrong[0] > 0


def test_what_a_kind_leaves_out_stays_unbilled_and_disputed_rows_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A later app registers its own rows with its own idea of what must stay."""

    def rows(before: datetime, held: Held) -> Any:
        return OutboxEvent.objects.filter(created_at__lt=before, payload__billed=True, payload__disputed=False)

    kind = RetentionKind("test.usage", "Usage", "", "events.OutboxEvent", "created_at", rows, keep_days=10)
    monkeypatch.setattr(registry, "_kinds", {kind.name: kind})
    retention.seed_policies()
    for billed in (True, False):
        for disputed in (True, False):
            OutboxEvent.objects.create(
                kind="test.kind", aggregate_type="x", aggregate_id="1", created_at=NOW - timedelta(days=30),
                payload={"billed": billed, "disputed": disputed},
            )  # fmt: skip
    assert run_all() == 1
    assert sorted(map(str, OutboxEvent.objects.values_list("payload", flat=True))) == [
        "{'billed': False, 'disputed': False}",
        "{'billed': False, 'disputed': True}",
        "{'billed': True, 'disputed': True}",
    ]


def test_documents_money_and_history_are_refused_by_name() -> None:
    for table in ("crm.Invoice", "crm.Payment", "crm.InvoiceDocument", "crm.JournalEntry"):
        with pytest.raises(registry.KeptByLaw, match=table):
            registry.register_kind(replace(registry.kinds()[0], name="x.evil", table=table))
    for table in ("crm.InvoiceEvent", "accounts.UserEvent", "pghistory.Context"):
        with pytest.raises(registry.KeptByLaw, match="history"):
            registry.register_kind(replace(registry.kinds()[0], name="x.evil", table=table))
    assert registry.find_kind("x.evil") is None


def test_every_protected_name_is_a_table() -> None:
    assert [table for table, _ in registry.kept_for_good() if apps.get_model(table) is None] == []


def test_a_table_named_later_is_protected_as_well() -> None:
    with pytest.raises(registry.KeptByLaw, match=r"accounts\.LoginRecord"):
        registry.never_delete("accounts.LoginRecord", "a new law")


def test_a_held_customer_keeps_its_invoices_and_the_sign_ins_of_its_people(
    customer_a: Customer, alice: Any, charlie: Any, root: Any
) -> None:
    retention.seed_policies()
    retention.place_hold("crm.customer", text=customer_a.company_name.upper(), reason="dispute", by=root, at=NOW)
    for person in (alice, charlie):
        LoginRecord.objects.create(
            email=person.email, user_id=person.pk, outcome=LoginOutcome.SUCCESS, attempted_at=NOW - timedelta(days=400)
        )
    run_all()
    assert list(LoginRecord.objects.values_list("user_id", flat=True)) == [alice.pk]
    retention.release_hold(LegalHold.objects.get(), reason="over", by=root, at=NOW)
    run_all()
    assert LoginRecord.objects.count() == 0
