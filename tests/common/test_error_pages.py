"""What people see when something is wrong: a page of the house, in their language, that needs nobody signed in."""

from typing import Any

import pytest
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import OperationalError
from django.http import Http404
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


HTML_FIRST = [
    "",
    "*/*",
    "text/html",
    "text/html,application/json;q=0.9",
    "image/png",
    "application/json;q=0",
    ";;;",
    "/",
]
JSON_FIRST = ["application/json", "application/problem+json", "application/json, text/javascript, */*; q=0.01",
              "text/html;q=0.5, application/json"]  # fmt: skip
ERRORS = [
    (BadRequest("internal words"), 400, "bad_request"),
    (PermissionDenied("internal words"), 403, "permission_denied"),
    (Http404("internal words"), 404, "not_found"),
    (RuntimeError("internal words"), 500, "server_error"),
    (OperationalError("internal words"), 503, "unavailable"),
]


@pytest.mark.parametrize(("error", "status", "code"), ERRORS)
@pytest.mark.parametrize("accept", JSON_FIRST)
def test_whoever_would_rather_read_json_gets_the_problem_of_the_api(
    monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str, accept: str
) -> None:
    monkeypatch.setattr("django.views.generic.base.RedirectView.get", failing(error))
    answer = Client(raise_request_exception=False).get("/favicon.ico", headers={"Accept": accept})
    body = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert (body["status"], body["code"], body["request_id"]) == (status, code, answer["X-Request-ID"])
    assert "internal words" not in answer.content.decode()
    assert "Accept" in answer["Vary"]


@pytest.mark.parametrize(("error", "status", "code"), ERRORS)
@pytest.mark.parametrize("accept", HTML_FIRST)
def test_everybody_else_gets_the_page_whatever_stands_in_the_header(
    monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str, accept: str
) -> None:
    monkeypatch.setattr("django.views.generic.base.RedirectView.get", failing(error))
    page = Client(raise_request_exception=False).get("/favicon.ico", headers={"Accept": accept})
    assert (page.status_code, "<h1>" in page.content.decode()) == (status, True)
    assert page["Content-Type"].startswith("text/html")


def test_a_program_without_the_token_of_a_form_is_told_in_json(root: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(root)
    answer = client.post("/accounts/home/profile/", {"name": "x"}, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


def test_an_address_that_is_none_is_a_problem_in_the_language_of_the_program(client: Client) -> None:
    headers = {"Accept": "application/json", "Accept-Language": "de"}
    answer = client.get("/no/such/page/", headers=headers)
    assert (answer.status_code, answer.json()["code"], answer["Content-Language"]) == (404, "not_found", "de")
