"""A row deleted by somebody else between the look at it and the change: a refusal, not an error of ours."""

from typing import Any

import pytest

from crm.models import Customer, Deal, Invoice, Lead
from hashinsight.common.api.views import ResourceViewSet
from tests import factories
from tests.api.client import Caller

pytestmark = pytest.mark.django_db


@pytest.fixture
def gone_after_the_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody deletes every row right after it was found."""
    find = ResourceViewSet.get_row

    def find_and_lose(view: ResourceViewSet) -> Any:
        row = find(view)
        if isinstance(row, Invoice):
            row.lines.all().delete()
        type(row).objects.filter(pk=row.pk).delete()
        return row

    monkeypatch.setattr(ResourceViewSet, "get_row", find_and_lose)


@pytest.mark.usefixtures("gone_after_the_look")
@pytest.mark.parametrize("headers", [{}, {"If_Match": "*"}])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/leads/{lead}/", {"title": "x"}),
        ("POST", "/leads/{lead}/convert/", {}),
        ("POST", "/leads/{lead}/move/", {"to": "contacted"}),
        ("PATCH", "/deals/{deal}/", {"title": "x"}),
        ("POST", "/deals/{deal}/submit/", {}),
        ("POST", "/deals/{deal}/cancel/", {"reason": "x"}),
        ("PATCH", "/customers/{customer}/", {"phone": "1"}),
        ("POST", "/invoices/{draft}/issue/", {}),
        ("POST", "/invoices/{draft}/cancel/", {"reason": "x"}),
    ],
)
def test_a_row_that_is_gone_is_refused(
    as_root: Caller, root: Any, customer_a: Customer, method: str, path: str, body: Any, headers: dict[str, str]
) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    rows: dict[str, Any] = {
        "lead": factories.LeadFactory(),
        "deal": factories.DealFactory(customer=customer_a),
        "customer": factories.CustomerFactory(),
        "draft": draft,
    }
    address = path.format(**{name: row.public_id for name, row in rows.items()})
    answer = as_root.call(method, address, body, **headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "gone")
    assert not Lead.objects.filter(status="won").exists()
    assert Deal.objects.filter(pk=draft.deal_id).exists()
