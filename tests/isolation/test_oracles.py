"""What a tenant could infer without seeing it: numbers in a row, counts, and values that must be unique."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import models, transaction
from django.utils import timezone

from accounts.models import ApiKey
from crm.domain import issuing
from crm.models import NumberSeries
from marketdata.models.fields import SharedQuerySet
from tests import factories
from tests.api.client import Caller
from tests.isolation.matrix import VOLATILE
from tests.isolation.world import MARK, Tenant, World

LISTS = (
    "me", "customers", "deals", "contracts", "invoices", "payments", "activities", "sites", "zones", "price-plans",
    "hosting-terms", "miner-models", "miners", "repair-orders", "api-keys",
)  # fmt: skip
# Whole numbers that people typed or agreed on.
NUMBERS = {
    "payment_terms_days", "billing_day", "notice_days", "renewal_months", "phases", "slot", "nameplate_w",
    "power_limit_w", "curtailment_notice_minutes", "on_stale_max_minutes", "inlet_min_c", "inlet_max_c",
}  # fmt: skip
# Text columns without a mark of the tenant: words of a fixed set, codes, hashes and texts of our own making.
UNMARKED = {
    "country", "currency", "time_zone", "language", "digest", "prefix", "sha256", "template_version", "code", "number",
    "reference", "unit_code", "exemption_reason", "exemption_code", "scopes", "cancel_reason", "request_id",
    "Customer.leitweg_id",
    "Miner.mac", "Channel.credential", "Channel.secret", "Channel.previous_secret", "Delivery.source",
    "Delivery.recipient", "Delivery.kind", "Delivery.subject", "Note.subject_type", "Attachment.subject_type",
    "Attachment.media_type",
}  # fmt: skip


def pages_of(caller: Caller) -> dict[str, Any]:
    """Everything the tenant's lists tell, to the byte, in pages of one and of all."""
    seen: dict[str, Any] = {}
    for name in LISTS:
        for query in ("", "?page_size=1", "?page_size=2&ordering=created_at"):
            if (name in ("me",) and query) or (name == "activities" and "ordering" in query):
                continue
            answer = caller.get(f"/{name}/{query}", X_Request_ID="same-request")
            assert answer.status_code == 200, (name, query)
            headers = {key: value for key, value in answer.headers.items() if key not in VOLATILE}
            seen[name + query] = (headers, answer.content)
    return seen


def test_rows_of_others_change_not_one_byte_of_what_a_tenant_sees(world: World) -> None:
    caller: Caller = world.attacker.rows["customer_admin caller"]
    just_used = timezone.now() + timedelta(hours=1)
    ApiKey.objects.filter(pk=caller.key.pk).update(last_used_at=just_used)
    before = pages_of(caller)
    entity = world.attacker.rows["customer"].legal_entity
    newcomer = Tenant("d", world.attacker.root, marks=itertools.count(5000)).build(entity)
    for _n in range(30):
        factories.CustomerFactory()
    assert pages_of(caller) == before
    assert newcomer.rows["invoice"].number not in str(before)


def test_numbers_run_on_without_a_gap_while_others_issue(world: World) -> None:
    mine, other = world.attacker, world.foreign[0]
    series = NumberSeries.objects.get(customer=mine.rows["customer"], kind="deal", year=factories.TODAY.year)

    def issue(tenant: Tenant) -> str:
        draft = factories.draft_invoice(by=tenant.root, customer=tenant.rows["customer"])
        number = issuing.issue_invoice(draft, by=tenant.root, on=factories.TODAY, at=factories.NOW).number
        assert number is not None
        return number

    numbers = [issue(mine), *(issue(other) for _n in range(3)), issue(mine)]
    assert [int(number.rpartition("-")[2]) for number in (numbers[0], numbers[-1])] == [
        series.last_number + 1,
        series.last_number + 2,
    ]
    assert world.tenants["b"].rows["customer"].code not in numbers[0]


def test_no_answer_holds_an_internal_id(world: World) -> None:
    """Ids of the database count all tenants' rows; none may be seen, in numbers or in links."""
    caller: Caller = world.attacker.rows["customer_admin caller"]
    for name in LISTS[1:]:
        for row in caller.get(f"/{name}/").json()["results"]:
            for key, value in row.items():
                assert key != "id" or len(str(value)) == 36, (name, key)
                assert not isinstance(value, int) or isinstance(value, bool) or key in NUMBERS, (name, key)


@pytest.mark.parametrize("field", ["billing_email", "contact_name", "phone"])
def test_a_value_that_another_tenant_has_is_as_good_as_any(world: World, field: str) -> None:
    caller: Caller = world.attacker.rows["customer_admin caller"]
    foreign = world.foreign[0].rows["customer"]
    url = f"/customers/{world.attacker.id('customer')}/"
    for taken in (getattr(foreign, field), foreign.email if field == "billing_email" else foreign.code):
        with transaction.atomic():
            answer = caller.patch(url, {field: taken})
            transaction.set_rollback(True)
        assert (answer.status_code, answer.json()[field]) == (200, taken)


def test_names_and_idempotency_keys_of_others_are_free(world: World) -> None:
    caller: Caller = world.attacker.rows["customer_admin caller"]
    foreign: Caller = world.foreign[0].rows["customer_admin caller"]
    name = ApiKey.objects.get(pk=foreign.key.pk).name
    body = {"name": name, "scopes": ["invoices:read"]}
    with transaction.atomic():
        first = foreign.post("/api-keys/", body, Idempotency_Key="shared-key")
        mine = caller.post("/api-keys/", body, Idempotency_Key="shared-key")
        transaction.set_rollback(True)
    assert (first.status_code, mine.status_code) == (201, 201)
    assert "Idempotency-Replayed" not in mine
    assert first.json()["id"] != mine.json()["id"]


def test_every_text_a_tenant_has_carries_its_mark(world: World) -> None:
    """Else the matrix would be blind on that column."""
    blind = []
    for model in apps.get_models():
        if not getattr(model._default_manager.all(), "scope_path", "") and model is not ApiKey:
            continue
        if isinstance(model._default_manager.all(), SharedQuerySet):
            continue  # about the world: nobody's
        for column in model._meta.local_fields:
            if not isinstance(column, models.CharField | models.TextField) or column.choices:
                continue
            if {column.name, f"{model.__name__}.{column.name}"} & UNMARKED:
                continue
            values = " ".join(str(value) for value in model._default_manager.values_list(column.name, flat=True))
            if {owner for _kind, owner, _text in MARK.findall(values.encode())} != {b"a", b"b", b"c", b"d"}:
                blind.append(f"{model.__name__}.{column.name}")
    assert blind == []
