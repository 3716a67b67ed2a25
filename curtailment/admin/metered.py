"""What the live page says of the meters of a site."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from curtailment.admin.effects import kw_text
from curtailment.domain.measurement.metered import compare
from hosting.domain.meters.loads import site_load


def metered_fact(site: Any, now: datetime) -> tuple[Any, Any]:
    """The load by its meters, its age and whose word it is; an old one is marked, none is said plainly."""
    load = site_load(site, at=now)
    if load is None:
        return _("metered"), _("no meter")
    told = {"kw": kw_text(load.kw), "age": _age(int((now - load.at).total_seconds())), "source": load.source.label}
    if load.is_stale:
        return _("metered"), _("OLD: %(kw)s, %(age)s ago (%(source)s)") % told
    return _("metered"), _("%(kw)s, %(age)s ago (%(source)s)") % told


def _age(seconds: int) -> str:
    if seconds < 120:
        return ngettext("%(n)s second", "%(n)s seconds", seconds) % {"n": seconds}
    minutes = seconds // 60
    if minutes < 120:
        return ngettext("%(n)s minute", "%(n)s minutes", minutes) % {"n": minutes}
    return ngettext("%(n)s hour", "%(n)s hours", minutes // 60) % {"n": minutes // 60}


def differs_text(site: Any, now: datetime) -> str:
    """A sentence where machines and meter do not agree, else nothing."""
    found = compare(site, at=now)
    if found is None or found.agrees:
        return ""
    return _("The machines say %(machines)s less, the meter says %(meter)s.") % {
        "machines": kw_text(found.machines_kw), "meter": kw_text(found.meter_kw),
    }  # fmt: skip
