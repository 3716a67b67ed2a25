"""One's own page: profile, keys, sign-ins, and what other apps add."""

import re
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import home
from accounts.domain.keys import create_key, opens
from accounts.domain.users import create_user
from accounts.models import ApiKey, User
from tests.accounts.conftest import HOME, MADE_AT, SignIn


@pytest.fixture
def visitor(dora: User, sign_in: SignIn, client: Client) -> Client:
    """dora's browser."""
    sign_in()
    return client


def own_key(user: User, **wish: Any) -> ApiKey:
    wish = {"name": "Reader", "scopes": ["deals:read"], "expires_at": None, "by": user, "at": timezone.now(), **wish}
    return create_key(user, **wish)[0]


NO_KEY = uuid.UUID(int=7)
POSTS = [
    "profile/",
    "keys/",
    f"keys/{NO_KEY}/rotate/",
    f"keys/{NO_KEY}/revoke/",
    f"keys/{NO_KEY}/addresses/",
    f"sessions/{NO_KEY}/end/",
    "sessions/end/",
    "wallets/start/",
    "wallets/finish/",
    f"wallets/{NO_KEY}/unlink/",
]


@pytest.mark.parametrize("path", POSTS)
def test_strangers_change_nothing(db: None, client: Client, path: str) -> None:
    assert client.post(HOME + path)["Location"] == f"/accounts/login/?next={HOME}{path}"


@pytest.mark.parametrize("path", POSTS)
def test_looking_changes_nothing(visitor: Client, path: str) -> None:
    assert visitor.get(HOME + path).status_code == 405


@pytest.mark.parametrize("path", POSTS)
def test_forged_posts_are_refused(dora: User, path: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(dora)

    assert strict.post(HOME + path).status_code == 403


def test_page_is_not_kept_in_caches(visitor: Client) -> None:
    assert "no-store" in visitor.get(HOME)["Cache-Control"]


def test_profile_is_changed(visitor: Client, dora: User) -> None:
    response = visitor.post(
        HOME + "profile/", {"name": "D. Delta", "company": "<b>Δ</b>", "position": "CFO", "is_staff": "on"}
    )

    dora.refresh_from_db()
    assert response["Location"] == HOME
    assert (dora.name, dora.company, dora.position, dora.is_staff) == ("D. Delta", "<b>Δ</b>", "CFO", False)
    assert dora.events.order_by("pgh_id").last().pgh_context.metadata["actor"] == str(dora.pk)
    assert "&lt;b&gt;Δ" in visitor.get(HOME).content.decode()


def test_profile_that_does_not_fit_is_shown_again(visitor: Client, dora: User) -> None:
    response = visitor.post(HOME + "profile/", {"name": "x" * 101})

    assert response.status_code == 400
    assert "at most 100 characters" in response.content.decode()
    dora.refresh_from_db()
    assert dora.name == "Dora Delta"


def test_secret_is_shown_once(visitor: Client, dora: User) -> None:
    response = visitor.post(
        HOME + "keys/", {"name": "Meter", "scopes": ["deals:read", "invoices:read"], "expires_on": "2027-03-31"}
    )
    html = response.content.decode()
    found = re.search(r"hi_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}", html)
    key = ApiKey.objects.get()

    assert found is not None
    assert opens(key, found.group())
    assert (key.user, key.name, key.scopes) == (dora, "Meter", ["deals:read", "invoices:read"])
    assert key.expires_at == datetime(2027, 4, 1, tzinfo=UTC)
    assert "no-store" in response["Cache-Control"]
    later = visitor.get(HOME).content.decode()
    assert f"hi_{key.prefix}…" in later
    assert found.group() not in later
    assert key.digest not in later
    assert found.group() not in str(dict(visitor.session))


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"name": "", "scopes": ["deals:read"]}, "This field is required"),
        ({"name": "x", "scopes": []}, "This field is required"),
        ({"name": "x", "scopes": ["invoices:write"]}, "Select a valid choice"),
        ({"name": "x", "scopes": ["deals:fly"]}, "Select a valid choice"),
        ({"name": "x", "scopes": ["deals:read"], "expires_on": "2020-01-01"}, "expired already"),
        ({"name": "x", "scopes": ["deals:read"], "expires_on": "soon"}, "Enter a valid date"),
    ],
)
def test_senseless_keys_are_explained(visitor: Client, wish: dict[str, Any], message: str) -> None:
    response = visitor.post(HOME + "keys/", wish)

    assert response.status_code == 400
    assert message in response.content.decode()
    assert not ApiKey.objects.exists()


def test_staff_scopes_are_offered_to_staff_only(visitor: Client, dora: User) -> None:
    before = "invoices:write" in visitor.get(HOME).content.decode()
    User.objects.filter(pk=dora.pk).update(is_staff=True)

    assert (before, "invoices:write" in visitor.get(HOME).content.decode()) == (False, True)


def test_rotate_and_revoke(visitor: Client, dora: User) -> None:
    key = own_key(dora)
    rotated = visitor.post(f"{HOME}keys/{key.public_id}/rotate/").content.decode()
    successor = ApiKey.objects.get(rotated_from=key)
    visitor.post(f"{HOME}keys/{successor.public_id}/revoke/")

    successor.refresh_from_db()
    assert f"hi_{successor.prefix}_" in rotated
    assert successor.revoked_at is not None


def test_refusals_are_shown(visitor: Client, dora: User) -> None:
    key = own_key(dora)
    visitor.post(f"{HOME}keys/{key.public_id}/revoke/")

    for verb, message in (("revoke", "revoked already"), ("rotate", "has ended")):
        page = visitor.post(f"{HOME}keys/{key.public_id}/{verb}/", follow=True)
        assert message in page.content.decode()


@pytest.mark.parametrize("verb", ["rotate", "revoke"])
def test_keys_of_others_do_not_exist(visitor: Client, verb: str) -> None:
    other = create_user("emil@delta.example", by=None, at=MADE_AT)
    key = own_key(other, name="Emil's")

    assert visitor.post(f"{HOME}keys/{key.public_id}/{verb}/").status_code == 404
    key.refresh_from_db()
    assert (key.revoked_at, ApiKey.objects.count()) == (None, 1)
    assert "Emil" not in visitor.get(HOME).content.decode()


def test_own_sign_ins_are_listed(visitor: Client, sign_in: SignIn, client: Client) -> None:
    Client().post("/accounts/login/", {"login": "dora@delta.example", "password": "x"}, HTTP_USER_AGENT="<i>Evil</i>")
    Client().post("/accounts/login/", {"login": "emil@delta.example", "password": "x"}, HTTP_USER_AGENT="Emil")
    html = visitor.get(HOME).content.decode()

    assert html.count('class="badge success"') == 1
    assert html.count('class="badge failed"') == 1
    assert "&lt;i&gt;Evil" in html
    assert "Emil" not in html


@pytest.mark.parametrize("count", [1, 3])
def test_query_count_does_not_grow(visitor: Client, dora: User, django_assert_num_queries: Any, count: int) -> None:
    for _key in range(count):
        own_key(dora)
        Client().post("/accounts/login/", {"login": dora.email, "password": "x"})
    with django_assert_num_queries(NUMBER_OF_QUERIES):
        visitor.get(HOME)


NUMBER_OF_QUERIES = 8  # session, user; running end, latest end; sessions; keys; wallets; sign-ins


def test_other_apps_add_sections(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "_sections", list(home._sections))
    home.register_section(lambda request: None, order=1)
    home.register_section(lambda request: ("account/no_back_office.html", {"title": request.user.email}), order=5)

    html = visitor.get(HOME).content.decode()

    assert html.index("No access to the back office") < html.index("Last sign-ins")


def test_a_section_registers_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "_sections", [])

    def section(request: Any) -> None:
        return None

    home.register_section(section)
    home.register_section(section)

    assert len(home._sections) == 1
