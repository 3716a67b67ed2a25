"""Pages say things plainly: words and not tuples, fields one can see, a way back, and what an empty list is for."""

import ast
from decimal import Decimal
from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from accounts.domain.roles import sync_roles
from accounts.models import User
from crm.domain import customer_credits, payments
from crm.models import Customer
from hashinsight.common.admin.display import Badge, price_text
from hashinsight.common.admin.widgets import dress
from tests import factories
from tests.admin.forms import url
from tests.architecture.source import product_files
from tests.factories import NOW, TODAY


def test_the_page_of_a_row_says_its_state_in_words(as_root: Client, root: User, customer_a: Customer) -> None:
    invoice = factories.issued_invoice(by=root, customer=customer_a)
    payment = payments.record_payment(
        invoice, amount=Decimal(10), currency=invoice.currency, received_on=TODAY, by=root, on=TODAY, at=NOW
    )
    deposit = customer_credits.record_deposit(
        customer_a, amount=Decimal(10), currency="USD", received_on=TODAY, legal_entity=invoice.legal_entity, by=root,
        on=TODAY, at=NOW,
    )  # fmt: skip
    for page, word in ((url("payment", payment.pk, "change"), "counts"),
                       (url("customercredit", deposit.pk, "change"), "open")):  # fmt: skip
        text = as_root.get(page).content.decode()
        assert f">{word}</div>" in text
        assert "(&#x27;" not in text


def test_a_badge_is_escaped_like_any_text() -> None:
    assert Badge("x", "<b>").__html__() == "&lt;b&gt;"


@pytest.mark.parametrize(
    ("price", "shown"),
    [("980", "980.00"), ("21.5", "21.50"), ("0.0585", "0.0585"), ("1234.50000000", "1,234.50")],
)
def test_a_price_has_whole_cents_at_least(price: str, shown: str) -> None:
    with translation.override("en"):
        assert price_text(Decimal(price), "USD") == f"{shown}\u00a0USD"


def test_every_form_for_something_new_is_dressed(as_root: Client) -> None:
    """A plain widget has neither border nor ground in the back office."""
    bare, seen = [], 0
    for model in admin.site._registry:
        page: Any = as_root.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add"))
        if page.status_code != 200 or "adminform" not in page.context:
            continue
        seen += 1
        bare += [
            f"{model._meta.label}.{name}: {type(field.widget).__name__}"
            for name, field in page.context["adminform"].form.fields.items()
            if type(field.widget).__module__.startswith("django.forms")
            and not isinstance(field.widget, forms.HiddenInput)
        ]
    assert seen > 15
    assert bare == []


def test_every_kind_of_plain_field_is_dressed() -> None:
    """Whatever a form of ours may hold: on its own page it looks like the rest."""
    kinds = [
        forms.CharField(), forms.CharField(widget=forms.PasswordInput()), forms.CharField(widget=forms.Textarea()),
        forms.EmailField(), forms.DecimalField(), forms.BooleanField(), forms.DateField(), forms.FileField(),
        forms.ChoiceField(), forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple()),
    ]  # fmt: skip
    form = forms.Form()
    form.fields = {f"f{number}": field for number, field in enumerate(kinds)}
    dress(form)
    bare = [type(field.widget).__name__ for field in kinds if type(field.widget).__module__.startswith("django.forms")]
    assert bare == []


def pairs_shown(source: str) -> list[str]:
    """Badges of a source that are plain pairs: the page of one row would show them with their brackets."""
    found = []
    for node in ast.walk(ast.parse(source)):
        calls = [one for one in getattr(node, "decorator_list", []) if isinstance(one, ast.Call)]
        if not any(ast.unparse(call.func) == "display" and "label=" in ast.unparse(call) for call in calls):
            continue
        returned = [one.value for one in ast.walk(node) if isinstance(one, ast.Return)]
        found += [ast.unparse(one) for one in returned if any(isinstance(part, ast.Tuple) for part in ast.walk(one))]  # type: ignore[arg-type]
    return found


def test_badges_are_no_plain_pairs() -> None:
    assert [pair for path in product_files() for pair in pairs_shown(path.read_text(encoding="utf-8"))] == []
    planted = "@display(label={})\ndef shown(self, row):\n    return row.status, row.get_status_display()\n"
    assert len(pairs_shown(planted)) == 1


def test_what_cannot_be_deleted_says_so_and_leads_back(as_root: Client, root: User, customer_a: Customer) -> None:
    factories.draft_invoice(by=root, customer=customer_a)
    page = as_root.get(f"/admin/crm/customer/{customer_a.pk}/delete/").content.decode()
    assert 'href="../change/"' in page
    assert page.index("jsi18n") < page.index("calendar.js")  # which asks for its words as soon as it is read


def test_an_empty_list_says_how_something_comes_into_it(as_root: Client) -> None:
    page = as_root.get("/admin/crm/refund/").content.decode()
    assert "Nothing here yet" in page
    assert "A refund is recorded on the page of the payment" in page
    found = as_root.get("/admin/crm/refund/?q=nobody").content.decode()
    assert "Nothing found" in found
    assert "Show all" in found


def test_a_shipped_role_is_read_in_lines_and_few_questions(as_root: Client) -> None:
    sync_roles()
    finance = Group.objects.get(name="finance")
    with CaptureQueriesContext(connection) as caught:
        page = as_root.get(f"/admin/auth/group/{finance.pk}/change/").content.decode()
    assert "<strong>Refunds</strong> see" in page
    assert len(caught) < 20
    with translation.override("de"):  # so that what the request leaves behind is undone
        german: Any = as_root.get(f"/admin/auth/group/{finance.pk}/change/", headers={"accept-language": "de"})
    assert "<strong>Erstattungen</strong> sehen" in german.content.decode()
