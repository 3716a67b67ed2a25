"""What exports to accounting programs need to know, and what was exported."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.enums import DateOrder, ExportKind, TaxCategory
from crm.models.fields import NameField
from crm.models.legal_entity import LegalEntity
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel

_DIGITS = RegexValidator(r"^[0-9]+$", _("Use digits only."))
_KEY = RegexValidator(r"^[0-9]{1,4}$", _("A tax key has one to four digits."))


@tracked()
class AccountingSettings(BaseModel):
    """How one of our legal entities is known in its accounting programs.

    The numbers of the accounts stand at the ledger accounts, those of customers at the debtor numbers, those of
    taxes at the tax keys.
    """

    legal_entity = models.OneToOneField(
        LegalEntity, verbose_name=_("legal entity"), on_delete=models.CASCADE, related_name="accounting"
    )
    consultant_number = models.CharField(
        _("DATEV consultant number"),
        max_length=7,
        blank=True,
        default="",
        validators=[_DIGITS],
        help_text=_("Given by the tax adviser; 1001 to 9999999."),
    )
    client_number = models.CharField(
        _("DATEV client number"),
        max_length=5,
        blank=True,
        default="",
        validators=[_DIGITS],
        help_text=_("Given by the tax adviser; 1 to 99999."),
    )
    account_length = models.PositiveSmallIntegerField(
        _("digits of a ledger account"),
        default=4,
        validators=[MinValueValidator(4), MaxValueValidator(8)],
        help_text=_("Numbers of customers have one digit more."),
    )
    datev_no_tax_key = models.CharField(
        _("DATEV key that suspends automatic tax"),
        max_length=4,
        blank=True,
        default="40",
        validators=[_KEY],
        help_text=_("Used where tax is booked by itself, because DATEV would round it otherwise."),
    )
    year_start_month = models.PositiveSmallIntegerField(
        _("first month of the fiscal year"), default=1, validators=[MinValueValidator(1), MaxValueValidator(12)]
    )
    first_debtor_number = models.PositiveIntegerField(
        _("first number for customers"), default=10000, help_text=_("Numbers are given out from here upwards.")
    )
    date_order = models.CharField(
        _("dates in files for Xero and QuickBooks"), max_length=3, choices=DateOrder.choices, default=DateOrder.DMY
    )

    class Meta:
        verbose_name = _("accounting settings")
        verbose_name_plural = pgettext_lazy("plural", "accounting settings")
        constraints = [
            models.CheckConstraint(condition=Q(account_length__range=(4, 8)), name="crm_accountingsettings_length"),
            models.CheckConstraint(condition=Q(year_start_month__range=(1, 12)), name="crm_accountingsettings_month"),
            models.CheckConstraint(condition=Q(date_order__in=DateOrder.values), name="crm_accountingsettings_dates"),
        ]

    def __str__(self) -> str:
        return str(self.legal_entity)


@tracked()
class DebtorNumber(BaseModel):
    """The number of a customer in the books of one of our legal entities."""

    legal_entity = models.ForeignKey(
        LegalEntity, verbose_name=_("legal entity"), on_delete=models.CASCADE, related_name="debtor_numbers"
    )
    customer = models.ForeignKey("crm.Customer", verbose_name=_("customer"), on_delete=models.CASCADE, related_name="+")
    number = models.CharField(_("debtor number"), max_length=9, validators=[_DIGITS])

    class Meta:
        verbose_name = _("debtor number")
        verbose_name_plural = _("debtor numbers")
        constraints = [
            models.UniqueConstraint(
                fields=["legal_entity", "customer"],
                name="crm_debtornumber_customer",
                violation_error_message=_("This customer has a debtor number already."),
            ),
            models.UniqueConstraint(
                fields=["legal_entity", "number"],
                name="crm_debtornumber_number",
                violation_error_message=_("Another customer has this debtor number."),
            ),
        ]

    def __str__(self) -> str:
        return self.number


@tracked()
class TaxKey(BaseModel):
    """What a tax category with a rate is called in the accounting programs of a legal entity."""

    legal_entity = models.ForeignKey(
        LegalEntity, verbose_name=_("legal entity"), on_delete=models.CASCADE, related_name="tax_keys"
    )
    tax_category = models.CharField(_("tax category"), max_length=2, choices=TaxCategory.choices)
    tax_rate = models.DecimalField(_("tax rate (%)"), max_digits=6, decimal_places=3, default=0)
    datev_key = models.CharField(
        _("DATEV tax key"),
        max_length=4,
        blank=True,
        default="",
        validators=[_KEY],
        help_text=_(
            "For example 3 for 19 %, 2 for 7 %; empty: the account computes the tax by itself, or there is none."
        ),
    )
    xero_tax_type = NameField(
        _("tax name in Xero"), max_length=60, blank=True, default="", help_text=_("Exactly as it stands in Xero.")
    )
    quickbooks_tax_code = NameField(_("tax code in QuickBooks"), max_length=60, blank=True, default="")

    class Meta:
        verbose_name = _("tax key")
        verbose_name_plural = _("tax keys")
        constraints = [
            models.UniqueConstraint(
                fields=["legal_entity", "tax_category", "tax_rate"],
                name="crm_taxkey_once",
                violation_error_message=_("There is a tax key for this category and rate already."),
            ),
            models.CheckConstraint(condition=Q(tax_category__in=TaxCategory.values), name="crm_taxkey_category_known"),
            models.CheckConstraint(condition=Q(tax_rate__range=(0, 100)), name="crm_taxkey_rate"),
        ]

    def __str__(self) -> str:
        return f"{self.get_tax_category_display()} {self.tax_rate.normalize():f} %"


@tracked(exclude=["content", "frozen"])
class AccountingExport(BaseModel):
    """A file made from the books of a legal entity, with its hash: written once, never changed.

    Of months that are closed the same file comes out again, byte by byte, as long as nobody maps accounts otherwise.
    A file over a month that is still open is provisional, and says so in its name. The month of documents is too
    large to be kept a second time: its list of files is kept, and its bytes are put together again from the stored
    documents. Provisional files are deleted when they are old (see the retention policies); all others stay.
    """

    legal_entity = models.ForeignKey(
        LegalEntity, verbose_name=_("legal entity"), on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(_("kind"), max_length=20, choices=ExportKind.choices)
    first_month = models.DateField(_("first month"))
    last_month = models.DateField(_("last month"))
    is_provisional = models.BooleanField(_("provisional"), default=False)
    file_name = models.CharField(_("file name"), max_length=120)
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    size = models.PositiveBigIntegerField(_("size in bytes"))
    row_count = models.PositiveIntegerField(_("rows"))
    sums = models.JSONField(_("sums"), default=dict)
    notes = models.JSONField(_("notes"), default=list, blank=True)
    mapping = models.CharField(_("fingerprint of the mapping"), max_length=64, blank=True, default="")
    state_of = models.DateTimeField(_("state of"), help_text=_("The moment the file speaks of."))
    content = models.BinaryField(_("content"), null=True)
    frozen = models.JSONField(
        _("files in it"),
        null=True,
        editable=False,
        help_text=_("Of a month of documents: the stored documents, the names they have in it, and the list itself."),
    )
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("made by"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField(_("made at"), default=timezone.now)

    class Meta:
        verbose_name = _("export for accounting")
        verbose_name_plural = _("exports for accounting")
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=ExportKind.values), name="crm_accountingexport_kind"),
            models.CheckConstraint(
                condition=Q(last_month__gte=models.F("first_month")), name="crm_accountingexport_months"
            ),
            models.CheckConstraint(
                condition=Q(kind="documents", content__isnull=True) | ~Q(kind="documents") & Q(content__isnull=False),
                name="crm_accountingexport_content",
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="crm_accountingexport_newest")]
        permissions = [("make_accountingexport", _("Can make and fetch exports for accounting"))]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_large(self) -> bool:
        """Whether its bytes are made again when somebody fetches it."""
        return self.kind == ExportKind.DOCUMENTS
