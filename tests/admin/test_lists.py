"""Lists: literal query counts that do not grow, careful counting, filters, search, order."""

import re
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
def asked_for(paginator: EstimatingPaginator) -> tuple[int, list[str]]:
    with CaptureQueriesContext(connection) as caught:
        count = paginator.count
    return count, [query["sql"] for query in caught]


def test_counting_stops_and_the_planner_estimates(db: None) -> None:
    factories.CustomerFactory.create_batch(102)
    paginator = Hundred(Customer.objects.order_by("-created_at"), 50)
    count, (question,) = asked_for(paginator)
    assert paginator.is_estimate
    assert count == max(100, rounded(paging.counted(paginator.object_list, 100)[1]))
    assert paginator.num_pages == 2
    assert len(paginator.page(2).object_list) == 50
    assert re.match(r"EXPLAIN \(.*ANALYZE true.*\) SELECT", question)
    assert "LIMIT 101" in question
    assert "ORDER BY" not in question


def test_what_was_counted_and_what_was_expected_are_told_at_once(db: None) -> None:
    factories.CustomerFactory.create_batch(12)
    expected = {up_to: paging.counted(Customer.objects.all(), up_to) for up_to in (5, 11, 12, 50)}
    assert [known for known, _expected in expected.values()] == [6, 12, 12, 12]
    assert len({estimate for _known, estimate in expected.values()}) == 1  # of all rows, wherever counting stopped


def test_an_estimate_has_two_digits(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    monkeypatch.setattr(paging, "counted", lambda rows, up_to: (up_to + 1, 98_765))
    paginator = Hundred(Customer.objects.order_by("id"), 50)
    assert (paginator.count, paginator.is_estimate, paginator.count_text) == (99_000, True, "about 99,000")


@pytest.mark.parametrize("rows", [0, 1, 100, 101, 102])
def test_the_bound_costs_no_question_more(rows: int, db: None) -> None:
    factories.CustomerFactory.create_batch(rows)
    paginator = Hundred(Customer.objects.order_by("id"), 50)
    count, questions = asked_for(paginator)
    assert (len(questions), paginator.is_estimate) == (1, rows > 100)
    assert count == rows if rows <= 100 else count >= 100


def test_an_estimate_is_never_below_what_was_counted(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    monkeypatch.setattr(paging, "counted", lambda rows, up_to: (up_to + 1, 3))
    assert Hundred(Customer.objects.order_by("id"), 50).count == 100


def test_the_planner_is_asked_for_the_filtered_rows(db: None) -> None:
    factories.CustomerFactory.create_batch(3)
    factories.CustomerFactory(company_name="Only one")
    assert paging.counted(Customer.objects.filter(company_name="Only one").order_by("company_name"), 100)[0] == 1
    assert paging.counted(Customer.objects.filter(company_name="Only one", pk__in=[]), 100) == (0, 0)
    assert paging.counted(Customer.objects.none(), 100) == (0, 0)
    assert paging.counted(Customer.objects.filter(pk=1).filter(pk=2), 100)[0] == 0


def test_rows_found_twice_are_counted_once(customer_a: Customer, alice: User, bob: User) -> None:
    several = Customer.objects.filter(memberships__isnull=False)
    assert paging.counted(several, 100)[0] == 2
    assert paging.counted(several.distinct(), 100)[0] == 1


# --- what a field offers --------------------------------------------------------------------------------------
OFFER = "/admin/autocomplete/?app_label=crm&model_name=deal&field_name=customer"


def test_a_field_offers_page_after_page_and_counts_nothing(as_root: Client, db: None) -> None:
    made = {str(one.pk) for one in factories.CustomerFactory.create_batch(45)}
    seen: list[str] = []
    for page, (rows, more) in enumerate([(20, True), (20, True), (5, False)], start=1):
        with CaptureQueriesContext(connection) as caught:
            answer = as_root.get(f"{OFFER}&page={page}").json()
        assert (len(answer["results"]), answer["pagination"]["more"]) == (rows, more)
        assert len([query for query in caught if "crm_customer" in query["sql"]]) == 1
        seen += [row["id"] for row in answer["results"]]
    assert len(seen) == 45
    assert set(seen) == made


@pytest.mark.parametrize(
    ("page", "status"), [("1", 200), ("2", 404), ("0", 404), ("-1", 404), ("501", 404), ("last", 404), ("x", 404)]
)
def test_a_page_that_nothing_is_offered_on_is_none(
    as_root: Client, customer_a: Customer, page: str, status: int
) -> None:
    assert as_root.get(f"{OFFER}&page={page}").status_code == status


def test_a_full_last_page_has_none_behind_it(as_root: Client, db: None) -> None:
    factories.CustomerFactory.create_batch(20)
    assert as_root.get(OFFER).json()["pagination"] == {"more": False}
    assert as_root.get(f"{OFFER}&term=nobody").json() == {"results": [], "pagination": {"more": False}}


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
