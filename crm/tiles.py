"""Tiles of the start page about customers and money. Figures come from aggregates, one or two queries each."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.domain import receivables
from crm.enums import DealStage, DealStatus, DeliveryStatus, InvoiceKind, InvoiceStatus
from crm.models import Deal, Invoice, InvoiceDelivery, Payment
from hashinsight.common.money import CURRENCIES
from hashinsight.common.tiles import Tile, register_tile

LATEST = 8
PIPELINE = (DealStage.DISCOVERY, DealStage.PROPOSAL, DealStage.NEGOTIATION, DealStage.CLOSED_WON)
LIVE_DEALS = "&".join(f"status__exact={s}" for s in ("draft", "pending", "approved", "signed"))
DUE_VALUES = ("open", "1-30", "31-60", "61-90", "90")


def _amount(value: Decimal, currency: str) -> dict[str, Any]:
    return {"amount": round(value, CURRENCIES.get(currency, 2)), "currency": currency}


def _list_url(model: str, query: str) -> str:
    return f"{reverse(f'admin:crm_{model}_changelist')}?{query}"


def pipeline() -> Mapping[str, Any]:
    """Deals on their way by stage: count and value, a row per currency."""
    live = Deal.objects.exclude(status__in=(DealStatus.CANCELLED, DealStatus.COMPLETED))
    rows = (
        live.filter(stage__in=PIPELINE)
        .values("stage", "currency")
        .annotate(count=Count("pk"), total=Sum("value"))
        .order_by("currency")
    )
    found = {(row["currency"], row["stage"]): row for row in rows}
    table = []
    for currency in sorted({currency for currency, _stage in found}):
        cells = []
        for stage in PIPELINE:
            row = found.get((currency, stage), {"count": 0, "total": Decimal(0)})
            url = _list_url("deal", f"stage__exact={stage}&currency__exact={currency}&{LIVE_DEALS}")
            cells.append({**_amount(row["total"], currency), "count": row["count"], "url": url})
        total = sum((cell["amount"] for cell in cells), Decimal(0))
        table.append({"currency": currency, "cells": cells, "total": total})
    return {"rows": table, "stages": [stage.label for stage in PIPELINE]}


def ageing() -> Mapping[str, Any]:
    """Receivables by age, per currency."""
    rows = []
    for aged in receivables.by_age(on=timezone.localdate()):
        cells = [
            {
                **_amount(amount, aged.currency),
                "count": count,
                "url": _list_url("invoice", f"due={due}&currency__exact={aged.currency}"),
                "late": index > 0,
            }
            for index, (amount, count, due) in enumerate(zip(aged.buckets, aged.counts, DUE_VALUES, strict=True))
        ]
        rows.append({"currency": aged.currency, "cells": cells, "total": _amount(aged.total, aged.currency)["amount"]})
    return {"rows": rows}


def overdue() -> Mapping[str, Any]:
    """The invoices that wait longest."""
    today = timezone.localdate()
    rows = [
        {
            "name": str(invoice),
            "url": reverse("admin:crm_invoice_change", args=[invoice.pk]),
            "customer": str(invoice.customer),
            "due_on": invoice.due_on,
            "days": invoice.days_overdue(today),
            **_amount(invoice.outstanding, invoice.currency),  # type: ignore[attr-defined]
        }
        for invoice in receivables.longest_overdue(on=today, limit=LATEST)
    ]
    return {"rows": rows, "url": _list_url("invoice", "due=late&o=5")}


def month() -> Mapping[str, Any]:
    """Issued and received since the first of the month, per currency."""
    first = timezone.localdate().replace(day=1)
    issued = (
        Invoice.objects.filter(issued_on__gte=first)
        .exclude(kind=InvoiceKind.OPENING)
        .values("currency")
        .annotate(
            billed=Sum("gross_total", filter=~Q(kind=InvoiceKind.CREDIT_NOTE)),
            taken_back=Sum("gross_total", filter=Q(kind=InvoiceKind.CREDIT_NOTE)),
            count=Count("pk", filter=~Q(kind=InvoiceKind.CREDIT_NOTE)),
        )
        .order_by("currency")
    )
    received = (
        Payment.objects.filter(received_on__gte=first)
        .values("currency")
        .annotate(total=Sum("amount"), count=Count("pk"))
        .order_by("currency")
    )
    sums: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in issued:
        net = (row["billed"] or Decimal(0)) - (row["taken_back"] or Decimal(0))
        sums[row["currency"]]["issued"] = {**_amount(net, row["currency"]), "count": row["count"]}
    for row in received:
        sums[row["currency"]]["paid"] = {**_amount(row["total"], row["currency"]), "count": row["count"]}
    return {
        "rows": [{"currency": currency, **sums[currency]} for currency in sorted(sums)],
        "issued_url": _list_url("invoice", f"issued_on_from={first.isoformat()}"),
        "paid_url": _list_url("payment", f"received_on_from={first.isoformat()}"),
    }


def drafts() -> Mapping[str, Any]:
    """Drafts that wait to be issued, per currency."""
    waiting = Invoice.objects.filter(status=InvoiceStatus.DRAFT)
    rows = waiting.values("currency").annotate(count=Count("pk"), total=Sum("gross_total")).order_by("currency")
    sums = [
        {
            **_amount(row["total"], row["currency"]),
            "words": ngettext("%(n)s draft", "%(n)s drafts", row["count"]) % {"n": row["count"]},
            "url": _list_url("invoice", f"status__exact=draft&currency__exact={row['currency']}"),
        }
        for row in rows
    ]
    return {
        "big": (total := sum(row["count"] for row in rows)),
        "noun": ngettext("draft waiting", "drafts waiting", total),
        "bad": False,
        "rows": sums,
        "url": _list_url("invoice", "status__exact=draft"),
        "empty": _("Nothing waits."),
    }


def deliveries() -> Mapping[str, Any]:
    """E-mails that were given up."""
    count = InvoiceDelivery.objects.filter(status=DeliveryStatus.FAILED).count()
    return {
        "big": count,
        "noun": ngettext("e-mail failed", "e-mails failed", count),
        "bad": count > 0,
        "rows": (),
        "url": _list_url("invoicedelivery", "status__exact=failed"),
        "empty": "" if count else _("None failed."),
    }


def register_tiles() -> None:
    """Called once from ``ready()``."""
    number, tables = "admin/house/tiles/number.html", "crm/admin/tiles"
    money = frozenset({"invoice", "credit_note", "payment"})
    invoices, deals = "crm.view_invoice", "crm.view_deal"
    longest, by_age = gettext_lazy("Waiting longest for money"), gettext_lazy("Receivables by age")
    register_tile(
        Tile(
            "crm.month",
            gettext_lazy("This month"),
            invoices,
            f"{tables}/month.html",
            month,
            10,
            2,
            2,
            stale_after=money,
        )
    )
    register_tile(
        Tile("crm.drafts", gettext_lazy("Drafts waiting"), invoices, number, drafts, 20, 2, stale_after=money)
    )
    register_tile(Tile("crm.ageing", by_age, invoices, f"{tables}/ageing.html", ageing, 30, 4, stale_after=money))
    register_tile(
        Tile(
            "crm.pipeline",
            gettext_lazy("Pipeline by stage"),
            deals,
            f"{tables}/pipeline.html",
            pipeline,
            40,
            4,
            stale_after=frozenset({"deal"}),
        )
    )
    register_tile(
        Tile("crm.overdue", longest, invoices, f"{tables}/overdue.html", overdue, 50, 2, 2, stale_after=money)
    )
    register_tile(
        Tile("crm.deliveries", gettext_lazy("E-mails failed"), "crm.view_invoicedelivery", number, deliveries, 60, 1)
    )
