"""Storing a pipeline: what becomes what, all or nothing, and nothing twice."""

import io
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import User
from crm.domain import deals
from crm.domain.bulk import DealRecord, LeadRecord, RecordRefused, add_deals, add_leads
from crm.domain.leads import move_lead
from crm.domain.pipeline_import import ImportReport, ImportWish, OfferText, PipelineRefused, import_pipeline
from crm.domain.pipeline_import.people import agent_email
from crm.engine.pipeline_files import read_pipeline
from crm.enums import DealStage, DealStatus, LeadStatus
from crm.models import Activity, Customer, Deal, DealLine, Lead, Product
from hashinsight.events.models import OutboxEvent
from tests import factories
from tests.crm.import_files import RECORDS, Files

pytestmark = pytest.mark.django_db
NOW = factories.NOW
FILES = ("sales_teams.csv", "products.csv", "accounts.csv", "sales_pipeline.csv.gz")


def in_order(place: tuple[str, int]) -> tuple[int, int]:
    return FILES.index(place[0]), place[1]


def run(folder: Path, **wish: Any) -> ImportReport:
    return import_pipeline(read_pipeline(folder), ImportWish(at=NOW, **wish))


def state() -> dict[str, Any]:
    """Everything an import may touch."""
    return {
        model.__name__: list(model.objects.order_by("pk").values())
        for model in (User, Product, Customer, Lead, Deal, DealLine, Activity, OutboxEvent)
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Files().write(tmp_path)


def test_every_record_is_accounted_for(folder: Path) -> None:
    report = run(folder)
    total = report.totals()
    assert (total.read, total.created, total.unchanged, total.kept, total.refused) == (RECORDS, RECORDS, 0, 0, 0)
    assert all(count.adds_up() for count in report.files.values())
    assert report.made == {"users": 2, "products": 2, "customers": 3, "deals": 4, "leads": 4}
    assert (total.repaired, total.reported) == (3, 6)


def test_each_stage_gets_its_written_status(folder: Path) -> None:
    run(folder)
    found = Deal.objects.order_by("source_ref").values_list("source_ref", "stage", "status", "value")
    assert list(found) == [
        ("crm-pipeline:opportunity:E1", "proposal", "draft", Decimal(4821)),
        ("crm-pipeline:opportunity:L1", "closed_lost", "cancelled", Decimal(0)),
        ("crm-pipeline:opportunity:P1", "discovery", "draft", Decimal("55.50")),
        ("crm-pipeline:opportunity:W1", "closed_won", "signed", Decimal(4514)),
    ]
    assert list(Lead.objects.order_by("source_ref").values_list("source_ref", "status", "source", "value")) == [
        ("crm-pipeline:opportunity:N1", "contacted", "import", Decimal("55.50")),
        ("crm-pipeline:opportunity:N2", "negotiation", "import", Decimal("60.25")),
        ("crm-pipeline:opportunity:N3", "lost", "import", Decimal(0)),
        ("crm-pipeline:opportunity:N4", "new", "import", Decimal("55.50")),
    ]


def test_a_won_deal_is_complete_and_can_be_completed(folder: Path) -> None:
    run(folder)
    deal = Deal.objects.get(source_ref="crm-pipeline:opportunity:W1")
    assert (deal.actual_close_on, deal.probability, deal.title) == (date(2017, 3, 11), 100, "GTX Pro (W1)")
    assert (deal.customer.company_name, deal.owner.name) == ("Fjell Kraft", "Ada Moor")  # type: ignore[union-attr]
    line = deal.lines.get()
    assert (line.product.code, line.unit_price) == ("GTX-PRO", Decimal(4514))  # type: ignore[union-attr]
    factories.LegalEntityFactory()
    invoice = deals.complete_deal(deal, by=None, at=NOW)
    assert invoice.net_total == Decimal(4514)


def test_accounts_become_customers_with_their_parents(folder: Path) -> None:
    run(folder, is_sample=True)
    child = Customer.objects.get(company_name="Fjell Kraft")
    assert child.parent == Customer.objects.get(company_name="Umber, Sons & Co")
    assert (child.country, child.time_zone, child.sector, child.is_sample) == ("NO", "Europe/Oslo", "energy", True)
    assert child.internal_note == "From the imported accounts: founded 2001, 12 employees, revenue 87 million."


def test_agents_become_sales_people_who_cannot_sign_in(folder: Path) -> None:
    run(folder)
    user = User.objects.get(email="ada.moor@sales-team.example")
    assert (user.name, user.position) == ("Ada Moor", "Sales, North (reports to Ben Fen)")
    assert (user.is_staff, user.is_superuser, user.has_usable_password()) == (True, False, False)
    assert list(user.groups.values_list("name", flat=True)) == ["sales"]


@pytest.mark.parametrize("name", ["Cy O'Dell", "Zoë Ångström", "李小龍", "A.B", "Ada-Moor", "x" * 100, "Ada  Moor"])
def test_every_name_has_an_address_of_its_own(name: str) -> None:
    address = agent_email(name)
    assert address == agent_email(name)
    assert address != agent_email("Ada Moor")
    assert len(address.partition("@")[0]) <= 64
    factories.UserFactory(email=address).full_clean(exclude=["password"])


def test_each_record_leaves_its_event_its_activity_and_its_audit_row(folder: Path) -> None:
    run(folder)
    kinds = dict.fromkeys(("customer.created", "deal.created", "lead.created", "user.registered"), 0)
    for kind in OutboxEvent.objects.values_list("kind", flat=True):
        kinds[kind] = kinds.get(kind, 0) + 1
    kinds.pop("user.roles_changed")
    assert kinds == {"customer.created": 3, "deal.created": 4, "lead.created": 4, "user.registered": 2}
    assert Activity.objects.filter(deal__isnull=False).count() == 4
    assert Activity.objects.filter(lead__isnull=False).count() == 4
    events = apps.get_model("crm", "DealEvent").objects.select_related("pgh_context")
    assert {row.pgh_label for row in events} == {"insert"}
    assert {row.pgh_context.metadata["source"] for row in events} == {"crm-pipeline"}
    event = OutboxEvent.objects.get(kind="deal.created", payload__stage="closed_won")
    deal = Deal.objects.get(source_ref="crm-pipeline:opportunity:W1")
    assert (event.aggregate_id, event.customer_id) == (str(deal.public_id), deal.customer_id)


def test_a_second_run_changes_nothing(folder: Path) -> None:
    run(folder)
    before = state()
    report = run(folder)
    assert state() == before
    total = report.totals()
    assert (total.created, total.unchanged, total.kept) == (0, RECORDS, 0)


def test_what_differs_is_left_alone_and_reported(folder: Path, root: User) -> None:
    run(folder)
    lead = Lead.objects.get(source_ref="crm-pipeline:opportunity:N1")
    move_lead(lead, to=LeadStatus.QUALIFIED, by=root, at=NOW)
    Customer.objects.filter(company_name="Fjell Kraft").update(country="SE")
    changed = Files()
    changed.pipeline = changed.pipeline.replace(b"2017-03-11,4514", b"2017-03-11,4515")
    changed.teams = changed.teams.replace(b"Ada Moor,Ben Fen,North", b"Ada Moor,Ben Fen,South")
    changed.products = changed.products.replace(b"55.50", b"56")
    changed.write(folder)
    before = state()
    report = run(folder)
    assert state() == before
    kept = [(one.file, one.line) for one in report.findings if "left as it is" in one.message]
    assert sorted(kept, key=in_order) == [
        ("sales_teams.csv", 2),
        ("products.csv", 3),
        ("accounts.csv", 3),
        ("sales_pipeline.csv.gz", 2),
        ("sales_pipeline.csv.gz", 5),  # the list price is part of what an open opportunity is worth
        ("sales_pipeline.csv.gz", 6),
        ("sales_pipeline.csv.gz", 9),
    ]
    assert report.totals().kept == 7
    assert all(count.adds_up() for count in report.files.values())


def test_new_lines_are_added_to_what_is_there(folder: Path) -> None:
    run(folder)
    Files().with_row(b"X,Ada Moor,Rack,Fjell Kraft,Engaging,2017-06-01,,").write(folder)
    report = run(folder)
    assert (report.totals().created, report.totals().unchanged) == (1, RECORDS)


def test_a_customer_of_the_same_name_is_reported(folder: Path) -> None:
    factories.CustomerFactory(company_name="Fjell Kraft")
    report = run(folder)
    assert [(one.line, one.column) for one in report.findings if "now there are two" in one.message] == [(3, "account")]


def test_a_broken_file_changes_nothing_at_all(folder: Path) -> None:
    Files().with_row(b"X,Ada Moor,Rack,Fjell Kraft,Won,2017-02-30,2017-03-01,1").write(folder)
    before = state()
    with pytest.raises(PipelineRefused) as caught:
        run(folder)
    assert state() == before
    assert str(caught.value) == (
        "Nothing was imported.\nsales_pipeline.csv.gz, line 10, column engage_date:"
        " must be a day such as 2017-03-01, not '2017-02-30'"
    )
    total = caught.value.report.totals()
    assert (total.read, total.refused, total.created) == (RECORDS + 1, RECORDS + 1, 0)


def test_an_error_of_the_database_takes_everything_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state()
    monkeypatch.setattr("crm.domain.pipeline_import.opportunities.add_leads", lambda *_args, **_more: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(folder)
    assert state() == before


def test_a_dry_run_tells_all_and_keeps_nothing(folder: Path) -> None:
    before = state()
    report = run(folder, dry_run=True)
    assert state() == before
    assert report.totals().created == RECORDS


def test_products_may_be_called_otherwise_here(folder: Path) -> None:
    factories.ProductFactory(code="RACK")
    run(folder, offers={"GTX Pro": OfferText("HOST-80KW", "Hosting 80 kW", "MON")}, currency="EUR")
    named = Product.objects.filter(source_ref__isnull=False).order_by("code")
    assert list(named.values_list("code", "name", "unit_code", "currency")) == [
        ("HOST-80KW", "Hosting 80 kW", "MON", "EUR"),
        ("RACK-2", "Rack", "C62", "EUR"),
    ]
    assert Deal.objects.get(source_ref__endswith="W1").title == "Hosting 80 kW (W1)"


def test_statements_do_not_grow_with_the_file(tmp_path: Path) -> None:
    def statements(rows: int, name: str) -> int:
        counted = 0

        def count(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
            nonlocal counted
            counted += 1
            return execute(sql, params, many, context)

        files = Files()
        for number in range(rows):
            files.with_row(f"{name}{number},Ada Moor,Rack,Fjell Kraft,Won,2017-03-02,2017-03-03,1".encode())
            files.with_row(f"{name}L{number},Ada Moor,Rack,,Engaging,2017-03-02,,".encode())
        with connection.execute_wrapper(count):
            run(files.write(tmp_path / name))
        return counted

    run(Files().write(tmp_path / "first"))
    assert statements(1, "a") == statements(60, "b")


def test_the_command_prints_a_table_and_writes_the_report(folder: Path, tmp_path: Path) -> None:
    out, file = io.StringIO(), tmp_path / "report.json"
    call_command("import_crm_pipeline", str(folder), report=file, stdout=out, skip_checks=True)
    printed = out.getvalue()
    assert "all files                    15        15         0         0         0         3         6" in printed
    assert "'GTXPro' read as 'GTX Pro': line 2" in printed
    written = json.loads(file.read_text(encoding="utf-8"))
    assert written["totals"]["read"] == RECORDS
    assert len(written["findings"]) == 11
    assert {"kind", "file", "line", "column", "message", "value"} == set(written["findings"][0])


def test_the_command_fails_with_the_place(folder: Path, tmp_path: Path) -> None:
    (folder / "products.csv").write_bytes(b"product;series\n")
    file = tmp_path / "report.json"
    with pytest.raises(CommandError, match=r"products\.csv, line 1, column product: the header says"):
        call_command("import_crm_pipeline", str(folder), report=file, skip_checks=True)
    assert json.loads(file.read_text(encoding="utf-8"))["findings"][0]["file"] == "products.csv"
    with pytest.raises(CommandError, match="no such folder"):
        call_command("import_crm_pipeline", str(tmp_path / "nowhere"), skip_checks=True)


def test_bulk_refuses_states_that_only_a_move_may_reach(customer_a: Customer) -> None:
    deal = factories.DealFactory.build(customer=customer_a)
    with pytest.raises(RecordRefused):
        add_deals(
            [DealRecord(deal, (), DealStage.CLOSED_WON, DealStatus.COMPLETED, signed_on=date(2026, 1, 1))], by=None
        )
    with pytest.raises(RecordRefused):
        add_deals([DealRecord(deal, (), DealStage.PROPOSAL, DealStatus.SIGNED, signed_on=date(2026, 1, 1))], by=None)
    with pytest.raises(RecordRefused):
        add_leads([LeadRecord(factories.LeadFactory.build(), LeadStatus.WON)], by=None)
