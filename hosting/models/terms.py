"""What a contract means in steel: where, how much power, at what price, with which rules of curtailment."""

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.ranges import ends_after_it_begins, no_overlap
from hashinsight.common.scoping import ScopedQuerySet
from hosting.enums import TERMS_CURTAILMENT, BillingBasis, CurtailmentPart, HostingKind, StalePolicy
from hosting.models.fields import KilowattField, PercentField


class HostingTermsQuerySet(ScopedQuerySet):
    """Terms of contracts; those of a draft contract are ours alone."""

    scope_path = "contract__customer_id"
    scope_filter = {"contract__status__in": ["active", "ended"], "agreed_at__isnull": False}


@tracked()
class HostingTerms(BaseModel):
    """The dated hosting side of a contract, at one site or in one zone of it.

    Once agreed (``agreed_at``) nothing changes but the day they end: an amendment ends them and begins new ones.
    Days are those of the site's calendar, the end exclusive.
    """

    contract = models.ForeignKey(
        "crm.Contract", verbose_name=_("contract"), on_delete=models.PROTECT, related_name="hosting_terms"
    )
    site = models.ForeignKey(
        "hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="hosting_terms"
    )
    zone = models.ForeignKey(
        "hosting.Zone",
        verbose_name=_("zone"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="hosting_terms",
        help_text=_("Empty: anywhere at the site."),
    )
    price_plan = models.ForeignKey(
        "hosting.PricePlan", verbose_name=_("price plan"), on_delete=models.PROTECT, related_name="hosting_terms"
    )
    amends = models.OneToOneField(
        "self",
        verbose_name=_("amends"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="amendment",
        editable=False,
    )
    kind = models.CharField(_("kind"), max_length=16, choices=HostingKind.choices, default=HostingKind.HOSTED)
    basis = models.CharField(
        _("basis of billing"), max_length=16, choices=BillingBasis.choices, default=BillingBasis.METERED
    )
    contracted_kw = KilowattField(_("contracted power (kW)"))
    cap_kw = KilowattField(
        _("cap (kW)"),
        null=True,
        blank=True,
        help_text=_("No machine is placed above it. Empty: the zone's limit alone."),
    )
    valid_from = models.DateField(_("valid from"))
    valid_to = models.DateField(
        _("valid to"), null=True, blank=True, help_text=_("Exclusive; empty: as long as the contract.")
    )
    curtailment = models.CharField(
        _("curtailment"),
        max_length=16,
        choices=TERMS_CURTAILMENT,
        default=CurtailmentPart.CURTAIL,
    )
    curtailment_notice_minutes = models.PositiveIntegerField(
        _("notice before curtailment (minutes)"), default=0, validators=[MaxValueValidator(10080)]
    )
    curtailment_share_percent = PercentField(
        _("the customer's share of what curtailment earns (%)"),
        default=0,
        help_text=_("Of avoided cost and of payments for it; the rest is ours."),
    )
    on_stale = models.CharField(
        _("when prices or dispatches are stale, machines"),
        max_length=16,
        choices=StalePolicy.choices,
        default=StalePolicy.HOLD,
    )
    on_stale_max_minutes = models.PositiveIntegerField(
        _("for at most (minutes)"),
        default=60,
        validators=[MaxValueValidator(10080)],
        help_text=_("Then they run."),
    )
    agreed_at = models.DateTimeField(_("agreed at"), null=True, blank=True, editable=False)
    reason = NameField(_("reason of the amendment"), max_length=300, blank=True, default="", editable=False)

    objects = HostingTermsQuerySet.as_manager()

    class Meta:
        verbose_name = _("hosting terms")
        verbose_name_plural = _("hosting terms")
        ordering = ["contract_id", "-valid_from", "-id"]
        constraints = [
            ends_after_it_begins("hosting_terms_period"),
            no_overlap(
                "hosting_terms_site_no_overlap",
                "contract",
                "site",
                message=_("Other terms of this contract are valid at this site in that period."),
                condition=Q(zone__isnull=True, agreed_at__isnull=False),
            ),
            no_overlap(
                "hosting_terms_zone_no_overlap",
                "contract",
                "zone",
                message=_("Other terms of this contract are valid in this zone in that period."),
                condition=Q(zone__isnull=False, agreed_at__isnull=False),
            ),
            models.CheckConstraint(condition=Q(kind__in=HostingKind.values), name="hosting_terms_kind_known"),
            models.CheckConstraint(condition=Q(basis__in=BillingBasis.values), name="hosting_terms_basis_known"),
            models.CheckConstraint(
                condition=Q(curtailment__in=["curtail", "protected"]), name="hosting_terms_curtailment_known"
            ),
            models.CheckConstraint(condition=Q(on_stale__in=StalePolicy.values), name="hosting_terms_on_stale_known"),
            models.CheckConstraint(
                condition=Q(contracted_kw__gte=0) & (Q(cap_kw__isnull=True) | Q(cap_kw__gte=F("contracted_kw"))),
                name="hosting_terms_power_range",
                violation_error_message=_("The cap cannot be below the contracted power."),
            ),
            models.CheckConstraint(
                condition=Q(curtailment_share_percent__range=(0, 100)), name="hosting_terms_share_range"
            ),
        ]
        permissions = [
            ("agree_hostingterms", _("Can agree on hosting terms and amend them")),
        ]

    def __str__(self) -> str:
        return f"{self.contract} @ {self.zone or self.site}"
