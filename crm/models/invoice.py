"""One bill to one customer."""

from datetime import date
from decimal import Decimal
from typing import Any, Self

from django.apps import apps
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from crm.enums import ISSUED_STATUSES, OPEN_STATUSES, InvoiceKind, InvoiceStatus
from crm.models.fields import LanguageField, NameField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.money import CurrencyField, MoneyField
from hashinsight.common.scoping import ScopedQuerySet

_MONEY = models.DecimalField(max_digits=24, decimal_places=8)
_ZERO = models.Value(Decimal(0), output_field=_MONEY)


def _sum(model: str, column: Any, invoice: str = "invoice", **conditions: Any) -> Coalesce:
    """The sum of a column of the rows that belong to the invoice of the outer query."""
    rows = apps.get_model(model)._default_manager.filter(**{invoice: models.OuterRef("pk")}, **conditions)
    total = rows.order_by().values(invoice).annotate(s=models.Sum(column, output_field=_MONEY)).values("s")
    return Coalesce(models.Subquery(total), _ZERO)


def _received() -> Coalesce:
    return _sum("crm.Payment", Coalesce("settled_amount", "amount"), reversal=None)


def _refunded() -> Coalesce:
    return _sum("crm.Refund", "amount", "payment__invoice", reversal=None)


class InvoiceQuerySet(ScopedQuerySet):
    """Invoices and credit notes; a draft is ours alone."""

    scope_path = "customer_id"
    scope_filter = {"number__isnull": False}

    def with_balance(self) -> Self:
        """Annotate what became of each invoice, all Decimal in the invoice's currency, and what is ``outstanding``.

        ``paid_total`` is money received for it less refunds of that money; ``surplus_total`` the part of money and
        credit notes beyond the invoice, which is the customer's credit now.
        """
        return self.annotate(
            paid_total=_received() - _refunded(),
            credited_total=_sum("crm.Invoice", "gross_total", "corrects", status__in=ISSUED_STATUSES),
            applied_total=_sum("crm.CreditApplication", "amount", reversal=None),
            written_off_total=_sum("crm.WriteOff", "amount", reversal=None),
            surplus_total=_sum("crm.CustomerCredit", "amount", payment__reversal=None),
        ).annotate(
            outstanding=models.F("gross_total")
            - models.F("paid_total")
            - models.F("credited_total")
            - models.F("applied_total")
            - models.F("written_off_total")
            + models.F("surplus_total")
        )

    def open(self) -> Self:
        """Issued invoices that still wait for money."""
        return self.filter(status__in=OPEN_STATUSES).exclude(kind=InvoiceKind.CREDIT_NOTE)


@tracked()
class Invoice(BaseModel):
    """One bill (or credit note) to one customer. Everything on it is frozen when it is issued.

    draft      lines may change; has a reference, no number yet
    sent       issued: numbered, dated, frozen; the PDF exists or is being made
    overdue    the due date has passed in the customer's time zone and money is missing
    paid       settled in full by payments and credit notes
    cancelled  a withdrawn draft, or an issued invoice credited in full before payment

    A trigger in the database refuses every change to an issued row but the moves of ``status``.
    """

    customer = models.ForeignKey(
        "crm.Customer", verbose_name=_("customer"), on_delete=models.PROTECT, related_name="invoices"
    )
    deal = models.ForeignKey(
        "crm.Deal", verbose_name=_("deal"), null=True, blank=True, on_delete=models.PROTECT, related_name="invoices"
    )
    legal_entity = models.ForeignKey(
        "crm.LegalEntity", verbose_name=_("our legal entity"), on_delete=models.PROTECT, related_name="invoices"
    )
    corrects = models.ForeignKey(
        "self", verbose_name=_("corrects"), null=True, blank=True, on_delete=models.PROTECT, related_name="credit_notes"
    )
    kind = models.CharField(_("kind"), max_length=16, choices=InvoiceKind.choices, default=InvoiceKind.DEAL)
    status = models.CharField(
        _("status"), max_length=16, choices=InvoiceStatus.choices, default=InvoiceStatus.DRAFT, editable=False
    )
    reference = models.CharField(_("draft reference"), max_length=40, unique=True, editable=False)
    number = models.CharField(_("number"), max_length=50, null=True, blank=True, editable=False)
    currency = CurrencyField(_("currency"))
    language = LanguageField(_("language"))
    net_total = MoneyField(_("net"), default=0, decimal_places=8, max_digits=24, editable=False)
    tax_total = MoneyField(_("tax"), default=0, decimal_places=8, max_digits=24, editable=False)
    gross_total = MoneyField(_("total"), default=0, decimal_places=8, max_digits=24, editable=False)
    former_total = MoneyField(
        _("total in the former system"),
        null=True,
        blank=True,
        editable=False,
        decimal_places=8,
        max_digits=24,
        help_text=_("Of an invoice brought along; what was still open then is its total here."),
    )
    service_from = models.DateField(_("service from"), null=True, blank=True)
    service_to = models.DateField(_("service to"), null=True, blank=True, help_text=_("Last day of the service."))
    payment_terms_days = models.PositiveSmallIntegerField(_("payment terms in days"), default=14)
    issued_on = models.DateField(_("issued on"), null=True, blank=True, editable=False)
    due_on = models.DateField(_("due on"), null=True, blank=True, editable=False)
    paid_on = models.DateField(_("paid on"), null=True, blank=True, editable=False)
    seller = models.JSONField(_("seller as issued"), default=dict, blank=True, editable=False)
    buyer = models.JSONField(_("buyer as issued"), default=dict, blank=True, editable=False)
    buyer_reference = NameField(_("buyer reference"), max_length=100, blank=True, default="")
    note = models.TextField(_("note on the document"), blank=True, default="")
    cancel_reason = NameField(_("reason of cancelling"), max_length=300, blank=True, default="", editable=False)
    is_sample = models.BooleanField(_("sample data"), default=False, editable=False)

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        constraints = [
            models.UniqueConstraint(fields=["legal_entity", "number"], name="crm_invoice_number"),
            models.UniqueConstraint(
                fields=["deal"],
                condition=models.Q(kind="deal") & ~models.Q(status="cancelled"),
                name="crm_invoice_one_per_deal",
                violation_error_message=_("This deal has an invoice already."),
            ),
            models.CheckConstraint(condition=models.Q(kind__in=InvoiceKind.values), name="crm_invoice_kind_known"),
            models.CheckConstraint(
                condition=models.Q(status__in=InvoiceStatus.values), name="crm_invoice_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(deal__isnull=False) | models.Q(corrects__isnull=False) | models.Q(kind="opening"),
                name="crm_invoice_has_cause",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    kind="opening", former_total__isnull=False, former_total__gte=models.F("gross_total")
                )
                | (~models.Q(kind="opening") & models.Q(former_total__isnull=True)),
                name="crm_invoice_former_total",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="credit_note", corrects__isnull=False)
                | (~models.Q(kind="credit_note") & models.Q(corrects__isnull=True)),
                name="crm_invoice_credit_note_corrects",
            ),
            models.CheckConstraint(
                condition=models.Q(status="draft", number__isnull=True, issued_on__isnull=True)
                | models.Q(status="cancelled", number__isnull=True, issued_on__isnull=True)
                | (
                    models.Q(status__in=["sent", "overdue", "paid", "cancelled"], number__isnull=False)
                    & models.Q(issued_on__isnull=False, due_on__isnull=False)
                ),
                name="crm_invoice_numbered_when_issued",
            ),
            models.CheckConstraint(
                condition=models.Q(gross_total=models.F("net_total") + models.F("tax_total")), name="crm_invoice_sum"
            ),
            models.CheckConstraint(
                condition=models.Q(service_to__isnull=True)
                | models.Q(service_from__isnull=True)
                | models.Q(service_to__gte=models.F("service_from")),
                name="crm_invoice_service_period",
                violation_error_message=_("The service must not end before it begins."),
            ),
            models.CheckConstraint(
                condition=~models.Q(status="paid") | models.Q(paid_on__isnull=False), name="crm_invoice_paid_has_date"
            ),
        ]
        indexes = [
            models.Index(fields=["status", "due_on"], name="crm_invoice_status_due"),
            models.Index(fields=["-created_at", "-id"], name="crm_invoice_created"),
            models.Index(fields=["customer", "-created_at", "-id"], name="crm_invoice_customer"),
            models.Index(fields=["-issued_on", "-id"], name="crm_invoice_issued"),
        ]
        permissions = [
            ("issue_invoice", _("Can issue invoices")),
            ("credit_invoice", _("Can credit invoices")),
            ("cancel_invoice", _("Can withdraw draft invoices")),
            ("send_invoice", _("Can send invoices by e-mail")),
            ("export_invoice", _("Can export invoices")),
        ]

    def __str__(self) -> str:
        return self.number or self.reference

    @property
    def is_draft(self) -> bool:
        """Whether it may still change."""
        return self.status == InvoiceStatus.DRAFT

    @property
    def is_issued(self) -> bool:
        """Whether it has a number (a withdrawn draft has none)."""
        return self.number is not None

    @property
    def is_credit_note(self) -> bool:
        """Whether it takes back instead of billing."""
        return self.kind == InvoiceKind.CREDIT_NOTE

    @property
    def is_brought_along(self) -> bool:
        """Whether another system issued it: we have its figures, not its paper."""
        return self.kind == InvoiceKind.OPENING

    def days_overdue(self, on: date) -> int:
        """Days past the due date; 0 when not due, settled or a credit note."""
        if self.due_on is None or self.status not in OPEN_STATUSES or self.is_credit_note:
            return 0
        return max(0, (on - self.due_on).days)
