"""docs/api-fields.md says exactly what the serializers show and the calls demand."""

import json
from pathlib import Path

from hashinsight.common.api import document
from tests.api import fields_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api-fields.md"
STAFF_ONLY = ("demand", "racks", "leads", "approvals", "accounting-exports")
STAFF_ONLY = ("racks", "leads", "approvals", "accounting-exports")
# Decided once, whatever the code says: these are never for clients.
NEVER_FOR_CLIENTS = {
    "score", "probability", "internal_note", "stage", "lead", "note", "client_visible", "recorded_by", "lost_reason",
    "cancel_reason", "reason", "expected_close_on", "sector", "mining_capacity_mw", "capacity_kw",
    "max_utilisation_percent", "energy_cost_per_kwh", "pue", "address", "port",
}  # fmt: skip
# Printed on the document itself; the form says that clients read it.
WRITTEN_FOR_CLIENTS = {("invoices", "note"), ("curtailment-plans", "reason"), ("curtailment-events", "reason")}


def test_the_page_lists_each_field_with_what_each_caller_may() -> None:
    tables = fields_page.parsed(PAGE.read_text(encoding="utf-8"))
    expected = fields_page.field_rows()
    assert {name: rows for name, rows in tables.items() if name != "Calls"} == expected


def test_the_page_lists_each_call_with_what_it_needs() -> None:
    tables = fields_page.parsed(PAGE.read_text(encoding="utf-8"))
    assert tables["Calls"] == fields_page.call_rows(json.loads(document.served()))


def test_judgements_and_internal_notes_are_for_staff_only() -> None:
    for name, rows in fields_page.parsed(PAGE.read_text(encoding="utf-8")).items():
        if name == "Calls":
            continue
        for field, viewer, admin, _staff in rows:
            own_words = (name, field) in WRITTEN_FOR_CLIENTS
            if not own_words and (name in STAFF_ONLY or field in NEVER_FOR_CLIENTS):
                assert (viewer, admin) == ("–", "–"), f"{name}.{field}"


def test_a_client_viewer_changes_nothing_but_keys_activities_tickets_and_own_machines() -> None:
    rows = fields_page.parsed(PAGE.read_text(encoding="utf-8"))["Calls"]
    writes = {row[0] for row in rows if not row[0].startswith("GET") and row[3] == "yes"}
    assert writes == {
        "POST /activities/",
        "POST /tickets/",
        *(f"POST /tickets/{{id}}/{verb}/" for verb in ("note", "attach", "close", "reopen")),
        "POST /user-miners/",
        "PATCH /user-miners/{id}/",
        "DELETE /user-miners/{id}/",
        "POST /user-miners/{id}/maintain/",
        "POST /schedules/",
        "POST /api-keys/",
        "POST /api-keys/{id}/rotate/",
        "POST /api-keys/{id}/revoke/",
    }
