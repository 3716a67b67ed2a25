"""The report of an event: as PDF for the house or for one owner of machines, and as tables for spreadsheets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils.translation import gettext, gettext_lazy, ngettext, override

from crm.documents import formats
from crm.documents.fonts import printable
from crm.documents.letterhead import address, head_of
from crm.documents.render import pdf_from_html
from crm.models import LegalEntity
from curtailment.enums import EventStatus
from curtailment.models import CurtailmentEvent, EventInterval, EventMachine, EventShare
from hashinsight.common.exports import Column, csv_lines
from hosting.meter_enums import LoadSource
from hosting.models import Miner, Site

TEMPLATE = "curtailment/documents/event.html"
TEMPLATE_VERSION = "event-1"
MOST_MACHINES = 500  # on paper; the table for spreadsheets has all
KWH, BTC, MONEY = 3, 8, 2
Told = CurtailmentEvent | EventShare


@dataclass(frozen=True)
class Report:
    """What a report tells: of the whole event (``share`` None), or of one owner's part. Loaded before it is drawn."""

    told: Told
    site: Site
    reason: str
    cause: str
    machines: Sequence[EventMachine]
    language: str
    share: EventShare | None = None
    currency: str = ""


def named(machines: Sequence[EventMachine]) -> Sequence[EventMachine]:
    """With the names of the machines, also of those that are somebody else's since: they were its own then."""
    miners = Miner.objects.in_bulk([one.miner_id for one in machines])
    for one in machines:
        one.miner = miners[one.miner_id]
    return machines


def file_name(report: Report) -> str:
    """Without its ending."""
    return f"curtailment-{report.told.started_at:%Y-%m-%d-%H%M}-{str(report.told.public_id)[-6:]}"


def sentences(report: Report) -> list[str]:
    """What happened and why, in words; in the language in force."""
    told = report.told
    lines = [
        _first(report)
        % {
            "count": told.machines, "start": _moment(told.started_at, report.site),
            "end": _moment(told.ended_at, report.site) if told.ended_at else gettext("now"),
            "reason": report.reason.rstrip("."),
        }
    ]  # fmt: skip
    lines += _lowered(report)
    if told.status != EventStatus.MEASURED:
        lines.append(gettext("It is not reckoned yet: the readings of the time are still coming in."))
        return lines
    lines.append(
        gettext("%(kwh)s kWh were not used: %(measured)s measured, %(estimated)s estimated.")
        % {
            "kwh": _number(told.saved_kwh, report, KWH), "measured": _number(told.measured_kwh, report, KWH),
            "estimated": _number(told.estimated_kwh, report, KWH),
        }
    )  # fmt: skip
    if told.forgone_btc is not None:
        lines.append(
            gettext("%(btc)s BTC were not mined, by the network of the time.")
            % {"btc": _number(told.forgone_btc, report, BTC)}
        )
    if report.share is not None:
        lines.append(
            gettext("The %(hours)s hours of your machines are excused: they do not count against the promised uptime.")
            % {"hours": _number(Decimal(report.share.excused_minutes) / 60, report, 1)}
        )
    return lines


def _first(report: Report) -> str:
    """Switched off is said of machines of which it is known; the others may have been lowered."""
    lowered, off = _ways(report)
    count = report.told.machines
    if off and not lowered:
        return ngettext(
            "%(count)s machine was switched off from %(start)s to %(end)s: %(reason)s.",
            "%(count)s machines were switched off from %(start)s to %(end)s: %(reason)s.",
            count,
        )
    if lowered and not off:
        return ngettext(
            "%(count)s machine ran at a lower power from %(start)s to %(end)s: %(reason)s.",
            "%(count)s machines ran at a lower power from %(start)s to %(end)s: %(reason)s.",
            count,
        )
    return ngettext(
        "%(count)s machine was curtailed from %(start)s to %(end)s: %(reason)s.",
        "%(count)s machines were curtailed from %(start)s to %(end)s: %(reason)s.",
        count,
    )


def _ways(report: Report) -> tuple[set[int], set[int]]:
    """Machines that ran at a lower power, and those that were off; one may have been both, one after the other."""
    lowered = {machine.miner_id for machine in report.machines if machine.limit_w is not None}
    return lowered, {machine.miner_id for machine in report.machines if machine.limit_w is None}


def _lowered(report: Report) -> list[str]:
    lowered, off = _ways(report)
    if not lowered:
        return []
    not_excused = gettext("Time at a lower power is not excused, for the machines were up.")
    if not off:
        return [not_excused]
    counts = {"off": len(off), "lowered": len(lowered)}
    return [gettext("Switched off: %(off)s; at a lower power: %(lowered)s.") % counts, not_excused]


def figures(report: Report) -> list[tuple[str, str]]:
    """Names and values; what nobody knows says so."""
    told = report.told
    unknown = gettext("not known")
    rows = [
        (gettext("Energy not used"), f"{_number(told.saved_kwh, report, KWH)} kWh"),
        (gettext("of which measured"), f"{_number(told.measured_kwh, report, KWH)} kWh"),
        (gettext("of which estimated"), f"{_number(told.estimated_kwh, report, KWH)} kWh"),
        (gettext("Minutes nobody knows of"), _number(Decimal(told.unknown_minutes), report, 0)),
        (gettext("Bitcoin not mined"), _of(told.forgone_btc, "BTC", report, BTC) or unknown),
        (gettext("worth at the time"), _of(told.forgone_usd, "USD", report, MONEY) or unknown),
    ]
    if report.share is None:
        rows.append((gettext("Energy not bought"), _of(told.avoided_cost, report.currency, report, MONEY) or unknown))
        rows += _metered(report)
    else:
        rows.append((gettext("Excused"), f"{_number(Decimal(report.share.excused_minutes), report, 0)} min"))
    return rows


def _metered(report: Report) -> list[tuple[str, str]]:
    """The same by the load of the whole site, beside the machines' own word; and who says it."""
    event = report.told
    if not isinstance(event, CurtailmentEvent) or event.meter_before_kw is None:
        return []
    return [
        (gettext("Load of the site before"), _of(event.meter_before_kw, "kW", report, 1)),
        (gettext("Energy not used, by that load"), _of(event.metered_kwh, "kWh", report, KWH) or gettext("not known")),
        (gettext("Load of the site from"), str(event.get_meter_source_display() or LoadSource.MACHINES.label)),
    ]


def render_report(report: Report, seller: LegalEntity) -> bytes:
    """The report as PDF/A-3b."""
    return pdf_from_html(render_report_html(report, seller))


def render_report_html(report: Report, seller: LegalEntity) -> str:
    """The report as HTML without its stylesheet."""
    with override(report.language):
        return str(render_to_string(TEMPLATE, _context(report, seller)))


def _context(report: Report, seller: LegalEntity) -> dict[str, Any]:
    told, owner = report.told, report.share.customer if report.share is not None else None
    return {
        **head_of(seller, report.language),
        "template_version": TEMPLATE_VERSION,
        "document_name": gettext("Curtailment report"),
        "dated_on": told.measured_at or told.started_at,
        "buyer_lines": address(owner, owner.company_name, report.language) if owner is not None else [],
        "facts": [
            (gettext("Site"), printable(str(report.site))),
            (gettext("From"), _moment(told.started_at, report.site)),
            (gettext("To"), _moment(told.ended_at, report.site) if told.ended_at else "–"),
            (gettext("Cause"), report.cause),
            (gettext("Version"), str(told.revision)),
        ],
        "sentences": [printable(line) for line in sentences(report)],
        "figures": figures(report),
        "rows": [_row(machine, report) for machine in report.machines[:MOST_MACHINES]],
        "more": max(0, len(report.machines) - MOST_MACHINES),
        "zone": report.site.time_zone,
    }


def _row(machine: EventMachine, report: Report) -> dict[str, str]:
    return {
        "miner": printable(str(machine.miner)),
        "told": _clock(machine.told_at, report),
        "off": _off(machine, report),
        "back": _clock(machine.back_at, report),
        "kwh": _number(machine.saved_kwh, report, KWH),
        "btc": "–" if machine.forgone_btc is None else _number(machine.forgone_btc, report, BTC),
    }


def _off(machine: EventMachine, report: Report) -> str:
    """Since when, and to which power when it was not off."""
    since = _clock(machine.off_at, report)
    if machine.limit_w is None:
        return since
    return gettext("%(since)s, %(watts)s W") % {
        "since": since, "watts": _number(Decimal(machine.limit_w), report, 0),
    }  # fmt: skip


def _moment(moment: datetime, site: Site) -> str:
    return f"{moment.astimezone(ZoneInfo(site.time_zone)):%Y-%m-%d %H:%M %Z}"


def _clock(moment: datetime, report: Report) -> str:
    """The day of the month is enough where the whole report is of one."""
    zone, told = ZoneInfo(report.site.time_zone), report.told
    begun, ended = (one.astimezone(zone) for one in (told.started_at, told.ended_at or told.started_at))
    is_of_one = (begun.year, begun.month) == (ended.year, ended.month)
    return f"{moment.astimezone(zone):{'%d. %H:%M:%S' if is_of_one else '%Y-%m-%d %H:%M:%S'}}"


def _number(value: Decimal, report: Report, decimals: int) -> str:
    return formats.number(round(value, decimals), report.language, decimals=decimals)


def _of(value: Decimal | None, unit: str, report: Report, decimals: int) -> str:
    return "" if value is None else f"{_number(value, report, decimals)} {unit}"


# --- tables for spreadsheets ------------------------------------------------------------------------------------------
_MACHINE = (
    Column(gettext_lazy("machine"), lambda row: str(row.miner)),
    Column(gettext_lazy("told (UTC)"), lambda row: row.told_at, "datetime"),
    Column(gettext_lazy("off (UTC)"), lambda row: row.off_at, "datetime"),
    Column(gettext_lazy("back (UTC)"), lambda row: row.back_at, "datetime"),
    Column(gettext_lazy("lowered to (W)"), lambda row: row.limit_w, "number"),
    Column(gettext_lazy("load before (W)"), lambda row: row.baseline_w, "number"),
    Column(gettext_lazy("hashrate before (TH/s)"), lambda row: Decimal(str(round(row.baseline_ths, 3))), "number"),
    Column(gettext_lazy("not used, measured (kWh)"), lambda row: row.measured_kwh, "number"),
    Column(gettext_lazy("not used, estimated (kWh)"), lambda row: row.estimated_kwh, "number"),
    Column(gettext_lazy("minutes nobody knows of"), lambda row: row.unknown_minutes, "number"),
    Column(gettext_lazy("not mined (BTC)"), lambda row: row.forgone_btc, "number"),
    Column(gettext_lazy("not mined (USD)"), lambda row: row.forgone_usd, "number"),
)
_QUARTER = (
    Column(gettext_lazy("from (UTC)"), lambda row: row.interval_start, "datetime"),
    Column(gettext_lazy("machines"), lambda row: row.machines, "number"),
    Column(gettext_lazy("as before (kWh)"), lambda row: row.baseline_kwh, "number"),
    Column(gettext_lazy("not used, measured (kWh)"), lambda row: row.measured_kwh, "number"),
    Column(gettext_lazy("not used, estimated (kWh)"), lambda row: row.estimated_kwh, "number"),
    Column(gettext_lazy("minutes nobody knows of"), lambda row: row.unknown_minutes, "number"),
    Column(gettext_lazy("load of the site (kW)"), lambda row: row.meter_kw, "number"),
    Column(gettext_lazy("load of the site from"), lambda row: row.event.get_meter_source_display()),
    Column(gettext_lazy("price of a kWh"), lambda row: row.price_per_kwh, "number"),
    Column(gettext_lazy("BTC of a TH/s in an hour"), lambda row: row.btc_per_ths_hour, "number"),
    Column(gettext_lazy("price of a bitcoin (USD)"), lambda row: row.usd_per_btc, "number"),
)


def machines_csv(machines: Iterable[EventMachine], *, language: str) -> bytes:
    """Each machine: told, off, back, and what that came to."""
    with override(language):
        return "".join(csv_lines(_MACHINE, machines)).encode()


def quarters_csv(intervals: Iterable[EventInterval], *, language: str) -> bytes:
    """Each quarter-hour of an event."""
    with override(language):
        return "".join(csv_lines(_QUARTER, intervals)).encode()
