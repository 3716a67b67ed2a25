"""Which client user belongs to which customer."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.enums import MembershipRole
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.scoping import ScopedQuerySet


class MembershipQuerySet(ScopedQuerySet):
    """Memberships."""

    scope_path = "customer_id"


@tracked()
class CustomerMembership(BaseModel):
    """A user acts for a customer in a role. This row is the truth; the guardian grant is written with it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="memberships"
    )
    customer = models.ForeignKey(
        "crm.Customer", verbose_name=_("customer"), on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(
        _("role"), max_length=20, choices=MembershipRole.choices, default=MembershipRole.CUSTOMER_VIEWER
    )
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("granted by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "customer"],
                name="crm_membership_user_customer",
                violation_error_message=_("This user is a member of this customer already."),
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=MembershipRole.values), name="crm_membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} – {self.customer} ({self.get_role_display()})"
