"""Reasons of a schedule in words, with the figures they can be reckoned again from."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from intelligence.models import ScheduleRun


def reason_text(run: ScheduleRun, reason: Mapping[str, Any]) -> str:
    """``S19, 17:00 to 19:00: 20 off, energy 0.140 > break-even 0.086 USD per kWh``."""
    said = {
        "name": reason["class_name"], "since": _clock(run, reason["since"]), "until": _clock(run, reason["until"]),
        "count": reason["machines"], "what": _what(reason), "price": _price(reason["price"]),
        "even": _price(reason["break_even"]), "currency": run.currency, "shadow": _price(reason["shadow_price"]),
    }  # fmt: skip
    return _("%(name)s, %(since)s to %(until)s: %(count)s %(what)s, ") % said + _why(reason) % said


def _what(reason: Mapping[str, Any]) -> str:
    if reason["mode"] == "off":
        return _("off")
    return _("run") if reason["mode"] == "full" else _("throttled")


def _why(reason: Mapping[str, Any]) -> str:
    """By the kind; each sentence takes the same figures."""
    bound = _("although energy at %(price)s is below the break-even of %(even)s %(currency)s per kWh: ")
    kinds = {
        "energy": _("energy %(price)s > break-even %(even)s %(currency)s per kWh"),
        "profit": _("another mode earns more at %(price)s %(currency)s per kWh"),
        "limit": bound + _("the site's limit (one more kW would be worth %(shadow)s)"),
        "commitment": bound + _("what was promised (one more kW would be worth %(shadow)s)"),
        "zone": bound + _("the breaker of the zone (one more kW would be worth %(shadow)s)"),
        "ramp": _("the ramp (energy %(price)s, break-even %(even)s %(currency)s per kWh)"),
        "peak": bound + _("a new peak would cost more than it earns (%(shadow)s for each kW)"),
        "minimum time": _("least time on or off (energy %(price)s, break-even %(even)s %(currency)s per kWh)"),
        "switching": _("switching costs more (energy %(price)s, break-even %(even)s %(currency)s per kWh)"),
        "protected": _("protected (energy %(price)s, break-even %(even)s %(currency)s per kWh)"),
        "held": _("kept on: a programme or due notice (energy %(price)s, break-even %(even)s %(currency)s per kWh)"),
        "whole machines": _("only whole machines can be switched (energy %(price)s, break-even %(even)s)"),
    }
    return str(kinds.get(reason["kind"], "%(price)s, %(even)s"))


def _price(value: float) -> str:
    return str(number_format(round(value, 4), decimal_pos=4, use_l10n=True))


def _clock(run: ScheduleRun, moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(ZoneInfo(run.time_zone)):%H:%M}"
