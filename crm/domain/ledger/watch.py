"""Whether the books add up, asked by others: before a month is closed, and by the watch that raises alerts."""

from collections.abc import Iterator
from datetime import date, datetime

from django.utils.translation import gettext as _

from crm.domain import periods
from crm.domain.ledger.check import discrepancies
from crm.models import LegalEntity
from hashinsight.notify.domain.watching import watch
from hashinsight.notify.registry import Finding

MISMATCH = "ledger.mismatch"


def books_check(entity: LegalEntity, month: date, end: date) -> list[periods.Finding]:
    """No month is closed over books that do not add up; the first difference is named.

    The check is over all books: an entry that is out of balance has no month of its own one could trust.
    """
    found = discrepancies()
    if not found:
        return []
    first = found[0]
    return [
        periods.Finding(
            _("The books do not add up: %(check)s (%(count)s), first %(row)s.")
            % {"check": first.check, "count": first.count, "row": first.rows[0]},
            stops=True,
        )
    ]


def mismatches(at: datetime) -> Iterator[Finding]:
    """What does not add up at this moment, one finding per kind of check."""
    for one in discrepancies():
        title = _("The books do not add up: %(check)s (%(count)s)") % {"check": one.check, "count": one.count}
        yield Finding(one.check, title, "\n".join(one.rows))


def check_books(*, at: datetime) -> int:
    """Recompute the books; raise an alert per check that finds something, end those that find nothing any more."""
    return watch(MISMATCH, mismatches, at=at)
