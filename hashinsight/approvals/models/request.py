"""A request that a second person decides."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from hashinsight.approvals.enums import ApprovalState
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.money import CurrencyField, MoneyField


@tracked()
class ApprovalRequest(BaseModel):
    """One act that somebody asks for and somebody else decides. What is asked for is frozen with the request.

    pending    waits for the decision
    approved   decided for: the act was done in the transaction of the decision
    rejected   decided against; nothing was done
    withdrawn  taken back by whoever asked
    expired    nobody decided in time

    A trigger in the database keeps the wish as it was made and lets nobody decide twice; a constraint refuses the
    decision of whoever asked.
    """

    kind = models.CharField(_("what is asked for"), max_length=60, editable=False)
    object_type = models.CharField(_("kind of object"), max_length=60, editable=False)
    object_id = models.BigIntegerField(_("object"), editable=False)
    object_label = models.CharField(_("object"), max_length=200, editable=False)
    object_state = models.CharField(
        _("state of the object"), max_length=200, editable=False, help_text=_("What must not have changed meanwhile.")
    )
    customer_id = models.BigIntegerField(_("customer id"), null=True, blank=True, editable=False)
    payload = models.JSONField(_("asked for in detail"), default=dict, blank=True, editable=False)
    amount = MoneyField(_("amount"), null=True, blank=True, decimal_places=8, max_digits=24, editable=False)
    currency = CurrencyField(_("currency"), blank=True, default="", editable=False)
    reason = models.CharField(_("reason"), max_length=300, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("asked by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        help_text=_("Empty: the system itself."),
    )
    requested_at = models.DateTimeField(_("asked at"), editable=False)
    expires_at = models.DateTimeField(_("to be decided until"), editable=False)
    state = models.CharField(
        _("state"), max_length=16, choices=ApprovalState.choices, default=ApprovalState.PENDING, editable=False
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("decided by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True, editable=False)
    decision_note = models.CharField(_("note on the decision"), max_length=300, blank=True, default="", editable=False)
    last_refusal = models.CharField(
        _("last attempt failed with"), max_length=500, blank=True, default="", editable=False
    )
    executed_at = models.DateTimeField(_("done at"), null=True, blank=True, editable=False)
    result = models.CharField(_("result"), max_length=200, blank=True, default="", editable=False)

    class Meta:
        verbose_name = _("request for approval")
        verbose_name_plural = _("requests for approval")
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ApprovalState.values), name="approvals_request_state_known"),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "rejected"])
                | (
                    Q(decided_by__isnull=False, decided_at__isnull=False)
                    & (Q(requested_by__isnull=True) | ~Q(decided_by=F("requested_by")))
                ),
                name="approvals_request_two_people",
                violation_error_message=_("Whoever asks cannot decide."),
            ),
            models.CheckConstraint(
                condition=Q(amount__isnull=True, currency="") | (Q(amount__isnull=False) & ~Q(currency="")),
                name="approvals_request_amount_has_currency",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("requested_at")), name="approvals_request_expires_later"
            ),
            models.UniqueConstraint(
                fields=["kind", "object_type", "object_id"],
                condition=Q(state="pending"),
                name="approvals_request_one_waiting",
                violation_error_message=_("The same is waiting for approval already."),
            ),
        ]
        indexes = [
            models.Index(fields=["state", "expires_at"], name="approvals_request_state"),
            models.Index(fields=["-created_at", "-id"], name="approvals_request_created"),
        ]
        permissions = [
            ("decide_approvalrequest", _("Can decide on requests of others")),
            ("withdraw_approvalrequest", _("Can withdraw own requests")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_label}"

    @property
    def is_pending(self) -> bool:
        """Whether it still waits."""
        return self.state == ApprovalState.PENDING
