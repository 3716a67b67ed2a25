"""Who we are on paper, and the series our documents are numbered from."""

from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.enums import InvoiceKind, NumberScope
from crm.models.fields import ElectronicAddress, LanguageField, NameField, PostalAddress, TimeZoneField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.money import CurrencyField


class Logo(models.Model):
    """A picture printed on documents, kept by its hash, so that an old document finds the logo it was made with."""

    sha256 = models.CharField(_("SHA-256"), max_length=64, unique=True)
    media_type = models.CharField(_("media type"), max_length=40)
    content = models.BinaryField(_("content"))
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    class Meta:
        verbose_name = _("logo")
        verbose_name_plural = _("logos")

    def __str__(self) -> str:
        return f"{self.media_type} {self.sha256[:12]}"


@tracked()
class LegalEntity(PostalAddress, ElectronicAddress, BaseModel):
    """A company of ours that issues documents: its name, tax ids, bank, logo, time zone and number series."""

    name = NameField(_("name"))
    registration_number = NameField(_("registration number"), max_length=60, blank=True, default="")
    tax_id = NameField(_("tax number"), max_length=40, blank=True, default="")
    vat_id = NameField(_("VAT id"), max_length=40, blank=True, default="")
    contact_name = NameField(
        _("contact for invoices"),
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text=_("A person or a department; empty: the name of the company."),
    )
    email = models.EmailField(_("e-mail address"), blank=True, default="")
    phone = NameField(_("phone"), max_length=50, blank=True, default="")
    website = models.URLField(_("website"), blank=True, default="")
    bank_name = NameField(_("bank"), max_length=100, blank=True, default="")
    bank_account_holder = NameField(_("account holder"), max_length=100, blank=True, default="")
    iban = models.CharField(
        _("IBAN or account number"),
        max_length=42,
        blank=True,
        default="",
        validators=[RegexValidator(r"^[A-Z0-9 ]+$", _("Use capital letters, digits and spaces only."))],
    )
    bic = models.CharField(
        _("BIC"),
        max_length=11,
        blank=True,
        default="",
        validators=[RegexValidator(r"^[A-Z0-9]{8}([A-Z0-9]{3})?$", _("A BIC has 8 or 11 letters and digits."))],
    )
    logo = models.ForeignKey(
        "crm.Logo",
        verbose_name=_("logo"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    currency = CurrencyField(_("currency"))
    time_zone = TimeZoneField(_("time zone"))
    language = LanguageField(_("language"))
    number_prefix = models.CharField(
        _("number prefix"),
        max_length=12,
        default="INV",
        validators=[RegexValidator(r"^[A-Z0-9-]+$", _("Use capital letters, digits and dashes only."))],
    )
    credit_note_prefix = models.CharField(
        _("number prefix of credit notes"),
        max_length=12,
        default="CN",
        validators=[RegexValidator(r"^[A-Z0-9-]+$", _("Use capital letters, digits and dashes only."))],
    )
    number_scope = models.CharField(
        _("number series"), max_length=16, choices=NumberScope.choices, default=NumberScope.CUSTOMER
    )
    payment_terms_days = models.PositiveSmallIntegerField(
        _("payment terms in days"), default=14, validators=[MaxValueValidator(365)]
    )
    footer = models.TextField(_("text at the foot of documents"), blank=True, default="")
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("legal entity")
        verbose_name_plural = _("legal entities")
        constraints = [
            models.UniqueConstraint(fields=["name"], name="crm_legalentity_name"),
            models.CheckConstraint(
                condition=~models.Q(number_prefix=models.F("credit_note_prefix")),
                name="crm_legalentity_prefixes_differ",
                violation_error_message=_("Invoices and credit notes need different prefixes: numbers must be unique."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class NumberSeries(models.Model):
    """The counter row behind a series of numbers; taken under lock inside the issuing transaction, so gapless.

    One per (legal entity, kind, year), and per customer where the entity keeps a series per customer. The database
    holds the books to it: at commit each number counted has its document, and no document has a number not counted.
    A series taken over from another system begins after that system's last number.
    """

    legal_entity = models.ForeignKey(
        LegalEntity, verbose_name=_("legal entity"), on_delete=models.PROTECT, related_name="number_series"
    )
    kind = models.CharField(_("kind"), max_length=16, choices=[
        (InvoiceKind.DEAL.value, _("invoice")), (InvoiceKind.CREDIT_NOTE.value, _("credit note")),
    ])  # fmt: skip
    year = models.PositiveSmallIntegerField(_("year"))
    customer = models.ForeignKey(
        "crm.Customer", verbose_name=_("customer"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    starts_after = models.PositiveIntegerField(
        _("starts after"), default=0, db_default=0, help_text=_("Last number that the former system gave.")
    )
    last_number = models.PositiveIntegerField(_("last number"), default=0)

    class Meta:
        verbose_name = _("number series")
        verbose_name_plural = pgettext_lazy("plural", "number series")
        constraints = [
            models.UniqueConstraint(
                fields=["legal_entity", "kind", "year", "customer"],
                name="crm_numberseries_key",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.legal_entity_id} {self.kind} {self.year} {self.customer_id or ''}".strip()
