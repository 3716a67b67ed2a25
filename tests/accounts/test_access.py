"""Time-limited access: who may come in when, and that a session ends with it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts.domain.grants import (
    GrantRefused,
    access_ends_at,
    change_subscription,
    grant_access,
    has_access,
    revoke_access,
)
from accounts.domain.users import deactivate_user, reactivate_user
from accounts.models import AccessGrant, User
from hashinsight.events.models import OutboxEvent
from tests.accounts.conftest import HOME, SignIn

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_no_grant_means_no_limit(dora: User) -> None:
    assert has_access(dora, AT)
    assert access_ends_at(dora, at=AT) is None


@pytest.mark.parametrize(
    ("moment", "open_"),
    [(-DAY, False), (timedelta(0), True), (5 * DAY - timedelta(microseconds=1), True), (5 * DAY, False)],
)
def test_with_a_grant_now_must_lie_inside(dora: User, moment: timedelta, open_: bool) -> None:
    grant_access(dora, days=5, by=None, at=AT)

    assert has_access(dora, AT + moment) is open_


def test_access_ends_with_the_last_running_grant(dora: User) -> None:
    grant_access(dora, days=5, by=None, at=AT)
    grant_access(dora, days=30, by=None, at=AT)
    grant_access(dora, days=5, by=None, at=AT, starts_at=AT + 60 * DAY)

    assert access_ends_at(dora, at=AT + DAY) == AT + 30 * DAY
    assert access_ends_at(dora) == AT + 65 * DAY


def test_grant_names_who_gave_it_and_tells_others(dora: User, root: User) -> None:
    grant = grant_access(dora, until=AT + 3 * DAY, by=root, at=AT, reason="trial")

    assert (grant.granted_by, grant.days, grant.reason) == (root, 3, "trial")
    event = OutboxEvent.objects.get(kind="user.access_granted")
    assert (event.user_id, event.payload["valid_to"]) == (dora.pk, "2026-11-23T12:00:00+00:00")
    history = grant.events.get()
    assert history.pgh_context.metadata["actor"] == str(root.pk)
    assert history.pgh_context.metadata["reason"] == "trial"


@pytest.mark.parametrize(
    ("period", "code"),
    [
        ({}, "grant_period_unclear"),
        ({"days": 5, "until": AT + DAY}, "grant_period_unclear"),
        ({"days": 0}, "grant_days_invalid"),
        ({"days": -3}, "grant_days_invalid"),
        ({"days": 3661}, "grant_days_invalid"),
        ({"until": AT}, "grant_period_invalid"),
        ({"days": 5, "starts_at": AT - 10 * DAY}, "grant_in_the_past"),
    ],
)
def test_senseless_periods_are_refused(dora: User, period: dict[str, Any], code: str) -> None:
    with pytest.raises(GrantRefused) as refusal:
        grant_access(dora, by=None, at=AT, **period)

    assert refusal.value.code == code
    assert not AccessGrant.objects.exists()


def test_the_database_refuses_a_backward_period(dora: User) -> None:
    with pytest.raises(IntegrityError, match="accounts_grant_period"), transaction.atomic():
        AccessGrant.objects.create(user=dora, valid_from=AT, valid_to=AT)


def test_revoking_ends_running_and_withdraws_coming_grants(dora: User) -> None:
    running = grant_access(dora, days=5, by=None, at=AT)
    grant_access(dora, days=5, by=None, at=AT, starts_at=AT + 10 * DAY)

    revoke_access(dora, by=None, at=AT + DAY)

    assert list(AccessGrant.objects.values_list("pk", "valid_to")) == [(running.pk, AT + DAY)]
    assert [has_access(dora, AT + n * DAY) for n in (0, 1, 11)] == [True, False, False]


@pytest.mark.parametrize("begin", [None, timedelta(0), 3 * DAY])
def test_revoking_never_opens_access(dora: User, begin: timedelta | None) -> None:
    """Also when nothing, or only what begins now or later, stood there: no row would mean no limit."""
    if begin is not None:
        grant_access(dora, days=5, by=None, at=AT, starts_at=AT + begin)

    revoke_access(dora, by=None, at=AT)

    assert not has_access(dora, AT)
    assert not has_access(dora, AT + 4 * DAY)


def test_subscription_writes_plan_and_grant(dora: User, root: User) -> None:
    grant = change_subscription(dora, plan="basic", days=30, by=root, at=AT)

    dora.refresh_from_db()
    assert (dora.subscription_plan, access_ends_at(dora, at=AT)) == ("basic", AT + 30 * DAY)
    assert (grant.granted_by, grant.days) == (root, 30)
    assert OutboxEvent.objects.get(kind="user.access_granted").payload["plan"] == "basic"


@pytest.mark.parametrize("plan", ["", "  ", "x" * 21])
def test_subscription_needs_a_name_that_fits(dora: User, plan: str) -> None:
    with pytest.raises(GrantRefused):
        change_subscription(dora, plan=plan, days=30, by=None, at=AT)

    dora.refresh_from_db()
    assert dora.subscription_plan == "free"


def test_session_ends_when_access_ends(dora: User, sign_in: SignIn, client: Client) -> None:
    sign_in()
    before = client.get(HOME).status_code
    revoke_access(dora, by=None, at=timezone.now())

    response = client.get(HOME)

    assert before == 200
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={HOME}")
    assert "_auth_user_id" not in client.session


def test_ended_session_does_not_come_back_with_a_new_grant(dora: User, sign_in: SignIn, client: Client) -> None:
    sign_in()
    revoke_access(dora, by=None, at=timezone.now())
    client.get("/accounts/login/")
    grant_access(dora, days=5, by=None, at=timezone.now())

    assert client.get(HOME).status_code == 302


def test_session_ends_when_the_clock_passes_the_end(dora: User, sign_in: SignIn, client: Client) -> None:
    grant_access(dora, days=1, by=None, at=timezone.now())
    sign_in()
    AccessGrant.objects.update(valid_from=timezone.now() - 2 * DAY, valid_to=timezone.now())

    assert client.get(HOME).status_code == 302


def test_session_ends_when_the_user_is_deactivated(dora: User, sign_in: SignIn, client: Client) -> None:
    sign_in()
    deactivate_user(dora, at=AT, by=None)
    ended = client.get(HOME).status_code
    reactivate_user(dora, by=None)

    assert (ended, client.get(HOME).status_code) == (302, 302)


@pytest.mark.parametrize("grants", [0, 1, 3])
def test_asking_for_access_costs_no_query_of_its_own(
    dora: User, sign_in: SignIn, client: Client, django_assert_num_queries: Any, grants: int
) -> None:
    for days in range(1, grants + 1):
        grant_access(dora, days=days, by=None, at=timezone.now())
    sign_in()

    with django_assert_num_queries(2):  # the session, the user with the answer
        client.get("/accounts/logout/")
