"""Clients of the back office, each signed in as one of the cast."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from hashinsight.jobs import queue
from tests import factories
from tests.support.standing import standing

BACKEND = "accounts.backends.TimeLimitedBackend"
SignIn = Callable[[User], Client]


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    """Tiles and uploads are kept in the cache; no test sees those of another."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def quiet_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """No message leaves."""
    monkeypatch.setitem(queue._silence, "until", math.inf)


@pytest.fixture
@standing
def sign_in() -> SignIn:
    """A client for a person."""

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend=BACKEND)
        return client

    return signed_in


@pytest.fixture
@standing
def as_root(root: User, sign_in: SignIn) -> Client:
    """Whoever may do everything."""
    return sign_in(root)


@pytest.fixture
@standing
def staff(db: None) -> Callable[..., User]:
    """Makes staff with exactly these permissions."""

    def make(*permissions: str) -> User:
        return factories.give_permissions(factories.UserFactory(is_staff=True), *permissions)

    return make


def texts(response: Any) -> list[str]:
    """The messages a page shows."""
    return [str(message) for message in response.context["messages"]]


def seen(response: Any) -> str:
    """What a confirm page wants back, so that it knows what the person saw."""
    return str(response.context["seen"])
