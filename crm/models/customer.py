"""Whom we do business with."""

import secrets

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from crm.enums import CustomerStatus, InvoiceFormat
from crm.models.fields import (
    ElectronicAddress,
    LanguageField,
    NameField,
    PostalAddress,
    TimeZoneField,
    validate_leitweg_id,
)
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.money import CurrencyField
from hashinsight.common.scoping import ScopedQuerySet

# No letters that look like digits, and no vowels that make words.
_CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ23456789"


def new_customer_code() -> str:
    """Six random characters: short enough for a document number, telling nothing about other customers."""
    return "".join(secrets.choice(_CODE_ALPHABET) for _position in range(6))


class CustomerQuerySet(ScopedQuerySet):
    """Customers."""

    scope_path = "id"


@tracked()
class Customer(PostalAddress, ElectronicAddress, BaseModel):
    """A company we host for or sell to; everything a client may see hangs on one.

    active    we do business
    inactive  kept for its history; no new deals or invoices
    """

    code = models.CharField(_("customer number"), max_length=12, default=new_customer_code, unique=True)
    company_name = NameField(_("company name"))
    contact_name = NameField(_("contact person"), max_length=100, blank=True, default="")
    email = models.EmailField(_("e-mail address"), max_length=254, null=True, blank=True)
    billing_email = models.EmailField(
        _("e-mail address for invoices"), blank=True, default="", help_text=_("Empty: the general address.")
    )
    phone = NameField(_("phone"), max_length=50, blank=True, default="")
    tax_id = NameField(_("tax number"), max_length=40, blank=True, default="")
    vat_id = NameField(_("VAT id"), max_length=40, blank=True, default="")
    buyer_reference = NameField(
        _("buyer reference"),
        max_length=100,
        blank=True,
        default="",
        help_text=_("Printed on invoices, for example an order number."),
    )
    leitweg_id = models.CharField(
        _("Leitweg-ID"),
        max_length=46,
        blank=True,
        default="",
        db_default="",
        validators=[validate_leitweg_id],
        help_text=_("Of German authorities only; the e-invoice reaches them by it."),
    )
    invoice_format = models.CharField(
        _("form of invoices"),
        max_length=16,
        choices=InvoiceFormat.choices,
        default=InvoiceFormat.AUTO,
        db_default=InvoiceFormat.AUTO.value,
    )
    sector = NameField(_("sector"), max_length=60, blank=True, default="")
    mining_capacity_mw = models.DecimalField(
        _("mining capacity (MW)"),
        max_digits=12,
        decimal_places=3,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    status = models.CharField(
        _("status"), max_length=16, choices=CustomerStatus.choices, default=CustomerStatus.ACTIVE, editable=False
    )
    legal_entity = models.ForeignKey(
        "crm.LegalEntity",
        verbose_name=_("our legal entity"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="customers",
        help_text=_("Who bills this customer; empty: the first active one."),
    )
    tax_code = models.ForeignKey(
        "crm.TaxCode",
        verbose_name=_("tax code"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="customers",
        help_text=_("How sales to this customer are taxed; empty: as the product says."),
    )
    payment_terms_days = models.PositiveSmallIntegerField(
        _("payment terms in days"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(365)],
        help_text=_("Empty: as the legal entity says."),
    )
    currency = CurrencyField(_("currency"))
    time_zone = TimeZoneField(_("time zone"))
    language = LanguageField(_("language"))
    parent = models.ForeignKey(
        "self", verbose_name=_("subsidiary of"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    source_ref = models.CharField(_("source"), max_length=200, null=True, blank=True, unique=True, editable=False)
    is_sample = models.BooleanField(_("sample data"), default=False, editable=False)
    internal_note = models.TextField(_("internal note"), blank=True, default="")

    objects = CustomerQuerySet.as_manager()

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="crm_customer_email_ci",
                violation_error_message=_("A customer with this e-mail address exists already."),
            ),
            models.CheckConstraint(
                condition=models.Q(mining_capacity_mw__isnull=True) | models.Q(mining_capacity_mw__gte=0),
                name="crm_customer_capacity_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=CustomerStatus.values), name="crm_customer_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(invoice_format__in=InvoiceFormat.values), name="crm_customer_format_known"
            ),
        ]
        indexes = [
            models.Index(fields=["company_name"], name="crm_customer_name"),
            models.Index(fields=["-created_at", "-id"], name="crm_customer_created"),
        ]
        permissions = [
            ("access_customer", _("Can see this customer's data as its client")),
            ("administer_customer", _("Can act for this customer as its client")),
            ("change_customer_status", _("Can activate and deactivate customers")),
            ("export_customer", _("Can export customers")),
            ("import_customer", _("Can import customers")),
        ]

    def __str__(self) -> str:
        return self.company_name

    @property
    def invoice_email(self) -> str:
        """Where invoices go; empty when no address is known."""
        return self.billing_email or self.email or ""


class CustomerUserPermission(UserObjectPermissionBase):
    """django-guardian's grant to one user on one customer, with a direct foreign key."""

    content_object = models.ForeignKey(Customer, on_delete=models.CASCADE)


class CustomerGroupPermission(GroupObjectPermissionBase):
    """django-guardian's grant to a group on one customer, with a direct foreign key."""

    content_object = models.ForeignKey(Customer, on_delete=models.CASCADE)
