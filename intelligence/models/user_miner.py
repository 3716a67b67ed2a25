"""What a person reckons with: machines of one kind as they are, not as their maker sells them."""

from decimal import Decimal
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.money import MoneyField
from hashinsight.common.scoping import ScopedQuerySet
from hosting.models.fields import PercentField, UnitPriceField
from intelligence.enums import UserMinerStatus

_POSITIVE = MinValueValidator(Decimal("0.0001"))


class UserMinerQuerySet(ScopedQuerySet):
    """A person's own rows; staff see all of them, no customer's other members do."""

    def visible_to(self, user: Any) -> Self:
        """Own rows for a client."""
        if not getattr(user, "is_authenticated", False) or not user.is_active:
            return self.none()
        return self.all() if user.is_staff else self.filter(user_id=user.pk)

    def reckoned(self) -> Self:
        """Those that count."""
        return self.filter(status=UserMinerStatus.ACTIVE)


@tracked()
class UserMiner(BaseModel):
    """Machines of one kind that a person reckons with; no machine of the fleet, and nothing is billed by them.

    active    counted in the portfolio
    inactive  kept, not counted
    sold      gone, kept for what it was
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="user_miners"
    )
    miner_model = models.ForeignKey(
        "hosting.MinerModel", verbose_name=_("model"), on_delete=models.PROTECT, related_name="user_miners"
    )
    # A client may see a model no more (it was archived, or is the house's own and no machine of it is left);
    # what was reckoned with keeps its name.
    model_name = NameField(_("model by name"), max_length=100, editable=False)
    custom_name = NameField(_("own name"), max_length=100, blank=True, default="")
    status = models.CharField(
        _("status"), max_length=20, choices=UserMinerStatus.choices, default=UserMinerStatus.ACTIVE
    )
    quantity = models.PositiveIntegerField(
        _("quantity"), default=1, validators=[MinValueValidator(1), MaxValueValidator(10**6)]
    )
    actual_hashrate_ths = models.DecimalField(
        _("hashrate (TH/s)"),
        max_digits=12,
        decimal_places=4,
        validators=[_POSITIVE],
        help_text=_("Of one machine, now."),
    )
    original_hashrate_ths = models.DecimalField(
        _("hashrate when entered (TH/s)"), max_digits=12, decimal_places=4, editable=False
    )
    actual_power_w = models.DecimalField(
        _("power (W)"), max_digits=10, decimal_places=2, validators=[MinValueValidator(Decimal("0.01"))]
    )
    actual_price_usd = MoneyField(_("price of a machine (USD)"), validators=[MinValueValidator(Decimal(0))])
    electricity_cost_usd_per_kwh = UnitPriceField(
        _("energy (USD per kWh)"), validators=[MinValueValidator(Decimal(-10)), MaxValueValidator(Decimal(10))]
    )
    decay_percent_monthly = PercentField(_("decay of the hashrate (% per month)"), default=Decimal("0.5"))
    location = NameField(_("location"), max_length=200, blank=True, default="")
    purchased_on = models.DateField(_("purchased on"), null=True, blank=True)
    last_maintenance_on = models.DateField(_("last maintenance"), null=True, blank=True, editable=False)
    maintenance_count = models.PositiveIntegerField(_("maintenances"), default=0, editable=False)

    objects: ClassVar[Any] = UserMinerQuerySet.as_manager()

    class Meta:
        verbose_name = _("machines of a user")
        verbose_name_plural = _("machines of users")
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="intelligence_userminer_user"),
            models.Index(fields=["-created_at", "-id"], name="intelligence_userminer_new"),
            models.Index(fields=["status"], name="intelligence_userminer_status"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=UserMinerStatus.values), name="intelligence_userminer_status_known"
            ),
            models.CheckConstraint(condition=Q(quantity__range=(1, 10**6)), name="intelligence_userminer_quantity"),
            models.CheckConstraint(
                condition=Q(actual_hashrate_ths__gt=0, original_hashrate_ths__gt=0, actual_power_w__gt=0),
                name="intelligence_userminer_figures_positive",
                violation_error_message=_("Hashrate and power must be above zero."),
            ),
            models.CheckConstraint(
                condition=Q(actual_price_usd__gte=0, decay_percent_monthly__range=(0, 100)),
                name="intelligence_userminer_price_and_decay",
            ),
            models.CheckConstraint(
                condition=Q(electricity_cost_usd_per_kwh__range=(-10, 10)), name="intelligence_userminer_energy"
            ),
            models.CheckConstraint(
                condition=Q(maintenance_count=0, last_maintenance_on__isnull=True)
                | Q(maintenance_count__gt=0, last_maintenance_on__isnull=False),
                name="intelligence_userminer_maintenance_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.custom_name or f"{self.quantity} × {self.model_name}"
