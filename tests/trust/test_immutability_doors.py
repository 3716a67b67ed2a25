"""T3 at the doors: a superuser in the admin and a key with every scope change nothing on an issued document either."""

import uuid
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from tests.api.client import Caller
from tests.support.standing import standing
from tests.trust.frozen import FROZEN_MODELS, Frozen, another_value, build, columns

pytestmark = pytest.mark.django_db
SHOWN = [model for model in FROZEN_MODELS if admin.site.is_registered(model)]


@pytest.fixture
@standing
def frozen(root: User) -> Frozen:
    return build(root)


@pytest.fixture
def browser(root: User) -> Client:
    """Signed in as somebody who may do everything; errors come back as answers."""
    client = Client(raise_request_exception=False)
    client.force_login(root, backend="accounts.backends.TimeLimitedBackend")
    assert client.get(reverse("admin:index")).status_code == 200, "really signed in"
    return client


def _everything(frozen: Frozen, model: Any) -> dict[str, str]:
    """A form that names every column with another value, and says yes to every question."""
    row = frozen.row(model)
    values = {column.name: another_value(row, column, frozen.targets) for column in columns(model)}
    for prefix in ("lines", "payments", "documents", "deliveries", "activities", "credit_notes"):
        line = frozen.invoice.lines.first()
        values |= {
            f"{prefix}-TOTAL_FORMS": 2, f"{prefix}-INITIAL_FORMS": 1, f"{prefix}-MIN_NUM_FORMS": 0,
            f"{prefix}-MAX_NUM_FORMS": 1000, f"{prefix}-0-id": line.pk, f"{prefix}-0-invoice": frozen.invoice.pk,
            f"{prefix}-0-description": "forged", f"{prefix}-0-quantity": 7, f"{prefix}-0-unit_price": 7,
            f"{prefix}-0-DELETE": "on", f"{prefix}-1-description": "slipped in", f"{prefix}-1-quantity": 1,
            f"{prefix}-1-unit_price": 1, f"{prefix}-1-invoice": frozen.invoice.pk,
        }  # fmt: skip
    return {name: str(value) for name, value in values.items() if value is not None} | {"post": "yes", "_save": "Save"}


def test_the_admin_forms_and_deletions_change_nothing(frozen: Frozen, browser: Client) -> None:
    before = frozen.fingerprint()
    assert len(SHOWN) >= 2
    for model in SHOWN:
        row, name = frozen.row(model), f"{model._meta.app_label}_{model._meta.model_name}"
        page = reverse(f"admin:{name}_change", args=[row.pk])
        assert browser.get(page).status_code == 200, "the page is there, so the attempts below reach it"
        for path in (page, reverse(f"admin:{name}_delete", args=[row.pk]), reverse(f"admin:{name}_changelist")):
            answer = browser.post(path, _everything(frozen, model))
            assert answer.status_code < 500, path
            assert frozen.fingerprint() == before, path


def test_no_admin_action_without_its_confirmation_changes_anything(frozen: Frozen, browser: Client, root: User) -> None:
    before, tried = frozen.fingerprint(), 0
    for model in SHOWN:
        row, name = frozen.row(model), f"{model._meta.app_label}_{model._meta.model_name}"
        request = RequestFactory().get("/")
        request.user = root
        for action in {*admin.site.get_model_admin(model).get_actions(request), "delete_selected"}:
            data = {"action": action, ACTION_CHECKBOX_NAME: [str(row.pk)], "post": "yes"}
            answer = browser.post(reverse(f"admin:{name}_changelist"), data)
            tried += 1
            assert answer.status_code < 500, action
            assert frozen.fingerprint() == before, f"{name}: {action}"
    assert tried >= 2


def test_deleting_what_the_document_names_is_refused_in_the_admin(frozen: Frozen, browser: Client) -> None:
    before = frozen.fingerprint()
    for row in (frozen.customer, frozen.deal, frozen.entity, frozen.product, frozen.tax_code, frozen.by):
        name = f"{row._meta.app_label}_{row._meta.model_name}"
        for path, data in (
            (reverse(f"admin:{name}_delete", args=[row.pk]), {"post": "yes"}),
            (
                reverse(f"admin:{name}_changelist"),
                {"action": "delete_selected", ACTION_CHECKBOX_NAME: [str(row.pk)], "post": "yes"},
            ),
        ):
            assert browser.post(path, data).status_code < 500, path
            assert type(row)._base_manager.filter(pk=row.pk).exists(), path
    assert frozen.fingerprint() == before


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_the_api_changes_no_issued_document(method: str, frozen: Frozen) -> None:
    before = frozen.fingerprint()
    caller = Caller(frozen.by)
    routes = {
        model: f"/{model._meta.model_name}s/" for model in (apps.get_model("crm", "Invoice"), type(frozen.payment))
    }
    for model, route in routes.items():
        row = frozen.row(model)
        assert caller.get(f"{route}{row.public_id}/").status_code == 200, "the route is there"
        body = {column.name: str(another_value(row, column, frozen.targets)) for column in columns(model)}
        body["lines"] = [{"description": "slipped in", "quantity": "1", "unit_price": "1"}]  # type: ignore[assignment]
        for path in (f"{route}{row.public_id}/", f"{route}{row.public_id}/lines/", f"{route}{row.public_id}/pdf/"):
            for headers in ({"If_Match": "*"}, {"If_Match": f'"{row.version}"'}, {}):
                answer = caller.call(
                    method, path, body if method != "DELETE" else None, Idempotency_Key=str(uuid.uuid4()), **headers
                )
                assert 400 <= answer.status_code < 500, (method, path, answer.status_code, answer.content[:200])
                assert frozen.fingerprint() == before, (method, path)
    for path in ("issue", "withdraw", "cancel", "lines"):
        answer = caller.post(f"/invoices/{frozen.invoice.public_id}/{path}/", {}, Idempotency_Key=str(uuid.uuid4()))
        assert 400 <= answer.status_code < 500, (path, answer.status_code)
        assert frozen.fingerprint() == before, path
