"""Every attempt to get in leaves exactly one record, whatever becomes of it."""

import logging
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client
from django.utils import timezone

from accounts.domain.grants import grant_access, revoke_access
from accounts.domain.users import create_user, deactivate_user
from accounts.models import LoginRecord, User
from tests.accounts.conftest import HOME, MADE_AT, PASSWORD, SignIn


def records() -> list[tuple[str, str]]:
    return list(LoginRecord.objects.order_by("pk").values_list("email", "outcome"))


def without_token(response: Any) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.content.decode())


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_right_password_signs_in_and_leaves_one_record(dora: User, sign_in: SignIn, client: Client) -> None:
    response = sign_in(HTTP_USER_AGENT="Browser/1", HTTP_X_REQUEST_ID="request-4711")

    assert (response.status_code, response["Location"]) == (302, HOME)
    record = LoginRecord.objects.get()
    assert (record.email, record.outcome, record.successful) == ("dora@delta.example", "success", True)
    assert (record.user_id, record.method) == (dora.pk, "password")
    assert (record.ip_address, record.user_agent, record.request_id) == ("198.51.100.7", "Browser/1", "request-4711")
    dora.refresh_from_db()
    assert dora.last_login is not None


def test_signing_in_changes_neither_version_nor_history(dora: User, sign_in: SignIn) -> None:
    version, before = dora.version, dora.events.count()

    sign_in()

    dora.refresh_from_db()
    assert (dora.version, dora.events.count()) == (version, before)


@pytest.mark.parametrize("typed", ["DORA@delta.example", "Dora@Delta.Example"])
def test_case_of_the_address_does_not_matter(dora: User, sign_in: SignIn, client: Client, typed: str) -> None:
    sign_in(typed)

    assert signed_in(client)
    assert [outcome for _email, outcome in records()] == ["success"]


def test_wrong_password(dora: User, sign_in: SignIn, client: Client) -> None:
    response = sign_in(password="wrong")

    assert response.status_code == 200
    assert not signed_in(client)
    assert records() == [("dora@delta.example", "failed")]
    assert LoginRecord.objects.get().user_id == dora.pk


def test_unknown_address_gets_the_same_answer(dora: User, sign_in: SignIn) -> None:
    known = without_token(sign_in(password="wrong"))
    unknown = without_token(sign_in("nobody@delta.example", "wrong"))

    assert "not correct" in known
    assert unknown.replace("nobody@", "dora@") == known
    assert records() == [("dora@delta.example", "failed"), ("nobody@delta.example", "failed")]
    assert LoginRecord.objects.get(email="nobody@delta.example").user_id is None


class CountingHasher(MD5PasswordHasher):
    """Counts how often a password is hashed."""

    algorithm = "counting"
    count = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).count += 1
        return super().encode(password, salt)


def test_unknown_address_costs_as_many_hashes_as_a_wrong_password(settings: Any, db: None, sign_in: SignIn) -> None:
    settings.PASSWORD_HASHERS = ["tests.accounts.test_sign_in.CountingHasher"]
    create_user("dora@delta.example", by=None, at=MADE_AT, password=PASSWORD, verified=True)
    counts = []
    for email in ("dora@delta.example", "nobody@delta.example"):
        CountingHasher.count = 0
        sign_in(email, "wrong")
        counts.append(CountingHasher.count)

    assert counts == [1, 1]


def test_inactive_user(dora: User, sign_in: SignIn, client: Client) -> None:
    deactivate_user(dora, at=MADE_AT, by=None)

    response = sign_in()

    assert "not correct" in response.content.decode()
    assert not signed_in(client)
    assert records() == [("dora@delta.example", "failed")]


def test_ended_access_is_told_only_to_who_knows_the_password(dora: User, sign_in: SignIn, client: Client) -> None:
    revoke_access(dora, by=None, at=timezone.now())

    right, wrong = sign_in(), sign_in(password="wrong")

    assert "Your access has ended" in right.content.decode()
    assert "Your access has ended" not in wrong.content.decode()
    assert not signed_in(client)
    assert records() == [("dora@delta.example", "no_access"), ("dora@delta.example", "failed")]


def test_access_that_has_not_begun(dora: User, sign_in: SignIn) -> None:
    now = timezone.now()
    grant_access(dora, days=5, by=None, at=now, starts_at=now + timedelta(days=1))

    sign_in()

    assert records() == [("dora@delta.example", "no_access")]


def test_unverified_address_does_not_get_in(db: None, sign_in: SignIn, client: Client, mailoutbox: list[Any]) -> None:
    user = create_user("new@delta.example", by=None, at=MADE_AT, password=PASSWORD)

    response = sign_in("new@delta.example")

    assert response["Location"] == "/accounts/confirm-email/"
    assert not signed_in(client)
    assert [mail.to for mail in mailoutbox] == [["new@delta.example"]]
    assert LoginRecord.objects.values_list("outcome", "user_id").get() == ("failed", user.pk)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        ("not an address", "not an address"),
        ("do\x00ra\r\nevil\x1b[2J@x.example", "doraevil[2J@x.example"),
        ("\u202egnp.exe@x.example", "gnp.exe@x.example"),
        ("a" * 5000 + "@x.example", "a" * 256),
        ("ünïcödé 🔑@x.example", "ünïcödé 🔑@x.example"),
    ],
)
def test_what_was_typed_is_kept_harmless(db: None, sign_in: SignIn, typed: str, kept: str) -> None:
    assert sign_in(typed, "wrong").status_code == 200
    assert records() == [(kept, "failed")]


def test_empty_password_is_an_attempt_too(dora: User, sign_in: SignIn) -> None:
    sign_in(password="")

    assert records() == [("dora@delta.example", "failed")]


def test_opening_the_page_is_no_attempt(db: None, client: Client) -> None:
    client.get("/accounts/login/")

    assert records() == []


def test_password_is_neither_stored_nor_logged(dora: User, sign_in: SignIn, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = f"wrong-{uuid.uuid4()}"

    sign_in(password=secret)

    assert secret not in caplog.text
    assert secret not in everything_stored()


def everything_stored() -> str:
    """All text of all tables, as the database would dump it."""
    from django.db import connection

    with connection.cursor() as cursor:
        return "\n".join(
            str(row)
            for table in connection.introspection.table_names(cursor)
            for row in rows_of(cursor, connection.ops.quote_name(table))
        )


def rows_of(cursor: Any, table: str) -> list[Any]:
    cursor.execute(f"SELECT t::text FROM {table} AS t")
    rows: list[Any] = cursor.fetchall()
    return rows


@pytest.mark.parametrize(
    "target", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_open_redirect_is_refused(dora: User, sign_in: SignIn, target: str) -> None:
    assert sign_in(next=target)["Location"] == HOME


def test_other_names_of_this_server_are_no_target(dora: User, sign_in: SignIn, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "other.example"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://other.example"]

    assert sign_in(next="https://other.example/x")["Location"] == HOME


def test_a_path_of_ours_is_kept(dora: User, sign_in: SignIn) -> None:
    assert sign_in(next="/accounts/2fa/")["Location"] == "/accounts/2fa/"


def test_guest_is_not_sent_to_the_back_office(dora: User, sign_in: SignIn) -> None:
    assert sign_in(next="/admin/crm/")["Location"] == HOME


def test_staff_go_to_the_back_office(dora: User, sign_in: SignIn) -> None:
    User.objects.filter(pk=dora.pk).update(is_staff=True)

    assert sign_in()["Location"] == "/admin/"


def test_signing_out_needs_a_post(dora: User, sign_in: SignIn, client: Client) -> None:
    sign_in()
    client.get("/accounts/logout/")
    still = signed_in(client)
    response = client.post("/accounts/logout/")

    assert (still, signed_in(client), response["Location"]) == (True, False, "/accounts/login/")
