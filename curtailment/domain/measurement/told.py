"""From when to when machines of an event were off, or at a limit, by the rows of its plans and by the orders."""

from collections.abc import Mapping
from dataclasses import replace

from django.db.models import Q

from curtailment.engine.spans import Owning, Sent, Span, apart, earlier, joined, split
from curtailment.enums import OrderAction, OrderOutcome
from curtailment.models import CurtailmentEvent, CurtailmentPlanMiner, MachineOrder
from hosting.models import MinerOwnership


def spans_of(event: CurtailmentEvent) -> list[Span]:
    """One after the other for each machine and owner."""
    rows = CurtailmentPlanMiner.objects.filter(plan__event=event, off_at__isnull=False, ordered_at__isnull=False)
    found = [
        Span(miner, told, max(off, told), max(back or recovered or event.ended_at, off), draw, float(ths or 0),
             limit_w=limit)
        for miner, told, off, back, recovered, draw, ths, limit in rows.values_list(
            "miner_id", "ordered_at", "off_at", "back_at", "plan__recovered_at", "draw_w", "hashrate_ths", "limit_w"
        )
    ]  # fmt: skip
    found += _earlier(event, {span.miner: span.ths for span in found})
    off = [span for span in joined(span for span in found if span.limit_w is None) if span.back > span.told]
    limited = [span for span in joined(span for span in found if span.limit_w is not None) if span.back > span.told]
    one_each = apart(off, limited)
    ownings = MinerOwnership.objects.filter(miner__in={span.miner for span in one_each}, valid_from__lt=event.ended_at)
    ownings = ownings.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=event.started_at))
    return split(
        one_each, [Owning(*row) for row in ownings.values_list("miner_id", "customer_id", "valid_from", "valid_to")]
    )


def _earlier(event: CurtailmentEvent, ths: Mapping[int, float]) -> list[Span]:
    """Times before the last in which machines were off, or at a limit."""
    sent = MachineOrder.objects.filter(plan__event=event)
    sent = sent.exclude(outcome__in=(OrderOutcome.LAPSED, OrderOutcome.REFUSED, OrderOutcome.UNSUPPORTED))
    found = []
    for down, up in ((OrderAction.PAUSE, OrderAction.RESUME), (OrderAction.LIMIT, OrderAction.LIFT)):
        orders = [
            (Sent(miner, action == down, at, max(at, answered or at), draw), limit)
            for miner, action, at, answered, draw, limit in sent.filter(action__in=(down, up)).values_list(
                "miner_id", "action", "created_at", "answered_at", "draw_w", "limit_w"
            )
        ]
        lowest = {one.miner: limit for one, limit in orders if one.pauses and limit is not None}
        found += [
            replace(span, ths=ths.get(span.miner, 0.0), limit_w=lowest.get(span.miner))
            for span in earlier(one for one, _limit in orders)
        ]
    return found
