"""Coins of the SHA-256 family, and what a hashrate would earn with each."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import BooleanRadioFilter, RelatedDropdownFilter
from unfold.decorators import display

from hashinsight.common.admin.base import BaseAdmin, ViewOnlyAdmin
from hashinsight.common.admin.display import money_cell, number_text, price_text
from marketdata.models import Coin, CoinProfitability


@admin.register(Coin)
class CoinAdmin(BaseAdmin):
    """Coins; what changes daily comes from the sources, or from a list by the command import_market_data."""

    list_display = ("symbol", "name", "difficulty_shown", "price_shown", "reward_shown", "observed_at", "is_active")
    list_filter = (("is_active", BooleanRadioFilter),)
    search_fields = ("symbol", "name")
    ordering = ("symbol",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("symbol", "name", "is_active"), ("algorithm", "block_time_s", "sha256_share"),
                    ("coinbase_maturity", "confirmations_required"),
                )
            },
        ),
        (
            gettext_lazy("Figures"),
            {
                "fields": (
                    ("current_difficulty", "network_hashrate_hps", "observed_at"),
                    ("block_reward", "price_usd", "price_id"),
                    ("blockchain_size_gb", "growth_gb_per_month"), "source",
                )
            },
        ),
        (
            gettext_lazy("Node"),
            {
                "fields": (
                    ("default_rpc_port", "default_p2p_port", "default_stratum_port"), "daemon_config_template",
                )
            },
        ),
    )  # fmt: skip
    readonly_fields = ("observed_at",)

    @display(description=gettext_lazy("difficulty"), ordering="current_difficulty")
    def difficulty_shown(self, row: Coin) -> str:
        return number_text(round(row.current_difficulty, 0)) if row.current_difficulty is not None else "–"

    @display(description=gettext_lazy("price"), ordering="price_usd")
    def price_shown(self, row: Coin) -> str:
        return price_text(row.price_usd, "USD") or "–"

    @display(description=gettext_lazy("reward per block"), ordering="block_reward")
    def reward_shown(self, row: Coin) -> str:
        return number_text(row.block_reward) or "–"


@admin.register(CoinProfitability)
class CoinProfitabilityAdmin(ViewOnlyAdmin):
    """Blocks and revenue in a year."""

    list_display = ("coin", "hashrate_ths", "blocks_shown", "chance_shown", "revenue_shown", "calculated_at")
    list_filter = (("coin", RelatedDropdownFilter),)
    list_select_related = ("coin",)
    ordering = ("coin", "hashrate_ths")

    @display(description=gettext_lazy("blocks in a year"), ordering="expected_blocks_per_year")
    def blocks_shown(self, row: CoinProfitability) -> str:
        return number_text(row.expected_blocks_per_year)

    @display(description=gettext_lazy("chance of a block in a year"), ordering="chance_of_a_block")
    def chance_shown(self, row: CoinProfitability) -> str:
        return number_text(row.chance_of_a_block)

    @display(description=gettext_lazy("revenue in a year"), ordering="expected_revenue_usd_per_year")
    def revenue_shown(self, row: CoinProfitability) -> Any:
        return money_cell(row.expected_revenue_usd_per_year, "USD")
