"""A person who can sign in."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.enums import StaffRole
from hashinsight.common.audit import tracked
from hashinsight.common.ids import new_public_id


class UserManager(BaseUserManager["User"]):
    """Makes users; looks them up by e-mail without regard to case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """By e-mail, any case."""
        return self.get(email__iexact=username)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A user with a hashed password (or none that works)."""
        if not email:
            raise ValueError("a user needs an e-mail address")
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """For ``manage.py createsuperuser``."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


@tracked(exclude=["password", "last_login"])
class User(AbstractBaseUser, PermissionsMixin):
    """A person who can sign in, by e-mail address; staff roles are groups, client roles are memberships."""

    id = models.UUIDField(primary_key=True, default=new_public_id, editable=False)
    email = models.EmailField(_("e-mail address"), max_length=254)
    username = models.CharField(_("user name"), max_length=50, null=True, blank=True, unique=True)
    name = models.CharField(_("full name"), max_length=100, blank=True, default="")
    company = models.CharField(_("company"), max_length=200, blank=True, default="")
    position = models.CharField(pgettext_lazy("in a company", "position"), max_length=100, blank=True, default="")
    subscription_plan = models.CharField(_("subscription plan"), max_length=20, default="free")
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("staff"), default=False, help_text=_("May open the back office."))
    second_factor_due_at = models.DateTimeField(
        _("second factor due"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Until then somebody invited may work without one; empty: at once, where it is required."),
    )
    created_by = models.ForeignKey(
        "self", verbose_name=_("created by"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated at"), default=timezone.now, editable=False)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="accounts_user_email_ci",
                violation_error_message=_("A user with this e-mail address exists already."),
            )
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def public_id(self) -> uuid.UUID:
        """The user's primary key is opaque already."""
        return self.id

    def get_full_name(self) -> str:
        """Name, or the e-mail address where no name is known."""
        return self.name or self.email

    def get_short_name(self) -> str:
        """First word of the name."""
        return self.name.split(" ")[0] if self.name else self.email

    def staff_roles(self) -> list[str]:
        """Shipped staff roles this user holds, most powerful first (asks the database)."""
        held = set(self.groups.values_list("name", flat=True))
        return [role for role in StaffRole.values if role in held]

    def role(self) -> str:
        """Most powerful staff role, ``client`` for people without one who may sign in, ``guest`` otherwise."""
        roles = self.staff_roles()
        if roles:
            return roles[0]
        return "admin" if self.is_superuser else "guest"
