"""``ended_at`` and ``revoked_at`` alone decide: each place that asks for them, with everything else still in order.

Ending a session also empties it, so a place that forgot to ask would go unnoticed until somebody ends a session in
another way. Here the moment of the end is the only thing that is set.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.test import Client
from django.utils import timezone

from accounts.domain.keys import KeyNotLive, create_key, live_keys, revoke_key, rotate_key
from accounts.domain.queries import key_open, session_open
from accounts.domain.sessions import (
    TOUCH_INTERVAL,
    SessionGone,
    end_session,
    end_sessions,
    live_sessions,
    touch_session,
)
from accounts.enums import SessionEnd
from accounts.models import ApiKey, Session, User
from accounts.sessions import SessionStore, hashed
from hashinsight.events.models import OutboxEvent
from tests.accounts.conftest import HOME, SignIn

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(dora: User, sign_in: SignIn, client: Client) -> Client:
    sign_in()
    assert client.get(HOME).status_code == 200
    return client


@pytest.fixture
def ended(browser: Client) -> Session:
    """Full of what it held, not expired, its user in good standing: only the end is noted."""
    key = browser.session.session_key
    assert key is not None
    assert Session.objects.filter(session_key=hashed(key)).update(ended_at=timezone.now()) == 1
    row = Session.objects.get(session_key=hashed(key))
    assert (bool(row.session_data), row.user_id is not None, row.expire_date > timezone.now()) == (True, True, True)
    return row


def test_the_next_request_is_nobodys(browser: Client, ended: Session) -> None:
    answer = browser.get(HOME)
    assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/accounts/login/")


def test_nothing_is_read_from_it(browser: Client, ended: Session) -> None:
    key = browser.cookies["sessionid"].value
    assert SessionStore(key).load() == {}
    Session.objects.update(ended_at=None)  # the control: what it held is still there
    assert SESSION_KEY in SessionStore(key).load()


def test_nothing_is_written_to_it(browser: Client, ended: Session, dora: User) -> None:
    Session.objects.update(ended_at=None)
    store = SessionStore(browser.cookies["sessionid"].value)
    store["seen"] = 1
    Session.objects.update(ended_at=timezone.now())
    before = Session.objects.get().session_data
    with pytest.raises(UpdateError):
        store.save()
    assert Session.objects.get().session_data == before


def test_a_request_under_way_asks_anew_and_is_told(ended: Session, dora: User) -> None:
    assert session_open(ended, user_id=dora.pk, at=timezone.now()) is False
    Session.objects.update(ended_at=None)
    assert session_open(ended, user_id=dora.pk, at=timezone.now()) is True


def test_its_use_is_not_noted(ended: Session) -> None:
    later = timezone.now() + 2 * TOUCH_INTERVAL
    assert touch_session(ended, ip="203.0.113.7", user_agent="x", at=later) is False
    assert Session.objects.get().last_used_at == ended.last_used_at


def test_it_is_not_listed_and_not_ended_again(ended: Session, dora: User) -> None:
    now = timezone.now()
    assert list(live_sessions(dora, now)) == []
    with pytest.raises(SessionGone):
        end_session(ended, by=dora, at=now)
    assert end_sessions(dora, why=SessionEnd.BY_STAFF, by=dora, at=now) == 0
    assert OutboxEvent.objects.filter(kind="user.sessions_ended").count() == 0
    assert Session.objects.get().ended_at == ended.ended_at


@pytest.fixture
def key(dora: User) -> tuple[ApiKey, str]:
    now = timezone.now()
    return create_key(dora, name="k", scopes=["customers:read"], expires_at=now + timedelta(days=9), by=dora, at=now)


def test_a_revoked_key_opens_nothing_anywhere(dora: User, key: tuple[ApiKey, str]) -> None:
    row, secret = key

    def call() -> Any:
        return Client().get("/api/v1/me/", HTTP_AUTHORIZATION=f"Bearer {secret}").status_code

    now = timezone.now()
    assert (call(), key_open(row, at=now), [one.pk for one in live_keys(dora, now)]) == (200, True, [row.pk])
    revoke_key(row, by=dora, at=now)
    assert (call(), key_open(row, at=now), list(live_keys(dora, now))) == (401, False, [])
    with pytest.raises(KeyNotLive):
        rotate_key(row, overlap=timedelta(days=1), by=dora, at=now)
