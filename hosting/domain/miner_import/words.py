"""Findings in words for the person who has to mend the file."""

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hosting.engine.miner_files import Finding

_WORDS: Mapping[str, object] = {
    "missing": gettext_lazy("nothing is stated."),
    "formula": gettext_lazy("“%(value)s” begins like a formula."),
    "serial": gettext_lazy("“%(value)s” is no serial number: letters, digits and signs without blanks, 100 at most."),
    "long": gettext_lazy("“%(value)s…” is too long."),
    "characters": gettext_lazy("“%(value)s” holds characters that cannot be printed."),
    "number": gettext_lazy("“%(value)s” is no whole number in the range that makes sense."),
    "mac": gettext_lazy("“%(value)s” is no MAC address."),
    "wrong": gettext_lazy("“%(value)s” makes no sense here."),
    "day": gettext_lazy("“%(value)s” is no day like 2026-11-29 or 29.11.2026."),
    "since": gettext_lazy("“%(value)s” is neither a day nor a moment with its offset, like 2026-11-29T12:15:00+01:00."),
    "maker": gettext_lazy("the catalogue does not know the model, so the maker has to be stated."),
    "maker_differs": gettext_lazy("“%(value)s”, but %(model)s is made by %(maker)s."),
    "site_unknown": gettext_lazy("there is no site “%(value)s”."),
    "site_missing": gettext_lazy("a zone or rack needs its site."),
    "zone_unknown": gettext_lazy("%(site)s has no zone “%(value)s”."),
    "zone_missing": gettext_lazy("a rack needs its zone."),
    "archived": gettext_lazy("%(value)s is archived."),
    "rack_unknown": gettext_lazy("%(zone)s has no rack “%(value)s”."),
    "rack_unclear": gettext_lazy("%(zone)s has several racks “%(value)s”; name building and row as well."),
    "rack_missing": gettext_lazy("a slot needs its rack."),
    "slot_none": gettext_lazy("%(rack)s has slots 1 to %(slots)s, no %(value)s."),
    "slot_taken": gettext_lazy("%(who)s stands in slot %(value)s."),
    "slot_twice": gettext_lazy("line %(line)s puts a machine into the same slot."),
    "address_taken": gettext_lazy("%(who)s has this address at this site."),
    "address_twice": gettext_lazy("line %(line)s has the same address at this site."),
    "serial_twice": gettext_lazy("line %(line)s has the same serial number of this maker."),
    "customer_unknown": gettext_lazy("there is no customer “%(value)s”."),
    "customer_unclear": gettext_lazy("more than one customer is called “%(value)s”; state the customer number."),
    "customer_inactive": gettext_lazy("%(value)s is inactive."),
    "customer_missing": gettext_lazy("whose the machine is has to be stated with it."),
    "since_future": gettext_lazy("%(value)s lies in the future."),
    "since_grid": gettext_lazy("ownership changes at quarter-hours, not at %(value)s."),
    "power_unknown": gettext_lazy(
        "nobody knows what “%(value)s” draws, so it cannot be placed: state the power in watts, or a model of the "
        "catalogue."
    ),
    "exists": gettext_lazy("%(value)s is in the fleet already, with another %(columns)s. An import changes nothing."),
}


def in_words(finding: Finding) -> str:
    """``zone: Odessa has no zone “Hall 9”.``"""
    text = str(_WORDS[finding.code]) % finding.values
    return f"{finding.column}: {text}" if finding.column else text


def too_much(place: object, *, over: str, more: str, usable: str, placed: str) -> str:
    """A place that the file would fill beyond its limit."""
    return _(
        "%(place)s has %(usable)s kW, of which %(placed)s kW are taken; %(more)s kW more are %(over)s kW too much."
    ) % {"place": place, "usable": usable, "placed": placed, "more": more, "over": over}
