"""What people see when something is wrong: a page of the house, in their language, that needs nobody signed in."""

from typing import Any

import pytest
from django.core.exceptions import BadRequest, PermissionDenied
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db


def failing(error: Exception) -> Any:
    def view(*args: Any, **kwargs: Any) -> Any:
        raise error

    return view


@pytest.mark.parametrize(
    ("error", "status", "heading"),
    [
        (BadRequest("x"), 400, "This could not be read"),
        (PermissionDenied("internal words"), 403, "Not allowed"),
        (RuntimeError("internal words"), 500, "Something went wrong"),
    ],
)
@pytest.mark.parametrize("signed_in", [True, False])
def test_an_error_has_a_page_of_its_own(
    root: User, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, heading: str, signed_in: bool
) -> None:
    client = Client(raise_request_exception=False)
    if signed_in:
        client.force_login(root)
    monkeypatch.setattr("django.views.generic.base.RedirectView.get", failing(error))
    page = client.get("/favicon.ico")
    text = page.content.decode()
    assert (page.status_code, f"<h1>{heading}</h1>" in text, "internal words" in text) == (status, True, False)
    assert "/static/hashinsight/public.css" in text


def test_an_address_that_is_none_has_one_too(client: Client) -> None:
    page = client.get("/no/such/page/")
    assert (page.status_code, "<h1>There is no such page</h1>" in page.content.decode()) == (404, True)


def test_a_form_that_waited_too_long_says_so(root: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(root)
    page = client.post("/accounts/home/profile/", {"name": "x"})
    assert (page.status_code, "<h1>Please send it again</h1>" in page.content.decode()) == (403, True)
