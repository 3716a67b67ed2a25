"""Days of the market (UTC) and the indicators that follow from them; periods of difficulty."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashinsight.common.ids import new_public_id
from marketdata.enums import Origin, Signal
from marketdata.models.fields import SharedQuerySet, bitcoins, difficulty, exahashes, usd


class MarketDay(models.Model):
    """The close of one UTC day: the last valid snapshot before midnight, or what a file or a source says of it.

    Kept for ever. A day that was missed and came later from a source or a file says so by its origin.
    """

    public_id = models.UUIDField(_("public id"), default=new_public_id, unique=True, editable=False)
    day = models.DateField(_("day (UTC)"), unique=True)
    close_usd = usd(_("close (USD per BTC)"))
    open_usd = usd(_("open (USD)"), null=True)
    high_usd = usd(_("high (USD)"), null=True)
    low_usd = usd(_("low (USD)"), null=True)
    volume_usd = models.DecimalField(_("volume (USD)"), max_digits=22, decimal_places=2, null=True)
    difficulty = difficulty(_("difficulty"), null=True)
    hashrate_ehs = exahashes(_("hashrate (EH/s)"), null=True)
    block_height = models.PositiveIntegerField(_("height of the last block"), null=True)
    block_reward_btc = bitcoins(_("subsidy per block (BTC)"), null=True)
    fees_per_block_btc = bitcoins(_("fees per block (BTC)"), null=True)
    snapshot = models.ForeignKey(
        "marketdata.NetworkSnapshot",
        verbose_name=_("closing snapshot"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="closes",
    )
    source = models.CharField(_("source"), max_length=100)
    origin = models.CharField(_("origin"), max_length=12, choices=Origin.choices)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated at"), default=timezone.now, editable=False)

    append_only = True  # counted by the domain: a day is written again when a better source speaks
    objects = SharedQuerySet.as_manager()

    class Meta:
        verbose_name = _("market day")
        verbose_name_plural = _("market days")
        ordering = ("-day",)
        constraints = [
            models.CheckConstraint(condition=Q(close_usd__gt=0), name="marketdata_day_close_positive"),
            models.CheckConstraint(
                condition=Q(difficulty__isnull=True) | Q(difficulty__gte=1), name="marketdata_day_difficulty"
            ),
            models.CheckConstraint(
                condition=Q(fees_per_block_btc__isnull=True) | Q(fees_per_block_btc__gte=0),
                name="marketdata_day_fees_not_negative",
            ),
            models.CheckConstraint(condition=Q(origin__in=Origin.values), name="marketdata_day_origin_known"),
        ]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"


class TechnicalIndicator(models.Model):
    """RSI, MACD, EMA and Bollinger bands of a day's close, and what the rule of that version says of them.

    Empty while warming up. ``state`` is what the next day goes on from, without loss.
    """

    version: ClassVar[int] = 1

    public_id = models.UUIDField(_("public id"), default=new_public_id, unique=True, editable=False)
    market_day = models.OneToOneField(
        MarketDay, verbose_name=_("market day"), on_delete=models.CASCADE, related_name="indicator"
    )
    day = models.DateField(_("day (UTC)"), unique=True)
    rsi = models.DecimalField(_("RSI (14)"), max_digits=5, decimal_places=2, null=True)
    macd = models.DecimalField(_("MACD"), max_digits=16, decimal_places=4, null=True)
    macd_signal = models.DecimalField(_("MACD signal"), max_digits=16, decimal_places=4, null=True)
    macd_histogram = models.DecimalField(_("MACD histogram"), max_digits=16, decimal_places=4, null=True)
    bb_upper = models.DecimalField(_("upper band"), max_digits=16, decimal_places=4, null=True)
    bb_middle = models.DecimalField(_("middle band"), max_digits=16, decimal_places=4, null=True)
    bb_lower = models.DecimalField(_("lower band"), max_digits=16, decimal_places=4, null=True)
    ema_12 = models.DecimalField(_("EMA 12"), max_digits=16, decimal_places=4, null=True)
    ema_26 = models.DecimalField(_("EMA 26"), max_digits=16, decimal_places=4, null=True)
    signal = models.CharField(_("signal"), max_length=8, choices=Signal.choices, null=True)
    rule_version = models.PositiveSmallIntegerField(_("version of the rule"))
    state = models.JSONField(_("state"))
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    objects = SharedQuerySet.as_manager()

    class Meta:
        verbose_name = _("technical indicator")
        verbose_name_plural = _("technical indicators")
        ordering = ("-day",)
        constraints = [
            models.CheckConstraint(
                condition=Q(rsi__isnull=True) | Q(rsi__range=(0, 100)), name="marketdata_indicator_rsi_range"
            ),
            models.CheckConstraint(
                condition=Q(signal__isnull=True) | Q(signal__in=Signal.values), name="marketdata_indicator_signal_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"


class DifficultyPeriod(models.Model):
    """2,016 blocks of one difficulty, exact by the compact target; ``starts_at`` is the time of the first block."""

    append_only = True
    version: ClassVar[int] = 1

    public_id = models.UUIDField(_("public id"), default=new_public_id, unique=True, editable=False)
    first_height = models.PositiveIntegerField(_("first block"), unique=True)
    bits = models.CharField(_("compact target"), max_length=8)
    difficulty = difficulty(_("difficulty"))
    starts_at = models.DateTimeField(_("from"), null=True)
    source = models.CharField(_("source"), max_length=100)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    objects = SharedQuerySet.as_manager()

    class Meta:
        verbose_name = _("difficulty period")
        verbose_name_plural = _("difficulty periods")
        ordering = ("-first_height",)
        indexes = [models.Index(fields=["starts_at"], name="marketdata_period_starts")]
        constraints = [
            models.CheckConstraint(condition=Q(difficulty__gte=1), name="marketdata_period_difficulty"),
        ]

    def __str__(self) -> str:
        return str(self.first_height)
