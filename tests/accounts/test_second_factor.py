"""The second factor: one record per attempt, an encrypted secret, and staff that may be made to have one."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    SECRET_SESSION_KEY,
    TOTP,
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.test import Client
from django.utils import timezone

from accounts.models import ApiKey, LoginRecord, User
from hashinsight.common.secrets import SecretUnreadable
from tests.accounts.conftest import HOME, PASSWORD, SignIn
from tests.support.standing import standing

PRODUCTION = {
    "SECRET_KEY": "s" * 60,
    "API_KEY_PEPPER": "p" * 60,
    "DATABASE_URL": "postgresql:///x",
    "ALLOWED_HOSTS": "hashinsight.example",
    "BASE_URL": "https://hashinsight.example",
    "CELERY_BROKER_URL": "memory://",
    "CACHE_URL": "locmem://",
    "EMAIL_URL": "console:",
    "DEFAULT_FROM_EMAIL": "billing@hashinsight.example",
}
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
@standing
def guarded(dora: User) -> User:
    """dora, with an authenticator app."""
    TOTP.activate(dora, SECRET)
    return dora


def code() -> str:
    return str(format_hotp_value(hotp_value(SECRET, next(iter(yield_hotp_counters_from_time())))))


def outcomes() -> list[str]:
    return list(LoginRecord.objects.order_by("pk").values_list("outcome", flat=True))


def enter(client: Client, value: str) -> Any:
    return client.post("/accounts/2fa/authenticate/", {"code": value}, REMOTE_ADDR="198.51.100.7")


def test_password_and_code_are_one_success(guarded: User, sign_in: SignIn, client: Client) -> None:
    waiting = sign_in()["Location"]
    between = outcomes()
    response = enter(client, code())

    assert (waiting, between, response["Location"]) == ("/accounts/2fa/authenticate/", ["failed"], HOME)
    assert outcomes() == ["success"]


def test_a_stolen_password_alone_leaves_a_failed_attempt(guarded: User, sign_in: SignIn, client: Client) -> None:
    sign_in()

    assert client.get(HOME).status_code == 302
    assert LoginRecord.objects.values_list("outcome", "user_id").get() == ("failed", guarded.pk)


def test_each_wrong_code_is_a_failed_attempt(guarded: User, sign_in: SignIn, client: Client) -> None:
    sign_in()
    enter(client, "000000")
    enter(client, code())

    assert outcomes() == ["success", "failed"]


def test_wrong_codes_are_limited(guarded: User, sign_in: SignIn, client: Client) -> None:
    sign_in()
    for _attempt in range(6):
        response = enter(client, "000000")

    assert "Too many failed" in response.content.decode()
    assert enter(client, code()).status_code == 200
    assert client.get(HOME).status_code == 302


def test_an_old_waiting_attempt_is_not_the_one_that_succeeds(guarded: User, sign_in: SignIn, client: Client) -> None:
    sign_in()
    client.post("/accounts/logout/")
    sign_in()
    enter(client, code())

    assert outcomes() == ["failed", "success"]


def test_secrets_are_encrypted_where_they_are_stored(guarded: User) -> None:
    stored = Authenticator.objects.get(type="totp").data["secret"]

    assert SECRET not in stored
    assert stored.startswith("s1.0.")
    assert get_adapter().decrypt(stored) == SECRET


def test_another_key_opens_no_secret(guarded: User, settings: Any) -> None:
    stored = Authenticator.objects.get(type="totp").data["secret"]
    settings.API_KEY_PEPPER = "another pepper"

    with pytest.raises(SecretUnreadable):
        get_adapter().decrypt(stored)


@pytest.fixture
def staff(dora: User, client: Client, sign_in: SignIn, settings: Any) -> User:
    """dora, signed in to a back office that wants a second factor."""
    User.objects.filter(pk=dora.pk).update(is_staff=True)
    settings.MFA_REQUIRED_FOR_STAFF = True
    sign_in()
    return dora


@pytest.mark.parametrize(
    "path",
    ["/admin/", "/admin/crm/lead/", "/admin/password_change/", "/accounts/home/", "/accounts/email/", "/nowhere/"],
)
def test_staff_without_second_factor_are_sent_to_set_one_up(staff: User, client: Client, path: str) -> None:
    response = client.get(path)

    assert (response.status_code, response["Location"]) == (302, "/accounts/2fa/totp/activate/")


@pytest.mark.parametrize(
    "path", ["/accounts/2fa/totp/activate/", "/accounts/reauthenticate/", "/favicon.ico", "/health/live"]
)
def test_what_setting_up_needs_stays_open(staff: User, client: Client, path: str) -> None:
    assert client.get(path).headers.get("Location") != client.get("/admin/")["Location"]


def test_staff_without_second_factor_make_no_key(staff: User, client: Client) -> None:
    client.post("/accounts/home/keys/", {"name": "k", "scopes": ["deals:read"]})

    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(("hours", "status"), [(1, 200), (0, 302), (-1, 302)])
def test_somebody_invited_has_time_until_it_is_due(staff: User, client: Client, hours: int, status: int) -> None:
    User.objects.filter(pk=staff.pk).update(second_factor_due_at=timezone.now() + timedelta(hours=hours))

    assert client.get("/admin/").status_code == status


def test_recovery_codes_alone_are_no_second_factor(staff: User, client: Client) -> None:
    Authenticator.objects.create(user=staff, type="recovery_codes", data={})

    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize("value", ["false", "off", "perhaps"])
def test_production_does_not_start_without_it(value: str) -> None:
    env = {**os.environ, **PRODUCTION, "MFA_REQUIRED_FOR_STAFF": value}
    started = subprocess.run(
        [sys.executable, "-c", "import hashinsight.settings.production"], env=env, capture_output=True, text=True
    )

    assert started.returncode == 1
    assert "ImproperlyConfigured: MFA_REQUIRED_FOR_STAFF" in started.stderr


@pytest.mark.parametrize("value", ["-1", "500", "soon"])
def test_a_senseless_grace_is_refused(value: str) -> None:
    env = {**os.environ, **PRODUCTION, "MFA_GRACE_HOURS": value}
    started = subprocess.run(
        [sys.executable, "-c", "import hashinsight.settings.production"], env=env, capture_output=True, text=True
    )

    assert started.returncode == 1
    assert "ImproperlyConfigured: MFA_GRACE_HOURS" in started.stderr


def test_production_starts_with_nothing_said() -> None:
    env = {**{k: v for k, v in os.environ.items() if not k.startswith("MFA_")}, **PRODUCTION}
    code = "import hashinsight.settings.production as p; print(p.MFA_REQUIRED_FOR_STAFF, p.MFA_GRACE_HOURS)"
    started = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)

    assert started.stdout.split() == ["True", "0"]


def test_a_post_does_not_slip_through(staff: User, client: Client) -> None:
    assert client.post("/admin/crm/lead/add/", {})["Location"] == "/accounts/2fa/totp/activate/"


def test_signing_out_is_always_possible(staff: User, client: Client) -> None:
    assert client.post("/admin/logout/")["Location"] == "/accounts/login/"


def test_with_a_second_factor_the_back_office_opens_and_without_closes(staff: User, client: Client) -> None:
    TOTP.activate(staff, SECRET)
    opened = client.get("/admin/").status_code
    Authenticator.objects.all().delete()

    assert (opened, client.get("/admin/").status_code) == (200, 302)


def test_not_required_where_the_settings_do_not_say_so(staff: User, client: Client, settings: Any) -> None:
    settings.MFA_REQUIRED_FOR_STAFF = False

    assert client.get("/admin/").status_code == 200


def test_setting_one_up_in_the_browser(dora: User, client: Client, sign_in: SignIn) -> None:
    sign_in()
    again = client.get("/accounts/2fa/totp/activate/")["Location"]
    client.post(again, {"password": "wrong"})
    client.post(again, {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/")
    secret = client.session[SECRET_SESSION_KEY]
    assert secret in page.content.decode()
    now = str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))

    response = client.post("/accounts/2fa/totp/activate/", {"code": now})

    assert response["Location"] == "/accounts/2fa/recovery-codes/"
    assert set(Authenticator.objects.values_list("type", flat=True)) == {"totp", "recovery_codes"}
    assert all(secret not in str(data) for data in Authenticator.objects.values_list("data", flat=True))
    assert client.get("/accounts/2fa/recovery-codes/").status_code == 200
    assert outcomes() == ["success", "failed"]  # signed in; a wrong password when asked once more
