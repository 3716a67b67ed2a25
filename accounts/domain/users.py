"""People: made, changed, given roles, switched off and on again."""

from collections.abc import Collection
from datetime import datetime

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.domain.queries import users_with_email
from accounts.domain.sessions import end_sessions
from accounts.domain.text import harmless
from accounts.enums import SessionEnd, StaffRole
from accounts.models import User
from accounts.rules import may_manage
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.events.domain import publish


class EmailRefused(DomainError):
    """The e-mail address is malformed or belongs to somebody already."""

    code = "email_refused"


class OwnerProtected(DomainError):
    """Only an owner may give, take or switch off what makes an owner."""

    code = "owner_protected"


class LastOwner(DomainError):
    """The company would be left without an owner."""

    code = "last_owner"


class UnknownRole(DomainError):
    """There is no such group."""

    code = "unknown_role"


def create_user(
    email: str,
    *,
    by: User | None,
    at: datetime,
    password: str | None = None,
    name: str = "",
    company: str = "",
    position: str = "",
    verified: bool = False,
) -> User:
    """A person without any right, made by staff; without a password they set one by "forgotten password".

    ``verified`` means somebody answers for the address; otherwise the person proves it at the first sign-in.
    """
    user = User(
        email=_checked_email(email),
        name=harmless(name, 100),
        company=harmless(company, 200),
        position=harmless(position, 100),
        created_by=by,
        created_at=at,
    )
    user.set_password(password)
    with transaction.atomic(), audit_context(actor=by):
        _save_new(user, origin="staff" if by else "system")
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=verified)
    return user


def register_guest(user: User) -> User:
    """Store a person who signed up; whatever the form held, they start as a guest without any right."""
    user.email = _checked_email(user.email)
    user.is_staff = user.is_superuser = False
    user.is_active = True
    with transaction.atomic():
        _save_new(user, origin="sign_up")
    return user


def change_profile(user: User, *, name: str, company: str, position: str, by: User) -> User:
    """The few facts people keep about themselves."""
    user.name, user.company, user.position = harmless(name, 100), harmless(company, 200), harmless(position, 100)
    with transaction.atomic(), audit_context(actor=by):
        user.save(update_fields=["name", "company", "position"])
    return user


def set_groups(user: User, *, groups: Collection[str], by: User | None, at: datetime) -> User:
    """Give ``user`` exactly these groups; whoever holds one is staff, whoever holds none is not.

    ``by`` None is the system. The role of an owner is given and taken by owners only, and the last one stays.
    """
    wanted = set(groups)
    found = {group.name: group for group in Group.objects.filter(name__in=wanted)}
    if wanted - set(found):
        raise UnknownRole(_("There is no group %(names)s.") % {"names": ", ".join(sorted(wanted - set(found)))})
    with transaction.atomic(), audit_context(actor=by):
        locked = _lock_all_owners_and(user)
        held = set(locked.groups.values_list("name", flat=True))
        if by is not None:
            _check_may_manage(by, locked)
        if StaffRole.OWNER in wanted ^ held:
            _check_owner_change(locked, by=by, leaves=StaffRole.OWNER in held)
        locked.groups.set(found.values())
        locked.is_staff = bool(wanted) or locked.is_superuser
        locked.save(update_fields=["is_staff"])
        publish(
            "user.roles_changed",
            aggregate_type="user",
            aggregate_id=locked.pk,
            user_id=locked.pk,
            payload={"user_id": str(locked.pk), "roles": sorted(wanted), "changed_at": at.isoformat()},
        )
    return locked


def deactivate_user(user: User, *, by: User | None, at: datetime, reason: str = "") -> User:
    """Switch a person off: every session and key asks ``is_active`` each time, so all of them stop at once.

    Sessions end for good. Keys are not revoked; switching the person on again brings them back as they were.
    """
    with transaction.atomic(), audit_context(actor=by, reason=reason):
        locked = _lock_all_owners_and(user)
        if by is not None:
            _check_may_manage(by, locked)
        if locked.groups.filter(name=StaffRole.OWNER).exists():
            _check_owner_change(locked, by=by, leaves=True)
        locked.is_active = False
        locked.save(update_fields=["is_active"])
        end_sessions(locked, why=SessionEnd.DEACTIVATED, by=by, at=at, reason=reason)
    return locked


def reactivate_user(user: User, *, by: User | None, reason: str = "") -> User:
    """Let a switched-off person in again; roles, memberships and keys are as they were."""
    with transaction.atomic(), audit_context(actor=by, reason=reason):
        locked = _lock_all_owners_and(user)
        if by is not None:
            _check_may_manage(by, locked)
        locked.is_active = True
        locked.save(update_fields=["is_active"])
    return locked


def confirm_console_superusers() -> int:
    """Superusers made on the server's console need no mail to prove their address; returns how many it was."""
    count = 0
    for user in User.objects.filter(is_superuser=True, emailaddress__isnull=True):
        EmailAddress.objects.create(user=user, email=user.email.lower(), primary=True, verified=True)
        count += 1
    return count


def _save_new(user: User, *, origin: str) -> None:
    user.save(force_insert=True)
    publish(
        "user.registered",
        aggregate_type="user",
        aggregate_id=user.pk,
        user_id=user.pk,
        payload={"user_id": str(user.pk), "origin": origin},
    )


def _checked_email(email: str) -> str:
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise EmailRefused(_("This is not an e-mail address."), code="email_invalid") from error
    if len(address) > 254 or harmless(address, 254) != address:
        raise EmailRefused(_("This is not an e-mail address."), code="email_invalid")
    if users_with_email(address).exists():
        raise EmailRefused(_("A user with this e-mail address exists already."), code="email_taken")
    return address


def _lock_all_owners_and(user: User) -> User:
    """Lock the owners in one order first, so that two of them cannot take the role from each other at once."""
    list(User.objects.select_for_update(of=("self",)).filter(groups__name=StaffRole.OWNER).order_by("pk"))
    return User.objects.select_for_update(of=("self",)).get(pk=user.pk)


def _check_may_manage(by: User, user: User) -> None:
    if not may_manage(by, user):
        raise OwnerProtected(_("Only an owner may change %(user)s.") % {"user": user})


def _check_owner_change(user: User, *, by: User | None, leaves: bool) -> None:
    if by is not None and not (by.is_superuser or by.groups.filter(name=StaffRole.OWNER).exists()):
        raise OwnerProtected(_("Only an owner may make or unmake an owner."))
    others = User.objects.filter(groups__name=StaffRole.OWNER, is_active=True).exclude(pk=user.pk)
    if leaves and not others.exists():
        raise LastOwner(_("%(user)s is the last owner.") % {"user": user})
