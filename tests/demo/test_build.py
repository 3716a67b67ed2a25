"""The demo company in the database: lively, sound, built once, with sign-ins that work."""

import asyncio
import json
import stat
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from allauth.account.models import EmailAddress
from django.db.models import F, Sum
from django.utils import timezone

from accounts.domain.keys import opens, prefix_of
from accounts.enums import StaffRole
from accounts.models import ApiKey, User
from crm.api.views.statements import STATEMENT_ACTIONS, AgeingViewSet
from crm.domain.ledger.check import discrepancies
from crm.domain.memberships import differences
from crm.models import (
    AccountingExport,
    AccountingPeriod,
    AccountingSettings,
    Activity,
    ApprovalLimit,
    CreditApplication,
    Customer,
    CustomerCredit,
    CustomerMembership,
    Deal,
    DebtorNumber,
    Dispute,
    DunningHold,
    DunningLetter,
    DunningLevel,
    Invoice,
    InvoiceDelivery,
    Lead,
    NumberSeries,
    Payment,
    Refund,
    Reversal,
    TaxKey,
    WriteOff,
)
from hashinsight.api_urls import COLLECTIONS
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.demo import simulated
from hashinsight.demo.build import Wish, build_demo, renew_credentials
from hashinsight.demo.metering import read_meters
from hashinsight.demo.readings import tell_readings
from hashinsight.jobs.models import DueWork
from hosting.clients.adapter import Target
from hosting.clients.machines import Machines
from hosting.domain.histories import histories_that_differ
from hosting.domain.prices import version_on
from hosting.domain.rollups import reckon_five_minutes
from hosting.domain.terms import terms_on
from hosting.models import Meter, MeterReading, Miner, MinerLatest, Telemetry, TelemetryFiveMinutes
from hosting.simulator.process import start_fleet
from intelligence.api.break_even import BreakEvenViewSet
from intelligence.api.calculator import CalculatorViewSet
from intelligence.api.user_miners import PortfolioViewSet
from tests.demo.conftest import NOW, WISH, business


def test_every_state_is_there(demo: Path) -> None:
    assert set(Invoice.objects.values_list("status", flat=True)) == {"draft", "sent", "overdue", "paid", "cancelled"}
    assert Invoice.objects.filter(kind="credit_note").exists()
    assert set(Lead.objects.values_list("status", flat=True)) == {
        "new", "contacted", "qualified", "negotiation", "won", "lost",
    }  # fmt: skip
    assert set(Deal.objects.values_list("stage", flat=True)) == {
        "discovery", "proposal", "negotiation", "closed_won", "closed_lost",
    }  # fmt: skip
    assert {"draft", "approved", "signed", "completed", "cancelled"} <= set(
        Deal.objects.values_list("status", flat=True)
    )


def test_the_books_are_right(demo: Path) -> None:
    issued = Invoice.objects.filter(number__isnull=False)
    assert {f"{day:%Y-%m}" for day in issued.values_list("issued_on", flat=True)} >= {
        "2026-07", "2026-08", "2026-09", "2026-10", "2026-11",
    }  # fmt: skip
    assert len(set(issued.values_list("currency", flat=True))) >= 3
    assert not issued.exclude(gross_total=F("net_total") + F("tax_total")).exists()
    assert not issued.filter(gross_total__lt=0).exists()
    for invoice in issued.annotate(lines_total=Sum("lines__net_amount")):
        assert invoice.lines_total == invoice.net_total
    for series in NumberSeries.objects.all():
        mine = issued.filter(legal_entity=series.legal_entity, issued_on__year=series.year, customer=series.customer)
        credit = mine.filter(kind="credit_note") if series.kind == "credit_note" else mine.exclude(kind="credit_note")
        assert sorted(int(number[-4:]) for number in credit.values_list("number", flat=True)) == list(
            range(1, series.last_number + 1)
        )


def test_money_and_states_agree(demo: Path) -> None:
    given_up = WriteOff.objects.filter(kind="bad_debt").values("invoice")
    bills = Invoice.objects.filter(number__isnull=False).exclude(kind="credit_note").with_balance()
    assert {one.status for one in bills.filter(pk__in=given_up)} == {"overdue"}
    bills = bills.exclude(pk__in=given_up)
    assert {one.status for one in bills.filter(outstanding__gt=0)} == {"sent", "overdue"}
    assert {one.status for one in bills.filter(outstanding__lte=0)} <= {"paid", "cancelled"}
    assert all(one.due_on < NOW.date() for one in bills.filter(status="overdue"))
    assert all(one.due_on >= NOW.date() for one in bills.filter(status="sent"))
    paid = [(one.paid_on - one.due_on).days for one in bills.filter(status="paid")]
    assert min(paid) < 0 < max(paid)
    assert bills.filter(paid_total__gt=0, outstanding__gt=0).exists()
    german = bills.filter(customer__country="DE", lines__isnull=False).first()
    assert german is None or german.tax_total == (german.net_total * 19 / 100).quantize(Decimal("0.01"))


def test_sample_documents_wait_in_the_bulk_queue_and_are_not_mailed(demo: Path) -> None:
    issued = Invoice.objects.filter(number__isnull=False).count()
    bills = DueWork.objects.filter(kind="crm.render_invoice_pdf")
    assert (bills.count(), set(bills.values_list("queue", flat=True))) == (issued, {"bulk"})
    others = DueWork.objects.exclude(kind="crm.render_invoice_pdf")
    assert set(others.values_list("kind", flat=True)) == {"crm.send_dunning_letter"}
    assert others.count() == DunningLetter.objects.filter(is_sample=True).count() == DunningLetter.objects.count()
    assert set(DueWork.objects.values_list("not_before", flat=True)) == {NOW}, "readiness would say: waits for months"
    assert InvoiceDelivery.objects.count() == 0
    for model in (Customer, Lead, Deal, Invoice, Payment):
        assert not model.objects.filter(is_sample=False).exists()


def test_every_page_about_money_shows_something(demo: Path) -> None:
    kinds = set(CustomerCredit.objects.values_list("kind", flat=True))
    assert {"deposit", "overpayment"} <= kinds
    assert set(WriteOff.objects.values_list("kind", flat=True)) == {"bad_debt", "small_difference"}
    assert CreditApplication.objects.exists()
    assert Refund.objects.filter(payment=None).exists()
    assert Refund.objects.filter(credit=None).exists()
    reversed_ones = Reversal.objects.filter(payment=None), Reversal.objects.filter(credit=None)
    assert [rows.exists() for rows in reversed_ones] == [True, True]
    assert set(ApprovalRequest.objects.values_list("state", flat=True)) == {"approved", "rejected", "pending"}
    decided = ApprovalRequest.objects.exclude(state="pending")
    assert set(decided.values_list("requested_by__email", "decided_by__email")) == {
        ("finance@nordkessel.example", "owner@nordkessel.example")
    }
    assert {one.closed_at is None for one in Dispute.objects.all()} == {True, False}
    assert {one.invoice_id is None for one in DunningHold.objects.all()} == {True, False}
    assert len(set(DunningLetter.objects.values_list("level", flat=True))) >= 2
    assert {*AccountingPeriod.objects.values_list("state", flat=True)} == {"closed"}
    assert AccountingExport.objects.filter(is_provisional=False).exists()
    for model in (AccountingSettings, ApprovalLimit, DebtorNumber, DunningLevel, TaxKey):
        assert model._default_manager.exists(), model


def test_the_books_add_up_and_nothing_is_told_ahead_of_time(demo: Path) -> None:
    assert discrepancies() == []
    days: dict[Any, str] = {
        CustomerCredit: "received_on", CreditApplication: "applied_on", Refund: "refunded_on",
        WriteOff: "written_off_on", Reversal: "reversed_on", DunningLetter: "dated_on",
    }  # fmt: skip
    for model, name in days.items():
        assert not model._default_manager.filter(**{f"{name}__gt": NOW.date()}).exists(), model
        assert not model._default_manager.filter(created_at__gt=NOW).exists(), model
    assert not CreditApplication.objects.filter(applied_on__lt=F("credit__received_on")).exists()
    assert not CreditApplication.objects.filter(applied_on__lt=F("invoice__issued_on")).exists()
    assert not Refund.objects.filter(refunded_on__lt=F("payment__received_on")).exists()
    assert not Refund.objects.filter(refunded_on__lt=F("credit__received_on")).exists()


def test_the_file_holds_sign_ins_that_work(demo: Path) -> None:
    assert stat.S_IMODE(demo.stat().st_mode) == 0o600
    people = json.loads(demo.read_text())
    roles = [one["role"] for one in people]
    assert roles == [*StaffRole.values, "client", "client", "client-viewer", "client-viewer"]
    for one in people:
        assert set(one) == {"role", "email", "password", "api_key"}
        user = User.objects.get(email=one["email"])
        assert user.check_password(one["password"])
        assert len(one["password"]) >= 20
        key = ApiKey.objects.get(prefix=prefix_of(one["api_key"]))
        assert opens(key, one["api_key"])
        assert key.user == user
        assert EmailAddress.objects.filter(user=user, verified=True, primary=True).exists()
        assert user.is_staff == (not one["role"].startswith("client"))
        assert user.is_superuser is False
    assert User.objects.get(email=people[0]["email"]).staff_roles() == ["owner"]


READING = {
    "list",
    "retrieve",
    "read",
    "pdf",
    "xml",
    "csv",
    "file",
    "deliveries",
    "telemetry",
    "values",
    *STATEMENT_ACTIONS,
    "machines",
}


def test_each_key_is_for_what_its_role_does(demo: Path) -> None:
    """A scope without the power behind it would be a promise not kept; a power without its scope a dead end."""
    for one in json.loads(demo.read_text()):
        user, key = User.objects.get(email=one["email"]), ApiKey.objects.get(prefix=prefix_of(one["api_key"]))
        if not user.is_staff:
            continue
        found = {scope for scope in key.scopes if not scope.startswith("api-keys")}
        wanted = set()
        for view in (*COLLECTIONS, AgeingViewSet, BreakEvenViewSet, CalculatorViewSet, PortfolioViewSet):
            if view.resource == "api-keys":
                continue
            for action, power in view.staff_permissions.items():
                reads = action in READING
                if power is not None and user.has_perm(power):
                    wanted.add(f"{view.resource}:{'read' if reads else 'write'}")
        assert found == wanted, one["role"]


def test_the_clients_belong_to_two_customers_with_invoices(demo: Path) -> None:
    people = [one for one in json.loads(demo.read_text()) if one["role"].startswith("client")]
    found = [CustomerMembership.objects.get(user__email=one["email"]) for one in people]
    assert found[0].customer != found[1].customer
    assert [one.role for one in found] == ["customer_admin", "customer_admin", "customer_viewer", "customer_viewer"]
    assert [found[2].customer, found[3].customer] == [found[0].customer, found[1].customer]
    assert all(one.customer.invoices.filter(number__isnull=False).exists() for one in found)
    assert differences() == []


def test_a_second_build_changes_nothing(demo: Path) -> None:
    before, content = business(), demo.read_bytes()
    said: list[str] = []
    assert build_demo(WISH, credentials=demo, say=said.append) is False
    assert (business(), demo.read_bytes()) == (before, content)
    assert said == ["The demo company stands here already; nothing to do"]


def test_another_kind_of_demo_is_not_put_on_top(demo: Path, tmp_path: Path) -> None:
    said: list[str] = []
    assert build_demo(Wish(at=NOW, sample=tmp_path), credentials=demo, say=said.append) is False
    assert said == ["A demo company (plain) stands here already and is kept; ./dev reset makes room for another one"]


def test_lost_sign_ins_are_renewed(demo: Path) -> None:
    old = json.loads(demo.read_text())
    demo.unlink()
    said: list[str] = []
    build_demo(WISH, credentials=demo, say=said.append)
    assert not demo.exists()
    assert "--new-credentials" in said[-1]
    renew_credentials(at=NOW, credentials=demo)
    new = json.loads(demo.read_text())
    assert [one["email"] for one in new] == [one["email"] for one in old]
    assert {one["password"] for one in new}.isdisjoint(one["password"] for one in old)
    live = ApiKey.objects.filter(revoked_at__isnull=True).values_list("prefix", flat=True)
    assert set(live) == {prefix_of(one["api_key"]) for one in new}


def test_nothing_lies_in_the_future(demo: Path) -> None:
    for model in (Customer, Lead, Deal, Invoice, Payment):
        assert not model.objects.filter(created_at__gt=NOW).exists()
    assert not Activity.objects.filter(occurred_at__gt=NOW).exists()
    assert not Deal.objects.filter(closed_at__gt=NOW).exists()
    assert not Invoice.objects.filter(issued_on__gt=NOW.date()).exists()


def test_machines_stand_where_they_are_paid_for(demo: Path) -> None:
    """Each machine of a customer is covered by terms of its zone, and the histories agree."""
    miners = Miner.objects.select_related("site", "zone").all()
    assert len(miners) > 20
    for miner in miners:
        found = terms_on(NOW.date(), customer_id=miner.customer_id, site=miner.site, zone=miner.zone)
        assert found is not None
        assert version_on(found.price_plan, NOW.date()).number == 2
    assert histories_that_differ() == []


# --- its simulated machines -----------------------------------------------------------------------------------
def test_each_machine_says_it_is_the_model_we_think(demo: Path) -> None:
    fleet = simulated.simulated_fleet()
    for miner in Miner.objects.select_related("model"):
        machine = fleet.at(str(miner.address))
        assert machine is not None
        assert miner.model is not None
        assert miner.model.name == simulated.MODELS[machine.kind.key]
        assert miner.port == simulated.PORT
        assert float(miner.model.hashrate_ths) == pytest.approx(machine.kind.rated_ths, rel=0.04)


def test_the_process_beside_the_product_answers_for_them(demo: Path) -> None:
    port = simulated.PORT + 1  # a demo may be running on this computer
    arguments = simulated.simulator_arguments()
    arguments[arguments.index("--port") + 1] = str(port)
    miners = list(Miner.objects.order_by("pk")[:5])
    with start_fleet(arguments):
        adapter = Machines()
        for miner in miners:
            answer = asyncio.run(adapter.read(Target(str(miner.address), port)))
            assert answer.reading is not None
            assert answer.reading.hashrate_ths == pytest.approx(float(miner.model.hashrate_ths), rel=0.2)  # type: ignore[union-attr]


def test_hours_of_readings_are_told_minute_by_minute_once(demo: Path) -> None:
    miners = list(Miner.objects.select_related("model").order_by("pk")[:40])
    at = timezone.now()
    assert tell_readings(miners, at=at, hours=2, seed=1) == 40 * 120
    assert tell_readings(miners, at=at, hours=2, seed=1) == 0
    of_one = Telemetry.objects.filter(miner_id=miners[0].pk).order_by("recorded_at")
    moments = list(of_one.values_list("recorded_at", flat=True))
    assert {later - earlier for earlier, later in pairwise(moments)} == {timedelta(minutes=1)}
    assert MinerLatest.objects.filter(miner__in=miners, customer_id__isnull=False).count() == 40
    while reckon_five_minutes(at=at + timedelta(hours=1)).more:
        pass
    fives = TelemetryFiveMinutes.objects.filter(miner_id=miners[0].pk)
    assert fives.count() >= 24
    assert max(row.samples for row in fives) == 5
    _check_meter(miners)


def _check_meter(miners: list[Miner]) -> None:
    """What the meter shows is what the machines say, and some percent for cooling; its register adds up."""
    meter = Meter.objects.get()
    rows = list(MeterReading.objects.filter(meter=meter).order_by("recorded_at"))
    assert len(rows) == 120
    behind = [miner.pk for miner in miners if miner.site_id == meter.site_id]
    said = Telemetry.objects.filter(miner_id__in=behind, power_w__isnull=False).aggregate(sum=Sum("power_w"))["sum"]
    shown = sum(float(row.power_kw or 0) for row in rows) / 120
    silent = Telemetry.objects.filter(miner_id__in=behind, power_w__isnull=True).count() / 120
    assert 1.03 * said / 120_000 < shown < 1.06 * said / 120_000 + 4.5 + 4 * silent
    first, last = rows[0].register_kwh, rows[-1].register_kwh
    assert first is not None
    assert last is not None
    assert abs(float(last - first) - shown * 119 / 60) < shown / 10 + 1
    _check_it_goes_on(meter, rows[-1])


def _check_it_goes_on(meter: Meter, last: MeterReading) -> None:
    """A minute later it shows what the machines draw now, once; with nobody heard of there is nothing to read."""
    later, chance = last.recorded_at + timedelta(minutes=2), np.random.default_rng(1)
    assert [read_meters(at=later, chance=chance) for _ in range(2)] == [1, 0]
    row = MeterReading.objects.get(meter=meter, recorded_at=later)
    drawn = MinerLatest.objects.filter(miner__site=meter.site).aggregate(sum=Sum("power_w"))["sum"] / 1000
    assert float(row.power_kw or 0) == pytest.approx(drawn * 1.045 + 4, rel=0.02)
    assert float((row.register_kwh or 0) - (last.register_kwh or 0)) == pytest.approx(
        float(row.power_kw or 0) / 30, rel=0.02
    )
    assert read_meters(at=later + timedelta(minutes=10), chance=chance) == 0
    assert MeterReading.objects.filter(meter=meter).latest("recorded_at") == row
