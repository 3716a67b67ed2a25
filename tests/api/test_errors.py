"""Every error is a problem with a code, whatever goes wrong and wherever."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.test import Client, override_settings

from accounts.middleware import TimeLimitedAccessMiddleware
from accounts.models import LoginRecord, User
from crm.models import Customer, Lead
from hashinsight.common.api import throttling
from tests.api.client import Caller

pytestmark = pytest.mark.django_db
FORM = {"type", "title", "status", "detail", "code", "request_id"}


def check(response: Any, status: int, code: str) -> dict[str, Any]:
    """The answer is a problem of this kind."""
    body: dict[str, Any] = response.json()
    assert response["Content-Type"] == "application/problem+json"
    assert (response.status_code, body["status"], body["code"]) == (status, status, code), body
    assert set(body) - {"errors"} == FORM
    assert body["request_id"] == response["X-Request-ID"]
    return body


BODIES: list[tuple[bytes, str]] = [
    (b"{", "malformed_json"),
    (b'{"title": }', "malformed_json"),
    (b"", "invalid"),
    (b"null", "not_an_object"),
    (b"[]", "not_an_object"),
    (b'"x"', "not_an_object"),
    (b'{"title": "a", "title": "b"}', "duplicate_name"),
    (b'{"score": NaN}', "not_a_number"),
    (b'{"score": -Infinity}', "not_a_number"),
    (b'{"score": 1' + b"0" * 5000 + b"}", "malformed_json"),
    (b'{"title": "a\\u0000b"}', "nul_character"),
    (b'{"a\\u0000b": 1}', "nul_character"),
    (b'{"title": "a\x00b"}', "malformed_json"),
    (b'{"title": "\\ud800"}', "invalid_text"),
    (b'{"title": "\xff"}', "charset_unsupported"),
    (b'\xef\xbb\xbf{"title": "x"}', "malformed_json"),
    (b'{"a":' * 21 + b"1" + b"}" * 21, "too_deep"),
    (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
    (b'{"title": "' + b"x" * 1_000_001 + b'"}', "body_too_large"),
    (b'{"title": "' + b"x" * 6_000_000 + b'"}', "body_too_large"),
]


@pytest.mark.parametrize(("body", "code"), BODIES, ids=[f"{code}-{n}" for n, (_body, code) in enumerate(BODIES)])
def test_bad_bodies_have_a_code_each(as_root: Caller, body: bytes, code: str) -> None:
    check(as_root.call("POST", "/leads/", body), 400, code)
    check(as_root.call("POST", "/leads/", body, Idempotency_Key="k1"), 400, code)
    assert Lead.objects.count() == 0


def test_other_charsets_and_media_types_are_refused(as_root: Caller) -> None:
    post = as_root.http.post
    headers = as_root.headers
    latin = post("/api/v1/leads/", b'{"title":"x"}', content_type="application/json; charset=latin-1", headers=headers)
    check(latin, 400, "charset_unsupported")
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense"):
        check(
            post("/api/v1/leads/", b"title=x", content_type=media_type, headers=headers), 415, "unsupported_media_type"
        )


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE"])
def test_unknown_methods_are_405_and_say_what_is_allowed(as_root: Caller, customer_a: Customer, method: str) -> None:
    response = as_root.call(method, f"/customers/{customer_a.public_id}/")
    check(response, 405, "method_not_allowed")
    assert response["Allow"] == "GET, HEAD, PATCH"


@pytest.mark.parametrize(
    "path", ["/nowhere/", "/invoices/5/", "/invoices/x%00y/", "/customers", "/", "/invoices/%F0%9F%92%A5/pdf/"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_no_route_is_the_same_404_for_everybody(as_alice: Caller, method: str, path: str) -> None:
    check(as_alice.call(method, path), 404, "not_found")
    check(Caller(None).call(method, path), 404, "not_found")


def test_without_a_key_401_says_how(customer_a: Customer) -> None:
    for path in ("/me/", "/invoices/", "/leads/", f"/customers/{customer_a.public_id}/"):
        response = Caller(None).get(path)
        check(response, 401, "not_authenticated")
        assert response["WWW-Authenticate"] == 'Bearer realm="HashInsight API"'


@pytest.mark.parametrize("key", ["hi_x", "hi_AAAAAAAA_" + "A" * 43, "ü", "x" * 9000])
def test_wrong_keys_are_401_and_say_nothing_more(db: None, key: str) -> None:
    check(Caller(None, Authorization=f"Bearer {key}").get("/me/"), 401, "invalid_key")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("colour=red", "unknown_parameter"),
        ("format=json", "unknown_parameter"),
        ("status=sent&status=paid", "repeated_parameter"),
        ("status=nonsense", "invalid_parameter"),
        ("customer=5", "invalid_parameter"),
        ("search=a%00b", "nul_character"),
        ("number=a%00b", "nul_character"),
        ("%00=1", "unknown_parameter"),
        ("issued_from=2026-13-01", "invalid_parameter"),
        ("page_size=0", "invalid_parameter"),
        ("page_size=201", "invalid_parameter"),
        ("page_size=99999999999999999999", "invalid_parameter"),
        ("page_size=-1", "invalid_parameter"),
        ("page_size=ten", "invalid_parameter"),
        ("page_size=%D9%A1", "invalid_parameter"),
        ("ordering=internal_note", "invalid_parameter"),
        ("ordering=customer__company_name", "invalid_parameter"),
        ("ordering=--created_at", "invalid_parameter"),
        ("ordering=", "invalid_parameter"),
        ("cursor=", "invalid_cursor"),
        ("cursor=AAAA", "invalid_cursor"),
        ("cursor=%F0%9F%92%A5", "invalid_cursor"),
        ("cursor=" + "A" * 2000, "invalid_cursor"),
    ],
)
def test_bad_parameters_are_400_with_their_name(as_alice: Caller, query: str, code: str) -> None:
    body = check(as_alice.get(f"/invoices/?{query}"), 400, code)
    assert body["errors"][0]["code"] == code
    assert "parameter" in body["errors"][0]


@pytest.mark.parametrize("path", ["/me/", "/customers/{id}/"])
def test_single_objects_take_no_parameters(as_alice: Caller, customer_a: Customer, path: str) -> None:
    check(as_alice.get(path.format(id=customer_a.public_id) + "?x=1"), 400, "unknown_parameter")


@pytest.mark.parametrize("name", ["stage", "lead"])
def test_filters_over_staff_columns_do_not_exist_for_clients(as_alice: Caller, as_clerk: Caller, name: str) -> None:
    value = "discovery" if name == "stage" else "0199f3a1-7c1e-7b52-9d3e-2f6a41c07d11"
    check(as_alice.get(f"/deals/?{name}={value}"), 400, "unknown_parameter")
    assert as_clerk.get(f"/deals/?{name}={value}").status_code == 200


def test_deep_pointers_reach_into_lists(as_root: Caller, invoice_a: Any) -> None:
    body = {"reason": "x", "lines": [{"position": 1, "quantity": "1"}, {"position": 0, "quantity": "x"}]}
    answer = check(as_root.post(f"/invoices/{invoice_a.public_id}/credit/", body), 400, "invalid")
    assert [error["pointer"] for error in answer["errors"]] == ["#/lines/1/position", "#/lines/1/quantity"]


def test_messages_follow_the_language_of_the_caller_codes_do_not(as_alice: Caller) -> None:
    german = as_alice.get("/nowhere/", Accept_Language="de")
    assert (german.json()["code"], german["Content-Language"]) == ("not_found", "de")


def test_a_mistake_of_ours_is_500_without_a_word_about_it(as_alice: Caller, monkeypatch: Any) -> None:
    from crm.api.views.customers import CustomerViewSet

    def broken(user: Any) -> Any:
        raise KeyError("internal detail")

    monkeypatch.setattr(CustomerViewSet, "rows_for", broken)
    body = check(as_alice.get("/customers/"), 500, "server_error")
    assert "internal" not in json.dumps(body)


@pytest.fixture
def _half_a_minute(monkeypatch: Any) -> None:
    """The clock stands, so that no window ends between two calls."""
    monkeypatch.setattr(throttling, "time", SimpleNamespace(time=lambda: 1_795_200_030.0))


LIMITS = {"DEFAULT_THROTTLE_RATES": {"api": "3/min", "anonymous": "2/min"}}


@pytest.mark.usefixtures("_half_a_minute")
def test_calls_are_limited_per_key_with_headers(as_alice: Caller, as_bob: Caller, settings: Any) -> None:
    with override_settings(REST_FRAMEWORK={**settings.REST_FRAMEWORK, **LIMITS}):
        answers = [as_alice.get("/me/") for _call in range(4)]
        assert [answer["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        check(answers[3], 429, "throttled")
        assert answers[3]["Retry-After"] == answers[3]["RateLimit-Reset"]
        assert int(answers[3]["Retry-After"]) == 31
        assert as_bob.get("/me/").status_code == 200


@pytest.mark.usefixtures("_half_a_minute")
def test_strangers_are_limited_per_address_wrong_keys_included(db: None, settings: Any) -> None:
    with override_settings(REST_FRAMEWORK={**settings.REST_FRAMEWORK, **LIMITS}):
        wrong = Caller(None, Authorization="Bearer hi_" + "A" * 8 + "_" + "A" * 43)
        assert [wrong.get("/me/").status_code for _call in range(3)] == [401, 401, 429]
        assert Caller(None).get("/me/").status_code == 429
        assert Caller(None).get("/nowhere/").status_code == 429


def test_limits_do_not_take_the_api_down(as_alice: Caller, monkeypatch: Any) -> None:
    class Away:
        def add(self, *args: Any, **kwargs: Any) -> bool:
            raise ConnectionError("cache")

    monkeypatch.setattr(throttling, "cache", Away())
    assert as_alice.get("/me/").status_code == 200


def test_failed_keys_are_recorded_although_the_request_failed(alice: User, as_alice: Caller) -> None:
    as_alice.key.revoked_at = as_alice.key.created_at
    as_alice.key.save()
    check(as_alice.get("/me/"), 401, "key_revoked")
    assert LoginRecord.objects.filter(email=alice.email, outcome="failed").count() == 1


OUTSIDE = [("/api/", 404, "not_found"), ("/api", 404, "not_found"), ("/api/v2/invoices/", 404, "not_found"),
           ("/api/nowhere", 404, "not_found")]  # fmt: skip


@pytest.mark.parametrize(("path", "status", "code"), OUTSIDE)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_addresses_beside_the_api_are_problems_too(method: str, path: str, status: int, code: str) -> None:
    check(Caller(None).call(method, f"http://testserver{path}" if not path.startswith("/api/") else path), status, code)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError("secret inside"), 500, "server_error"),
        (PermissionDenied("secret inside"), 403, "permission_denied"),
        (SuspiciousOperation("secret inside"), 400, "bad_request"),
        (Http404("secret inside"), 404, "not_found"),
    ],
)
def test_a_crash_in_middleware_is_a_problem_and_tells_nothing(
    error: Exception, status: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_self: Any, _request: Any) -> Any:
        raise error

    monkeypatch.setattr(TimeLimitedAccessMiddleware, "__call__", crash)
    response = Caller(None).get("/me/")
    check(response, status, code)
    assert b"secret" not in response.content
    page = Caller(None).http.get("/accounts/login/")
    assert (page.status_code, "json" in page["Content-Type"]) == (status, False)


def test_a_wrong_host_is_a_problem(as_root: Caller, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    check(as_root.http.get("/api/v1/me/", headers={**as_root.headers, "host": "evil.example"}), 400, "bad_request")


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_is_away_is_told_with_a_time_to_try_again(
    as_root: Caller, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise error("server closed the connection: secret words")

    monkeypatch.setattr("hashinsight.common.scoping.ScopedQuerySet.visible_to", away)
    response = as_root.call("GET", "/customers/")

    body = check(response, 503, "unavailable")
    assert response["Retry-After"] == "5"
    assert "secret" not in json.dumps(body)


@pytest.mark.parametrize(("path", "kind"), [("/api/v1/me/", "application/problem+json"), ("/admin/", "text/html")])
def test_a_database_away_before_any_view_is_told_as_well(
    client: Client, monkeypatch: pytest.MonkeyPatch, path: str, kind: str
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("server closed the connection")

    client.raise_request_exception = False
    monkeypatch.setattr(TimeLimitedAccessMiddleware, "__call__", away)
    response = client.get(path)

    assert response.status_code == 503
    assert response["Content-Type"].startswith(kind)
    assert response["Retry-After"] == "5"
