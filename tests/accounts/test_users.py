"""People: made, given roles, switched off; and who is protected from whom."""

from datetime import UTC, datetime
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.core.management import call_command

from accounts.domain.roles import sync_roles
from accounts.domain.users import (
    EmailRefused,
    LastOwner,
    OwnerProtected,
    UnknownRole,
    change_profile,
    create_user,
    deactivate_user,
    reactivate_user,
    register_guest,
    set_groups,
)
from accounts.models import User, UserGroup
from accounts.rules import may_manage
from hashinsight.events.models import OutboxEvent
from tests.accounts.conftest import HOME, SignIn
from tests.support.standing import standing

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
@standing
def roles(db: None) -> None:
    sync_roles()


def staff(email: str, *groups: str) -> User:
    user = create_user(email, by=None, at=AT, verified=True)
    return set_groups(user, groups=groups, by=None, at=AT) if groups else user


@pytest.fixture
@standing
def owner(roles: None) -> User:
    return staff("owner@h.example", "owner")


@pytest.fixture
@standing
def admin(roles: None) -> User:
    return staff("admin@h.example", "admin")


def test_new_user_has_an_address_and_no_right(db: None, root: User) -> None:
    user = create_user("  New@Person.Example ", by=root, at=AT, name="New\x00 Person")

    address = EmailAddress.objects.get(user=user)
    assert (user.email, user.name, user.created_by, user.created_at) == ("new@person.example", "New Person", root, AT)
    assert (address.email, address.primary, address.verified) == ("new@person.example", True, False)
    assert (user.is_staff, user.has_usable_password(), user.get_all_permissions()) == (False, False, set())
    assert OutboxEvent.objects.get(kind="user.registered").payload["origin"] == "staff"


MALFORMED = [
    "",
    "nobody",
    "a@b",
    "a b@c.example",
    "x" * 250 + "@c.example",
    "a\x00@c.example",
    "a@c.example, b@c.example",
]


@pytest.mark.parametrize("email", MALFORMED)
def test_malformed_addresses_are_refused(db: None, email: str) -> None:
    with pytest.raises(EmailRefused) as refusal:
        create_user(email, by=None, at=AT)
    assert refusal.value.code == "email_invalid"


def test_address_is_taken_in_any_case(dora: User) -> None:
    with pytest.raises(EmailRefused) as refusal:
        create_user("DORA@Delta.Example", by=None, at=AT)
    assert refusal.value.code == "email_taken"


def test_roles_make_staff_and_are_audited(owner: User, dora: User) -> None:
    set_groups(dora, groups=["sales", "finance"], by=owner, at=AT)
    held = dora.staff_roles()
    set_groups(dora, groups=["sales"], by=owner, at=AT)
    set_groups(dora, groups=[], by=owner, at=AT)

    dora.refresh_from_db()
    assert (held, dora.staff_roles(), dora.is_staff) == (["finance", "sales"], [], False)
    rows = UserGroup.pgh_event_model.objects.filter(user_id=dora.pk).order_by("pgh_id")
    assert sorted((row.pgh_label, row.group.name) for row in rows) == [
        ("delete", "finance"),
        ("delete", "sales"),
        ("insert", "finance"),
        ("insert", "sales"),
    ]
    assert {row.pgh_context.metadata["actor"] for row in rows} == {str(owner.pk)}
    assert OutboxEvent.objects.filter(kind="user.roles_changed", user_id=dora.pk).count() == 3


def test_raw_sql_leaves_an_audit_row_too(owner: User, dora: User) -> None:
    User.groups.through.objects.create(user=dora, group=Group.objects.get(name="owner"))

    assert UserGroup.pgh_event_model.objects.get(user_id=dora.pk).pgh_label == "insert"


def test_unknown_group_changes_nothing(owner: User, dora: User) -> None:
    with pytest.raises(UnknownRole):
        set_groups(dora, groups=["sales", "emperor"], by=owner, at=AT)
    assert dora.staff_roles() == []


def test_admin_gives_roles_but_not_that_of_an_owner(owner: User, admin: User, dora: User) -> None:
    assert set_groups(dora, groups=["sales"], by=admin, at=AT).is_staff
    for user in (dora, admin):
        with pytest.raises(OwnerProtected):
            set_groups(user, groups=["owner"], by=admin, at=AT)
    assert [dora.role(), admin.role()] == ["sales", "admin"]


@pytest.mark.parametrize("act", [
    lambda owner, by: set_groups(owner, groups=["sales"], by=by, at=AT),
    lambda owner, by: set_groups(owner, groups=["owner", "sales"], by=by, at=AT),
    lambda owner, by: deactivate_user(owner, at=AT, by=by),
    lambda owner, by: reactivate_user(owner, by=by),
])  # fmt: skip
def test_admin_touches_no_owner(owner: User, admin: User, act: Any) -> None:
    staff("second@h.example", "owner")

    with pytest.raises(OwnerProtected):
        act(owner, admin)
    owner.refresh_from_db()
    assert (owner.is_active, owner.staff_roles()) == (True, ["owner"])


def test_last_owner_stays(owner: User, root: User) -> None:
    for attempt in (
        lambda: set_groups(owner, groups=[], by=root, at=AT),
        lambda: deactivate_user(owner, at=AT, by=root),
        lambda: set_groups(owner, groups=["admin"], by=None, at=AT),
    ):
        with pytest.raises(LastOwner):
            attempt()
    staff("second@h.example", "owner")

    assert set_groups(owner, groups=[], by=root, at=AT).staff_roles() == []


def test_a_switched_off_owner_is_no_other_owner(owner: User, root: User) -> None:
    deactivate_user(staff("second@h.example", "owner"), at=AT, by=root)

    with pytest.raises(LastOwner):
        deactivate_user(owner, at=AT, by=root)


def test_who_may_manage_whom(owner: User, admin: User, root: User, dora: User) -> None:
    people = [root, owner, admin]

    assert [[may_manage(by, user) for user in [*people, dora]] for by in people] == [
        [True, True, True, True],
        [False, True, True, True],
        [False, False, True, True],
    ]


def test_deactivation_is_audited_with_its_reason(owner: User, dora: User) -> None:
    deactivate_user(dora, at=AT, by=owner, reason="left the company")

    event = dora.events.order_by("pgh_id").last()
    assert (event.is_active, event.pgh_context.metadata["reason"]) == (False, "left the company")
    assert event.pgh_context.metadata["actor"] == str(owner.pk)


def test_profile_change_is_harmless_and_audited(dora: User) -> None:
    change_profile(dora, name="Dora\u202e D", company="Δelta 🏭", position="", by=dora)

    dora.refresh_from_db()
    assert (dora.name, dora.company, dora.version) == ("Dora D", "Δelta 🏭", 2)
    assert dora.events.order_by("pgh_id").last().pgh_context.metadata["actor"] == str(dora.pk)


def test_history_holds_no_password(dora: User) -> None:
    assert not hasattr(dora.events.first(), "password")


def test_createsuperuser_needs_an_address_only_and_can_sign_in(
    db: None, monkeypatch: pytest.MonkeyPatch, sign_in: SignIn
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a-long-console-password")

    call_command("createsuperuser", email="Boss@H.example", interactive=False, verbosity=0)

    assert User.objects.get().is_superuser
    assert sign_in("boss@h.example", "a-long-console-password")["Location"] == "/admin/"


def test_createsuperuser_confirms_nobody_else(dora: User, monkeypatch: pytest.MonkeyPatch, sign_in: SignIn) -> None:
    EmailAddress.objects.update(verified=False)
    User.objects.update(is_superuser=True)
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a-long-console-password")

    call_command("createsuperuser", email="boss@h.example", interactive=False, verbosity=0)

    assert not EmailAddress.objects.get(user=dora).verified
    assert sign_in()["Location"] != HOME


def test_whoever_signs_up_is_a_guest_whatever_the_form_held(db: None) -> None:
    user = register_guest(User(email="Sly@x.example", is_staff=True, is_superuser=True, is_active=False))

    user.refresh_from_db()
    assert (user.email, user.is_staff, user.is_superuser, user.is_active) == ("sly@x.example", False, False, True)
