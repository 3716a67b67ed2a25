"""The sidebar: what this person may open and nothing else, made without looking at every model."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.test import Client
from django.test.utils import override_script_prefix

from accounts.models import User
from tests.admin.conftest import SignIn


def entries(answer: Any) -> dict[str, tuple[str, bool]]:
    """Title, address and whether it is marked."""
    groups = answer.context["sidebar_navigation"]
    return {str(item["title"]): (item["link"], item["active"]) for group in groups for item in group["items"]}


def test_only_what_may_be_opened_stands_there_and_the_open_page_is_marked(
    staff: Callable[..., User], sign_in: SignIn
) -> None:
    client = sign_in(staff("crm.view_customer", "crm.view_lead"))
    answer = client.get("/admin/crm/lead/")
    assert entries(answer) == {"Customers": ("/admin/crm/customer/", False), "Leads": ("/admin/crm/lead/", True)}
    content = answer.content.decode()
    assert "/admin/hosting/priceplan/" not in content


@pytest.mark.parametrize(
    ("address", "title"),
    [
        ("/admin/marketdata/networksnapshot/market/", "Market"),
        ("/admin/marketdata/networksnapshot/", "Snapshots"),
        ("/admin/intelligence/userminer/portfolio/", "Portfolio"),
        ("/admin/intelligence/userminer/add/", "Machines of users"),
        ("/admin/hosting/minermodel/calculator/", "Calculator"),
        ("/admin/hosting/miner/break-even/", "Break-even"),
        ("/admin/crm/customer/", "Customers"),
        ("/admin/", None),
    ],
)
def test_one_entry_is_marked_where_pages_hang_on_a_list(as_root: Client, address: str, title: str | None) -> None:
    answer = as_root.get(address)
    assert [name for name, (_link, active) in entries(answer).items() if active] == ([title] if title else [])


def test_it_follows_the_place_the_site_stands_at(as_root: Client) -> None:
    as_root.get("/admin/crm/lead/")
    with override_script_prefix("/office/"):
        answer = as_root.get("/admin/crm/lead/", SCRIPT_NAME="/office")
    links = [link for link, _active in entries(answer).values()]
    assert links
    assert [link for link in links if not link.startswith("/office/admin/")] == []


def test_no_page_sorts_all_models_for_it(as_root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(*_args: Any, **_kwargs: Any) -> Any:
        raise AssertionError("the list of all applications was built")

    monkeypatch.setattr(AdminSite, "_build_app_dict", too_much)
    for address in ("/admin/", "/admin/crm/lead/", "/admin/crm/lead/add/"):
        assert as_root.get(address).status_code == 200
    with pytest.raises(AssertionError, match="all applications"):
        as_root.get("/admin/crm/")
