"""API keys: what is stored, which may be made, how they rotate and end."""

import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.domain.keys import (
    MOST_LIVE_KEYS,
    KeyNotLive,
    KeyRefused,
    ScopeRefused,
    TooManyKeys,
    create_key,
    live_keys,
    opens,
    prefix_of,
    revoke_key,
    rotate_key,
    scopes_for,
    touch_key,
)
from accounts.domain.users import create_user, deactivate_user
from accounts.enums import SCOPES, STAFF_SCOPES
from accounts.models import ApiKey, User
from hashinsight.events.models import OutboxEvent
from tests.accounts.conftest import MADE_AT
from tests.accounts.test_sign_in import everything_stored
from tests.support.standing import standing

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
Maker = Callable[..., tuple[ApiKey, str]]


@pytest.fixture
@standing
def make(dora: User) -> Maker:
    """A key for dora."""

    def make(**wish: Any) -> tuple[ApiKey, str]:
        wish = {"name": "Reader", "scopes": ["deals:read"], "expires_at": None, "by": dora, "at": AT, **wish}
        return create_key(wish.pop("user", dora), **wish)

    return make


def test_key_has_its_form_and_opens_itself_only(make: Maker) -> None:
    (key, secret), (other, _other_secret) = make(), make()

    assert re.fullmatch(r"hi_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}", secret)
    assert prefix_of(secret) == key.prefix
    assert opens(key, secret)
    assert not opens(other, secret)
    assert not opens(key, secret[:-1] + ("A" if secret[-1] != "A" else "B"))
    assert not opens(key, secret.replace(key.prefix, other.prefix))


def test_only_a_keyed_hash_is_stored(make: Maker, settings: Any) -> None:
    key, secret = make()
    successor, next_secret = rotate_key(key, by=key.user, at=AT)
    stored = everything_stored()

    assert key.digest == hmac.new(settings.API_KEY_PEPPER.encode(), secret.encode(), hashlib.sha256).hexdigest()
    assert key.digest != hashlib.sha256(secret.encode()).hexdigest()
    for shown in (secret, next_secret):
        assert shown not in stored
        assert shown.split("_", 2)[2] not in stored
    assert stored.count(key.digest) == stored.count(successor.digest) == 1, "the digest is in no history row"


@pytest.mark.parametrize(
    "text",
    ["", "hi_", "hi_abcdefgh_short", "hi_abcdefgé_" + "a" * 43, "xx_abcdefgh_" + "a" * 43, "hi_abcdefgh_" + "a" * 44],
)
def test_other_texts_have_no_prefix(text: str) -> None:
    assert prefix_of(text) is None


def test_making_a_key_is_audited_and_told(make: Maker, dora: User) -> None:
    key, _secret = make(scopes=["invoices:read", "deals:read", "deals:read"], expires_at=AT + DAY)

    assert key.scopes == ["deals:read", "invoices:read"]
    assert key.events.get().pgh_context.metadata["actor"] == str(dora.pk)
    event = OutboxEvent.objects.get(kind="api_key.created")
    assert event.payload == {
        "key_id": str(key.public_id),
        "user_id": str(dora.pk),
        "prefix": key.prefix,
        "scopes": ["deals:read", "invoices:read"],
        "expires_at": "2026-11-21T12:00:00+00:00",
        "rotated_from": None,
    }


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"scopes": []}, "scope_missing"),
        ({"scopes": ["deals:read", "deals:fly"]}, "scope_unknown"),
        ({"scopes": ["*"]}, "scope_unknown"),
        ({"name": "  \x00\n"}, "key_name_missing"),
        ({"expires_at": AT}, "key_expiry_in_the_past"),
        ({"expires_at": AT - DAY}, "key_expiry_in_the_past"),
    ],
)
def test_senseless_keys_are_refused(make: Maker, wish: dict[str, Any], code: str) -> None:
    with pytest.raises(KeyRefused) as refusal:
        make(**wish)

    assert refusal.value.code == code
    assert not ApiKey.objects.exists()
    assert not OutboxEvent.objects.filter(kind="api_key.created").exists()


@pytest.mark.parametrize("scope", sorted(STAFF_SCOPES))
def test_staff_scopes_are_for_staff(make: Maker, dora: User, scope: str) -> None:
    with pytest.raises(ScopeRefused) as refusal:
        make(scopes=[scope])
    User.objects.filter(pk=dora.pk).update(is_staff=True)

    assert refusal.value.code == "scope_for_staff"
    assert make(scopes=[scope])[0].scopes == [scope]


def test_what_a_form_may_offer(dora: User) -> None:
    offered = set(scopes_for(dora))
    dora.is_staff = True

    assert offered == set(SCOPES) - STAFF_SCOPES
    assert scopes_for(dora) == list(SCOPES)


def test_inactive_people_get_no_key(make: Maker, dora: User) -> None:
    deactivate_user(dora, at=AT, by=None)

    with pytest.raises(KeyRefused) as refusal:
        make()
    assert refusal.value.code == "user_inactive"


def test_twenty_live_keys_are_the_most(make: Maker) -> None:
    keys = [make()[0] for _count in range(MOST_LIVE_KEYS)]
    with pytest.raises(TooManyKeys):
        make()
    with pytest.raises(TooManyKeys):
        rotate_key(keys[0], by=None, at=AT)
    rotate_key(keys[0], by=None, at=AT, overlap=timedelta(0))
    revoke_key(keys[1], by=None, at=AT)
    make()

    with pytest.raises(TooManyKeys):
        make()


def test_expired_keys_do_not_count(make: Maker) -> None:
    for _count in range(MOST_LIVE_KEYS):
        make(expires_at=AT + DAY)

    assert make(at=AT + DAY)[0].pk


# --- a key that makes keys ------------------------------------------------------------------------------------


def test_child_has_no_scope_its_parent_lacks(make: Maker) -> None:
    parent, _secret = make(scopes=["api-keys:write", "deals:read"])

    with pytest.raises(ScopeRefused) as refusal:
        make(scopes=["deals:read", "invoices:read"], parent_key=parent)
    assert refusal.value.code == "scope_wider_than_parent"
    assert make(scopes=["deals:read"], parent_key=parent)[0].scopes == ["deals:read"]


@pytest.mark.parametrize(
    ("parent_ends", "wish", "child_ends"),
    [
        (None, None, None),
        (None, 5 * DAY, 5 * DAY),
        (9 * DAY, None, 9 * DAY),
        (9 * DAY, 5 * DAY, 5 * DAY),
        (9 * DAY, 9 * DAY, 9 * DAY),
    ],
)
def test_child_does_not_outlive_its_parent(make: Maker, parent_ends: Any, wish: Any, child_ends: Any) -> None:
    parent, _secret = make(expires_at=parent_ends and AT + parent_ends)
    child, _secret = make(expires_at=wish and AT + wish, parent_key=parent)

    assert child.expires_at == (child_ends and AT + child_ends)


def test_longer_life_than_the_parent_is_refused(make: Maker) -> None:
    parent, _secret = make(expires_at=AT + 9 * DAY)

    with pytest.raises(KeyRefused) as refusal:
        make(expires_at=AT + 10 * DAY, parent_key=parent)
    assert refusal.value.code == "key_outlives_parent"


def test_child_belongs_to_the_same_user(make: Maker, root: User) -> None:
    parent, _secret = make()

    with pytest.raises(KeyRefused) as refusal:
        make(user=root, parent_key=parent)
    assert refusal.value.code == "key_of_another_user"


def test_dead_parent_has_no_children(make: Maker) -> None:
    parent, _secret = make()
    revoke_key(parent, by=None, at=AT)

    with pytest.raises(KeyNotLive):
        make(parent_key=parent)


def test_a_key_cannot_rotate_a_stronger_one(make: Maker) -> None:
    weak, _secret = make(scopes=["api-keys:write"], expires_at=AT + DAY)
    strong, _secret = make(scopes=["api-keys:write", "invoices:read"])
    lasting, _secret = make(scopes=["api-keys:write"])

    with pytest.raises(ScopeRefused):
        rotate_key(strong, by=None, at=AT, parent_key=weak)
    successor, _secret = rotate_key(lasting, by=None, at=AT, parent_key=weak)
    assert successor.expires_at == weak.expires_at


# --- rotation and end -----------------------------------------------------------------------------------------


def test_rotation_changes_the_secret_and_keeps_the_rest(make: Maker) -> None:
    key, secret = make(expires_at=AT + 90 * DAY)

    successor, new_secret = rotate_key(key, by=None, at=AT)

    key.refresh_from_db()
    assert (successor.name, successor.scopes, successor.expires_at) == (key.name, key.scopes, AT + 90 * DAY)
    assert (successor.rotated_from, key.expires_at) == (key, AT + DAY)
    assert new_secret != secret
    assert [key.is_live(AT + DAY - timedelta(seconds=1)), key.is_live(AT + DAY)] == [True, False]


def test_overlap_does_not_prolong_a_dying_key(make: Maker) -> None:
    key, _secret = make(expires_at=AT + timedelta(hours=2))
    rotate_key(key, by=None, at=AT)

    key.refresh_from_db()
    assert key.expires_at == AT + timedelta(hours=2)


def test_without_overlap_the_old_key_ends_now(make: Maker) -> None:
    key, _secret = make()
    rotate_key(key, by=None, at=AT, overlap=timedelta(0))

    key.refresh_from_db()
    assert key.revoked_at == AT


def test_never_more_than_two_of_a_line_live(make: Maker, dora: User) -> None:
    first, _secret = make()
    second, _secret = rotate_key(first, by=None, at=AT)
    third, _secret = rotate_key(second, by=None, at=AT + timedelta(hours=1))

    assert set(live_keys(dora, AT + timedelta(hours=1))) == {second, third}


def test_a_key_rotates_once(make: Maker) -> None:
    key, _secret = make()
    rotate_key(key, by=None, at=AT)

    with pytest.raises(KeyRefused) as refusal:
        rotate_key(key, by=None, at=AT)
    assert refusal.value.code == "key_rotated_already"


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=31)])
def test_overlap_has_bounds(make: Maker, overlap: timedelta) -> None:
    key, _secret = make()

    with pytest.raises(KeyRefused) as refusal:
        rotate_key(key, by=None, at=AT, overlap=overlap)
    assert refusal.value.code == "key_overlap_invalid"


def test_dead_keys_do_not_rotate(make: Maker) -> None:
    expired, _secret = make(expires_at=AT + DAY)
    revoked, _secret = make()
    revoke_key(revoked, by=None, at=AT)

    for key in (expired, revoked):
        with pytest.raises(KeyNotLive):
            rotate_key(key, by=None, at=AT + DAY)


def test_former_staff_cannot_keep_staff_scopes_by_rotating(make: Maker, dora: User) -> None:
    User.objects.filter(pk=dora.pk).update(is_staff=True)
    key, _secret = make(scopes=["leads:read"])
    User.objects.filter(pk=dora.pk).update(is_staff=False)

    with pytest.raises(ScopeRefused):
        rotate_key(key, by=None, at=AT)


def test_revoking_ends_at_once_and_only_once(make: Maker, dora: User) -> None:
    key, _secret = make()
    assert revoke_key(key, by=dora, at=AT).revoked_at == AT

    with pytest.raises(KeyNotLive):
        revoke_key(key, by=dora, at=AT + DAY)
    event = OutboxEvent.objects.get(kind="api_key.revoked")
    assert (event.aggregate_id, event.payload["by"]) == (str(key.public_id), str(dora.pk))


def test_being_used_is_no_change(make: Maker) -> None:
    key, _secret = make()
    before = (key.version, key.events.count())

    answers = [
        touch_key(ApiKey.objects.get(pk=key.pk), ip=ip, at=AT + after)
        for ip, after in (("192.0.2.1", timedelta(0)), ("192.0.2.2", timedelta(seconds=59)), ("2001:db8::1", DAY))
    ]

    key.refresh_from_db()
    assert answers == [True, False, True]
    assert (key.last_used_at, key.last_used_ip) == (AT + DAY, "2001:db8::1")
    assert (key.version, key.events.count()) == before


def test_use_is_noted_once_a_minute(make: Maker) -> None:
    key, _secret = make()
    touch_key(key, ip="192.0.2.1", at=AT)
    touch_key(key, ip="192.0.2.2", at=AT + timedelta(seconds=59))
    first = ApiKey.objects.get(pk=key.pk)
    touch_key(first, ip="192.0.2.3", at=AT + timedelta(seconds=60))

    assert (first.last_used_at, first.last_used_ip) == (AT, "192.0.2.1")
    assert ApiKey.objects.get(pk=key.pk).last_used_ip == "192.0.2.3"


def test_keys_of_two_people_are_counted_apart(make: Maker) -> None:
    for _count in range(MOST_LIVE_KEYS):
        make()
    other = create_user("emil@delta.example", by=None, at=MADE_AT)

    assert make(user=other)[0].user == other
