"""Where people are signed in: listed, ended by themselves or by staff, dead at the next request."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.domain.sessions import TOUCH_INTERVAL, SessionGone, end_session, end_sessions, live_sessions
from accounts.engine.devices import device_name
from accounts.enums import SessionEnd
from accounts.models import Session, User
from accounts.sessions import SessionStore, hashed
from hashinsight.events.models import OutboxEvent
from tests.accounts.conftest import HOME, PASSWORD, SignIn

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"


@pytest.fixture
def here(dora: User, sign_in: SignIn, client: Client) -> Client:
    """dora's browser, Firefox on Windows."""
    sign_in(HTTP_USER_AGENT=FIREFOX)
    return client


@pytest.fixture
def there(dora: User) -> Client:
    """Another browser of dora's."""
    other = Client()
    other.post("/accounts/login/", {"login": dora.email, "password": PASSWORD}, REMOTE_ADDR="203.0.113.9")
    return other


def row_of(client: Client) -> Session:
    return Session.objects.get(session_key=hashed(client.session.session_key or ""))


def is_in(client: Client) -> bool:
    return client.get(HOME).status_code == 200


def test_signing_in_leaves_a_row_with_device_and_address(here: Client, dora: User) -> None:
    row = row_of(here)

    assert (row.user, row.ip_address, device_name(row.user_agent)) == (dora, "198.51.100.7", "Firefox, Windows")


def test_the_key_itself_is_nowhere_in_the_database(here: Client) -> None:
    key = here.session.session_key

    assert key is not None
    assert [value for row in Session.objects.values() for value in row.values() if key in str(value)] == []
    assert not SessionStore(hashed(key)).load()  # what is stored opens nothing


def test_own_page_lists_browsers_and_marks_this_one(here: Client, there: Client) -> None:
    html = here.get(HOME).content.decode()

    assert html.count("this browser") == 1
    assert "Firefox, Windows" in html
    assert "203.0.113.9" in html


def test_ending_another_browser(here: Client, there: Client, dora: User) -> None:
    row = row_of(there)
    here.post(reverse("account_session_end", args=[row.public_id]))

    assert (is_in(here), is_in(there)) == (True, False)
    row.refresh_from_db()
    assert (row.end_reason, row.session_data) == ("by_person", "")
    assert row.events.get().pgh_context.metadata["actor"] == str(dora.pk)
    event = OutboxEvent.objects.get(kind="user.sessions_ended")
    assert (event.user_id, event.payload["why"], event.payload["count"]) == (dora.pk, "by_person", 1)


def test_ending_all_others(here: Client, there: Client) -> None:
    third = Client()
    third.post("/accounts/login/", {"login": "dora@delta.example", "password": PASSWORD})
    here.post(reverse("account_sessions_end"))

    assert [is_in(one) for one in (here, there, third)] == [True, False, False]


def test_sessions_of_others_do_not_exist(here: Client, root: User) -> None:
    other = Client()
    other.force_login(root)
    row = row_of(other)

    assert here.post(reverse("account_session_end", args=[row.public_id])).status_code == 404
    assert row_of(other).ended_at is None


def test_a_session_ends_once(here: Client, there: Client, dora: User) -> None:
    row = row_of(there)
    end_session(row, by=dora, at=timezone.now())

    with pytest.raises(SessionGone):
        end_session(row, by=dora, at=timezone.now())
    assert row.events.count() == 1


def test_a_request_under_way_does_not_bring_an_ended_session_back(here: Client, dora: User) -> None:
    """It has read the session before the end and writes to it afterwards."""
    store = SessionStore(here.session.session_key)
    store["seen"] = 1
    end_sessions(dora, why=SessionEnd.BY_STAFF, by=dora, at=timezone.now())

    with pytest.raises(Exception, match=r"^$") as refusal:
        store.save()
    assert type(refusal.value).__name__ == "UpdateError"
    assert not is_in(here)


def test_signing_out_removes_the_row(here: Client) -> None:
    row = row_of(here)
    here.post("/accounts/logout/")

    assert not Session.objects.filter(pk=row.pk).exists()


def test_last_use_is_noted_once_a_minute(here: Client) -> None:
    row = row_of(here)
    here.get(HOME, REMOTE_ADDR="203.0.113.50")
    soon = row_of(here).ip_address
    Session.objects.update(last_used_at=timezone.now() - TOUCH_INTERVAL)
    here.get(HOME, REMOTE_ADDR="203.0.113.50")
    later = row_of(here)

    assert (soon, later.ip_address) == ("198.51.100.7", "203.0.113.50")
    assert later.last_used_at > row.last_used_at
    assert later.events.count() == 0  # being used is no change


def test_expired_and_ended_sessions_are_not_listed(here: Client, there: Client, dora: User) -> None:
    Session.objects.filter(pk=row_of(there).pk).update(expire_date=timezone.now())

    assert [row.pk for row in live_sessions(dora, timezone.now())] == [row_of(here).pk]


def test_an_administrator_ends_one_and_all(here: Client, there: Client, dora: User, root: User) -> None:
    admin = Client()
    admin.force_login(root)
    one = f"/admin/accounts/session/{row_of(there).pk}/end/"
    page = admin.get(one)
    seen = page.context["seen"]
    admin.post(one, {"seen": seen, "reason": "lost laptop"})
    after_one = (is_in(here), is_in(there))
    every = f"/admin/accounts/user/{dora.pk}/end-sessions/"
    admin.post(every, {"seen": admin.get(every).context["seen"], "reason": "left"})

    assert (after_one, is_in(here)) == ((True, False), False)
    reasons = [event.pgh_context.metadata["reason"] for event in Session.pgh_event_model.objects.order_by("pgh_id")]
    assert reasons == ["lost laptop", "left"]


def test_the_admin_shows_no_key(here: Client, root: User) -> None:
    key = here.session.session_key or ""
    admin = Client()
    admin.force_login(root)
    row = row_of(here)
    pages = ("/admin/accounts/session/", f"/admin/accounts/session/{row.pk}/change/")
    for path in (*pages, f"/admin/accounts/session/{row.pk}/history/"):
        response = admin.get(path)
        assert response.status_code == 200
        assert key not in response.content.decode()
        assert row.session_data not in response.content.decode()


@pytest.mark.parametrize("slow", [False, True])
def test_a_slow_body_does_not_outlast_the_end_of_access(
    here: Client, dora: User, monkeypatch: pytest.MonkeyPatch, slow: bool
) -> None:
    """The body arrives after the session was ended: the view must not run for somebody who is gone."""
    from accounts import middleware

    def read_slowly(self: Any, request: Any, *args: Any) -> None:
        end_sessions(dora, why=SessionEnd.BY_STAFF, by=None, at=timezone.now())
        request.asked_at -= 10 if slow else 0

    monkeypatch.setattr("django.middleware.csrf.CsrfViewMiddleware.process_view", read_slowly)
    assert middleware.ASK_AGAIN_SECONDS < 10
    here.handler.load_middleware()
    here.post(f"{HOME}profile/", {"name": "Changed", "company": "", "position": ""})

    dora.refresh_from_db()
    assert (dora.name == "Changed") is not slow


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, "Firefox, Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142", "Chrome, Linux"),
        ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1 (KHTML, like Gecko) Version/19.0 Safari/605.1", "Safari, Mac"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/142.0 Safari/537.36 Edg/142.0", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) CriOS/142 Safari/604.1", "Chrome, iPhone"),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/142.0 Mobile Safari/537.36", "Chrome, Android"),
        ("", ""),
        ("<script>", ""),
    ],
)  # fmt: skip
def test_device_in_words(user_agent: str, name: str) -> None:
    assert device_name(user_agent) == name


def test_ended_rows_of_a_person_go_with_the_person(here: Client, dora: User) -> None:
    end_sessions(dora, why=SessionEnd.BY_STAFF, by=None, at=timezone.now() + timedelta(seconds=1))
    User.objects.filter(pk=dora.pk).delete()

    assert not Session.objects.filter(user__isnull=False).exists()
