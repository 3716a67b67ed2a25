"""People who can sign in, and the ways in."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.domain.users import create_user
from accounts.models import User
from tests.support.standing import standing

PASSWORD = "correct-horse-battery-staple"
MADE_AT = datetime(2026, 11, 1, tzinfo=UTC)
HOME = "/accounts/home/"

SignIn = Callable[..., Any]


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    """allauth's rate limits and the count of failed keys live in the cache."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
@standing
def dora(db: None) -> User:
    """A person with a verified address and no right at all."""
    return create_user("dora@delta.example", by=None, at=MADE_AT, password=PASSWORD, name="Dora Delta", verified=True)


@pytest.fixture
def sign_in(client: Client) -> SignIn:
    """Post the sign-in form as somebody at an address."""

    def post(
        email: str = "dora@delta.example", password: str = PASSWORD, *, ip: str = "198.51.100.7", **extra: Any
    ) -> Any:
        path = "/accounts/login/" + (f"?next={extra.pop('next')}" if "next" in extra else "")
        return client.post(path, {"login": email, "password": password}, REMOTE_ADDR=ip, **extra)

    return post
