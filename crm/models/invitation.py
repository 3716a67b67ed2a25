"""Asking somebody in."""

from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.enums import MembershipRole
from crm.models.fields import LanguageField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel


@tracked(exclude=["token_digest"])
class Invitation(BaseModel):
    """A person asked by e-mail to join: as staff with roles, or as a member of one customer.

    The link works once and until ``expires_at``; sending it again makes a new one and the old one worthless. Only
    a hash of it is kept.
    """

    email = models.EmailField(_("e-mail address"), max_length=254)
    language = LanguageField(_("language"))
    roles = ArrayField(models.CharField(max_length=150), verbose_name=_("roles"), default=list, blank=True)
    customer = models.ForeignKey(
        "crm.Customer",
        verbose_name=_("customer"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="invitations",
    )
    role = models.CharField(
        _("role for the customer"), max_length=20, choices=MembershipRole.choices, blank=True, default=""
    )
    generation = models.PositiveIntegerField(_("times sent"), default=1, editable=False)
    token_digest = models.CharField(_("hash of the link"), max_length=64, editable=False)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("invited by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    expires_at = models.DateTimeField(_("expires at"))
    sent_at = models.DateTimeField(_("sent at"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, editable=False)
    accepted_at = models.DateTimeField(_("accepted at"), null=True, editable=False)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("accepted by"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(customer__isnull=True, role="", roles__len__gt=0)
                | models.Q(customer__isnull=False, role__in=MembershipRole.values, roles__len=0),
                name="crm_invitation_one_kind",
                violation_error_message=_("Invite either staff with roles, or a member of a customer."),
            ),
            models.UniqueConstraint(
                fields=["email", "customer"],
                condition=models.Q(accepted_at__isnull=True, revoked_at__isnull=True),
                nulls_distinct=False,
                name="crm_invitation_one_open",
                violation_error_message=_("This person is invited already; send the invitation again instead."),
            ),
        ]
        permissions = [("settle_invitation", _("Can send invitations again and revoke them"))]

    def __str__(self) -> str:
        return f"{self.email} ({self.customer or ', '.join(self.roles)})"

    def is_open(self, at: datetime) -> bool:
        """Neither accepted, revoked nor expired at that moment."""
        return self.accepted_at is None and self.revoked_at is None and at < self.expires_at
