"""Invitations: made, sent again, revoked, accepted once.

The link holds a secret that follows from the server's own key, the invitation and how often it was sent: the mail
can be made again after a crash, and the database alone, which keeps a hash, opens nothing.
"""

import base64
import hashlib
import hmac
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from accounts.domain.queries import users_with_email
from accounts.domain.users import create_user, set_groups
from accounts.enums import StaffRole
from accounts.models import User
from accounts.rules import is_owner
from crm.domain.memberships import grant_membership
from crm.models import Customer, Invitation
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.events.domain import publish
from hashinsight.jobs.domain.work import require_work

LIFETIME = timedelta(days=7)
WORK_KIND = "crm.send_invitation"


class InvitationRefused(DomainError):
    """This person cannot be invited like this, or the link opens nothing (any more)."""

    code = "invitation_refused"


def invite(
    email: str,
    *,
    by: User,
    at: datetime,
    roles: Collection[str] = (),
    customer: Customer | None = None,
    role: str = "",
    language: str = "en",
) -> Invitation:
    """Ask somebody in, as staff with ``roles`` or for ``customer`` in ``role``; the mail goes out after commit."""
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise InvitationRefused(_("This is not an e-mail address."), code="email_invalid") from error
    _check_inviter(by, roles=roles, customer=customer)
    with transaction.atomic(), audit_context(actor=by):
        _clear_the_way(address, customer, roles=roles, at=at)
        invitation = Invitation(
            email=address,
            language=language,
            roles=sorted(set(roles)),
            customer=customer,
            role=role,
            invited_by=by,
            expires_at=at + LIFETIME,
            created_at=at,
        )
        invitation.token_digest = _digest(token_of(invitation))
        invitation.full_clean(exclude=["customer", "invited_by"])
        invitation.save(force_insert=True)
        _send(invitation, at=at)
        _publish(invitation, "invitation.sent", by)
    return invitation


def resend_invitation(invitation: Invitation, *, by: User, at: datetime) -> Invitation:
    """A new link with a new term, for one that expired as well; the old link is worthless from now on."""
    with transaction.atomic(), audit_context(actor=by):
        fresh = _lock_open(invitation)
        _check_inviter(by, roles=fresh.roles, customer=fresh.customer)
        fresh.generation += 1
        fresh.token_digest = _digest(token_of(fresh))
        fresh.expires_at, fresh.sent_at, fresh.invited_by = at + LIFETIME, None, by
        fresh.save(update_fields=["generation", "token_digest", "expires_at", "sent_at", "invited_by"])
        _send(fresh, at=at)
        _publish(fresh, "invitation.sent", by)
    return fresh


def revoke_invitation(invitation: Invitation, *, by: User, at: datetime, reason: str = "") -> Invitation:
    """The link opens nothing from now on."""
    with transaction.atomic(), audit_context(actor=by, reason=reason):
        fresh = _lock_open(invitation)
        fresh.revoked_at = at
        fresh.save(update_fields=["revoked_at"])
        _publish(fresh, "invitation.revoked", by)
    return fresh


def find_invitation(public_id: UUID, token: str, *, at: datetime) -> Invitation:
    """The open invitation of a link. Raises InvitationRefused alike for every link that opens nothing."""
    rows = Invitation.objects.select_related("customer", "invited_by")
    invitation: Invitation | None = rows.filter(public_id=public_id).first()
    right = invitation is not None and hmac.compare_digest(invitation.token_digest, _digest(token))
    if invitation is None or not right or not invitation.is_open(at):
        raise InvitationRefused(_("This invitation was used, revoked or has expired. Ask for a new one."))
    return invitation


def accept_invitation(
    invitation: Invitation, *, token: str, at: datetime, user: User | None, name: str = "", password: str = ""
) -> User:
    """Let the person in, once: ``user`` is who is signed in; without one a new person is made with ``password``.

    Whoever invited must still be able to: rights that ended meanwhile are handed to nobody. Raises
    InvitationRefused, or ValidationError for a password that is too easy.
    """
    with transaction.atomic():
        Invitation.objects.select_for_update(of=("self",)).filter(pk=invitation.pk).first()
        fresh = find_invitation(invitation.public_id, token, at=at)
        by = fresh.invited_by
        if by is None:
            raise InvitationRefused(_("Whoever invited you is not here any more. Ask for a new invitation."))
        _check_inviter(by, roles=fresh.roles, customer=fresh.customer)
        with audit_context(actor=user or by, reason=f"invitation {fresh.public_id}"):
            person = _person(fresh, user, by=by, at=at, name=name, password=password)
            _hand_over(fresh, person, by=by, at=at)
            fresh.accepted_at, fresh.accepted_by = at, person
            fresh.save(update_fields=["accepted_at", "accepted_by"])
            _publish(fresh, "invitation.accepted", by)
    return person


def mark_sent(invitation: Invitation, *, generation: int, at: datetime) -> bool:
    """Note that the mail with this link went out; False when a newer one was asked for meanwhile."""
    rows = Invitation.objects.filter(pk=invitation.pk, generation=generation)
    return bool(rows.update(sent_at=at))


def token_of(invitation: Invitation) -> str:
    """The secret of the link: 43 characters, known to whoever holds the server's key."""
    value = f"{invitation.public_id}:{invitation.generation}"
    mac = salted_hmac("hashinsight invitation", value, algorithm="sha256")
    return base64.urlsafe_b64encode(mac.digest()).decode().rstrip("=")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _check_inviter(by: User, *, roles: Collection[str], customer: Customer | None) -> None:
    needed = "accounts.add_user" if customer is None else "crm.add_customermembership"
    if not by.is_active or not by.has_perm(needed):
        raise InvitationRefused(_("%(user)s may not invite to this.") % {"user": by}, code="may_not_invite")
    if StaffRole.OWNER in roles and not is_owner(by):
        raise InvitationRefused(_("Only an owner may invite an owner."), code="may_not_invite")
    if customer is None:
        known = set(Group.objects.filter(name__in=roles).values_list("name", flat=True))
        if not roles or set(roles) - known:
            raise InvitationRefused(_("Choose at least one role."), code="roles_unknown")


def _clear_the_way(address: str, customer: Customer | None, *, roles: Collection[str], at: datetime) -> None:
    """An expired invitation gives way to the new one; who is in already is not invited."""
    expired = Invitation.objects.filter(email=address, customer=customer, accepted_at__isnull=True, expires_at__lte=at)
    for old in expired.filter(revoked_at__isnull=True).select_for_update(of=("self",)):
        old.revoked_at = at
        old.save(update_fields=["revoked_at"])
    still_open = Invitation.objects.filter(email=address, customer=customer, accepted_at__isnull=True)
    if still_open.filter(revoked_at__isnull=True).exists():
        raise InvitationRefused(
            _("This person is invited already; send the invitation again instead."), code="invited_already"
        )
    known = users_with_email(address).first()
    if known is None:
        return
    if customer is not None and (known.is_staff or known.memberships.filter(customer=customer).exists()):
        raise InvitationRefused(_("%(user)s is staff or a member already.") % {"user": known}, code="is_in_already")
    if customer is None and set(roles) <= set(known.groups.values_list("name", flat=True)):
        raise InvitationRefused(_("%(user)s has these roles already.") % {"user": known}, code="is_in_already")


def _lock_open(invitation: Invitation) -> Invitation:
    """Not accepted and not revoked; an expired one may be sent again."""
    fresh: Invitation = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
    if fresh.accepted_at is not None or fresh.revoked_at is not None:
        raise InvitationRefused(_("This invitation was accepted or revoked already."), code="invitation_settled")
    return fresh


def _person(invitation: Invitation, user: User | None, *, by: User, at: datetime, name: str, password: str) -> User:
    known = users_with_email(invitation.email).first()
    if known is not None:
        if user is None or user.pk != known.pk:
            raise InvitationRefused(_("Sign in as %(email)s to accept.") % {"email": known.email}, code="sign_in_first")
        return known
    if user is not None:
        raise InvitationRefused(_("This invitation is for somebody else. Sign out first."), code="somebody_else")
    validate_password(password, User(email=invitation.email, name=name))
    return create_user(invitation.email, by=by, at=at, password=password, name=name, verified=True)


def _hand_over(invitation: Invitation, person: User, *, by: User, at: datetime) -> None:
    if invitation.customer is not None:
        grant_membership(person, invitation.customer, role=invitation.role, by=by)
        return
    held = set(person.groups.values_list("name", flat=True))
    set_groups(person, groups=held | set(invitation.roles), by=by, at=at)
    if settings.MFA_GRACE_HOURS and not held:
        due = at + timedelta(hours=settings.MFA_GRACE_HOURS)
        User.objects.filter(pk=person.pk).update(second_factor_due_at=due)


def _send(invitation: Invitation, *, at: datetime) -> None:
    key = f"{invitation.pk}:{invitation.generation}"
    payload: dict[str, Any] = {"invitation_id": invitation.pk, "generation": invitation.generation}
    require_work(WORK_KIND, key=key, payload=payload, at=at, queue="interactive")


def _publish(invitation: Invitation, kind: str, by: User) -> None:
    publish(
        kind,
        aggregate_type="invitation",
        aggregate_id=invitation.public_id,
        customer_id=invitation.customer_id,
        user_id=by.pk,
        payload={"invitation_id": str(invitation.public_id), "kind": "client" if invitation.customer_id else "staff"},
    )
