"""Invitations: one link, one use, for one person, as long as whoever invited may."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts.domain.roles import sync_roles
from accounts.domain.users import deactivate_user, set_groups
from accounts.models import User
from crm.domain.invitations import (
    LIFETIME,
    WORK_KIND,
    InvitationRefused,
    accept_invitation,
    find_invitation,
    invite,
    resend_invitation,
    revoke_invitation,
    token_of,
)
from crm.invitation_mail import link_of
from crm.models import Customer, CustomerMembership, Invitation
from hashinsight.events.models import OutboxEvent
from hashinsight.jobs.models import DueWork
from hashinsight.jobs.tasks import perform
from tests import factories
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
WORDS = {"name": "New Person", "password": "correct-horse-battery"}
FORM = {"name": "New Person", "password": "correct-horse-battery", "repeated": "correct-horse-battery"}


@pytest.fixture
@standing
def boss(root: User) -> User:
    """An administrator, who may invite staff and clients."""
    sync_roles()
    return set_groups(factories.UserFactory(), groups=["admin"], by=root, at=timezone.now())


@pytest.fixture
@standing
def client_link(boss: User, customer_a: Customer) -> Invitation:
    return invite("new@aurora.example", by=boss, at=timezone.now(), customer=customer_a, role="customer_admin")


@pytest.fixture
@standing
def staff_link(boss: User) -> Invitation:
    return invite("New@Hash.example", by=boss, at=timezone.now(), roles=["finance"], language="de")


def deliver() -> Any:
    perform(DueWork.objects.filter(kind=WORK_KIND).latest("pk").pk)
    return mail.outbox[-1]


def path_of(invitation: Invitation) -> str:
    return link_of(invitation).removeprefix("http://127.0.0.1:8000")


def accept(invitation: Invitation, **more: Any) -> User:
    wish = {"token": token_of(invitation), "at": timezone.now(), "user": None, **WORDS, **more}
    return accept_invitation(invitation, **wish)


def test_the_mail_brings_the_link_and_is_sent_once(client_link: Invitation, customer_a: Customer) -> None:
    message = deliver()
    deliver()

    assert len(mail.outbox) == 1
    assert (message.to, message.subject) == (["new@aurora.example"], "Your invitation to HashInsight")
    assert link_of(client_link) in message.body
    assert customer_a.company_name in message.body
    assert Invitation.objects.get().sent_at is not None


def test_the_link_is_nowhere_in_the_database(client_link: Invitation) -> None:
    token = token_of(client_link)
    rows = [*Invitation.objects.values(), *DueWork.objects.values(), *OutboxEvent.objects.values()]

    assert [row for row in rows if token in str(row)] == []
    assert [row for row in client_link.events.values() if "token_digest" in row] == []


def test_a_client_comes_in(client_link: Invitation, customer_a: Customer, client: Client) -> None:
    shown = client.get(path_of(client_link))
    done = client.post(path_of(client_link), FORM)
    person = User.objects.get(email="new@aurora.example")

    assert (shown.status_code, done["Location"]) == (200, "/accounts/login/")
    assert CustomerMembership.objects.get(user=person).role == "customer_admin"
    assert (person.is_staff, person.emailaddress_set.get().verified) == (False, True)
    signed = client.post("/accounts/login/", {"login": person.email, "password": FORM["password"]})
    assert signed["Location"] == "/accounts/home/"


def test_staff_come_in_and_set_up_a_second_factor(staff_link: Invitation, client: Client, settings: Any) -> None:
    settings.MFA_REQUIRED_FOR_STAFF = True
    client.post(path_of(staff_link), FORM)
    client.post("/accounts/login/", {"login": "new@hash.example", "password": FORM["password"]})

    person = User.objects.get(email="new@hash.example")
    assert (person.is_staff, person.staff_roles(), person.second_factor_due_at) == (True, ["finance"], None)
    assert client.get("/admin/")["Location"] == "/accounts/2fa/totp/activate/"


def test_a_grace_period_is_counted_from_acceptance(staff_link: Invitation, settings: Any) -> None:
    settings.MFA_GRACE_HOURS = 24
    now = timezone.now()
    person = accept(staff_link, at=now)

    person.refresh_from_db()
    assert person.second_factor_due_at == now + timedelta(hours=24)


def test_a_link_works_once(client_link: Invitation, client: Client) -> None:
    accept(client_link)

    with pytest.raises(InvitationRefused):
        accept(client_link, user=User.objects.get(email="new@aurora.example"))
    assert client.get(path_of(client_link)).status_code == 404


def test_looking_changes_nothing(client_link: Invitation, client: Client) -> None:
    for _time in range(3):
        assert client.get(path_of(client_link)).status_code == 200
    assert not User.objects.filter(email="new@aurora.example").exists()


@pytest.mark.parametrize("ways", ["expired", "revoked", "resent", "wrong", "empty"])
def test_links_that_open_nothing_say_the_same(client_link: Invitation, boss: User, client: Client, ways: str) -> None:
    path, now = path_of(client_link), timezone.now()
    if ways == "expired":
        Invitation.objects.update(expires_at=now)
    elif ways == "revoked":
        revoke_invitation(client_link, by=boss, at=now)
    elif ways == "resent":
        resend_invitation(client_link, by=boss, at=now)
    else:
        path = path.replace(token_of(client_link), "A" * 43 if ways == "wrong" else "x")
    answers = [client.get(path), client.post(path, FORM)]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert all("was used, revoked or has expired" in answer.content.decode() for answer in answers)
    assert not User.objects.filter(email="new@aurora.example").exists()


def test_sending_again_makes_a_new_link_and_revives_an_expired_one(client_link: Invitation, boss: User) -> None:
    later = timezone.now() + LIFETIME + timedelta(days=1)
    old = token_of(client_link)
    fresh = resend_invitation(client_link, by=boss, at=later)

    assert token_of(fresh) != old
    assert find_invitation(fresh.public_id, token_of(fresh), at=later) == fresh
    with pytest.raises(InvitationRefused):
        find_invitation(fresh.public_id, old, at=later)


def test_the_mail_of_an_older_link_is_not_sent_any_more(client_link: Invitation, boss: User) -> None:
    resend_invitation(client_link, by=boss, at=timezone.now())
    perform(DueWork.objects.filter(kind=WORK_KIND).earliest("pk").pk)

    assert mail.outbox == []


@pytest.mark.parametrize("ended", ["deactivated", "no role", "deleted"])
def test_rights_that_ended_are_handed_to_nobody(staff_link: Invitation, boss: User, root: User, ended: str) -> None:
    if ended == "deactivated":
        deactivate_user(boss, by=root, at=timezone.now())
    elif ended == "no role":
        set_groups(boss, groups=["read-only"], by=root, at=timezone.now())
    else:
        boss.delete()

    with pytest.raises(InvitationRefused):
        accept(staff_link)
    assert not User.objects.filter(email="new@hash.example").exists()


def test_only_owners_invite_owners(boss: User) -> None:
    with pytest.raises(InvitationRefused, match="Only an owner"):
        invite("x@hash.example", by=boss, at=timezone.now(), roles=["owner"])


def test_who_may_not_does_not_invite(clerk: User, customer_a: Customer) -> None:
    for wish in ({"roles": ["finance"]}, {"customer": customer_a, "role": "customer_viewer"}):
        with pytest.raises(InvitationRefused, match="may not invite"):
            invite("x@hash.example", by=clerk, at=timezone.now(), **wish)


@pytest.mark.parametrize(
    "email", ["", "x", "a@b", "a@x.example\nBcc: y@x.example", "ü@x.example", "a" * 250 + "@x.example"]
)
def test_senseless_addresses_are_refused(boss: User, email: str) -> None:
    with pytest.raises((InvitationRefused, ValidationError)):
        invite(email, by=boss, at=timezone.now(), roles=["finance"])
    assert not Invitation.objects.exists()
    assert not DueWork.objects.filter(kind=WORK_KIND).exists()


def test_the_database_keeps_the_kinds_apart(boss: User, customer_a: Customer) -> None:
    with pytest.raises(IntegrityError, match="crm_invitation_one_kind"), transaction.atomic():
        Invitation.objects.create(
            email="x@x.example",
            roles=["finance"],
            customer=customer_a,
            role="customer_admin",
            expires_at=timezone.now(),
        )


def test_somebody_is_invited_once_at_a_time(client_link: Invitation, boss: User, customer_a: Customer) -> None:
    with pytest.raises(InvitationRefused, match="invited already"):
        invite("NEW@aurora.example", by=boss, at=timezone.now(), customer=customer_a, role="customer_viewer")
    later = timezone.now() + LIFETIME
    again = invite("NEW@aurora.example", by=boss, at=later, customer=customer_a, role="customer_viewer")

    client_link.refresh_from_db()
    assert (client_link.revoked_at, again.is_open(later)) == (later, True)


def test_a_person_with_an_account_signs_in_and_accepts(
    boss: User, alice: User, charlie: User, customer_b: Customer, client: Client
) -> None:
    link = invite(alice.email, by=boss, at=timezone.now(), customer=customer_b, role="customer_viewer")
    stranger = client.get(path_of(link)).content.decode()
    client.force_login(charlie)
    other = client.post(path_of(link)).content.decode()
    client.force_login(alice)
    done = client.post(path_of(link))

    assert "Sign in as alice@aurora.example" in stranger
    assert "Sign in as alice@aurora.example" in other
    assert done.status_code == 302
    assert set(alice.memberships.values_list("customer", flat=True)) >= {customer_b.pk}
    assert not charlie.memberships.exclude(customer=customer_b).exists()


def test_an_invitation_is_not_taken_by_whoever_is_signed_in(
    client_link: Invitation, charlie: User, client: Client
) -> None:
    client.force_login(charlie)

    assert "signed in as somebody else" in client.post(path_of(client_link), FORM).content.decode()
    with pytest.raises(InvitationRefused, match="somebody else"):
        accept(client_link, user=charlie)


@pytest.mark.parametrize(
    "wish",
    [
        {"password": "short", "repeated": "short"},
        {"repeated": "another"},
        {"name": ""},
        {"password": "1234567890", "repeated": "1234567890"},
    ],
)
def test_a_form_that_does_not_fit_is_shown_again(client_link: Invitation, client: Client, wish: dict[str, str]) -> None:
    response = client.post(path_of(client_link), {**FORM, **wish})

    assert response.status_code == 400
    assert "errors" in response.content.decode()
    assert not User.objects.filter(email="new@aurora.example").exists()


def test_a_german_mail(staff_link: Invitation) -> None:
    assert deliver().subject == "Ihre Einladung zu HashInsight"


def test_the_admin_invites_sends_again_and_revokes(boss: User, customer_a: Customer, client: Client) -> None:
    client.force_login(boss)
    form = {"email": "new@aurora.example", "language": "en", "customer": customer_a.pk, "role": "customer_viewer"}
    both = client.post("/admin/crm/invitation/add/", {**form, "staff_roles": ["1"]})
    client.post("/admin/crm/invitation/add/", form)
    row = Invitation.objects.get()
    for name in ("resend", "revoke"):
        page = f"/admin/crm/invitation/{row.pk}/{name}/"
        client.post(page, {"seen": client.get(page).context["seen"], "reason": "typing mistake"})
    row.refresh_from_db()

    assert both.status_code == 200
    assert (row.generation, row.revoked_at is not None, row.invited_by) == (2, True, boss)
    html = client.get("/admin/crm/invitation/").content.decode()
    assert "revoked" in html
    assert not re.search(r"[A-Za-z0-9_-]{43}/", html)
