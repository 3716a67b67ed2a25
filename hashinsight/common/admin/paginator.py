"""Counting for lists: exact while it is cheap, the planner's estimate beyond."""

import json
import math
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.utils.formats import number_format
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

EXACT_UP_TO = 10_000


def planner_estimate(rows: QuerySet[Any]) -> int:
    """How many rows PostgreSQL expects; costs a plan, not a scan."""
    plan = json.loads(rows.order_by().explain(format="JSON"))
    return int(plan[0]["Plan"]["Plan Rows"])


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
        counted: int = rows.order_by().values("pk")[: self.exact_up_to + 1].count()
        if counted <= self.exact_up_to:
            return counted
        self.is_estimate = True
        return max(rounded(planner_estimate(rows)), counted - 1)

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
