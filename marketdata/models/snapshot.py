"""What the sources said of the network every ten minutes, and what was made of it."""

from decimal import Decimal
from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from hashinsight.common.ids import new_public_id
from hashinsight.common.scoping import ScopedQuerySet
from marketdata.enums import Origin, Outcome, Source
from marketdata.models.fields import SharedQuerySet, bitcoins, difficulty, exahashes, usd


class SnapshotQuerySet(SharedQuerySet):
    """Snapshots."""

    def valid(self) -> "SnapshotQuerySet":
        """Those whose figures may be used."""
        return self.filter(is_valid=True)


class NetworkSnapshot(models.Model):
    """Price, difficulty and hashrate at one moment, and who said so. Never changed.

    A snapshot that is not valid has a reason and is never used; a figure nobody said is empty. One per ten minutes
    (``slot_at``); the hashrate is the sources' own estimate.
    """

    append_only = True
    version: ClassVar[int] = 1

    public_id = models.UUIDField(_("public id"), default=new_public_id, unique=True, editable=False)
    slot_at = models.DateTimeField(_("ten minutes from"), unique=True)
    recorded_at = models.DateTimeField(pgettext_lazy("figures", "recorded at"))
    is_valid = models.BooleanField(_("valid"))
    reason = models.CharField(_("reason"), max_length=300, blank=True, default="")
    btc_price_usd = usd(_("price (USD per BTC)"), null=True)
    volume_24h_usd = models.DecimalField(_("volume of 24 hours (USD)"), max_digits=22, decimal_places=2, null=True)
    difficulty = difficulty(_("difficulty"), null=True)
    hashrate_ehs = exahashes(_("hashrate (EH/s)"), null=True)
    block_height = models.PositiveIntegerField(_("block height"), null=True)
    block_reward_btc = bitcoins(_("subsidy per block (BTC)"), null=True)
    fees_per_block_btc = bitcoins(
        _("fees per block (BTC)"), null=True, help_text=_("Mean of the last 144 blocks, or of the day.")
    )
    fee_rate_sat_vb = models.DecimalField(_("fee rate (sat/vB)"), max_digits=12, decimal_places=3, null=True)
    retarget_change_pct = models.DecimalField(
        _("change at the next retarget (%)"), max_digits=9, decimal_places=4, null=True
    )
    retarget_at = models.DateTimeField(_("next retarget"), null=True)
    remaining_blocks = models.PositiveSmallIntegerField(_("blocks to the next retarget"), null=True)
    price_source = models.CharField(_("sources of the price"), max_length=100, blank=True, default="")
    data_source = models.CharField(_("sources of the network"), max_length=100, blank=True, default="")
    response_s = models.DecimalField(_("slowest answer (s)"), max_digits=8, decimal_places=3, null=True)
    origin = models.CharField(_("origin"), max_length=12, choices=Origin.choices, default=Origin.COLLECTED)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    objects = SnapshotQuerySet.as_manager()

    class Meta:
        verbose_name = _("network snapshot")
        verbose_name_plural = _("network snapshots")
        indexes = [
            models.Index(fields=["-recorded_at", "-id"], name="marketdata_snapshot_at"),
            models.Index(fields=["-recorded_at"], condition=Q(is_valid=True), name="marketdata_snapshot_valid"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_valid=False)
                | Q(btc_price_usd__gt=0, difficulty__gte=1, hashrate_ehs__gt=0, block_reward_btc__isnull=False),
                name="marketdata_snapshot_valid_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(is_valid=True, reason="") | Q(is_valid=False) & ~Q(reason=""),
                name="marketdata_snapshot_says_why",
            ),
            models.CheckConstraint(
                condition=Q(fees_per_block_btc__isnull=True) | Q(is_valid=False) | Q(fees_per_block_btc__gte=0),
                name="marketdata_snapshot_fees_not_negative",
            ),
            models.CheckConstraint(condition=Q(origin__in=Origin.values), name="marketdata_snapshot_origin_known"),
        ]
        triggers = [pgtrigger.Protect(name="never_changed", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.recorded_at:%Y-%m-%d %H:%M} UTC"

    @property
    def difficulty_t(self) -> Decimal | None:
        """Difficulty in trillions, as people say it."""
        return None if self.difficulty is None else self.difficulty / Decimal(10**12)


class SourceAnswer(models.Model):
    """One call to a source: what came, how long it took, and what was made of it. The body is kept for a while."""

    slot_at = models.DateTimeField(_("ten minutes from"))
    source = models.CharField(_("source"), max_length=32, choices=Source.choices)
    call = models.CharField(_("call"), max_length=40)
    outcome = models.CharField(_("outcome"), max_length=12, choices=Outcome.choices)
    reason = models.CharField(_("reason"), max_length=300, blank=True, default="")
    status = models.PositiveSmallIntegerField(_("status"), null=True)
    seconds = models.DecimalField(_("took (s)"), max_digits=8, decimal_places=3, null=True)
    asked_at = models.DateTimeField(_("asked at"))
    figures = models.JSONField(_("figures"), default=dict, blank=True)
    validators = models.JSONField(_("validators"), default=dict, blank=True)
    body = models.BinaryField(_("answer"), null=True, help_text=_("Compressed by zlib."))

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("answer of a source")
        verbose_name_plural = _("answers of sources")
        indexes = [models.Index(fields=["-asked_at", "-id"], name="marketdata_answer_at")]
        constraints = [
            models.UniqueConstraint(fields=["slot_at", "source", "call"], name="marketdata_answer_once"),
            models.CheckConstraint(condition=Q(outcome__in=Outcome.values), name="marketdata_answer_outcome_known"),
            models.CheckConstraint(condition=Q(source__in=Source.values), name="marketdata_answer_source_known"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.call} {self.asked_at:%Y-%m-%d %H:%M}"


class SourceState(models.Model):
    """How a source has been lately: failures in a row, and until when it is left alone."""

    source = models.CharField(_("source"), max_length=32, choices=Source.choices, primary_key=True)
    failures = models.PositiveIntegerField(_("failed runs in a row"), default=0)
    open_until = models.DateTimeField(_("not asked before"), null=True, blank=True)
    last_good_at = models.DateTimeField(_("last good answer"), null=True, blank=True)
    last_failed_at = models.DateTimeField(_("last failure"), null=True, blank=True)
    last_reason = models.CharField(_("last reason"), max_length=300, blank=True, default="")

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("market source")
        verbose_name_plural = _("market sources")
        constraints = [models.CheckConstraint(condition=Q(source__in=Source.values), name="marketdata_source_known")]

    def __str__(self) -> str:
        return str(self.get_source_display())
