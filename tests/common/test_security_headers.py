"""T22: what every answer tells the browser, on pages of each kind, on errors and on files."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as project
from django.test import Client, override_settings

from accounts.models import User
from hashinsight.common import security_headers as headers

pytestmark = pytest.mark.django_db

SOURCES_THAT_RUN_ANYTHING = ("'unsafe-inline'", "*", "http:", "https:", "data:", "blob:")
EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": headers.PERMISSIONS,
}
PLACES = [
    ("/accounts/email/", 200, headers.PAGE),
    ("/accounts/home/", 200, headers.PAGE),
    ("/admin/", 200, headers.BACK_OFFICE),
    ("/admin/crm/customer/", 200, headers.BACK_OFFICE),
    ("/admin/crm/customer/export/csv/", 200, headers.DATA),
    ("/api/v1/docs/", 200, headers.PAGE),
    ("/api/v1/schema/", 200, headers.DATA),
    ("/api/v1/nothing/", 404, headers.DATA),
    ("/no/such/page/", 404, headers.PAGE),
    ("/static/hashinsight/icon.svg", 200, headers.DATA),
    ("/health/live", 200, headers.DATA),
]


def policy_of(response: Any) -> dict[str, tuple[str, ...]]:
    parts = [part.split() for part in response.headers["Content-Security-Policy"].split(";")]
    return {name: tuple(sources) for name, *sources in parts}


@pytest.mark.parametrize(("address", "status", "policy"), PLACES)
def test_each_answer_says_what_a_browser_may_do(
    client: Client, root: User, settings: Any, address: str, status: int, policy: headers.Policy
) -> None:
    settings.WHITENOISE_USE_FINDERS = True
    client.force_login(root)
    response = client.get(address)
    assert response.status_code == status
    assert {name: response.headers.get(name) for name in EVERYWHERE} == EVERYWHERE
    assert policy_of(response) == dict(policy)


def test_a_server_error_is_no_hole(client: Client, root: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client.force_login(root)
    client.raise_request_exception = False
    monkeypatch.setattr("hashinsight.dashboard.dashboard", None)
    response = client.get("/admin/")
    assert response.status_code == 500
    assert policy_of(response)["script-src"][0] == "'self'"
    assert {name: response.headers.get(name) for name in EVERYWHERE} == EVERYWHERE


@pytest.mark.parametrize("policy", [headers.PAGE, headers.BACK_OFFICE, headers.DATA, headers.PDF])
def test_no_policy_runs_what_stands_in_a_page_or_comes_from_elsewhere(policy: headers.Policy) -> None:
    scripts = policy.get("script-src", policy["default-src"])
    assert not set(scripts) & set(SOURCES_THAT_RUN_ANYTHING)
    assert policy["default-src"] == ("'none'",)
    assert policy["base-uri"] == policy["frame-ancestors"] == ("'none'",)


def test_only_the_back_office_evaluates() -> None:
    loose = [one for one in (headers.PAGE, headers.DATA, headers.PDF) if "'unsafe-eval'" in str(dict(one))]
    assert loose == []
    for path in ("/administration", "/accounts/admin/", "/api/v1/admin/", "//admin/"):
        assert headers.policy_for(path, "text/html") == headers.PAGE


@override_settings(SECURE_SSL_REDIRECT=True)
def test_under_tls_everything_is_fetched_by_tls(client: Client) -> None:
    policy = client.get("/accounts/login/", secure=True).headers["Content-Security-Policy"]
    assert policy.endswith("; upgrade-insecure-requests")


PRODUCTION = """
import django, json
django.setup()
from django.test import Client
response = Client().get("/health/live", secure=True, headers={"host": "hi.example"})
print(json.dumps([response.status_code, response.headers.get("Strict-Transport-Security"),
                  response.headers.get("Content-Security-Policy", "")]))
"""


def test_production_says_that_it_is_reached_by_tls_only() -> None:
    env = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "hashinsight.settings.production", "ALLOWED_HOSTS": "hi.example",
        "SECRET_KEY": "x7" * 40, "API_KEY_PEPPER": "y8" * 30, "BASE_URL": "https://hi.example",
        "CSRF_TRUSTED_ORIGINS": "https://hi.example", "DATABASE_URL": "postgresql:///none",
        "CELERY_BROKER_URL": "memory://", "CACHE_URL": "locmem://", "EMAIL_URL": "smtp://mail.example:25",
        "DEFAULT_FROM_EMAIL": "a@hi.example", "SECRETS_KEYS": "",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", PRODUCTION], env=env, cwd=project.BASE_DIR, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    status, transport, policy = json.loads(done.stdout.splitlines()[-1])
    assert (status, transport) == (200, "max-age=31536000; includeSubDomains; preload")
    assert "upgrade-insecure-requests" in policy
