"""Becoming somebody: sign-up, proof of the address, forgotten and changed passwords, and the door of the admin."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.domain.users import create_user
from accounts.models import LoginRecord, User
from hashinsight.events.models import OutboxEvent
from tests.accounts.conftest import HOME, MADE_AT, PASSWORD, SignIn

NEW = "another-long-password-42"


def sign_up(client: Client, email: str = "Guest@Gamma.example", **extra: Any) -> Any:
    return client.post("/accounts/signup/", {"email": email, "password1": PASSWORD, "password2": PASSWORD, **extra})


def link_in(mail: Any) -> str:
    """Path of the link in a mail; every link leads to the product's own address."""
    found = re.search(r"http://127\.0\.0\.1:8000(/\S+)", mail.body)
    assert found is not None, mail.body
    return found.group(1)


@pytest.fixture(autouse=True)
def base_url(settings: Any) -> None:
    settings.BASE_URL = "http://127.0.0.1:8000"


def test_sign_up_makes_a_guest_without_any_right(db: None, client: Client) -> None:
    response = sign_up(client, is_staff="on", is_superuser="on", groups="owner", subscription_plan="gold")

    user = User.objects.get()
    assert (response.status_code, response["Location"]) == (302, "/accounts/confirm-email/")
    assert (user.email, user.is_staff, user.is_superuser, user.role()) == ("guest@gamma.example", False, False, "guest")
    assert (user.get_all_permissions(), user.subscription_plan) == (set(), "free")
    assert user.password.split("$")[0] != PASSWORD
    event = OutboxEvent.objects.get(kind="user.registered")
    assert (event.user_id, event.payload) == (user.pk, {"user_id": str(user.pk), "origin": "sign_up"})


def test_verification_is_required_and_opens_the_way(
    db: None, client: Client, sign_in: SignIn, mailoutbox: list[Any]
) -> None:
    sign_up(client)
    before = sign_in("guest@gamma.example")["Location"]
    path = link_in(mailoutbox[0])
    page = client.get(path)
    unconfirmed = EmailAddress.objects.get().verified
    client.post(path)
    after = sign_in("guest@gamma.example")["Location"]

    assert (before, page.status_code, unconfirmed, after) == ("/accounts/confirm-email/", 200, False, HOME)
    assert EmailAddress.objects.get().verified
    assert list(LoginRecord.objects.order_by("pk").values_list("outcome", flat=True)) == ["failed", "success"]


def test_wrong_confirmation_link_confirms_nothing(db: None, client: Client) -> None:
    sign_up(client)

    assert client.get("/accounts/confirm-email/not-a-key/").status_code == 200
    assert client.post("/accounts/confirm-email/not-a-key/").status_code == 404
    assert not EmailAddress.objects.get().verified


def test_taken_address_looks_the_same_and_tells_its_owner(dora: User, client: Client, mailoutbox: list[Any]) -> None:
    response = sign_up(client, "DORA@delta.example")

    assert (response.status_code, response["Location"]) == (302, "/accounts/confirm-email/")
    assert User.objects.count() == 1
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [
        (["dora@delta.example"], "HashInsight: You have an account already")
    ]


def test_links_in_mails_ignore_the_host_of_the_request(db: None, client: Client, mailoutbox: list[Any]) -> None:
    client.post(
        "/accounts/signup/",
        {"email": "guest@gamma.example", "password1": PASSWORD, "password2": PASSWORD},
        headers={"host": "evil.example"},
    )

    assert "evil.example" not in mailoutbox[0].body
    assert link_in(mailoutbox[0]).startswith("/accounts/confirm-email/")


@pytest.mark.parametrize("password", ["short", "1234567890123", "password123"])
def test_weak_passwords_are_refused(db: None, client: Client, password: str) -> None:
    response = client.post(
        "/accounts/signup/", {"email": "guest@gamma.example", "password1": password, "password2": password}
    )

    assert response.status_code == 200
    assert not User.objects.exists()


def test_closed_sign_up(db: None, client: Client, settings: Any) -> None:
    settings.SIGNUP_OPEN = False

    assert "Sign-up is closed" in client.get("/accounts/signup/").content.decode()
    sign_up(client)
    assert not User.objects.exists()
    assert "Create an account" not in client.get("/accounts/login/").content.decode()


def test_forgotten_password_from_mail_to_sign_in(
    dora: User, client: Client, sign_in: SignIn, mailoutbox: list[Any]
) -> None:
    client.post("/accounts/password/reset/", {"email": "Dora@delta.example"})
    path = link_in(mailoutbox[0])
    page = client.get(path, follow=True)
    done = client.post(page.request["PATH_INFO"], {"password1": NEW, "password2": NEW})

    assert (mailoutbox[0].to, mailoutbox[0].subject) == ([dora.email], "HashInsight: Choose a new password")
    assert done["Location"] == "/accounts/password/reset/key/done/"
    assert sign_in().status_code == 200
    assert sign_in(password=NEW)["Location"] == HOME
    client.post("/accounts/logout/")
    assert "already been used" in client.get(path, follow=True).content.decode()


def test_reset_for_an_unknown_address_looks_the_same(dora: User, client: Client) -> None:
    answers = [
        client.post("/accounts/password/reset/", {"email": email})
        for email in ("dora@delta.example", "nobody@delta.example")
    ]

    assert [(answer.status_code, answer["Location"]) for answer in answers] == [
        (302, "/accounts/password/reset/done/")
    ] * 2


def test_changing_the_password_ends_other_sessions(dora: User, client: Client, sign_in: SignIn) -> None:
    other = Client()
    other.post("/accounts/login/", {"login": dora.email, "password": PASSWORD})
    sign_in()
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})

    assert (client.get(HOME).status_code, other.get(HOME).status_code) == (200, 302)
    dora.refresh_from_db()
    assert dora.check_password(NEW)


def test_changing_the_password_needs_the_old_one(dora: User, client: Client, sign_in: SignIn) -> None:
    sign_in()
    client.post("/accounts/password/change/", {"oldpassword": "wrong", "password1": NEW, "password2": NEW})

    dora.refresh_from_db()
    assert dora.check_password(PASSWORD)


def test_the_admin_hands_over_to_the_sign_in(db: None, client: Client) -> None:
    response = client.get("/admin/login/?next=/admin/crm/lead/")

    assert response["Location"] == "/accounts/login/?next=%2Fadmin%2Fcrm%2Flead%2F"


def test_the_admin_takes_no_password_itself(dora: User, client: Client) -> None:
    User.objects.update(is_staff=True)
    client.post("/admin/login/", {"username": dora.email, "password": PASSWORD})

    assert "_auth_user_id" not in client.session


def test_the_admin_hands_on_no_foreign_target(db: None, client: Client) -> None:
    assert client.get("/admin/login/?next=//evil.example/")["Location"] == "/accounts/login/?next=%2Fadmin%2F"


def test_without_a_back_office_there_is_a_clear_page_and_no_loop(dora: User, client: Client, sign_in: SignIn) -> None:
    sign_in()
    response = client.get("/admin/", follow=True)

    assert response.status_code == 403
    assert "No access to the back office" in response.content.decode()
    assert len(response.redirect_chain) == 1


def test_signed_in_staff_pass_the_door(dora: User, client: Client, sign_in: SignIn) -> None:
    User.objects.update(is_staff=True)
    sign_in()

    assert client.get("/admin/login/?next=/admin/crm/lead/")["Location"] == "/admin/crm/lead/"


@pytest.mark.parametrize(("staff", "target"), [(None, "/accounts/login/"), (False, HOME), (True, "/admin/")])
def test_bare_address_leads_everybody_home(
    dora: User, client: Client, sign_in: SignIn, staff: bool | None, target: str
) -> None:
    if staff is not None:
        User.objects.update(is_staff=staff)
        sign_in()

    assert client.get("/")["Location"] == target


PAGES = [
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/done/",
    "/accounts/password/reset/key/abc-set/",
    "/accounts/confirm-email/",
    "/accounts/confirm-email/unknown/",
]
OWN_PAGES = [HOME, "/accounts/password/change/", "/accounts/email/", "/accounts/2fa/", "/accounts/logout/"]


@pytest.mark.parametrize("path", PAGES + OWN_PAGES)
def test_pages_need_nothing_from_elsewhere(dora: User, client: Client, sign_in: SignIn, path: str) -> None:
    if path in OWN_PAGES:
        sign_in()
    response = client.get(path)
    html = response.content.decode()

    assert response.status_code == 200
    assert 'name="viewport"' in html
    assert "/static/hashinsight/public.css" in html
    assert re.findall(r'(?:src|href|action)="((?:https?:)?//[^"]+)"', html) == []


def test_a_new_address_counts_once_it_is_proven(
    dora: User, client: Client, sign_in: SignIn, mailoutbox: list[Any]
) -> None:
    sign_in()
    client.post("/accounts/email/", {"email": "Dora.New@delta.example", "action_add": ""})
    before = User.objects.get().email
    client.post(link_in(next(mail for mail in mailoutbox if mail.to == ["dora.new@delta.example"])))
    client.post("/accounts/logout/")

    assert (before, User.objects.get().email) == ("dora@delta.example", "dora.new@delta.example")
    assert sign_in("dora@delta.example").status_code == 200
    assert sign_in("dora.new@delta.example")["Location"] == HOME


@pytest.mark.parametrize("verified", [True, False])
def test_an_address_of_somebody_else_is_not_taken(
    dora: User, client: Client, sign_in: SignIn, mailoutbox: list[Any], verified: bool
) -> None:
    emil = create_user("emil@delta.example", by=None, at=MADE_AT, password=PASSWORD, verified=verified)
    sign_in()
    client.post("/accounts/email/", {"email": "EMIL@delta.example", "action_add": ""})
    for mail in mailoutbox:
        if "/confirm-email/" in mail.body:
            client.post(link_in(mail))

    assert sorted(User.objects.values_list("email", flat=True)) == ["dora@delta.example", "emil@delta.example"]
    assert EmailAddress.objects.get(email="emil@delta.example", primary=True).user == emil
    assert not EmailAddress.objects.filter(user=dora, email="emil@delta.example", verified=True).exists()
