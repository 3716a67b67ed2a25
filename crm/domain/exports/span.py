"""Which months of whom a file is about, and the moment it speaks of."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm.domain.periods import first_of, next_month
from crm.enums import PeriodState
from crm.models import AccountingPeriod, LegalEntity
from hashinsight.common.errors import DomainError

MOST_MONTHS = 12


class ExportRefused(DomainError):
    """The file cannot be made; nothing was."""

    code = "export_refused"


@dataclass(frozen=True, slots=True)
class Span:
    """Whole months of a legal entity: ``first`` to ``last``, both included, as days.

    ``state_of`` is when the last of them was closed, or now where one is still open (then the file is provisional).
    """

    entity: LegalEntity
    first: date
    last: date
    is_closed: bool
    state_of: datetime
    # What the file is made of, read by one statement: rows that come in while it is being made are not in it.
    rows: tuple[int, ...] | None = None

    def frozen(self, rows: Iterable[int]) -> "Span":
        """The same with its rows settled."""
        return replace(self, rows=tuple(rows))

    @property
    def name(self) -> str:
        """For file names: ``2026-10`` or ``2026-10_2026-12``."""
        first, last = f"{self.first:%Y-%m}", f"{self.last:%Y-%m}"
        months = first if first == last else f"{first}_{last}"
        return months if self.is_closed else f"{months}-provisional"

    @property
    def who(self) -> str:
        """The entity, for file names."""
        return slugify(self.entity.name)[:40].strip("-") or f"entity-{self.entity.pk}"


def span_of(entity: LegalEntity, *, first: date, last: date, at: datetime) -> Span:
    """The months from ``first`` to ``last`` (any day of them). Raises ExportRefused where they make no sense."""
    begin, end = first_of(first), next_month(last)
    months: list[date] = []
    month = begin
    while month < end and len(months) <= MOST_MONTHS:
        months.append(month)
        month = next_month(month)
    if not months:
        raise ExportRefused(_("The last month lies before the first."))
    if len(months) > MOST_MONTHS:
        raise ExportRefused(_("A file holds %(most)s months at most.") % {"most": MOST_MONTHS})
    rows = AccountingPeriod.objects.filter(legal_entity=entity, month__in=months, state=PeriodState.CLOSED)
    closed = list(rows.values_list("closed_at", flat=True))
    is_closed = len(closed) == len(months)
    state_of = max(moment for moment in closed if moment is not None) if is_closed else at
    return Span(entity, begin, end - timedelta(days=1), is_closed, state_of)
