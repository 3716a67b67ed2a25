"""Columns of the exports."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from hashinsight.common.exports import Column
from hashinsight.common.money import CURRENCIES


def _label(name: str) -> Callable[[Any], str]:
    return lambda row: str(getattr(row, f"get_{name}_display")())


def _text(path: str) -> Callable[[Any], str]:
    return lambda row: str(attrgetter(path)(row) or "")


def _related(name: str) -> Callable[[Any], str]:
    return lambda row: str(getattr(row, name) or "")


def _money(name: str) -> Callable[[Any], Any]:
    def value(row: Any) -> Any:
        amount = getattr(row, name)
        return None if amount is None else round(amount, CURRENCIES[row.currency])

    return value


def _days_overdue(row: Any) -> int:
    return int(row.days_overdue(timezone.localdate()))


CUSTOMER_COLUMNS = (
    Column(_("customer number"), attrgetter("code")),
    Column(_("company name"), attrgetter("company_name")),
    Column(_("status"), _label("status")),
    Column(_("contact person"), attrgetter("contact_name")),
    Column(_("e-mail address"), attrgetter("email")),
    Column(_("e-mail address for invoices"), attrgetter("billing_email")),
    Column(_("phone"), attrgetter("phone")),
    Column(_("street"), attrgetter("street")),
    Column(_("postal code"), attrgetter("postal_code")),
    Column(_("city"), attrgetter("city")),
    Column(_("state or region"), attrgetter("region")),
    Column(_("country"), attrgetter("country")),
    Column(_("tax number"), attrgetter("tax_id")),
    Column(_("VAT id"), attrgetter("vat_id")),
    Column(_("sector"), attrgetter("sector")),
    Column(_("mining capacity (MW)"), attrgetter("mining_capacity_mw"), "number"),
    Column(_("currency"), attrgetter("currency")),
    Column(_("time zone"), attrgetter("time_zone")),
    Column(_("created at"), attrgetter("created_at"), "datetime"),
)
LEAD_COLUMNS = (
    Column(_("title"), attrgetter("title")),
    Column(_("company"), attrgetter("company")),
    Column(_("contact person"), attrgetter("name")),
    Column(_("e-mail address"), attrgetter("email")),
    Column(_("phone"), attrgetter("phone")),
    Column(_("status"), _label("status")),
    Column(_("source"), _label("source")),
    Column(_("score"), attrgetter("score"), "number"),
    Column(_("expected value"), _money("value"), "number"),
    Column(_("currency"), attrgetter("currency")),
    Column(pgettext_lazy("salesperson", "owner"), _related("owner")),
    Column(_("created at"), attrgetter("created_at"), "datetime"),
)
DEAL_COLUMNS = (
    Column(_("title"), attrgetter("title")),
    Column(_("customer"), _text("customer.company_name")),
    Column(_("customer number"), _text("customer.code")),
    Column(_("stage"), _label("stage")),
    Column(_("status"), _label("status")),
    Column(_("value"), _money("value"), "number"),
    Column(_("currency"), attrgetter("currency")),
    Column(_("probability (%)"), attrgetter("probability"), "number"),
    Column(pgettext_lazy("salesperson", "owner"), _related("owner")),
    Column(_("expected close"), attrgetter("expected_close_on"), "date"),
    Column(_("signed on"), attrgetter("actual_close_on"), "date"),
    Column(_("created at"), attrgetter("created_at"), "datetime"),
)
INVOICE_COLUMNS = (
    Column(_("number"), attrgetter("number")),
    Column(_("draft reference"), attrgetter("reference")),
    Column(_("kind"), _label("kind")),
    Column(_("status"), _label("status")),
    Column(_("customer"), _text("customer.company_name")),
    Column(_("customer number"), _text("customer.code")),
    Column(_("issued on"), attrgetter("issued_on"), "date"),
    Column(_("due on"), attrgetter("due_on"), "date"),
    Column(_("days overdue"), _days_overdue, "number"),
    Column(_("currency"), attrgetter("currency")),
    Column(_("net"), _money("net_total"), "number"),
    Column(_("tax"), _money("tax_total"), "number"),
    Column(_("total"), _money("gross_total"), "number"),
    Column(_("paid"), _money("paid_total"), "number"),
    Column(_("credited"), _money("credited_total"), "number"),
    Column(_("outstanding"), _money("outstanding"), "number"),
    Column(_("paid on"), attrgetter("paid_on"), "date"),
)
PAYMENT_COLUMNS = (
    Column(_("received on"), attrgetter("received_on"), "date"),
    Column(_("invoice"), _text("invoice.number")),
    Column(_("customer"), _text("customer.company_name")),
    Column(_("customer number"), _text("customer.code")),
    Column(_("amount"), _money("amount"), "number"),
    Column(_("currency"), attrgetter("currency")),
    Column(_("method"), _label("method")),
    Column(_("reference"), attrgetter("reference")),
    Column(_("internal note"), attrgetter("note")),
    Column(_("recorded at"), attrgetter("created_at"), "datetime"),
)
