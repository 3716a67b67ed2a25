"""Counting for lists: exact while it is cheap, the planner's estimate beyond."""

import json
import math
from typing import Any

from django.core.paginator import EmptyPage, Page, Paginator
from django.db.models import QuerySet
from django.utils.formats import number_format
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

EXACT_UP_TO = 10_000


def counted(rows: QuerySet[Any], up_to: int) -> tuple[int, int]:
    """How many rows there are, never more than ``up_to`` + 1, and how many PostgreSQL expected.

    One question whatever the answer: run for its plan, which tells both. The rows are counted where they are found.
    """
    found = rows.order_by().values("pk")[: up_to + 1]
    text = found.explain(format="JSON", analyze=True, timing=False, summary=False)
    if not text:  # the conditions alone say that there is none
        return 0, 0
    plan = json.loads(text)[0]["Plan"]
    without_end = [part for part in plan.get("Plans", []) if part["Parent Relationship"] == "Outer"]
    return int(plan["Actual Rows"]), int((without_end or [plan])[0]["Plan Rows"])


def rounded(count: int) -> int:
    """Two significant digits: an estimate should not look exact."""
    if count < 100:
        return count
    step = 10 ** (len(str(count)) - 2)
    return (count + step // 2) // step * step


class EstimatingPaginator(Paginator):
    """Never counts more than ``exact_up_to`` rows, and never pages deeper than that.

    Whoever needs what lies further down filters, searches or turns the order round: an OFFSET of 90,000 rows
    would read all of them for one page.
    """

    template_name = "admin/house/pagination.html"
    exact_up_to = EXACT_UP_TO
    is_estimate = False

    @cached_property
    def count(self) -> int:
        """The number of rows, or an estimate of it (``is_estimate``)."""
        rows = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        known, expected = counted(rows, self.exact_up_to)
        if known <= self.exact_up_to:
            return known
        self.is_estimate = True
        return max(rounded(expected), self.exact_up_to)

    @cached_property
    def num_pages(self) -> int:
        """Pages that can be opened."""
        return max(1, math.ceil(min(self.count, self.exact_up_to) / self.per_page))

    def page(self, number: Any) -> Page[Any]:
        """The keys of the page first, then its rows: what is skipped is neither read in full nor summed up."""
        rows = self.object_list
        if not isinstance(rows, QuerySet):
            return super().page(number)
        number = self.validate_number(number)
        bottom = (number - 1) * self.per_page
        keys = list(rows.values_list("pk", flat=True)[bottom : bottom + self.per_page])
        return Page(rows.filter(pk__in=keys), number, self)

    @property
    def count_text(self) -> str:
        """What the list says below its rows, without the noun."""
        shown = number_format(self.count, use_l10n=True, force_grouping=True)
        return _("about %(count)s") % {"count": shown} if self.is_estimate else shown


class Peek(Page[Any]):
    """A page that knows of one row more."""

    more = False

    def has_next(self) -> bool:
        """Whether that row was there."""
        return self.more


class PeekingPaginator(Paginator):
    """Pages of what somebody chooses from while typing: nobody sees a number of rows, so none is found out."""

    deepest = EXACT_UP_TO

    @property
    def count(self) -> int:
        """As many as can be opened."""
        return self.deepest

    def page(self, number: Any) -> Page[Any]:
        """The rows of a page, in one question."""
        number = self.validate_number(number)
        bottom = (number - 1) * self.per_page
        rows = list(self.object_list[bottom : bottom + self.per_page + 1])
        if not rows and number > 1:
            raise EmptyPage(self.error_messages["no_results"])
        page = Peek(rows[: self.per_page], number, self)
        page.more = len(rows) > self.per_page and number < self.num_pages
        return page
