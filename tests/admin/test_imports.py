"""Imports: a dry run with an error per row, then all rows or none, through the domain."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import Workbook

from accounts.models import User
from crm.models import Activity, Customer, Lead, Product
from hashinsight.common import imports
from hashinsight.events.models import OutboxEvent
from tests import factories
from tests.admin.conftest import SignIn, texts

CUSTOMERS = "/admin/crm/customer/import/"
LEADS = "/admin/crm/lead/import/"
PRODUCTS = "/admin/crm/product/import/"


def upload(client: Client, address: str, content: str | bytes, name: str = "rows.csv") -> Any:
    raw = content.encode() if isinstance(content, str) else content
    return client.post(address, {"file": SimpleUploadedFile(name, raw)})


def finish(client: Client, address: str, dry: Any) -> Any:
    return client.post(address, {"token": dry.context["token"]}, follow=True)


def workbook(*rows: list[Any]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def test_a_dry_run_keeps_nothing_and_the_import_keeps_all(as_root: Client, root: User) -> None:
    dry = upload(as_root, LEADS, "title,company,value\n40 machines,Quarz AG,1234.50\nPower,Łódź Sp. z o.o.,\n")
    assert dry.context["problem_count"] == 0
    assert (Lead.objects.count(), OutboxEvent.objects.count()) == (0, 0)
    page = finish(as_root, LEADS, dry)
    assert texts(page) == ["2 rows were imported."]
    rows = list(Lead.objects.order_by("id").values_list("title", "company", "value", "source", "status"))
    assert [row[:2] for row in rows] == [("40 machines", "Quarz AG"), ("Power", "Łódź Sp. z o.o.")]
    assert {row[3:] for row in rows} == {("import", "new")}
    assert [str(row[2]) for row in rows] == ["1234.50", "None"]
    assert OutboxEvent.objects.filter(kind="lead.created", user_id=root.pk).count() == 2
    assert Activity.objects.filter(kind="lead_created", created_by=root).count() == 2


def test_an_error_is_named_by_line_and_column_and_nothing_is_imported(as_root: Client) -> None:
    text = "company_name,email,country\nGood AG,good@x.example,DE\nBad AG,nobody,Germany\n,third@x.example,DE\n"
    page = upload(as_root, CUSTOMERS, text)
    lines = {line for line, _text in page.context["problems"]}
    joined = " ".join(text for _line, text in page.context["problems"])
    assert lines == {3, 4}
    assert "email:" in joined
    assert "country:" in joined
    assert "company_name:" in joined
    assert "token" not in page.context
    assert Customer.objects.count() == 0


def test_two_rows_with_the_same_address_are_a_problem_of_the_second(as_root: Client) -> None:
    page = upload(as_root, CUSTOMERS, "company_name,email\nOne,a@x.example\nTwo,A@x.example\n")
    assert [line for line, _text in page.context["problems"]] == [3]


def test_what_breaks_between_dry_run_and_import_breaks_all_of_it(as_root: Client) -> None:
    dry = upload(as_root, CUSTOMERS, "company_name,email\nOne,one@x.example\nTwo,two@x.example\n")
    factories.CustomerFactory(company_name="Faster", email="two@x.example")
    page = as_root.post(CUSTOMERS, {"token": dry.context["token"]})
    assert "Nothing was imported." in texts(page)
    assert list(Customer.objects.values_list("company_name", flat=True)) == ["Faster"]


def test_an_import_never_changes_a_row_by_its_key(as_root: Client, customer_a: Customer) -> None:
    page = upload(as_root, CUSTOMERS, f"id,company_name\n{customer_a.pk},Stolen\n")
    assert "unknown columns: id" in page.content.decode()
    for column in ("status", "public_id", "code", "version", "source_ref", "is_sample"):
        assert "unknown columns" in upload(as_root, CUSTOMERS, f"company_name,{column}\nx,y\n").content.decode()
    customer_a.refresh_from_db()
    assert customer_a.company_name == "Aurora Mining AG"


def test_a_workbook_is_read_like_a_csv(as_root: Client) -> None:
    content = workbook(["Code", "Name", "Unit price", "is_active"], ["KW", "Power", 45.5, "true"], ["R1", 7, 10, None])
    dry = upload(as_root, PRODUCTS, content, "rows.xlsx")
    assert dry.context["problem_count"] == 0, dry.context["problems"]
    finish(as_root, PRODUCTS, dry)
    rows = Product.objects.order_by("code").values_list("code", "name", "unit_price")
    assert [(code, name, str(price)) for code, name, price in rows] == [
        ("KW", "Power", "45.50000000"),
        ("R1", "7", "10.00000000"),
    ]


def test_semicolons_and_a_byte_order_mark_are_fine(as_root: Client) -> None:
    dry = upload(as_root, LEADS, "\ufefftitle;company\r\nA;B\r\n".encode())
    assert dry.context["problem_count"] == 0
    assert dry.context["sheet"].rows == [["A", "B"]]


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "a.csv", "empty"),
        (b"title\n", "a.csv", "no rows"),
        (b"headline\nx\n", "a.csv", "unknown columns: headline; missing columns: title"),
        (b"title,title\nx,y\n", "a.csv", "named twice: title"),
        (b"title\n\xff\xfe\n", "a.csv", "Line 2 is not UTF-8 text"),
        (b"title\na\x00b\n", "a.csv", "NUL"),
        (b'title\n"open\n', "a.csv", "is broken"),
        (b"title\na,b,c\n", "a.csv", "Line 2 has more cells"),
        (b"title\nx\n", "a.pdf", "Only these files can be used: .csv, .xlsx"),
        (b"no zip", "a.xlsx", "no readable XLSX"),
        (b"title\n" + b"x\n" * (imports.MOST_ROWS + 1), "a.csv", "more than 2000 rows"),
        (b"title\n" + b"x" * (imports.MOST_CELL + 1), "a.csv", "too long"),
        (b"title\n" + b"x" * imports.MOST_BYTES, "a.csv", "larger than 2 MB"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused_in_plain_words(as_root: Client, content: bytes, name: str, says: str) -> None:
    page = upload(as_root, LEADS, content, name)
    shown = " ".join(page.context["form"].errors.get("file", []))
    assert says in shown, shown
    assert Lead.objects.count() == 0


@pytest.mark.parametrize("value", ["1.234,50", "abc", "NaN", "1e999", "-5", "99999999999999999999999"])
def test_a_wrong_number_is_an_error_of_its_row(as_root: Client, value: str) -> None:
    page = upload(as_root, LEADS, f'title,value\nx,"{value}"\n')
    assert [line for line, _text in page.context["problems"]] == [2]
    assert Lead.objects.count() == 0


@pytest.mark.parametrize("value", ["1.5", "0.999", "101", "-1", "1e3", "ten"])
def test_a_score_that_is_no_whole_number_is_refused_not_cut(as_root: Client, value: str) -> None:
    page = upload(as_root, LEADS, f"title,score\nx,{value}\n")
    assert [line for line, _text in page.context["problems"]] == [2]
    assert "token" not in page.context


@pytest.mark.parametrize(("word", "active"), [("yes", True), ("WAHR", True), ("1", True), ("no", False), ("0", False)])
def test_yes_and_no_are_read_in_the_words_of_people(as_root: Client, word: str, active: bool) -> None:
    finish(as_root, PRODUCTS, upload(as_root, PRODUCTS, f"code,name,unit_price,is_active\nA,x,1,{word}\n"))
    assert Product.objects.get().is_active is active


def test_a_word_that_is_neither_yes_nor_no_is_an_error_of_its_row(as_root: Client) -> None:
    page = upload(as_root, PRODUCTS, "code,name,unit_price,is_active\nA,x,1,maybe\n")
    assert [line for line, _text in page.context["problems"]] == [2]
    assert "“maybe” is neither true nor false." in page.context["problems"][0][1]


def test_a_token_belongs_to_its_person_and_its_table(as_root: Client, staff: Any, sign_in: SignIn) -> None:
    dry = upload(as_root, LEADS, "title\nx\n")
    other = sign_in(staff("crm.view_lead", "crm.import_lead"))
    assert "upload it again" in texts(other.post(LEADS, {"token": dry.context["token"]}, follow=True))[0]
    again = as_root.post(CUSTOMERS, {"token": dry.context["token"]}, follow=True)
    assert "upload it again" in texts(again)[0]
    assert Lead.objects.count() == 0


@pytest.mark.parametrize(("address", "model"), [(CUSTOMERS, "customer"), (LEADS, "lead"), (PRODUCTS, "product")])
def test_importing_needs_its_own_permission(address: str, model: str, staff: Any, sign_in: SignIn) -> None:
    adder = sign_in(staff(f"crm.view_{model}", f"crm.add_{model}"))
    assert adder.get(address).status_code == 403
    assert upload(adder, address, "title\nx\n").status_code == 403
    assert adder.post(address, {"token": "x"}).status_code == 403
    importer = sign_in(staff(f"crm.view_{model}", f"crm.import_{model}"))
    assert importer.get(address).status_code == 200
    assert address in importer.get(f"/admin/crm/{model}/").content.decode()
    assert address not in adder.get(f"/admin/crm/{model}/").content.decode()
