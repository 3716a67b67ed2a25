"""Columns of the exports."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from hashinsight.common.exports import Column
from hosting.models import Miner


def _label(name: str) -> Callable[[Any], str]:
    return lambda row: str(getattr(row, f"get_{name}_display")())


def _related(path: str) -> Callable[[Any], str]:
    first, _dot, rest = path.partition(".")

    def value(row: Any) -> str:
        related = getattr(row, first)
        return "" if related is None else str(attrgetter(rest)(related) if rest else related)

    return value


def _model(miner: Miner) -> str:
    return str(miner.model or miner.model_text)


# First the columns an import reads, under its headings.
MINER_COLUMNS = (
    Column("serial", attrgetter("serial")),
    Column("maker", attrgetter("manufacturer")),
    Column("model", _model),
    Column("site", _related("site.name")),
    Column("zone", _related("zone.name")),
    Column("rack", _related("rack")),
    Column("slot", attrgetter("slot"), "number"),
    Column("customer", _related("customer.code")),
    Column("address", attrgetter("address")),
    Column("port", attrgetter("port"), "number"),
    Column("mac", attrgetter("mac")),
    Column("power_w", attrgetter("power_limit_w"), "number"),
    Column("purchased_on", attrgetter("purchased_on"), "date"),
    Column("warranty_until", attrgetter("warranty_until"), "date"),
    Column("note", attrgetter("internal_note")),
    Column(_("company name"), _related("customer.company_name")),
    Column(_("intent"), _label("intent")),
    Column(_("health"), _label("health")),
    Column(_("nameplate power (W)"), attrgetter("nameplate_w"), "number"),
    Column(_("last seen"), attrgetter("last_seen_at"), "datetime"),
    Column(_("deployed at"), attrgetter("deployed_at"), "datetime"),
)


class ProblemOfFile(NamedTuple):
    """What is wrong with a line of an import."""

    line: int | None
    text: str


PROBLEM_COLUMNS = (
    Column(_("Line"), attrgetter("line"), "number"),
    Column(_("Problem"), attrgetter("text")),
)
MODEL_COLUMNS = (
    Column(_("maker"), attrgetter("manufacturer")),
    Column(_("model"), attrgetter("name")),
    Column(_("hashrate (TH/s)"), attrgetter("hashrate_ths"), "number"),
    Column(_("power (W)"), attrgetter("power_w"), "number"),
    Column(_("efficiency (J/TH)"), attrgetter("efficiency_j_th"), "number"),
    Column(_("cooling"), _label("cooling")),
    Column(_("chip"), attrgetter("chip")),
    Column(_("released"), attrgetter("released_on"), "date"),
    Column(_("list price (USD)"), attrgetter("list_price_usd"), "number"),
    Column(_("source of the figures"), attrgetter("source")),
    Column(_("active"), attrgetter("is_active")),
)
