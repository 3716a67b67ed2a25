"""What the product's processes get to see."""

import pytest

from hashinsight.devtools.environment import Endpoints, cache_beside, child_env
from hashinsight.devtools.paths import Place

ENDPOINTS = Endpoints(
    "postgresql://owner@/db", "postgresql://app@/db", "redis+socket:///s?virtual_host=0", "unix:///s?db=1"
)


@pytest.mark.parametrize(
    ("broker", "cache"),
    [
        ("redis+socket:///run/v.sock?virtual_host=0", "unix:///run/v.sock?db=1"),
        ("redis://user:pw@host:6380/0", "redis://user:pw@host:6380/1"),
        ("rediss://host/0?ssl_cert_reqs=required", "rediss://host/1?ssl_cert_reqs=required"),
        ("amqp://guest@host//", "locmem://"),
    ],
)
def test_cache_follows_the_broker(broker: str, cache: str) -> None:
    assert cache_beside(broker) == cache


def test_owner_and_app_get_their_own_login(place: Place) -> None:
    assert child_env(place, ENDPOINTS)["DATABASE_URL"] == "postgresql://app@/db"
    assert child_env(place, ENDPOINTS, owner=True)["DATABASE_URL"] == "postgresql://owner@/db"


def test_the_persons_own_values_win_but_not_for_the_servers(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "mine")
    monkeypatch.setenv("PGPORT", "6000")

    env = child_env(place, ENDPOINTS)

    assert env["SECRET_KEY"] == "mine"
    assert "PGPORT" not in env
    assert env["HASHINSIGHT_VAR"] == str(place.root)


def test_with_an_external_database_its_pg_variables_stay(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql:///x")
    monkeypatch.setenv("PGPORT", "6000")

    assert child_env(place, ENDPOINTS)["PGPORT"] == "6000"
