"""Snapshots, what the sources said, and how the sources have been."""

import zlib
from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.display import Badge, money_cell, number_text
from marketdata.admin.market_page import TRILLION, MarketPage
from marketdata.domain.charts import hashprice_of
from marketdata.models import NetworkSnapshot, SourceAnswer, SourceState

MOST_SHOWN = 20_000
_OUTCOMES = {"valid": "success", "unchanged": "info", "invalid": "danger", "failed": "danger", "skipped": "warning"}


@admin.register(NetworkSnapshot)
class NetworkSnapshotAdmin(ViewOnlyAdmin):
    """Every ten minutes; those that may not be used say why."""

    list_display = (
        "recorded_at", "valid_shown", "price_shown", "difficulty_shown", "hashrate_shown", "hashprice_shown",
        "block_height", "price_source",
    )  # fmt: skip
    list_filter = (
        ("is_valid", BooleanRadioFilter), ("recorded_at", RangeDateTimeFilter), ("origin", ChoicesDropdownFilter),
    )  # fmt: skip
    ordering = ("-recorded_at", "-id")
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": (("recorded_at", "slot_at", "valid_shown"), "reason")}),
        (
            gettext_lazy("Figures"),
            {
                "fields": (
                    ("price_shown", "volume_24h_usd", "hashprice_shown"),
                    ("difficulty", "hashrate_ehs", "block_height"),
                    ("block_reward_btc", "fees_per_block_btc", "fee_rate_sat_vb"),
                    ("retarget_at", "retarget_change_pct", "remaining_blocks"),
                )
            },
        ),
        (gettext_lazy("Sources"), {"fields": (("price_source", "data_source"), ("response_s", "origin"))}),
    )
    readonly_fields = ("valid_shown", "price_shown", "hashprice_shown")
    pages = {"market": MarketPage}

    @display(description=gettext_lazy("valid"), ordering="is_valid", label={"valid": "success", "invalid": "danger"})
    def valid_shown(self, row: NetworkSnapshot) -> Any:
        return Badge("valid", gettext_lazy("valid")) if row.is_valid else Badge("invalid", gettext_lazy("invalid"))

    @display(description=gettext_lazy("price"), ordering="btc_price_usd")
    def price_shown(self, row: NetworkSnapshot) -> Any:
        return money_cell(row.btc_price_usd, "USD")

    @display(description=gettext_lazy("difficulty (T)"), ordering="difficulty")
    def difficulty_shown(self, row: NetworkSnapshot) -> str:
        return number_text(round(row.difficulty / TRILLION, 2)) if row.difficulty is not None else "–"

    @display(description=gettext_lazy("hashrate (EH/s)"), ordering="hashrate_ehs")
    def hashrate_shown(self, row: NetworkSnapshot) -> str:
        return number_text(round(row.hashrate_ehs, 1)) if row.hashrate_ehs is not None else "–"

    @display(description=gettext_lazy("hashprice (USD per PH/s and day)"))
    def hashprice_shown(self, row: NetworkSnapshot) -> str:
        value = hashprice_of(row)
        return number_text(round(value, 2)) if value is not None else "–"


@admin.register(SourceAnswer)
class SourceAnswerAdmin(ViewOnlyAdmin):
    """What a service sent, word for word, and what was made of it."""

    list_display = ("asked_at", "source", "call", "outcome_shown", "reason", "status", "seconds")
    list_filter = (
        ("outcome", ChoicesDropdownFilter), ("source", ChoicesDropdownFilter), ("asked_at", RangeDateTimeFilter),
    )  # fmt: skip
    ordering = ("-asked_at", "-id")
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": (("source", "call", "outcome_shown"), "reason", ("asked_at", "status", "seconds"))}),
        (gettext_lazy("Figures"), {"fields": ("figures",)}),
        (gettext_lazy("Answer"), {"fields": ("body_shown",)}),
    )
    readonly_fields = ("outcome_shown", "body_shown")

    @display(description=gettext_lazy("outcome"), ordering="outcome", label=_OUTCOMES)
    def outcome_shown(self, row: SourceAnswer) -> Any:
        return Badge(row.outcome, row.get_outcome_display())

    @admin.display(description=gettext_lazy("answer, word for word"))
    def body_shown(self, row: SourceAnswer) -> str:
        if row.body is None:
            return "–"
        return zlib.decompress(row.body).decode("utf-8", "replace")[:MOST_SHOWN]

    def get_queryset(self, request: Any) -> Any:
        """Lists do not carry the answers."""
        rows = super().get_queryset(request)
        match = getattr(request, "resolver_match", None)
        return rows.defer("body") if match is None or "object_id" not in match.kwargs else rows


@admin.register(SourceState)
class SourceStateAdmin(ViewOnlyAdmin):
    """How each service has been lately."""

    list_display = ("source", "last_good_at", "failures", "open_until", "last_failed_at", "last_reason")
    ordering = ("source",)
