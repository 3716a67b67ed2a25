"""Lists: literal query counts that do not grow, careful counting, filters, search, order."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.domain import grants, keys
from accounts.models import User
from crm.domain import payments
from crm.domain.memberships import grant_membership
from crm.models import Customer, Invoice, Payment, TaxCode
from hashinsight.common.admin import paginator as paging
from hashinsight.common.admin.paginator import EXACT_UP_TO, EstimatingPaginator, rounded
from tests import factories
from tests.factories import NOW, TODAY


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as caught:
        response = client.get(address)
    assert response.status_code == 200
    return len(caught)


Make = Callable[[User], Any]


def _customer(root: User) -> Any:
    return factories.CustomerFactory()


def _lead(root: User) -> Any:
    return factories.LeadFactory(owner=factories.UserFactory())


def _deal(root: User) -> Any:
    return factories.DealFactory(owner=factories.UserFactory())


def _invoice(root: User) -> Any:
    return factories.issued_invoice(by=root, customer=factories.CustomerFactory())


def _payment(root: User) -> Any:
    return payments.record_payment(
        _invoice(root), amount=Decimal(10), currency="USD", received_on=TODAY, by=root, on=TODAY, at=NOW
    )


def _product(root: User) -> Any:
    code = TaxCode.objects.create(code=f"c{TaxCode.objects.count()}", name="x", category="Z")
    return factories.ProductFactory(tax_code=code)


def _membership(root: User) -> Any:
    return grant_membership(factories.UserFactory(), factories.CustomerFactory(), role="customer_viewer", by=root)


def _grant(root: User) -> Any:
    return grants.grant_access(factories.UserFactory(), by=root, at=NOW, days=10)


def _key(root: User) -> Any:
    return keys.create_key(
        factories.UserFactory(), name="k", scopes=["invoices:read"], expires_at=None, by=root, at=NOW
    )


# list: (what makes a row, queries with one row and with three)
LISTS: dict[str, tuple[Make, int]] = {
    "crm/customer": (_customer, 4),
    "crm/lead": (_lead, 4),
    "crm/deal": (_deal, 4),
    "crm/invoice": (_invoice, 4),
    "crm/payment": (_payment, 4),
    "crm/product": (_product, 4),
    "crm/customermembership": (_membership, 4),
    "crm/activity": (_invoice, 4),
    "crm/invoicedelivery": (_invoice, 4),
    "accounts/user": (_membership, 5),
    "accounts/accessgrant": (_grant, 4),
    "accounts/apikey": (_key, 4),
    "events/outboxevent": (_invoice, 4),
    "jobs/duework": (_invoice, 4),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_asks_as_often_for_three_rows_as_for_one(
    as_root: Client, root: User, legal_entity: Any, name: str
) -> None:
    make, expected = LISTS[name]
    make(root)
    as_root.get(f"/admin/{name}/")  # content types are looked up once per process
    assert queries(as_root, f"/admin/{name}/") == expected
    make(root)
    make(root)
    assert queries(as_root, f"/admin/{name}/") == expected


def test_every_list_with_rows_of_the_business_is_measured() -> None:
    measured = {f"{m._meta.app_label}/{m._meta.model_name}" for m in admin.site._registry} & set(LISTS)
    assert measured == set(LISTS)


def test_every_page_is_built_on_the_house_base() -> None:
    assert all(getattr(page, "is_house_page", False) for page in admin.site._registry.values())
    assert all(page.paginator is EstimatingPaginator for page in admin.site._registry.values())
    assert not any(page.show_full_result_count for page in admin.site._registry.values())
    assert {page.show_facets for page in admin.site._registry.values()} == {admin.ShowFacets.NEVER}


def test_asking_for_counts_per_choice_counts_nothing(as_root: Client, customer_a: Customer) -> None:
    assert queries(as_root, "/admin/crm/customer/?_facets=True") == queries(as_root, "/admin/crm/customer/")


class Hundred(EstimatingPaginator):
    """Counts up to a hundred."""

    exact_up_to = 100


# --- counting -------------------------------------------------------------------------------------------------
def test_counting_stops_and_the_planner_estimates(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    factories.CustomerFactory.create_batch(101)
    asked = []
    monkeypatch.setattr(paging, "planner_estimate", lambda rows: asked.append(rows) or 98_765)
    paginator = Hundred(Customer.objects.order_by("-created_at"), 50)
    with CaptureQueriesContext(connection) as caught:
        count = paginator.count
    assert (count, paginator.is_estimate, paginator.count_text) == (99_000, True, "about 99,000")
    assert paginator.num_pages == 2
    assert len(paginator.page(2).object_list) == 50
    counting = [query["sql"] for query in caught if "COUNT(" in query["sql"]]
    assert len(asked) == len(counting) == 1
    assert "LIMIT 101" in counting[0]
    assert "ORDER BY" not in counting[0]


def test_the_planner_is_asked_for_the_filtered_rows(db: None) -> None:
    with CaptureQueriesContext(connection) as caught:
        estimate = paging.planner_estimate(Customer.objects.filter(status="active").order_by("company_name"))
    (query,) = caught
    assert query["sql"].startswith("EXPLAIN (FORMAT JSON) SELECT")
    assert "ORDER BY" not in query["sql"]
    assert isinstance(estimate, int)


def test_a_deep_page_reads_its_own_rows_only(as_root: Client, root: User, customer_a: Customer) -> None:
    first = factories.issued_invoice(by=root, customer=customer_a)
    paginator = EstimatingPaginator(Invoice.objects.with_balance().order_by("-id"), 1)
    factories.issued_invoice(by=root, customer=customer_a)
    with CaptureQueriesContext(connection) as caught:
        rows = list(paginator.page(2).object_list)
    assert [row.pk for row in rows] == [first.pk]
    assert rows[0].outstanding == Decimal(1000)
    skipping = [query["sql"] for query in caught if "OFFSET" in query["sql"]]
    assert len(skipping) == 1
    assert "crm_payment" not in skipping[0]


def test_small_lists_are_counted_exactly(customer_a: Customer, customer_b: Customer) -> None:
    paginator = EstimatingPaginator(Customer.objects.order_by("id"), 50)
    assert (paginator.count, paginator.is_estimate, paginator.num_pages, paginator.count_text) == (2, False, 1, "2")


@pytest.mark.parametrize(
    ("count", "shown"), [(7, 7), (99, 99), (104, 100), (105, 110), (10_501, 11_000), (98_765, 99_000)]
)
def test_estimates_do_not_look_exact(count: int, shown: int) -> None:
    assert rounded(count) == shown


def test_the_bound_is_ten_thousand() -> None:
    assert EstimatingPaginator.exact_up_to == EXACT_UP_TO == 10_000


def test_a_page_that_does_not_exist_leads_back(as_root: Client) -> None:
    factories.CustomerFactory.create_batch(51)
    assert as_root.get("/admin/crm/customer/?p=999").status_code == 302


# --- filters, search, order -----------------------------------------------------------------------------------
def found(client: Client, address: str) -> list[Any]:
    return [row.pk for row in client.get(address).context["cl"].result_list]


def test_invoices_are_found_by_number_customer_status_and_lateness(
    as_root: Client, root: User, customer_a: Customer, customer_b: Customer
) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    issued = factories.issued_invoice(by=root, customer=customer_b)
    base = "/admin/crm/invoice/"
    assert found(as_root, f"{base}?q={issued.number}") == [issued.pk]
    assert found(as_root, f"{base}?q=aurora") == [draft.pk]
    assert found(as_root, f"{base}?status__exact=draft") == [draft.pk]
    assert found(as_root, f"{base}?customer__id__exact={customer_b.pk}") == [issued.pk]
    assert found(as_root, f"{base}?issued_on_from={TODAY}&issued_on_to={TODAY}") == [issued.pk]
    assert found(as_root, f"{base}?issued_on_from=2030-01-01") == []
    assert sorted(found(as_root, f"{base}?due=nonsense")) == sorted([issued.pk, draft.pk])


BUCKET_OF = {
    -1: "open", 0: "open", 1: "1-30", 30: "1-30", 31: "31-60", 60: "31-60", 61: "61-90", 90: "61-90", 91: "90",
}  # fmt: skip


def test_the_due_filter_cuts_where_the_start_page_cuts(as_root: Client, root: User, customer_a: Customer) -> None:
    today = timezone.localdate()
    expected = {}
    for late, bucket in BUCKET_OF.items():
        at = datetime.combine(today - timedelta(days=late + 14), NOW.timetz())
        invoice = factories.issued_invoice(by=root, customer=customer_a, at=at)
        assert invoice.due_on == today - timedelta(days=late)
        expected.setdefault(bucket, set()).add(invoice.pk)
    for bucket, pks in expected.items():
        assert set(found(as_root, f"/admin/crm/invoice/?due={bucket}")) == pks, bucket
    late_ones = set().union(*(pks for bucket, pks in expected.items() if bucket != "open"))
    assert set(found(as_root, "/admin/crm/invoice/?due=late")) == late_ones


@pytest.mark.parametrize(
    "query", ["status__exact=%27", "customer__id__exact=abc", "issued_on_from=31.02.2026", "o=99.x", "p=-1", "p=abc",
              "customer__id__exact=99999999999999999999", "nonsense=1", "e=1", "due=%F0%9F%98%80", "q=" + "a" * 5000],
)  # fmt: skip
def test_hostile_filters_are_no_error(as_root: Client, query: str, customer_a: Customer) -> None:
    assert as_root.get(f"/admin/crm/invoice/?{query}").status_code in (200, 302)


def test_outstanding_and_days_late_are_shown(as_root: Client, root: User, customer_a: Customer) -> None:
    invoice = factories.issued_invoice(by=root, customer=customer_a)
    payments.record_payment(invoice, amount=Decimal(300), currency="USD", received_on=TODAY, by=root, on=TODAY, at=NOW)
    assert "700.00\xa0USD" in as_root.get("/admin/crm/invoice/").content.decode()
    assert Payment.objects.count() == 1
    assert Invoice.objects.get().status == "sent"
