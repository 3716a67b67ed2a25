"""Pages that show and read times by the clock of a site, and say so."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.html import escape
from django.utils.translation import gettext as _

from curtailment.forms.clock import named_moment, site_by_key, zone_of, zone_text
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.zoned import ZonedPagesMixin
from hosting.models import Site


def in_both(moment: datetime, site: Site) -> str:
    """By the clock of the site, and in a second line where that is another one in UTC."""
    here = named_moment(moment, site)
    return (
        here if site.time_zone == "UTC" else f"{here}\n= {date_format(moment.astimezone(UTC), 'DATETIME_FORMAT')} UTC"
    )


def clock_text(site: Site) -> str:
    """Said on a page whose times are by the clock of a site."""
    return _("All times on this page are by the clock of %(place)s: %(zone)s.") % {
        "place": site, "zone": zone_text(ZoneInfo(site.time_zone)),
    }  # fmt: skip


class SiteClockMixin:
    """An object page by the clock of a site: that of its object, unless a subclass knows better."""

    objects: list[Any]

    def site(self) -> Site | None:
        """Whose clock."""
        found: Site | None = self.objects[0].site
        return found

    def clock(self) -> ZoneInfo | None:
        """That of the site."""
        return zone_of(self.site())

    @property
    def clock_text(self) -> str:
        """Named on the page."""
        site = self.site()
        return "" if site is None else clock_text(site)


class SiteClockAdmin(ZonedPagesMixin, BaseAdmin):
    """Change pages by the clock of the site of their row, or of the site that is being chosen."""

    def page_zone(self, request: HttpRequest, object_id: str | None) -> ZoneInfo | None:
        """That of the site."""
        row = self.get_object(request, object_id) if object_id else None
        if row is None:
            return zone_of(site_by_key((request.POST or request.GET).get("site")))
        site = self.site_of(row)
        return None if site is None else zone_of(site)

    def site_of(self, row: Any) -> Site | None:
        """Whose clock a row goes by; None: that of all pages."""
        found: Site | None = row.site
        return found

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The page of a row names its clock."""
        found = list(super().get_fieldsets(request, obj))
        site = self.site_of(obj) if obj is not None else None
        if site is None or not found:
            return found
        title, options = found[0]
        return [(title, {**options, "description": escape(clock_text(site))}), *found[1:]]
