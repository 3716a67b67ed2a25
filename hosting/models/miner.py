"""Machines: what they are now, and the histories of where they stood and whose they were."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Func, Q, Value
from django.db.models.functions import Mod, Upper
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.ranges import EpochSeconds, ends_after_it_begins, no_overlap
from hashinsight.common.scoping import ScopedQuerySet
from hosting.enums import CurtailmentPart, MinerHealth, MinerIntent, MinerStatus, Operation

QUARTER_HOUR_S = 900
_INTENT_STATUS = {
    MinerIntent.RETIRED: MinerStatus.RETIRED,
    MinerIntent.MAINTENANCE: MinerStatus.MAINTENANCE,
    MinerIntent.CURTAILED: MinerStatus.CURTAILED,
    MinerIntent.PAUSED: MinerStatus.CURTAILED,
}
# What a search looks at on a machine, as one text: serial first, no word across two of them.
_LINE = Value("\n")
SEARCHED = Func(
    "serial", _LINE, "mac", _LINE, "model_text",
    template="(%(expressions)s)", arg_joiner=" || ", output_field=models.TextField(),
)  # fmt: skip
# The address as one word: groups of three letters reach over its dots and colons, so that few machines have each.
ADDRESS_LETTERS = str.maketrans(".:", "XY")
SEARCHED_ADDRESS = Func(
    Func("address", function="HOST", output_field=models.TextField()), Value(".:"), Value("XY"),
    function="TRANSLATE", output_field=models.TextField(),
)  # fmt: skip
NOT_SEEN = (MinerHealth.OFFLINE, MinerHealth.LOST)


def with_status(status: str) -> Q:
    """Conditions on the columns for one word of ``Miner.status``: filters that an index can serve."""
    derived = {intent.value for intent, word in _INTENT_STATUS.items() if word == status}
    if derived:
        return Q(intent__in=derived)
    running = Q(intent=MinerIntent.ACTIVE)
    return running & (Q(health__in=NOT_SEEN) if status == MinerStatus.OFFLINE else ~Q(health__in=NOT_SEEN))


class MinerQuerySet(ScopedQuerySet):
    """Machines; a client sees those that are own now."""

    scope_path = "customer_id"


@tracked(quiet=["last_seen_at"])
class Miner(BaseModel):
    """One machine. ``intent`` says what we want it to do, ``health`` how it is, as far as it is seen.

    active       it should hash
    curtailed    switched off for the grid or the price
    paused       switched off for another reason
    maintenance  locked out: nobody starts it
    retired      gone, or in the storeroom

    Place and owner are those of now, kept by ``hosting.domain`` together with their histories.
    """

    serial = models.CharField(
        _("serial number"),
        max_length=100,
        validators=[RegexValidator(r"^[!-~]+$", _("Use letters, digits and signs without blanks."))],
    )
    manufacturer = NameField(_("maker"), max_length=50)
    model = models.ForeignKey(
        "hosting.MinerModel",
        verbose_name=_("model"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="miners",
    )
    model_text = NameField(
        _("model as written"),
        max_length=100,
        blank=True,
        default="",
        help_text=_("Until it is found in the catalogue."),
    )
    site = models.ForeignKey(
        "hosting.Site", verbose_name=_("site"), null=True, blank=True, on_delete=models.PROTECT, related_name="miners"
    )
    zone = models.ForeignKey(
        "hosting.Zone", verbose_name=_("zone"), null=True, blank=True, on_delete=models.PROTECT, related_name="miners"
    )
    rack = models.ForeignKey(
        "hosting.Rack", verbose_name=_("rack"), null=True, blank=True, on_delete=models.PROTECT, related_name="miners"
    )
    slot = models.PositiveSmallIntegerField(_("slot"), null=True, blank=True)
    customer = models.ForeignKey(
        "crm.Customer",
        verbose_name=_("customer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="miners",
        help_text=_("Empty: our own."),
    )
    address = models.GenericIPAddressField(_("address"), null=True, blank=True)
    port = models.PositiveIntegerField(
        _("port"), default=4028, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    is_collected = models.BooleanField(_("read by the collector"), default=True)
    mac = models.CharField(
        _("MAC address"),
        max_length=17,
        blank=True,
        default="",
        validators=[RegexValidator(r"^([0-9A-F]{2}:){5}[0-9A-F]{2}$", _("Write it as 00:1A:2B:3C:4D:5E."))],
    )
    intent = models.CharField(
        _("intent"), max_length=16, choices=MinerIntent.choices, default=MinerIntent.PAUSED, editable=False
    )
    intent_since = models.DateTimeField(_("intended since"), null=True, blank=True, editable=False)
    health = models.CharField(
        _("health"), max_length=16, choices=MinerHealth.choices, default=MinerHealth.UNKNOWN, editable=False
    )
    health_since = models.DateTimeField(_("health since"), null=True, blank=True, editable=False)
    last_seen_at = models.DateTimeField(_("last seen"), null=True, blank=True, editable=False)
    curtailment = models.CharField(
        _("curtailment"), max_length=16, choices=CurtailmentPart.choices, default=CurtailmentPart.INHERIT
    )
    power_limit_w = models.PositiveIntegerField(
        _("power as set (W)"), null=True, blank=True, help_text=_("Empty: as the model says.")
    )
    nameplate_w = models.PositiveIntegerField(_("nameplate power (W)"), null=True, blank=True, editable=False)
    purchased_on = models.DateField(_("purchased on"), null=True, blank=True)
    warranty_until = models.DateField(_("warranty until"), null=True, blank=True)
    deployed_at = models.DateTimeField(_("deployed at"), null=True, blank=True, editable=False)
    retired_at = models.DateTimeField(_("retired at"), null=True, blank=True, editable=False)
    internal_note = models.TextField(_("internal note"), blank=True, default="")

    objects = MinerQuerySet.as_manager()

    class Meta:
        verbose_name = _("miner")
        verbose_name_plural = _("miners")
        constraints = [
            models.UniqueConstraint(
                Upper("manufacturer"),
                Upper("serial"),
                name="hosting_miner_serial_once",
                violation_error_message=_("This maker has a machine of this serial number already."),
            ),
            models.UniqueConstraint(
                fields=["rack", "slot"],
                condition=Q(slot__isnull=False),
                name="hosting_miner_slot_once",
                violation_error_message=_("Another machine stands in this slot."),
            ),
            models.UniqueConstraint(
                fields=["site", "address", "port"],
                condition=Q(address__isnull=False, site__isnull=False) & ~Q(intent="retired"),
                name="hosting_miner_address_once",
                violation_error_message=_("Another machine at this site has this address."),
            ),
            models.CheckConstraint(condition=Q(intent__in=MinerIntent.values), name="hosting_miner_intent_known"),
            models.CheckConstraint(condition=Q(health__in=MinerHealth.values), name="hosting_miner_health_known"),
            models.CheckConstraint(
                condition=Q(curtailment__in=CurtailmentPart.values), name="hosting_miner_curtailment_known"
            ),
            models.CheckConstraint(condition=Q(port__range=(1, 65535)), name="hosting_miner_port_range"),
            models.CheckConstraint(
                condition=(Q(zone__isnull=True) | Q(site__isnull=False))
                & (Q(rack__isnull=True) | Q(zone__isnull=False)),
                name="hosting_miner_place_whole",
                violation_error_message=_("A rack needs its zone, a zone its site."),
            ),
            models.CheckConstraint(
                condition=Q(slot__isnull=True) | Q(rack__isnull=False, slot__gte=1),
                name="hosting_miner_slot_in_rack",
                violation_error_message=_("A slot needs its rack; slots are counted from 1."),
            ),
            models.CheckConstraint(
                condition=Q(model__isnull=False) | ~Q(model_text=""),
                name="hosting_miner_model_named",
                violation_error_message=_("State the model."),
            ),
            models.CheckConstraint(
                condition=~Q(intent="retired") | Q(retired_at__isnull=False, site__isnull=True, zone__isnull=True),
                name="hosting_miner_retired_stands_nowhere",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="hosting_miner_created"),
            models.Index(fields=["site", "intent", "health"], name="hosting_miner_site_state"),
            models.Index(fields=["customer", "-created_at", "-id"], name="hosting_miner_customer"),
            models.Index(Upper("serial"), name="hosting_miner_serial"),
            models.Index(fields=["mac"], name="hosting_miner_mac", condition=~Q(mac="")),
            models.Index(fields=["address"], name="hosting_miner_address"),
            GinIndex(OpClass(Upper(SEARCHED), name="gin_trgm_ops"), name="hosting_miner_letters"),
            GinIndex(OpClass(SEARCHED_ADDRESS, name="gin_trgm_ops"), name="hosting_miner_address_letters"),
        ]
        permissions = [
            ("place_miner", _("Can place, move and take out miners")),
            ("assign_miner", _("Can assign miners to customers")),
            ("switch_miner", _("Can say what miners should do")),
            ("retire_miner", _("Can retire miners")),
            ("import_miner", _("Can import miners")),
            ("export_miner", _("Can export miners")),
        ]

    def __str__(self) -> str:
        return f"{self.manufacturer} {self.serial}"

    @property
    def status(self) -> MinerStatus:
        """The one word for lists and clients."""
        if derived := _INTENT_STATUS.get(MinerIntent(self.intent)):
            return derived
        return MinerStatus.OFFLINE if self.health in NOT_SEEN else MinerStatus.ACTIVE


@tracked()
class MinerPlacement(BaseModel):
    """Where a machine stood from one moment to another (exclusive)."""

    miner = models.ForeignKey(Miner, verbose_name=_("miner"), on_delete=models.PROTECT, related_name="placements")
    site = models.ForeignKey("hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="+")
    zone = models.ForeignKey(
        "hosting.Zone", verbose_name=_("zone"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    rack = models.ForeignKey(
        "hosting.Rack", verbose_name=_("rack"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    slot = models.PositiveSmallIntegerField(_("slot"), null=True, blank=True)
    valid_from = models.DateTimeField(_("from"))
    valid_to = models.DateTimeField(_("to"), null=True, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("placement")
        verbose_name_plural = _("placements")
        ordering = ["miner_id", "-valid_from"]
        constraints = [
            ends_after_it_begins("hosting_placement_period"),
            no_overlap(
                "hosting_placement_no_overlap",
                "miner",
                moments=True,
                message=_("The machine stood elsewhere at that time."),
            ),
        ]
        indexes = [models.Index(fields=["zone", "valid_from"], name="hosting_placement_zone")]

    def __str__(self) -> str:
        return f"{self.miner} @ {self.rack or self.zone or self.site}"


def _on_quarter_hour(column: str) -> Q:
    return Q(Exact(Mod(EpochSeconds(column), QUARTER_HOUR_S), 0))


class OwnershipQuerySet(ScopedQuerySet):
    """Ownerships; a client sees own ones, past ones too."""

    scope_path = "customer_id"


@tracked()
class MinerOwnership(BaseModel):
    """Whose a machine was from one quarter-hour to another (exclusive). A machine without an owner is our own."""

    miner = models.ForeignKey(Miner, verbose_name=_("miner"), on_delete=models.PROTECT, related_name="ownerships")
    customer = models.ForeignKey(
        "crm.Customer", verbose_name=_("customer"), on_delete=models.PROTECT, related_name="miner_ownerships"
    )
    valid_from = models.DateTimeField(_("from"))
    valid_to = models.DateTimeField(_("to"), null=True, blank=True)

    objects = OwnershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("ownership")
        verbose_name_plural = _("ownerships")
        ordering = ["miner_id", "-valid_from"]
        constraints = [
            ends_after_it_begins("hosting_ownership_period"),
            no_overlap(
                "hosting_ownership_no_overlap",
                "miner",
                moments=True,
                message=_("The machine was somebody else's at that time."),
            ),
            models.CheckConstraint(
                condition=_on_quarter_hour("valid_from") & (Q(valid_to__isnull=True) | _on_quarter_hour("valid_to")),
                name="hosting_ownership_quarter_hours",
                violation_error_message=_("Ownership changes at quarter-hours."),
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "valid_from"], name="hosting_ownership_customer"),
            # The last change of all is asked with each batch of readings.
            models.Index(fields=["valid_from"], name="hosting_ownership_from"),
            models.Index(fields=["valid_to"], name="hosting_ownership_to"),
        ]

    def __str__(self) -> str:
        return f"{self.miner}: {self.customer}"


class MinerOperation(models.Model):
    """One line of the log of a machine: what was done to it, by whom, in which request. Never changed."""

    miner = models.ForeignKey(Miner, verbose_name=_("miner"), on_delete=models.PROTECT, related_name="operations")
    operation = models.CharField(_("operation"), max_length=24, choices=Operation.choices)
    performed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Empty: the system."),
    )
    details = models.TextField(_("details"), blank=True, default="")
    request_id = models.CharField(_("request id"), max_length=64, blank=True, default="")
    performed_at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("operation on a miner")
        verbose_name_plural = _("operations on miners")
        ordering = ["-performed_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(operation__in=Operation.values), name="hosting_operation_known")
        ]
        indexes = [
            models.Index(fields=["miner", "-performed_at"], name="hosting_operation_miner"),
            models.Index(fields=["-performed_at", "-id"], name="hosting_operation_at"),
        ]

    def __str__(self) -> str:
        return f"{self.miner} {self.operation} {self.performed_at:%Y-%m-%d %H:%M}"
