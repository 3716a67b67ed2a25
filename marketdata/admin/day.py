"""Days, indicators and difficulty periods: looked at, imported, never edited."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter, RangeNumericFilter
from unfold.decorators import display

from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.display import Badge, money_cell, number_text
from marketdata import rules
from marketdata.admin.import_pages import ImportDaysPage
from marketdata.admin.market_page import TRILLION
from marketdata.domain.charts import hashprice_of
from marketdata.models import DifficultyPeriod, MarketDay, TechnicalIndicator

_SIGNALS = {"buy": "success", "sell": "danger", "neutral": "info"}


@admin.register(MarketDay)
class MarketDayAdmin(ViewOnlyAdmin):
    """Closes; where they came from is part of the row."""

    list_display = ("day", "close_shown", "difficulty_shown", "hashrate_shown", "hashprice_shown", "origin", "source")
    list_filter = (("day", RangeDateFilter), ("origin", ChoicesDropdownFilter))
    ordering = ("-day",)
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": (("day", "origin", "source"), ("snapshot", "updated_at"))}),
        (
            gettext_lazy("Figures"),
            {
                "fields": (
                    ("close_usd", "open_usd", "high_usd", "low_usd"), ("volume_usd", "hashprice_shown"),
                    ("difficulty", "hashrate_ehs", "block_height"), ("block_reward_btc", "fees_per_block_btc"),
                )
            },
        ),
    )  # fmt: skip
    readonly_fields = ("hashprice_shown",)
    pages = {"import": ImportDaysPage}

    def has_import_market_permission(self, request: HttpRequest) -> bool:
        """Whoever may import prices."""
        return rules.may_import_market(request.user)

    @display(description=gettext_lazy("close"), ordering="close_usd")
    def close_shown(self, row: MarketDay) -> Any:
        return money_cell(row.close_usd, "USD")

    @display(description=gettext_lazy("difficulty (T)"), ordering="difficulty")
    def difficulty_shown(self, row: MarketDay) -> str:
        return number_text(round(row.difficulty / TRILLION, 2)) if row.difficulty is not None else "–"

    @display(description=gettext_lazy("hashrate (EH/s)"), ordering="hashrate_ehs")
    def hashrate_shown(self, row: MarketDay) -> str:
        return number_text(round(row.hashrate_ehs, 1)) if row.hashrate_ehs is not None else "–"

    @display(description=gettext_lazy("hashprice (USD per PH/s and day)"))
    def hashprice_shown(self, row: MarketDay) -> str:
        value = hashprice_of(row)
        return number_text(round(value, 2)) if value is not None else "–"


@admin.register(TechnicalIndicator)
class TechnicalIndicatorAdmin(ViewOnlyAdmin):
    """Indicators of each close; empty while warming up."""

    list_display = ("day", "signal_shown", "rsi", "macd", "macd_signal", "ema_12", "ema_26", "bb_lower", "bb_upper")
    list_filter = (
        ("day", RangeDateFilter), ("signal", ChoicesDropdownFilter), ("rsi", RangeNumericFilter),
    )  # fmt: skip
    ordering = ("-day",)
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": (("day", "market_day"), ("signal_shown", "rule_version"))}),
        (
            gettext_lazy("Figures"),
            {
                "fields": (
                    ("rsi", "ema_12", "ema_26"), ("macd", "macd_signal", "macd_histogram"),
                    ("bb_lower", "bb_middle", "bb_upper"),
                )
            },
        ),
    )  # fmt: skip
    readonly_fields = ("signal_shown",)

    @display(description=gettext_lazy("signal"), ordering="signal", label=_SIGNALS)
    def signal_shown(self, row: TechnicalIndicator) -> Any:
        if row.signal is None:
            return Badge("none", gettext_lazy("warming up"))
        return Badge(row.signal, row.get_signal_display())


@admin.register(DifficultyPeriod)
class DifficultyPeriodAdmin(ViewOnlyAdmin):
    """Difficulty by retarget, exact."""

    list_display = ("first_height", "starts_at", "bits", "difficulty_shown", "source")
    ordering = ("-first_height",)
    search_fields = ("=first_height",)
    search_help_text = gettext_lazy("first block of the period")
    show_full_result_count = False

    @display(description=gettext_lazy("difficulty"), ordering="difficulty")
    def difficulty_shown(self, row: DifficultyPeriod) -> str:
        return number_text(row.difficulty)
