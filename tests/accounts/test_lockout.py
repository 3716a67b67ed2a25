"""Six wrong passwords for one e-mail address from one address: fifteen minutes of waiting."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.test import Client
from django.utils import timezone

from accounts.domain.users import create_user
from accounts.models import LoginRecord, User
from tests.accounts.conftest import HOME, MADE_AT, PASSWORD, SignIn

HERE, THERE = "198.51.100.7", "203.0.113.9"


def fail(sign_in: SignIn, times: int, **kwargs: Any) -> list[int]:
    return [sign_in(password=f"wrong {count}", **kwargs).status_code for count in range(times)]


def test_sixth_wrong_password_locks_out(dora: User, sign_in: SignIn) -> None:
    assert fail(sign_in, 6) == [200, 200, 200, 200, 200, 429]

    response = sign_in()

    assert response.status_code == 429
    assert response["Retry-After"] == "900"
    assert "wait 15 minutes" in response.content.decode()
    assert list(LoginRecord.objects.order_by("pk").values_list("outcome", flat=True)) == ["failed"] * 6 + ["locked_out"]


def test_case_and_blanks_do_not_dodge_the_count(dora: User, sign_in: SignIn) -> None:
    answers = [
        sign_in(email, "wrong").status_code
        for email in ("dora@delta.example", "DORA@delta.example", " dora@delta.example", "Dora@Delta.example") * 2
    ]

    assert answers == [200] * 5 + [429] * 3


def test_another_browser_does_not_dodge_the_count(dora: User, sign_in: SignIn) -> None:
    assert [sign_in(password="wrong", HTTP_USER_AGENT=f"B/{n}").status_code for n in range(6)][-1] == 429


def test_another_address_still_works(dora: User, sign_in: SignIn) -> None:
    fail(sign_in, 6, ip=HERE)

    assert sign_in(ip=THERE)["Location"] == HOME


def test_another_person_still_works(dora: User, sign_in: SignIn) -> None:
    create_user("emil@delta.example", by=None, at=MADE_AT, password=PASSWORD, verified=True)
    fail(sign_in, 6)

    assert sign_in("emil@delta.example")["Location"] == HOME


def test_right_password_resets_the_count(dora: User, sign_in: SignIn, client: Client) -> None:
    fail(sign_in, 5)
    sign_in()
    client.post("/accounts/logout/")

    assert fail(sign_in, 5) == [200] * 5
    assert sign_in().status_code == 302


def test_waiting_opens_again_even_if_somebody_kept_trying(dora: User, sign_in: SignIn) -> None:
    start = timezone.now()
    fail(sign_in, 6)
    with time_machine.travel(start + timedelta(minutes=14), tick=True):
        assert sign_in().status_code == 429
    with time_machine.travel(start + timedelta(minutes=15, seconds=5), tick=True):
        assert sign_in()["Location"] == HOME


def test_a_new_password_opens_at_once(dora: User, sign_in: SignIn, client: Client, mailoutbox: list[Any]) -> None:
    fail(sign_in, 6)
    client.post("/accounts/password/reset/", {"email": dora.email})
    link = next(word for word in mailoutbox[-1].body.split() if "/password/reset/key/" in word)
    page = client.get("/" + link.split("/", 3)[3], follow=True)
    new = "another-long-password-42"
    client.post(page.request["PATH_INFO"], {"password1": new, "password2": new})

    assert sign_in(password=new)["Location"] == HOME


def test_axes_keeps_no_password_and_no_token(dora: User, sign_in: SignIn) -> None:
    fail(sign_in, 2)

    kept = AccessAttempt.objects.get()
    assert "wrong" not in kept.post_data
    assert (kept.username, kept.failures_since_start) == ("dora@delta.example", 2)


@pytest.mark.parametrize(("count", "expected"), [(0, "198.51.100.7"), (1, "192.0.2.1")])
def test_forwarded_address_counts_only_behind_our_proxy(
    dora: User, sign_in: SignIn, settings: Any, count: int, expected: str
) -> None:
    settings.TRUSTED_PROXY_COUNT = count

    sign_in(password="wrong", HTTP_X_FORWARDED_FOR="10.9.8.7, 192.0.2.1")

    assert LoginRecord.objects.get().ip_address == expected
    assert AccessAttempt.objects.get().ip_address == expected


def test_many_requests_from_one_address_are_slowed(dora: User, sign_in: SignIn) -> None:
    answers = [sign_in(f"p{count}@delta.example", "wrong").status_code for count in range(31)]

    assert answers == [200] * 30 + [429]
