"""The market at a glance: what is known now and how old it is, and how it came to be."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.charting import Line, chart, csv_file
from hashinsight.common.admin.display import day_text, moment_text, money_text, number_text
from hashinsight.common.admin.object_page import ObjectPage
from marketdata.domain import charts, watching
from marketdata.domain.charts import DayPoint, Span
from marketdata.models import SourceState, TechnicalIndicator

SPANS = {
    Span.MONTH: gettext_lazy("1 month"),
    Span.QUARTER: gettext_lazy("3 months"),
    Span.YEAR: gettext_lazy("1 year"),
    Span.ALL: gettext_lazy("All"),
}
TRILLION = Decimal(10**12)
CURVES = ("price", "difficulty", "hashprice", "indicators", "retargets")


class MarketPage(ObjectPage):
    """Price, difficulty with retargets, hashprice and indicators; each as CSV too."""

    power = "view"
    for_one = False
    for_none = True
    list_label = gettext_lazy("Market")
    icon = "monitoring"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page, or one of its files."""
        at = timezone.now()
        wanted = request.GET.get("span", "")
        span = Span(wanted) if wanted in list(Span) else Span.QUARTER
        points = charts.days(span, at=at)
        file = request.GET.get("csv", "")
        if file in CURVES:
            return self.file(file, span, points)
        page = self.model_admin
        periods = charts.changes(charts.retargets(points[0].day, at.date() + timedelta(days=1))) if points else []
        newest = next((one.row for one in reversed(points) if one.row is not None), None)
        context = {
            **page.admin_site.each_context(request),
            "title": _("Market"),
            "subtitle": None,
            "opts": page.opts,
            "spans": [(one.value, label, one is span) for one, label in SPANS.items()],
            "span": span,
            "now": self.present(at),
            "curves": self.curves(points, span),
            "indicator": _indicator_facts(getattr(newest, "indicator", None)),
            "retargets": [
                (one.first_height, moment_text(one.starts_at), number_text(round(one.difficulty / TRILLION, 2)),
                 "–" if change is None else f"{number_text(round(change, 2))} %")
                for one, change in reversed(periods[-12:])
            ],
            "sources": SourceState.objects.order_by("source"),
        }  # fmt: skip
        request.current_app = page.admin_site.name
        return TemplateResponse(request, "marketdata/admin/market.html", context)

    def present(self, at: Any) -> dict[str, Any]:
        """The last good snapshot, how old it is, and what follows from it."""
        known = watching.present(at=at)
        if known.snapshot is None or known.age is None:
            return {"known": False}
        row = known.snapshot
        fees = row.fees_per_block_btc
        change = row.retarget_change_pct
        facts = [
            (_("price"), money_text(row.btc_price_usd, "USD")),
            (_("difficulty"), f"{number_text(round((row.difficulty_t or Decimal(0)), 2))} T"),
            (_("hashrate of the network"), f"{number_text(round(row.hashrate_ehs or Decimal(0), 1))} EH/s"),
            (_("hashprice"), _per_day(charts.hashprice_of(row))),
            (_("subsidy and fees per block"), f"{number_text(row.block_reward_btc)} + {number_text(fees) or '–'} BTC"),
            (_("fee rate"), f"{number_text(row.fee_rate_sat_vb)} sat/vB" if row.fee_rate_sat_vb is not None else "–"),
            (_("next retarget"), moment_text(row.retarget_at) or "–"),
            (_("expected change"), f"{number_text(round(change, 2))} %" if change is not None else "–"),
            (_("block height"), number_text(Decimal(row.block_height)) if row.block_height is not None else "–"),
        ]
        return {
            "known": True, "stale": known.is_stale, "facts": facts, "at": moment_text(row.recorded_at),
            "age": timesince(row.recorded_at, at), "sources": row.price_source, "id": row.pk, "origin": row.origin,
        }  # fmt: skip

    def curves(self, points: Sequence[DayPoint], span: Span) -> list[dict[str, Any]]:
        """The pictures."""
        form = "j.n.Y" if span in (Span.YEAR, Span.ALL) else "j.n."
        labels = [date_format(point.day, form) for point in points]
        rows = [point.row for point in points]
        marks = [getattr(row, "indicator", None) if row else None for row in rows]

        def of_marks(name: str) -> list[float | None]:
            return [_float(getattr(mark, name)) if mark else None for mark in marks]

        pictures = [
            ("price", _("Price"), "USD", [
                Line(_("close"), [_float(row.close_usd) if row else None for row in rows]),
                Line(_("upper band"), of_marks("bb_upper"), "second", dashed=True),
                Line(_("lower band"), of_marks("bb_lower"), "second", dashed=True),
            ]),
            ("difficulty", _("Difficulty"), "T", [
                Line(_("difficulty"), [
                    _float(row.difficulty / TRILLION) if row and row.difficulty else None for row in rows
                ], stepped=True),
            ]),
            ("hashprice", _("Hashprice"), "USD/PH/d", [
                Line(_("hashprice"), [_float(point.hashprice_usd) for point in points]),
            ]),
            ("indicators", _("RSI"), "", [Line(_("RSI (14)"), of_marks("rsi"), "third")]),
            ("indicators", _("MACD"), "USD", [
                Line(_("MACD"), of_marks("macd")), Line(_("signal"), of_marks("macd_signal"), "second"),
            ]),
        ]  # fmt: skip
        return [
            {
                "name": name, "title": title, "unit": unit, "data": chart(labels, lines, unit=unit),
                "has_values": any(value is not None for line in lines for value in line.values),
                "csv": f"?span={span}&csv={name}",
            }
            for name, title, unit, lines in pictures
        ]  # fmt: skip

    def file(self, name: str, span: Span, points: Sequence[DayPoint]) -> HttpResponse:
        """What a chart shows, with all digits."""
        if name == "retargets":
            found = charts.changes(
                charts.retargets(points[0].day, points[-1].day + timedelta(days=1)) if points else []
            )
            return csv_file(
                f"retargets-{span}", ["first_height", "starts_at", "bits", "difficulty", "change_percent"],
                ([one.first_height, one.starts_at.isoformat() if one.starts_at else None, one.bits, one.difficulty,
                  None if change is None else f"{change:.4f}"] for one, change in found),
            )  # fmt: skip
        columns = {
            "price": (
                "open_usd", "high_usd", "low_usd", "close_usd", "bb_upper", "bb_lower", "volume_usd", "source",
            ),
            "difficulty": ("difficulty", "hashrate_ehs", "block_height"),
            "hashprice": ("block_reward_btc", "fees_per_block_btc"),
            "indicators": (
                "rsi", "macd", "macd_signal", "macd_histogram", "bb_upper", "bb_middle", "bb_lower", "ema_12", "ema_26",
                "signal", "rule_version",
            ),
        }[name]  # fmt: skip
        extra = ["hashprice_usd_per_ph_day"] if name == "hashprice" else []

        def cells(point: DayPoint) -> list[Any]:
            mark = getattr(point.row, "indicator", None) if point.row else None
            more = [None if point.hashprice_usd is None else f"{point.hashprice_usd:.8f}"] if extra else []
            return [point.day.isoformat(), *(_column(point.row, mark, column) for column in columns), *more]

        return csv_file(f"market-{name}-{span}", ["day_utc", *columns, *extra], map(cells, points))


def _column(row: Any, mark: Any, column: str) -> Any:
    """Of the day, else of its indicators; None where there is neither."""
    return getattr(row, column, None) if hasattr(row, column) else getattr(mark, column, None)


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _per_day(value: Decimal | None) -> str:
    return "–" if value is None else _("%(amount)s per PH/s and day") % {"amount": money_text(value, "USD")}


def _indicator_facts(row: TechnicalIndicator | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {
        "day": day_text(row.day),
        "signal": row.get_signal_display() if row.signal else _("warming up"),
        "rule": row.rule_version,
        "facts": [
            (label, number_text(round(value, 2)) if value is not None else "–")
            for label, value in (
                ("RSI", row.rsi), ("MACD", row.macd), (_("signal line"), row.macd_signal), ("EMA 12", row.ema_12),
                ("EMA 26", row.ema_26),
            )
        ],
    }  # fmt: skip
