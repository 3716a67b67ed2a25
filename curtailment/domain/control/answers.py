"""What came of orders, written once: as the machines said it to us, or to the edge device that told them."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from curtailment.enums import OrderOutcome
from hosting.clients.adapter import Outcome
from hosting.clients.commanding import Commanded
from hosting.models import Site

CHUNK = 2_000
REPLY = 200
_OUTCOMES = {
    Outcome.ACCEPTED: OrderOutcome.ACCEPTED, Outcome.REFUSED: OrderOutcome.REFUSED,
    Outcome.UNSUPPORTED: OrderOutcome.UNSUPPORTED, Outcome.UNKNOWN: OrderOutcome.UNKNOWN,
}  # fmt: skip


def outcome_of(one: Commanded) -> OrderOutcome:
    """In our words."""
    return OrderOutcome.LAPSED if one.result is None else _OUTCOMES[one.result.outcome]


_TOLD = """
    UPDATE curtailment_machineorder told
    SET sent_at = came.sent_at, answered_at = came.answered_at, outcome = came.outcome, reply = came.reply
    FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[])
        AS came (id, sent_at, answered_at, outcome, reply)
    WHERE told.id = came.id AND told.outcome = 'open'
"""
# An order that was answered, or never sent, is not on its way any more.
_CLOSED = """
    UPDATE curtailment_controlledmachine kept SET open_until = least(kept.open_until, came.answered_at)
    FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[]) AS came (id, answered_at, outcome)
    JOIN curtailment_machineorder told ON told.id = came.id
    WHERE kept.miner_id = told.miner_id AND kept.sent_at = told.not_before AND came.outcome <> 'unknown'
"""


@transaction.atomic
def note(site: Site, results: Sequence[Commanded]) -> None:
    """What came of the orders, each once."""
    for start in range(0, len(results), CHUNK):
        part = results[start : start + CHUNK]
        ids = [one.key for one in part]
        sent, answered = [one.sent_at for one in part], [one.answered_at for one in part]
        outcomes = [str(outcome_of(one)) for one in part]
        replies = [printable(one.result.detail) if one.result else "" for one in part]
        tell(ids, sent, answered, outcomes, replies)
        with connection.cursor() as cursor:
            cursor.execute(_CLOSED, [ids, answered, outcomes])


def tell(
    ids: Sequence[int], sent: Sequence[datetime | None], answered: Sequence[datetime], outcomes: Sequence[str],
    replies: Sequence[str],
) -> None:  # fmt: skip
    """Write what came of orders that are open; of others nothing changes."""
    with connection.cursor() as cursor:
        cursor.execute(_TOLD, [list(ids), list(sent), list(answered), list(outcomes), list(replies)])


def printable(text: str) -> str:
    """As much as is kept of what a machine answered."""
    return text[:REPLY].replace("\x00", "")
