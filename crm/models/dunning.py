"""Reminding customers of what they owe: the ladder, what stops it, and the letters that went out."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models.fields import LanguageField, NameField
from crm.models.legal_entity import LegalEntity
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.money import CurrencyField, MoneyField


@tracked()
class DunningLevel(BaseModel):
    """One rung of a legal entity's ladder: so many days after the due date a letter of this level goes out."""

    legal_entity = models.ForeignKey(
        LegalEntity, verbose_name=_("legal entity"), on_delete=models.PROTECT, related_name="dunning_levels"
    )
    level = models.PositiveSmallIntegerField(_("level"), validators=[MinValueValidator(1), MaxValueValidator(9)])
    days_after_due = models.PositiveSmallIntegerField(_("days after the due date"))
    fee = MoneyField(
        _("fee per letter"),
        default=0,
        help_text=_("In the currency of the legal entity; letters in another currency charge none."),
    )
    interest_percent = models.DecimalField(
        _("interest per year (%)"),
        max_digits=6,
        decimal_places=3,
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("Simple interest on the open amount from the day after the due date, 365 days a year."),
    )
    text_en = models.TextField(_("text in English"), max_length=2000)
    text_de = models.TextField(_("text in German"), max_length=2000, blank=True, default="")
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("dunning level")
        verbose_name_plural = _("dunning levels")
        ordering = ["legal_entity_id", "level"]
        constraints = [
            models.UniqueConstraint(
                fields=["legal_entity", "level"],
                name="crm_dunninglevel_once",
                violation_error_message=_("This level exists already."),
            ),
            models.CheckConstraint(condition=Q(level__range=(1, 9)), name="crm_dunninglevel_range"),
            models.CheckConstraint(
                condition=Q(fee__gte=0, interest_percent__gte=0), name="crm_dunninglevel_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.legal_entity} {self.level}"

    def text_in(self, language: str) -> str:
        """The text in a language, else the English one."""
        return self.text_de if language.startswith("de") and self.text_de else self.text_en


@tracked()
class DunningHold(BaseModel):
    """No reminders to a customer, or about one invoice, until a day (included)."""

    customer = models.ForeignKey(
        "crm.Customer", verbose_name=_("customer"), on_delete=models.PROTECT, related_name="dunning_holds"
    )
    invoice = models.ForeignKey(
        "crm.Invoice",
        verbose_name=_("invoice"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="dunning_holds",
        help_text=_("Empty: all invoices of the customer."),
    )
    until = models.DateField(_("until"), help_text=_("Last day without reminders."))
    reason = NameField(_("reason"), max_length=300)

    class Meta:
        verbose_name = _("dunning hold")
        verbose_name_plural = _("dunning holds")
        indexes = [models.Index(fields=["customer", "until"], name="crm_dunninghold_customer")]

    def __str__(self) -> str:
        return f"{self.invoice or self.customer} {self.until}"


@tracked()
class Dispute(BaseModel):
    """An amount of an invoice that the customer denies owing. It is owed on paper, but nobody is reminded of it."""

    invoice = models.ForeignKey(
        "crm.Invoice", verbose_name=_("invoice"), on_delete=models.PROTECT, related_name="disputes"
    )
    amount = MoneyField(_("amount"), decimal_places=8, max_digits=24)
    reason = NameField(_("reason"), max_length=300)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("opened by"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    opened_at = models.DateTimeField(_("opened at"))
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("closed by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    outcome = NameField(_("outcome"), max_length=300, blank=True, default="")

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="crm_dispute_positive"),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | ~Q(outcome=""), name="crm_dispute_closed_has_outcome"
            ),
            models.UniqueConstraint(
                fields=["invoice"],
                condition=Q(closed_at__isnull=True),
                name="crm_dispute_one_open",
                violation_error_message=_("This invoice is disputed already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invoice} {self.reason}"


@tracked(exclude=["content"])
class DunningLetter(BaseModel):
    """One letter to one customer about everything of one currency that was late on a day; its PDF is stored once."""

    customer = models.ForeignKey(
        "crm.Customer", verbose_name=_("customer"), on_delete=models.PROTECT, related_name="dunning_letters"
    )
    legal_entity = models.ForeignKey(
        LegalEntity, verbose_name=_("legal entity"), on_delete=models.PROTECT, related_name="dunning_letters"
    )
    dated_on = models.DateField(_("date"))
    level = models.PositiveSmallIntegerField(_("level"))
    currency = CurrencyField(_("currency"))
    language = LanguageField(_("language"))
    open_total = MoneyField(_("open"), decimal_places=8, max_digits=24)
    interest_total = MoneyField(_("interest"), decimal_places=8, max_digits=24)
    fee = MoneyField(_("fee"), decimal_places=8, max_digits=24)
    text = models.TextField(_("text"))
    recipient = models.EmailField(_("recipient"), max_length=254, blank=True, default="")
    message_id = models.CharField(_("message id"), max_length=200, unique=True)
    content = models.BinaryField(_("content"), null=True)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True, default="")
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    fee_invoice = models.ForeignKey(
        "crm.Invoice",
        verbose_name=_("draft for the fee"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    is_sample = models.BooleanField(_("sample data"), default=False)

    class Meta:
        verbose_name = _("dunning letter")
        verbose_name_plural = _("dunning letters")
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "legal_entity", "currency", "dated_on"], name="crm_dunningletter_once_a_day"
            ),
            models.CheckConstraint(
                condition=Q(sent_at__isnull=True) | ~Q(recipient=""), name="crm_dunningletter_sent_to_somebody"
            ),
            models.CheckConstraint(
                condition=Q(is_sample=False) | Q(sent_at__isnull=True), name="crm_dunningletter_no_sample_sent"
            ),
        ]
        permissions = [("send_dunningletter", _("Can send reminders"))]

    def __str__(self) -> str:
        return f"{self.customer} {self.dated_on} ({self.level})"


class DunningItem(models.Model):
    """One invoice on a letter, at its level: the database lets each invoice reach each level once."""

    letter = models.ForeignKey(DunningLetter, verbose_name=_("letter"), on_delete=models.PROTECT, related_name="items")
    invoice = models.ForeignKey(
        "crm.Invoice", verbose_name=_("invoice"), on_delete=models.PROTECT, related_name="dunning_items"
    )
    level = models.PositiveSmallIntegerField(_("level"))
    open_amount = MoneyField(_("open"), decimal_places=8, max_digits=24)
    days_late = models.PositiveIntegerField(_("days late"))
    interest = MoneyField(_("interest"), decimal_places=8, max_digits=24)

    class Meta:
        verbose_name = _("dunned invoice")
        verbose_name_plural = _("dunned invoices")
        constraints = [
            models.UniqueConstraint(fields=["invoice", "level"], name="crm_dunningitem_level_once"),
            models.UniqueConstraint(fields=["letter", "invoice"], name="crm_dunningitem_once_a_letter"),
            models.CheckConstraint(condition=Q(open_amount__gt=0, days_late__gt=0), name="crm_dunningitem_owed"),
            models.CheckConstraint(condition=Q(interest__gte=0), name="crm_dunningitem_interest"),
        ]

    def __str__(self) -> str:
        return f"{self.invoice} {self.level}"
