"""A dry run as a page shows it: how much, which machines, what it costs, and what one should know before."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from curtailment.domain.planning import Group, Preview, why_text
from curtailment.engine.selection import Why
from hashinsight.common.admin.confirm import Effect, Table
from hashinsight.common.admin.display import money_text, number_text, percent_text

DASH = "–"
MANY, MEGA = Decimal(100), Decimal(1000)
IDLE = (Why.NOT_RUNNING, Why.STILL)  # of those that are left out, who does not run anyway


def watts_text(watts: int | None) -> str:
    """Whole watts of one machine."""
    return DASH if watts is None else f"{number_text(Decimal(watts))} W"


def kw_text(kw: Decimal | None) -> str:
    """Kilowatts, whole where they are many; from 1,000 on the same as megawatts, to the kilowatt."""
    if kw is None:
        return DASH
    shown = kw.quantize(Decimal(1)) if kw >= MANY else kw
    return f"{number_text(shown / MEGA)} MW" if shown >= MEGA else f"{number_text(shown)} kW"


def effect_of(seen: Preview) -> Effect:
    """Facts, tables and warnings of a dry run."""
    return Effect(
        facts=[*_figures(seen), *_money(seen)],
        tables=[
            _table(_("Machines that go off, by model"), _("model"), seen.by_model),
            _table(_("Whose they are"), _("customer"), seen.by_customer),
            *_left_out(seen),
        ],
        warnings=_warnings(seen),
    )


def emergency_effect(seen: Preview) -> Effect:
    """The same in an emergency: what goes off, who stays on, and nothing one need not know now."""
    return Effect(
        facts=[
            (_("to be off"), kw_text(seen.target_kw)),
            (_("machines that go off"), f"{number_text(Decimal(seen.chosen.needed))}, {kw_text(seen.off_kw)}"),
            (_("machines that stay on"), "\n".join(stay_on(seen)) or _("none")),
        ],
        warnings=[*_too_few(seen), *_too_big(seen)],
    )  # fmt: skip


def stay_on(seen: Preview) -> list[str]:
    """Machines that run and are not switched off, in words: how many, and why."""
    asleep = {why_text(one) for one in IDLE}
    return [f"{number_text(Decimal(count))} ({why})" for why, count in seen.excluded if why not in asleep]


def _figures(seen: Preview) -> list[tuple[Any, Any]]:
    return [
        (_("to be off"), kw_text(seen.target_kw)),
        (_("machines"), _("%(first)s, and %(more)s in reserve") % {
            "first": number_text(Decimal(seen.chosen.needed)),
            "more": number_text(Decimal(len(seen.chosen.order) - seen.chosen.needed)),
        }),
        (_("they draw"), kw_text(seen.off_kw)),
        (_("running machines draw now"), kw_text(seen.base_kw)),
        (_("share of the power meant to run"), percent_text(seen.share_percent / 100)),
        (_("off within"), _minutes(seen.down_minutes)),
        (_("back within, once it is over"), _minutes(seen.up_minutes)),
    ]  # fmt: skip


def _minutes(count: int) -> str:
    if count == 0:
        return _("at once")
    return ngettext("%(count)s minute", "%(count)s minutes", count) % {"count": number_text(Decimal(count))}


def _money(seen: Preview) -> list[tuple[Any, Any]]:
    worth, hours = seen.worth, seen.wish.hours
    rows: list[tuple[Any, Any]] = [(_("hours"), number_text(round(hours, 2)))]
    if seen.forgone_btc is not None:
        rows.append((_("not mined"), f"{number_text(round(seen.forgone_btc, 8))} BTC"))
    if seen.forgone_usd is not None:
        rows.append((_("worth now"), money_text(seen.forgone_usd, "USD")))
    if seen.avoided is not None:
        rows.append((_("energy not bought"), money_text(seen.avoided, worth.currency)))
        rows.append((_("energy priced by"), worth.priced_by))
    return rows


def _table(title: str, name: str, groups: tuple[Group, ...]) -> Table:
    rows = [(one.name, number_text(Decimal(one.machines)), kw_text(one.kw), number_text(one.ths)) for one in groups]
    return Table([name, _("machines"), _("power"), "TH/s"], rows, right=(1, 2, 3), title=title)


def _left_out(seen: Preview) -> list[Table]:
    if not seen.excluded:
        return []
    rows = [(why, number_text(Decimal(count))) for why, count in seen.excluded]
    return [Table([_("they"), _("machines")], rows, right=(1,), title=_("Left out"))]


def _warnings(seen: Preview) -> list[Any]:
    found = _too_few(seen)
    if seen.needs_two:
        found.append(_("This is so much that a second person has to approve it."))
    if seen.alone_kw:
        found.append(
            _("Plans of one person alone have %(kw)s off at the same time; its share is that of all of them.")
            % {"kw": kw_text(seen.alone_kw)}
        )
    found += _too_big(seen)
    found += [_("Nobody knows %(what)s.") % {"what": what} for what in seen.worth.missing]
    if seen.wish.ends_at is None:
        found.append(_("It has no end: the figures are of one day."))
    return found


def _too_few(seen: Preview) -> list[Any]:
    if seen.reached:
        return []
    told = {"off": kw_text(seen.off_kw), "target": kw_text(seen.target_kw)}
    return [_("There are not enough machines: %(off)s of %(target)s.") % told]


def _too_big(seen: Preview) -> list[Any]:
    if not seen.too_big:
        return []
    text = ngettext(
        "%(count)s machine is bigger than a step of the ramp: it could not be switched on again.",
        "%(count)s machines are bigger than a step of the ramp: they could not be switched on again.",
        seen.too_big,
    )
    return [text % {"count": seen.too_big}]
