"""Moments typed by the clock of a site, which the page names beside them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import escape
from django.utils.translation import gettext as _
from unfold.widgets import UnfoldAdminSplitDateTimeWidget

from hosting.enums import PlaceStatus
from hosting.models import Site

MOST_NAMED = 6
SHORTCUTS = ("vDateField", "vTimeField")  # what Django's script hangs "Today" and "Now" on


class ClockWidget(UnfoldAdminSplitDateTimeWidget):
    """Day, time, and unseen the name of the clock they were typed by."""

    template_name = "curtailment/widgets/clocked.html"
    is_dressed = True
    clock = ""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        forms.MultiWidget.__init__(self, [*self.widgets, forms.HiddenInput()], attrs)

    def decompress(self, value: Any) -> list[Any]:
        """A moment without a zone, and the clock it belongs to."""
        return [*super().decompress(value)[:2], self.clock]

    def forget_shortcuts(self) -> None:
        """“Now” is by the clock of the page; where that is not the one meant it would be a trap."""
        for part in self.widgets[:2]:
            kept = [name for name in part.attrs.get("class", "").split() if name not in SHORTCUTS]
            part.attrs["class"] = " ".join(kept)


class ClockField(forms.SplitDateTimeField):
    """A moment by the clock of a site, as an aware datetime; ``look_at`` says which site.

    An hour that does not exist, or comes twice, is refused, unless it is the moment the form began with. So is what was
    typed while the page named another clock.
    """

    widget: Any = ClockWidget
    zone: ZoneInfo | None = None
    kept: datetime | None = None

    def look_at(self, site: Site | None, zone: ZoneInfo | None) -> None:
        """Name the clock: that of the site, or the one that all sites share; None where it is not known yet."""
        self.zone = zone
        self.widget.clock = "" if zone is None else zone.key
        if zone is None:
            self.widget.forget_shortcuts()
            self.help_text = _("By the clock of the site. %(clocks)s") % {"clocks": escape(_clocks())}
        elif site is None:
            self.help_text = _("By the clock of the site: %(zone)s.") % {"zone": zone_text(zone)}
        else:
            told = {"place": escape(site), "zone": zone_text(zone)}
            self.help_text = _("By the clock of %(place)s: %(zone)s.") % told

    def prepare_value(self, value: Any) -> Any:
        """What the widget shows: the time of that clock, and always its present name."""
        if isinstance(value, datetime) and timezone.is_aware(value):
            return value.astimezone(self.zone or UTC).replace(tzinfo=None)
        if isinstance(value, list | tuple):
            return [*value[:2], self.widget.clock]
        return value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether another time was typed."""
        return bool(super().has_changed(self.prepare_value(initial), data))

    def clean(self, value: Sequence[Any] | None) -> Any:
        """The moment. Raises ValidationError, also for hours that do not exist or come twice."""
        parts = list(value or ())
        typed = parts[:2] if any(parts[:2]) else []
        wall = super().clean(typed)
        if wall is None or self.zone is None:  # no site, no clock: the form says that there
            return None if wall is None else wall.replace(tzinfo=UTC)
        if self.kept is not None and wall == self.prepare_value(self.kept).replace(microsecond=0):
            return self.kept
        named = parts[2] if len(parts) > 2 else ""
        if named and named != self.zone.key:
            text = _("Typed by the clock %(named)s; that of this site is %(zone)s. Look at the time again.")
            raise ValidationError(text % {"named": named, "zone": self.zone.key})
        return moment_of(wall, self.zone)

    def compress(self, data_list: Any) -> Any:
        """Day and time without a zone."""
        with timezone.override(UTC):
            found = super().compress(data_list)
        return None if found is None else found.replace(tzinfo=None)


def moment_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which a clock shows ``wall``. Raises ValidationError where it never does, or does so twice."""
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    before, after = first.utcoffset(), second.utcoffset()
    if before is None or after is None or before == after:
        return first
    text = _("%(time)s comes twice on that day in %(zone)s: the clock is set back. Choose a time around it.")
    if before < after:
        text = _("There is no %(time)s on that day in %(zone)s: the clock is set forward. Choose a time around it.")
    raise ValidationError(text % {"time": f"{wall:%H:%M}", "zone": zone.key})


def zone_of(site: Site | None) -> ZoneInfo | None:
    """The clock of the site; without one the clock of all sites, None where they have several."""
    if site is not None:
        return ZoneInfo(site.time_zone)
    known = _sites().order_by().values_list("time_zone", flat=True).distinct()[:2]
    return ZoneInfo(known[0]) if len(known) == 1 else None


def zone_text(zone: ZoneInfo) -> str:
    """``America/Chicago (now UTC-06:00)``."""
    if zone.key == "UTC":
        return zone.key
    offset = f"{timezone.localtime(timezone=zone):%z}"
    return _("%(zone)s (now UTC%(offset)s)") % {"zone": zone.key, "offset": f"{offset[:3]}:{offset[3:5]}"}


def site_by_key(key: Any) -> Site | None:
    """The site somebody chose in a form, as the request says it; None for none or nonsense."""
    text = str(key or "")
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        return None
    found: Site | None = Site.objects.filter(pk=int(text)).first()
    return found


def look_at(form: Any, names: Iterable[str], site: Site | None, *, began: Any = None) -> None:
    """Give the fields of a form the clock of a site; where no clock is known nothing is proposed.

    ``began`` is the row the form edits: its moments are kept as they are unless another time is typed.
    """
    zone = zone_of(site)
    for name in names:
        field = form.fields.get(name)
        if isinstance(field, ClockField):
            field.look_at(site, zone)
            field.kept = getattr(began, name, None)
            if zone is None:
                field.initial = None
                form.initial.pop(name, None)


def _sites() -> Any:
    return Site.objects.filter(status=PlaceStatus.ACTIVE)


def _clocks() -> str:
    rows = list(_sites().order_by("name").values_list("name", "time_zone")[: MOST_NAMED + 1])
    named = "; ".join(f"{name}: {zone}" for name, zone in rows[:MOST_NAMED])
    return named if len(rows) <= MOST_NAMED else f"{named}; …"


class HasClock(Protocol):
    """A site, and what keeps the clock of one."""

    time_zone: str


def named_moment(moment: datetime | None, whose: HasClock) -> str:
    """``2026-11-20 03:30 CST``: by the clock of the site, which is named; empty when there is none."""
    if moment is None:
        return ""
    shown = moment.astimezone(ZoneInfo(whose.time_zone))
    return f"{date_format(shown, 'DATETIME_FORMAT')} {_short(shown)}"


def _short(shown: datetime) -> str:
    """``CST``; zones without letters of their own are named by their offset."""
    name = shown.tzname() or "UTC"
    return f"UTC{name}" if name[:1] in "+-" else name
