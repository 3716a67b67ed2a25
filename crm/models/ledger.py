"""The books: accounts, journal entries and their postings. Written with each document, never changed."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.enums import CUSTOMER_ACCOUNTS, AccountKind, EntryKind
from crm.models.fields import NameField
from hashinsight.common.audit import tracked
from hashinsight.common.ids import new_public_id
from hashinsight.common.models import BaseModel
from hashinsight.common.money import CurrencyField, MoneyField
from hashinsight.common.scoping import ScopedQuerySet


@tracked()
class LedgerAccount(BaseModel):
    """An account in the books of a legal entity; made when something is booked on it for the first time.

    Revenue and output tax are kept per tax category and rate. Only the number in the accounting program may change.
    """

    legal_entity = models.ForeignKey(
        "crm.LegalEntity", verbose_name=_("legal entity"), on_delete=models.PROTECT, related_name="ledger_accounts"
    )
    code = models.CharField(_("code"), max_length=40, editable=False)
    kind = models.CharField(_("kind"), max_length=20, choices=AccountKind.choices, editable=False)
    tax_category = models.CharField(_("tax category"), max_length=2, blank=True, default="", editable=False)
    tax_rate = models.DecimalField(_("tax rate (%)"), max_digits=6, decimal_places=3, default=0, editable=False)
    external_number = NameField(
        _("number in the accounting program"),
        max_length=20,
        blank=True,
        default="",
        help_text=_("Used in exports; empty: the code."),
    )

    class Meta:
        verbose_name = _("ledger account")
        verbose_name_plural = _("ledger accounts")
        ordering = ["legal_entity", "code"]
        constraints = [
            models.UniqueConstraint(fields=["legal_entity", "code"], name="crm_ledgeraccount_code"),
            models.CheckConstraint(condition=models.Q(kind__in=AccountKind.values), name="crm_ledgeraccount_kind"),
        ]

    def __str__(self) -> str:
        return self.code


class JournalEntryQuerySet(ScopedQuerySet):
    """Journal entries."""

    scope_path = "customer_id"


class JournalEntry(models.Model):
    """One booking of one document: who, what, when, why; its postings balance per currency.

    Written in the transaction of the document and never changed; a mistake is answered by an entry that
    ``reverses`` it. It needs no history of its own: it is one.
    """

    public_id = models.UUIDField(_("public id"), default=new_public_id, unique=True, editable=False)
    legal_entity = models.ForeignKey(
        "crm.LegalEntity", verbose_name=_("legal entity"), on_delete=models.PROTECT, related_name="+"
    )
    customer = models.ForeignKey(
        "crm.Customer", verbose_name=_("customer"), on_delete=models.PROTECT, related_name="journal_entries"
    )
    kind = models.CharField(_("kind"), max_length=16, choices=EntryKind.choices)
    source_id = models.BigIntegerField(_("source"), help_text=_("The document's row; which table, the kind says."))
    invoice = models.ForeignKey(
        "crm.Invoice",
        verbose_name=_("invoice"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="journal_entries",
    )
    reverses = models.OneToOneField(
        "self", verbose_name=_("reverses"), null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by"
    )
    posted_on = models.DateField(_("posted on"), help_text=_("On the legal entity's calendar."))
    currency = CurrencyField(_("currency"))
    base_currency = CurrencyField(_("currency of the books"))
    text = NameField(_("text"), max_length=200, blank=True, default="")
    request_id = models.CharField(_("request"), max_length=64, blank=True, default="")
    transaction_id = models.BigIntegerField(_("transaction"), default=0, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("booked by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    is_sample = models.BooleanField(_("sample data"), default=False)

    objects = JournalEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("journal entry")
        verbose_name_plural = _("journal entries")
        constraints = [
            models.UniqueConstraint(fields=["kind", "source_id"], name="crm_journalentry_once"),
            models.CheckConstraint(condition=models.Q(kind__in=EntryKind.values), name="crm_journalentry_kind"),
            models.CheckConstraint(
                condition=models.Q(kind="reversal", reverses__isnull=False)
                | (~models.Q(kind="reversal") & models.Q(reverses__isnull=True)),
                name="crm_journalentry_reversal",
            ),
        ]
        indexes = [
            models.Index(fields=["legal_entity", "posted_on", "id"], name="crm_journal_posted"),
            models.Index(fields=["customer", "posted_on", "id"], name="crm_journal_customer"),
            models.Index(fields=["-posted_on", "-id"], name="crm_journal_newest"),
        ]
        permissions = [("export_journalentry", _("Can export the journal"))]

    def __str__(self) -> str:
        return f"{self.posted_on} {self.get_kind_display()} {self.text}".strip()


class LedgerPostingQuerySet(ScopedQuerySet):
    """Postings; a client sees those of its own account only, never the other side of an entry."""

    scope_path = "customer_id"


class LedgerPosting(models.Model):
    """One line of a journal entry: an amount on one side of one account.

    ``debit`` and ``credit`` are in ``currency``; the base amounts in the currency of the books, at the ``rate``
    stated here. Without a known rate an entry has no base amounts at all. A posting of an exchange difference may
    have base amounts only. ``invoice`` and ``customer_credit`` name the open item on a customer's account.
    """

    entry = models.ForeignKey(JournalEntry, verbose_name=_("entry"), on_delete=models.PROTECT, related_name="postings")
    account = models.ForeignKey(
        LedgerAccount, verbose_name=_("account"), on_delete=models.PROTECT, related_name="postings"
    )
    kind = models.CharField(_("kind of account"), max_length=20, choices=AccountKind.choices)
    customer = models.ForeignKey(
        "crm.Customer", verbose_name=_("customer"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    invoice = models.ForeignKey(
        "crm.Invoice",
        verbose_name=_("invoice"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="ledger_postings",
    )
    customer_credit = models.ForeignKey(
        "crm.CustomerCredit",
        verbose_name=_("customer credit"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="ledger_postings",
    )
    currency = CurrencyField(_("currency"))
    debit = MoneyField(_("debit"), default=0, decimal_places=8, max_digits=24)
    credit = MoneyField(_("credit"), default=0, decimal_places=8, max_digits=24)
    base_debit = MoneyField(_("debit in books"), null=True, decimal_places=8, max_digits=24)
    base_credit = MoneyField(_("credit in books"), null=True, decimal_places=8, max_digits=24)
    rate = models.DecimalField(_("rate"), max_digits=24, decimal_places=12, null=True)

    objects = LedgerPostingQuerySet.as_manager()

    class Meta:
        verbose_name = _("ledger posting")
        verbose_name_plural = _("ledger postings")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=(models.Q(debit__gte=0) & models.Q(credit__gte=0))
                & (models.Q(debit=0) | models.Q(credit=0))
                & (~models.Q(debit=0) | ~models.Q(credit=0) | models.Q(kind=AccountKind.FX_DIFFERENCE)),
                name="crm_ledgerposting_one_side",
            ),
            models.CheckConstraint(
                condition=models.Q(base_debit__isnull=True, base_credit__isnull=True)
                | models.Q(base_debit__gte=0, base_credit=0)
                | models.Q(base_debit=0, base_credit__gte=0),
                name="crm_ledgerposting_base_side",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=[str(kind) for kind in CUSTOMER_ACCOUNTS], customer__isnull=False)
                | (
                    ~models.Q(kind__in=[str(kind) for kind in CUSTOMER_ACCOUNTS])
                    & models.Q(customer__isnull=True, invoice__isnull=True, customer_credit__isnull=True)
                ),
                name="crm_ledgerposting_customer",
            ),
            models.CheckConstraint(
                condition=(~models.Q(kind=AccountKind.RECEIVABLE) | models.Q(customer_credit__isnull=True))
                & (~models.Q(kind__in=["deposits", "credits"]) | models.Q(customer_credit__isnull=False)),
                name="crm_ledgerposting_open_item",
            ),
        ]
        indexes = [models.Index(fields=["customer", "currency"], name="crm_posting_customer")]

    def __str__(self) -> str:
        return f"{self.kind} {self.debit - self.credit} {self.currency}"
