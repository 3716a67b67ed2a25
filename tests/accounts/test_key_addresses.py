"""From where a key may be used: typed, stored in one spelling, asked on every call."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.domain.keys import MOST_NETWORKS, KeyRefused, create_key, limit_key, rotate_key
from accounts.engine.networks import NetworkInvalid, all_inside, is_inside, parse_networks
from accounts.models import ApiKey, LoginRecord, User
from tests.accounts.conftest import HOME, MADE_AT, SignIn

CALL = "/api/v1/me/"


def call(secret: str, ip: str, **headers: Any) -> Any:
    return Client().get(CALL, REMOTE_ADDR=ip, HTTP_AUTHORIZATION=f"Bearer {secret}", **headers)


def make(user: User, *networks: str, **more: Any) -> tuple[ApiKey, str]:
    wish: dict[str, Any] = {"scopes": ["deals:read", "api-keys:write"], "expires_at": None, **more}
    return create_key(user, name="k", by=user, at=timezone.now(), allowed_networks=networks, **wish)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (["192.0.2.1"], ["192.0.2.1/32"]),
        ([" 192.0.2.0/24 ", "192.0.2.0/24"], ["192.0.2.0/24"]),
        (["2001:DB8::1"], ["2001:db8::1/128"]),
        (["::ffff:192.0.2.1"], ["192.0.2.1/32"]),
        (["::ffff:192.0.2.0/120"], ["192.0.2.0/24"]),
        (["0.0.0.0/0", "::/0"], ["0.0.0.0/0", "::/0"]),
    ],
)
def test_one_spelling(typed: list[str], stored: list[str]) -> None:
    assert parse_networks(typed) == stored


@pytest.mark.parametrize(
    "text",
    ["", "host", "192.0.2.1/24", "192.0.2.256",
      "192.0.2.0/33", "192.0.2.0/-1", "1", "010.0.0.1", "fe80::1%eth0", "a" * 500],
)  # fmt: skip
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(NetworkInvalid):
        parse_networks([text])


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("192.0.2.255", True),
        ("192.0.3.0", False),
        ("::ffff:192.0.2.7", True),
        ("2001:db8::9", True),
        ("2001:db9::9", False),
        (None, False),
    ],
)
def test_inside(address: str | None, inside: bool) -> None:
    assert is_inside(address, ["192.0.2.0/24", "2001:db8::/32"]) is inside


def test_networks_within_networks() -> None:
    assert all_inside(["192.0.2.8/29", "2001:db8::1/128"], ["2001:db8::/32", "192.0.2.0/24"])
    assert not all_inside(["192.0.0.0/16"], ["192.0.2.0/24"])
    assert not all_inside(["::/0"], ["0.0.0.0/0"])


def test_a_key_works_from_its_addresses_only(dora: User) -> None:
    _key, secret = make(dora, "192.0.2.0/24")
    refused = call(secret, "198.51.100.1")

    assert call(secret, "192.0.2.9").status_code == 200
    assert (refused.status_code, refused.json()["code"]) == (403, "address_not_allowed")
    assert "198.51.100.1" in refused.json()["detail"]
    assert LoginRecord.objects.filter(outcome="failed", ip_address="198.51.100.1", method="api_key").count() == 1


def test_a_stolen_key_does_not_show_as_used(dora: User) -> None:
    key, secret = make(dora, "192.0.2.0/24")
    call(secret, "198.51.100.1")

    key.refresh_from_db()
    assert key.last_used_at is None


@pytest.mark.parametrize(
    ("proxies", "forwarded", "status"),
    [
        (0, "192.0.2.9", 403),  # nobody's proxy: the header is the caller's own invention
        (1, "192.0.2.9", 200),
        (1, "192.0.2.9, 198.51.100.1", 403),  # what the one trusted proxy saw is on the right
        (2, "192.0.2.9, 203.0.113.5", 200),
        (1, "", 403),
        (1, "192.0.2.9:443, nonsense", 403),
    ],
)
def test_forwarded_addresses_count_behind_trusted_proxies_only(
    dora: User, settings: Any, proxies: int, forwarded: str, status: int
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies
    _key, secret = make(dora, "192.0.2.0/24")

    assert call(secret, "198.51.100.1", HTTP_X_FORWARDED_FOR=forwarded).status_code == status


def test_a_successor_keeps_the_addresses(dora: User) -> None:
    key, _secret = make(dora, "192.0.2.0/24")
    successor, _new = rotate_key(key, by=dora, at=timezone.now())

    assert successor.allowed_networks == ["192.0.2.0/24"]


@pytest.mark.parametrize(
    ("wanted", "stored"),
    [([], ["192.0.2.0/24"]), (["192.0.2.4"], ["192.0.2.4/32"]), (["198.51.100.0/24"], None), (["0.0.0.0/0"], None)],
)
def test_a_limited_key_makes_no_freer_one(dora: User, wanted: list[str], stored: list[str] | None) -> None:
    parent, _secret = make(dora, "192.0.2.0/24")
    if stored is None:
        with pytest.raises(KeyRefused, match="may not be used from there"):
            make(dora, *wanted, parent_key=parent)
        return
    assert make(dora, *wanted, parent_key=parent)[0].allowed_networks == stored


def test_too_many(dora: User) -> None:
    with pytest.raises(KeyRefused, match="at most"):
        make(dora, *(f"192.0.2.{n}" for n in range(MOST_NETWORKS + 1)))


def test_limiting_counts_from_the_next_call(dora: User) -> None:
    key, secret = make(dora)
    before = call(secret, "198.51.100.1").status_code
    limit_key(key, networks=["192.0.2.0/24"], by=dora, at=timezone.now())

    assert (before, call(secret, "198.51.100.1").status_code) == (200, 403)
    assert key.events.order_by("pgh_id").last().allowed_networks == ["192.0.2.0/24"]


def test_an_ended_key_is_not_limited(dora: User) -> None:
    key, _secret = make(dora, expires_at=timezone.now() + timedelta(seconds=1))

    with pytest.raises(KeyRefused, match="has ended"):
        limit_key(key, networks=[], by=dora, at=timezone.now() + timedelta(days=1))


def test_own_page_shows_and_changes_them(dora: User, sign_in: SignIn, client: Client) -> None:
    sign_in()
    wish = {"name": "Meter", "scopes": ["deals:read"], "allowed_networks": "192.0.2.1, 2001:db8::/32\n10.0.0.0/8"}
    client.post(HOME + "keys/", wish)
    key = ApiKey.objects.get()
    shown = client.get(HOME).content.decode()
    address = f"{HOME}keys/{key.public_id}/addresses/"
    refused = client.post(address, {"allowed_networks": "10.0.0.1/8"}, follow=True).content.decode()
    kept = ApiKey.objects.get().allowed_networks
    client.post(address, {"allowed_networks": ""})

    assert "only from 192.0.2.1/32, 2001:db8::/32, 10.0.0.0/8" in shown
    assert "10.0.0.1/8 is neither an address nor a network" in refused
    assert (len(kept), ApiKey.objects.get().allowed_networks) == (3, [])


def test_own_page_shows_the_overlap_and_ends_it(dora: User, sign_in: SignIn, client: Client) -> None:
    sign_in()
    key, secret = make(dora)
    client.post(f"{HOME}keys/{key.public_id}/rotate/")
    shown = client.get(HOME).content.decode()
    during = call(secret, "192.0.2.1").status_code
    client.post(f"{HOME}keys/{key.public_id}/revoke/")

    assert "replaced" in shown
    assert "End now" in shown
    assert (during, call(secret, "192.0.2.1").status_code) == (200, 401)


def test_the_api_takes_and_tells_them(dora: User) -> None:
    _key, secret = make(dora)
    body = {"name": "x", "scopes": ["deals:read"], "allowed_networks": ["192.0.2.7", "10.0.0.1/8"]}
    post = {"content_type": "application/json", "HTTP_AUTHORIZATION": f"Bearer {secret}"}
    refused = Client().post("/api/v1/api-keys/", body, **post)
    made = Client().post("/api/v1/api-keys/", {**body, "allowed_networks": ["192.0.2.7"]}, **post)

    assert (refused.status_code, refused.json()["code"]) == (409, "network_invalid")
    assert made.json()["allowed_networks"] == ["192.0.2.7/32"]
    assert ApiKey.objects.latest("pk").created_at > MADE_AT
