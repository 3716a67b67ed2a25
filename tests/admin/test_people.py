"""People and access in the back office."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.domain import keys
from accounts.domain.roles import sync_roles
from accounts.domain.second_factors import remove_second_factor
from accounts.domain.users import OwnerProtected, set_groups
from accounts.models import AccessGrant, ApiKey, LoginRecord, User
from tests import factories
from tests.admin.conftest import SignIn, seen, texts
from tests.admin.forms import confirm, errors, save
from tests.factories import NOW
from tests.support.standing import standing


@pytest.fixture
@standing
def roles(db: None) -> None:
    sync_roles()


@pytest.fixture
@standing
def owner(roles: None, root: User) -> User:
    user = factories.UserFactory(email="owner@hashinsight.example")
    return set_groups(user, groups=["owner"], by=root, at=NOW)


@pytest.fixture
@standing
def keeper(roles: None, root: User) -> User:
    """Holds the role admin: may change users, but no owner."""
    user = factories.UserFactory(email="keeper@hashinsight.example")
    return set_groups(user, groups=["admin"], by=root, at=NOW)


def group(name: str) -> int:
    return Group.objects.get(name=name).pk


# --- users ----------------------------------------------------------------------------------------------------
def test_a_new_user_gets_roles_and_a_mail_to_set_the_password(owner: User, sign_in: SignIn) -> None:
    page = save(
        sign_in(owner), "/admin/accounts/user/add/", email="New@Hashinsight.example", name="New", roles=[group("sales")]
    )
    user = User.objects.get(email="new@hashinsight.example")
    assert user.is_staff
    assert user.staff_roles() == ["sales"]
    assert not user.has_usable_password() or user.password
    assert user.created_by == owner
    assert EmailAddress.objects.get(user=user).primary
    assert [message.to for message in mail.outbox] == [["new@hashinsight.example"]]
    assert "A mail to set the password was sent" in " ".join(texts(page))


def test_no_mail_when_none_is_wanted(owner: User, sign_in: SignIn) -> None:
    client = sign_in(owner)
    client.post("/admin/accounts/user/add/", {"email": "quiet@hashinsight.example"})
    assert User.objects.filter(email="quiet@hashinsight.example", is_staff=False).exists()
    assert mail.outbox == []


def test_an_address_that_is_taken_is_a_form_error(owner: User, sign_in: SignIn, clerk: User) -> None:
    page = save(sign_in(owner), "/admin/accounts/user/add/", email=clerk.email.upper())
    assert errors(page)
    assert User.objects.filter(email__iexact=clerk.email).count() == 1


def test_roles_are_changed_by_the_domain(owner: User, clerk: User, sign_in: SignIn) -> None:
    save(sign_in(owner), f"/admin/accounts/user/{clerk.pk}/change/", roles=[group("finance"), group("sales")])
    assert sorted(clerk.groups.values_list("name", flat=True)) == ["finance", "sales"]
    save(sign_in(owner), f"/admin/accounts/user/{clerk.pk}/change/", name="Renamed", roles=[])
    clerk.refresh_from_db()
    assert (clerk.name, clerk.is_staff, clerk.groups.count()) == ("Renamed", False, 0)


def test_only_owners_make_owners(keeper: User, clerk: User, sign_in: SignIn) -> None:
    page = save(sign_in(keeper), f"/admin/accounts/user/{clerk.pk}/change/", roles=[group("owner")])
    assert errors(page) == ["Only an owner may make or unmake an owner."]
    assert clerk.groups.count() == 0


def test_flags_and_address_cannot_be_typed(owner: User, clerk: User, sign_in: SignIn) -> None:
    changes = {"is_superuser": "on", "is_staff": "", "email": "other@x.example", "is_active": ""}
    save(sign_in(owner), f"/admin/accounts/user/{clerk.pk}/change/", roles=[group("sales")], **changes)
    clerk.refresh_from_db()
    assert (clerk.is_superuser, clerk.is_active, clerk.email) == (False, True, "clerk@hashinsight.example")


@pytest.mark.parametrize("page", ["deactivate", "password-mail", "grant", "end-access"])
def test_nobody_touches_somebody_stronger(keeper: User, owner: User, root: User, sign_in: SignIn, page: str) -> None:
    for stronger in (owner, root):
        address = f"/admin/accounts/user/{stronger.pk}/{page}/"
        assert sign_in(keeper).get(address).status_code == 403
        assert sign_in(keeper).post(address, {"reason": "x", "days": 5}).status_code == 403
        shown = sign_in(keeper).get(f"/admin/accounts/user/{stronger.pk}/change/")
        assert 'name="roles"' not in shown.content.decode()
        assert 'name="name"' not in shown.content.decode()
        assert shown.context["house_buttons"] == []
    assert mail.outbox == []


def test_deactivating_ends_the_session_and_activating_brings_it_back(owner: User, clerk: User, sign_in: SignIn) -> None:
    victim = sign_in(clerk)
    assert victim.get("/admin/").status_code == 200
    confirm(sign_in(owner), f"/admin/accounts/user/{clerk.pk}/deactivate/", reason="left")
    assert victim.get("/admin/").status_code == 302
    confirm(sign_in(owner), f"/admin/accounts/user/{clerk.pk}/activate/", reason="came back")
    clerk.refresh_from_db()
    assert clerk.is_active


def test_the_password_mail_goes_to_the_person(owner: User, clerk: User, sign_in: SignIn) -> None:
    EmailAddress.objects.create(user=clerk, email=clerk.email, primary=True, verified=True)
    confirm(sign_in(owner), f"/admin/accounts/user/{clerk.pk}/password-mail/")
    assert [message.to for message in mail.outbox] == [[clerk.email]]


def test_access_is_granted_and_ended(owner: User, clerk: User, sign_in: SignIn) -> None:
    client = sign_in(owner)
    assert "Until now access is unlimited" in client.get(f"/admin/accounts/user/{clerk.pk}/grant/").content.decode()
    confirm(client, f"/admin/accounts/user/{clerk.pk}/grant/", days="10", reason="trial")
    grant = AccessGrant.objects.get()
    assert (grant.days, grant.granted_by, grant.reason) == (10, owner, "trial")
    confirm(client, f"/admin/accounts/user/{clerk.pk}/end-access/", reason="over")
    grant.refresh_from_db()
    assert grant.valid_to <= timezone.now()


def test_an_owner_cannot_be_deleted_nor_oneself(owner: User, root: User, sign_in: SignIn) -> None:
    for user in (owner, root):
        assert sign_in(owner).post(f"/admin/accounts/user/{user.pk}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk__in=[owner.pk, root.pk]).count() == 2


def test_sign_ins_show_only_to_people_who_may_see_them(
    as_root: Client, clerk: User, staff: Any, sign_in: SignIn
) -> None:
    LoginRecord.objects.create(email=clerk.email, user_id=clerk.pk, outcome="failed", ip_address="192.0.2.9")
    address = f"/admin/accounts/user/{clerk.pk}/change/"
    assert "192.0.2.9" in as_root.get(address).content.decode()
    looker = sign_in(staff("accounts.view_user"))
    page = looker.get(address)
    assert page.status_code == 200
    assert "192.0.2.9" not in page.content.decode()


# --- groups, keys, attempts -----------------------------------------------------------------------------------
def test_a_shipped_role_is_shown_and_another_group_is_made(owner: User, sign_in: SignIn) -> None:
    client = sign_in(owner)
    shipped = client.get(f"/admin/auth/group/{group('sales')}/change/")
    assert list(shipped.context["adminform"].form.fields) == []
    assert client.post(f"/admin/auth/group/{group('sales')}/delete/", {"post": "yes"}).status_code == 403
    wanted = Group.objects.get(name="sales").permissions.first()
    client.post("/admin/auth/group/add/", {"name": "night shift", "permissions": [wanted.pk]})
    assert list(Group.objects.get(name="night shift").permissions.all()) == [wanted]


def test_the_secret_of_a_key_is_shown_once(as_root: Client, clerk: User) -> None:
    fields = {"user": clerk.pk, "name": "bot", "scopes": ["invoices:read"], "days": "30"}
    page = as_root.post("/admin/accounts/apikey/new/", fields)
    key = ApiKey.objects.get()
    secret = page.context["secret"]
    assert keys.opens(key, secret)
    assert secret in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    for later in (f"/admin/accounts/apikey/{key.pk}/change/", f"/admin/accounts/apikey/{key.pk}/history/"):
        text = as_root.get(later).content.decode()
        assert secret not in text
        assert key.digest not in text
    assert key.expires_at is not None
    assert abs(key.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("field", "value"), [("scopes", "everything"), ("scopes", ""), ("name", ""), ("days", "0"), ("user", "x")]
)
def test_a_key_that_makes_no_sense_is_a_form_error(as_root: Client, clerk: User, field: str, value: str) -> None:
    fields = {"user": clerk.pk, "name": "bot", "scopes": "invoices:read", "days": "30", field: value}
    page = as_root.post("/admin/accounts/apikey/new/", fields)
    assert "secret" not in page.context
    assert ApiKey.objects.count() == 0


def test_nobody_makes_a_key_of_somebody_stronger(owner: User, staff: Any, sign_in: SignIn) -> None:
    maker = sign_in(staff("accounts.add_apikey", "accounts.view_apikey"))
    fields = {"user": owner.pk, "name": "bot", "scopes": ["invoices:read"], "days": "30"}
    assert "Only an owner may make a key" in maker.post("/admin/accounts/apikey/new/", fields).content.decode()
    assert ApiKey.objects.count() == 0


def test_a_key_is_revoked_once(as_root: Client, clerk: User, root: User) -> None:
    key, _secret = keys.create_key(clerk, name="k", scopes=["invoices:read"], expires_at=None, by=root, at=NOW)
    confirm(as_root, f"/admin/accounts/apikey/{key.pk}/revoke/")
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert as_root.get(f"/admin/accounts/apikey/{key.pk}/revoke/").status_code == 409


def test_a_locked_out_name_is_unlocked(as_root: Client) -> None:
    attempt = AccessAttempt.objects.create(username="a@x.example", ip_address="192.0.2.1", failures_since_start=6)
    as_root.post("/admin/axes/accessattempt/", {"action": "unlock_selected", "_selected_action": [attempt.pk]})
    assert AccessAttempt.objects.count() == 0


def test_unlocking_is_logged(as_root: Client, root: User) -> None:
    attempt = AccessAttempt.objects.create(username="a@x.example", ip_address="192.0.2.1", failures_since_start=6)
    as_root.post("/admin/axes/accessattempt/", {"action": "unlock_selected", "_selected_action": [attempt.pk]})
    entry = LogEntry.objects.get(content_type__model="accessattempt")
    assert (str(entry.user_id), entry.change_message) == (str(root.pk), "unlock a@x.example 192.0.2.1")


def test_a_lost_second_factor_is_removed_with_a_reason_that_is_kept(
    owner: User, clerk: User, staff: Any, sign_in: SignIn
) -> None:
    lost = Authenticator.objects.create(user=clerk, type="totp", data={"secret": "sealed"})
    Authenticator.objects.create(user=clerk, type="recovery_codes", data={})
    address = f"/admin/mfa/authenticator/{lost.pk}/remove/"
    helper = sign_in(staff("mfa.view_authenticator", "mfa.delete_authenticator"))
    assert helper.post(address, {"seen": seen(helper.get(address)), "reason": ""}).status_code == 200
    assert Authenticator.objects.filter(user=clerk).count() == 2
    confirm(helper, address, reason="telephone lost, called back")
    assert Authenticator.objects.filter(user=clerk).count() == 0
    shown = sign_in(owner).get(f"/admin/accounts/user/{clerk.pk}/history/")
    removed = [c for c in shown.context["page"].changes if c.thing == "second factor" and c.verb == "delete"]
    assert {change.reason for change in removed} == {"telephone lost, called back"}
    assert "sealed" not in shown.content.decode()
    assert helper.get(address).status_code == 404


def test_nobody_removes_the_second_factor_of_somebody_stronger(owner: User, staff: Any, sign_in: SignIn) -> None:
    factor = Authenticator.objects.create(user=owner, type="totp", data={})
    helper = staff("mfa.view_authenticator", "mfa.delete_authenticator")
    client, address = sign_in(helper), f"/admin/mfa/authenticator/{factor.pk}/remove/"
    assert client.get(address).status_code == 403
    assert client.post(address, {"reason": "x"}).status_code == 403
    assert client.post(f"/admin/mfa/authenticator/{factor.pk}/delete/", {"post": "yes"}).status_code == 403
    with pytest.raises(OwnerProtected):
        remove_second_factor(factor, by=helper, at=NOW, reason="x")
    assert Authenticator.objects.count() == 1


# --- the door -------------------------------------------------------------------------------------------------
def test_the_door_is_the_one_of_the_accounts(client: Client, alice: User, sign_in: SignIn) -> None:
    assert client.get("/admin/crm/invoice/").url == "/admin/login/?next=/admin/crm/invoice/"
    handed = client.get("/admin/login/?next=/admin/crm/invoice/")
    assert handed.url == "/accounts/login/?next=%2Fadmin%2Fcrm%2Finvoice%2F"
    assert client.get("/admin/login/?next=https://evil.example/").url == "/accounts/login/?next=%2Fadmin%2F"
    not_staff = sign_in(alice).get("/admin/", follow=True)
    assert not_staff.status_code == 403
    assert "back office" in not_staff.content.decode()
