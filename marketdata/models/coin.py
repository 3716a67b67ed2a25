"""Coins a SHA-256 machine can mine, and what they would bring."""

from typing import Any, ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from marketdata.enums import Algorithm
from marketdata.models.fields import SharedQuerySet


def _port(label: Any) -> Any:
    return models.PositiveIntegerField(label, null=True, blank=True)


@tracked(quiet=["current_difficulty", "network_hashrate_hps", "price_usd", "observed_at"])
class Coin(BaseModel):
    """A coin of the SHA-256 family: what its network is like, and the ports of its node."""

    symbol = models.CharField(_("symbol"), max_length=10, unique=True)
    name = models.CharField(_("name"), max_length=60)
    algorithm = models.CharField(_("algorithm"), max_length=16, choices=Algorithm.choices, default=Algorithm.SHA256D)
    is_active = models.BooleanField(_("active"), default=True)
    default_rpc_port = _port(_("RPC port"))
    default_p2p_port = _port(_("P2P port"))
    default_stratum_port = _port(_("Stratum port"))
    block_time_s = models.PositiveIntegerField(_("block time (s)"), validators=[MinValueValidator(1)])
    block_reward = models.DecimalField(
        _("reward per block"), max_digits=20, decimal_places=8, null=True, blank=True,
        help_text=_("What the finder gets; of Bitcoin it follows from the height."),
    )  # fmt: skip
    sha256_share = models.DecimalField(
        _("share of SHA-256 blocks"), max_digits=6, decimal_places=5, default=1,
        help_text=_("1 but for coins with several algorithms: of DigiByte's blocks one in five is for SHA-256."),
    )  # fmt: skip
    current_difficulty = models.DecimalField(_("difficulty"), max_digits=30, decimal_places=8, null=True, blank=True)
    network_hashrate_hps = models.DecimalField(
        _("hashrate (H/s)"), max_digits=30, decimal_places=0, null=True, blank=True
    )
    price_usd = models.DecimalField(_("price (USD)"), max_digits=24, decimal_places=12, null=True, blank=True)
    price_id = models.CharField(_("name at CoinGecko"), max_length=60, blank=True, default="")
    observed_at = models.DateTimeField(_("figures of"), null=True, blank=True)
    coinbase_maturity = models.PositiveIntegerField(
        _("maturity (blocks)"), default=100, help_text=_("So many blocks later a reward can be spent.")
    )
    confirmations_required = models.PositiveIntegerField(_("confirmations required"), default=100)
    blockchain_size_gb = models.DecimalField(
        _("size of the chain (GB)"), max_digits=10, decimal_places=2, null=True, blank=True
    )
    growth_gb_per_month = models.DecimalField(
        _("growth (GB a month)"), max_digits=6, decimal_places=2, null=True, blank=True
    )
    daemon_config_template = models.JSONField(_("template of the node's configuration"), default=dict, blank=True)
    source = models.CharField(_("source of the figures"), max_length=300, blank=True, default="")

    objects: ClassVar[Any] = SharedQuerySet.as_manager()

    class Meta:
        verbose_name = _("coin")
        verbose_name_plural = _("coins")
        ordering = ("symbol",)
        constraints = [
            models.CheckConstraint(
                condition=Q(algorithm__in=Algorithm.values),
                name="marketdata_coin_algorithm",
                violation_error_message=_("Only coins of SHA-256 can be mined by our machines."),
            ),
            models.CheckConstraint(condition=Q(symbol=Upper("symbol")), name="marketdata_coin_symbol_upper"),
            models.CheckConstraint(
                condition=Q(Q(block_reward__isnull=True) | Q(block_reward__gte=0), block_time_s__gte=1)
                & Q(sha256_share__gt=0, sha256_share__lte=1),
                name="marketdata_coin_figures",
            ),
            *(
                models.CheckConstraint(
                    condition=Q(**{f"{name}__isnull": True}) | Q(**{f"{name}__range": (1, 65535)}),
                    name=f"marketdata_coin_{name.removeprefix('default_')}",
                    violation_error_message=_("A port is between 1 and 65535."),
                )
                for name in ("default_rpc_port", "default_p2p_port", "default_stratum_port")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} {self.name}"


class CoinProfitability(models.Model):
    """What a hashrate would find and earn with a coin in a year, at the figures of one moment (C-45)."""

    coin = models.ForeignKey(Coin, verbose_name=_("coin"), on_delete=models.CASCADE, related_name="profitability")
    hashrate_ths = models.DecimalField(_("hashrate (TH/s)"), max_digits=14, decimal_places=4)
    expected_blocks_per_year = models.DecimalField(_("blocks in a year"), max_digits=20, decimal_places=12)
    chance_of_a_block = models.DecimalField(_("chance of a block in a year"), max_digits=14, decimal_places=12)
    expected_revenue_usd_per_year = models.DecimalField(
        _("revenue in a year (USD)"), max_digits=16, decimal_places=2, null=True
    )
    calculated_at = models.DateTimeField(_("calculated at"), default=timezone.now)

    objects = SharedQuerySet.as_manager()

    class Meta:
        verbose_name = _("coin profitability")
        verbose_name_plural = _("coin profitabilities")
        ordering = ("coin", "hashrate_ths")
        constraints = [
            models.UniqueConstraint(fields=["coin", "hashrate_ths"], name="marketdata_profitability_once"),
            models.CheckConstraint(
                condition=Q(hashrate_ths__gt=0, expected_blocks_per_year__gte=0, chance_of_a_block__range=(0, 1)),
                name="marketdata_profitability_figures",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.coin.symbol} {self.hashrate_ths}"
