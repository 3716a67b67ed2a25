"""Every ten minutes: ask the sources, judge what they say, keep one snapshot. Safe to run twice and to kill."""

import logging
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from hashinsight.events.domain.outbox import publish
from marketdata.clients.http import Answer, Asker, SourceFailed
from marketdata.clients.sources import CALLS, Call
from marketdata.domain import sources
from marketdata.domain.coins import follow_bitcoin
from marketdata.domain.sources import Network
from marketdata.engine.chain import subsidy_btc
from marketdata.engine.figures import BadAnswer, Figures
from marketdata.engine.plausibility import Combined, Wrong, combine, troubles
from marketdata.enums import Outcome, Source
from marketdata.models import NetworkSnapshot, SourceAnswer

logger = logging.getLogger(__name__)
SLOT = timedelta(minutes=10)
HPS_PER_EHS = Decimal(10**18)
# The height of a snapshot some time ago still says which subsidy is paid when no halving lies within so many blocks.
HEIGHT_MARGIN = 1500
GOOD = (Outcome.VALID, Outcome.UNCHANGED)


@dataclass(frozen=True)
class Heard:
    """What became of one call, before it is kept."""

    call: Call
    outcome: Outcome
    reason: str = ""
    figures: Figures = field(default_factory=Figures)
    answer: Answer | None = None
    status: int | None = None
    retry_after: timedelta | None = None


def slot_of(at: datetime) -> datetime:
    """Start of the ten minutes that ``at`` (aware) lies in."""
    seconds = int(SLOT.total_seconds())
    return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, tz=UTC)


def last_valid(*, before: datetime) -> NetworkSnapshot | None:
    """The newest valid snapshot of earlier ten minutes."""
    found: NetworkSnapshot | None = (
        NetworkSnapshot.objects.valid().filter(slot_at__lt=before).order_by("-slot_at").first()
    )
    return found


def figures_of(snapshot: NetworkSnapshot | None) -> Figures | None:
    """What a snapshot said, for the rules."""
    if snapshot is None:
        return None
    return Figures(
        price_usd=snapshot.btc_price_usd, difficulty=snapshot.difficulty, height=snapshot.block_height,
        hashrate_hps=snapshot.hashrate_ehs * HPS_PER_EHS if snapshot.hashrate_ehs is not None else None,
        observed_at=snapshot.recorded_at,
    )  # fmt: skip


def collect(slot_at: datetime, *, clock: Callable[[], datetime], network: Network) -> NetworkSnapshot:
    """The snapshot of these ten minutes: the one there is, or a new one of what the sources say now.

    Each answer is kept as it comes, so that a run that was killed goes on with what it had. When no source says
    anything usable the snapshot is kept all the same, invalid and with its reason.
    """
    there: NetworkSnapshot | None = NetworkSnapshot.objects.filter(slot_at=slot_at).first()
    if there is not None:
        return there
    before = last_valid(before=slot_at)
    last = figures_of(before)
    wanted = {source: _unasked(slot_at, source) for source in CALLS}
    _ask_all(slot_at, wanted, last, clock=clock, network=network)
    return _conclude(slot_at, before, last, at=clock())


def _unasked(slot_at: datetime, source: Source) -> list[Call]:
    asked = set(SourceAnswer.objects.filter(slot_at=slot_at, source=source).values_list("call", flat=True))
    return [call for call in CALLS[source] if call.name not in asked]


def _ask_all(
    slot_at: datetime,
    wanted: dict[Source, list[Call]],
    last: Figures | None,
    *,
    clock: Callable[[], datetime],
    network: Network,
) -> None:
    """Sources are asked side by side (a thread each, which never touches the database), one's calls in turn."""
    jobs = []
    with ThreadPoolExecutor(max_workers=len(CALLS)) as pool:
        for source, calls in wanted.items():
            if not calls:
                continue
            if not sources.state_of(source).allows(clock()):
                for call in calls:
                    _keep(slot_at, source, Heard(call, Outcome.SKIPPED, "it failed too often lately"), at=clock())
                continue
            known = {call.name: _last_good(source, call.name, slot_at) for call in calls}
            jobs.append((source, pool.submit(_ask_one, network.askers[source], calls, known)))
        for source, job in jobs:
            _judge(slot_at, source, job.result(), last, clock=clock, network=network)


def _last_good(source: Source, call: str, slot_at: datetime) -> SourceAnswer | None:
    found: SourceAnswer | None = (
        SourceAnswer.objects.filter(source=source, call=call, outcome__in=GOOD, slot_at__lt=slot_at)
        .order_by("-slot_at")
        .first()
    )
    return found


def _ask_one(asker: Asker, calls: list[Call], known: dict[str, SourceAnswer | None]) -> list[Heard]:
    """The calls of one source; once it gives no answer at all, the rest is not asked."""
    heard: list[Heard] = []
    for call in calls:
        if any(one.outcome is Outcome.FAILED and one.status is None for one in heard):
            heard.append(Heard(call, Outcome.SKIPPED, "the source gave no answer"))
            continue
        heard.append(_ask_call(asker, call, known[call.name]))
    return heard


def _ask_call(asker: Asker, call: Call, before: SourceAnswer | None) -> Heard:
    answer: Answer | None = None
    try:
        answer = asker.get(call.path, validators=before.validators if before else None)
        if answer.unchanged and before is not None:
            return Heard(call, Outcome.UNCHANGED, figures=Figures.from_said(before.figures), answer=answer)
        return Heard(call, Outcome.VALID, figures=call.parse(answer.body), answer=answer)
    except SourceFailed as error:
        return Heard(call, Outcome.FAILED, str(error), status=error.status, retry_after=error.retry_after)
    except BadAnswer as error:
        return Heard(call, Outcome.INVALID, str(error), answer=answer)
    except Exception as error:
        # A body nobody thought of must cost this one answer, not the snapshot; the error is ours, so it is logged.
        logger.exception("the answer of %s could not be read", call.path)
        return Heard(call, Outcome.INVALID, f"unreadable: {type(error).__name__}", answer=answer)


def _judge(
    slot_at: datetime,
    source: Source,
    heard: list[Heard],
    last: Figures | None,
    *,
    clock: Callable[[], datetime],
    network: Network,
) -> None:
    """Apply the rules to each answer, keep it, and remember how the source did."""
    at = clock()
    judged = [_judged(one, at, last) for one in heard]
    with transaction.atomic():
        for one in judged:
            _keep(slot_at, source, one, at=at)
        bad = [one for one in judged if one.outcome not in GOOD]
        asked = [one for one in bad if one.outcome is not Outcome.SKIPPED]
        if len(bad) < len(judged):
            sources.note_good(source, at=at)
        elif asked:
            rests = [one.retry_after for one in asked if one.retry_after is not None]
            sources.note_bad(
                source, at=at, reason=asked[0].reason, retry_after=max(rests, default=None), dice=network.dice
            )


def _judged(heard: Heard, at: datetime, last: Figures | None) -> Heard:
    if heard.outcome not in GOOD:
        return heard
    wrong = troubles(heard.figures, at=at, last=last, limits=sources.limits())
    if not wrong:
        return heard
    return replace(heard, outcome=Outcome.INVALID, reason="; ".join(map(str, wrong)))


def _keep(slot_at: datetime, source: Source, heard: Heard, *, at: datetime) -> None:
    answer = heard.answer
    SourceAnswer.objects.get_or_create(
        slot_at=slot_at, source=source, call=heard.call.name,
        defaults={
            "outcome": heard.outcome, "reason": heard.reason[:300], "asked_at": at,
            "status": answer.status if answer else heard.status,
            "seconds": round(Decimal(answer.seconds), 3) if answer else None,
            "figures": heard.figures.said(),
            # What was judged wrong must be read again, not be called unchanged.
            "validators": dict(answer.validators) if answer and heard.outcome in GOOD else {},
            "body": zlib.compress(answer.body) if answer and answer.body else None,
        },
    )  # fmt: skip


# --- the snapshot ---------------------------------------------------------------------------------------------
def _conclude(
    slot_at: datetime, before: NetworkSnapshot | None, last: Figures | None, *, at: datetime
) -> NetworkSnapshot:
    answers = list(SourceAnswer.objects.filter(slot_at=slot_at).order_by("source", "call"))
    good = [(one.source, Figures.from_said(one.figures)) for one in answers if one.outcome in GOOD]
    combined = combine(good, at=at, last=last, limits=sources.limits())
    slowest = max((one.seconds for one in answers if one.seconds is not None), default=None)
    with transaction.atomic():
        snapshot, created = NetworkSnapshot.objects.get_or_create(
            slot_at=slot_at, defaults=_columns(combined, answers, before) | {"recorded_at": at, "response_s": slowest}
        )
        if created:
            _publish(snapshot)
            if snapshot.is_valid:
                follow_bitcoin(snapshot)
    return snapshot


def _columns(combined: Combined, answers: list[SourceAnswer], before: NetworkSnapshot | None) -> dict[str, Any]:
    figures = combined.figures
    reward = _subsidy(figures, before)
    wrong = [*combined.wrong, *([] if reward is not None else [Wrong("unknown", "height")])]
    # What is unknown has its reason in the answers that could not be used.
    unused = [f"{one.source}: {one.reason}" for one in answers if one.outcome not in GOOD]
    why = [*map(str, wrong), *(unused if any(one.reason == "unknown" for one in wrong) else [])]
    if not any(one.outcome in GOOD for one in answers):
        why = unused or why
    reason = "; ".join(dict.fromkeys(why))
    network = combined.used.get("difficulty", ()) + combined.used.get("hashrate_hps", ())
    return {
        "is_valid": not wrong,
        "reason": reason[:300],
        "btc_price_usd": _rounded(figures.price_usd, 8, 12),
        "volume_24h_usd": _rounded(figures.volume_24h_usd, 2, 20),
        "difficulty": _rounded(figures.difficulty, 8, 22),
        "hashrate_ehs": _rounded(figures.hashrate_hps / HPS_PER_EHS if figures.hashrate_hps else None, 12, 12),
        "block_height": figures.height,
        "block_reward_btc": reward,
        "fees_per_block_btc": _rounded(figures.fees_per_block_btc, 8, 12),
        "fee_rate_sat_vb": _rounded(figures.fee_rate_sat_vb, 3, 9),
        "retarget_change_pct": _rounded(figures.retarget_change_pct, 4, 5),
        "retarget_at": figures.retarget_at,
        "remaining_blocks": figures.remaining_blocks,
        "price_source": ", ".join(dict.fromkeys(combined.used.get("price_usd", ()))),
        "data_source": ", ".join(dict.fromkeys(network)),
    }


def _subsidy(figures: Figures, before: NetworkSnapshot | None) -> Decimal | None:
    """By height; by an earlier height where no halving can have come since."""
    if figures.height is not None:
        return subsidy_btc(figures.height)
    if before is None or before.block_height is None:
        return None
    now, later = subsidy_btc(before.block_height), subsidy_btc(before.block_height + HEIGHT_MARGIN)
    return now if now == later else None


def _rounded(value: Decimal | None, places: int, digits: int) -> Decimal | None:
    """As the column holds it; a figure too large for any column is one of those judged wrong, and is left out."""
    if value is None or value.adjusted() >= digits:
        return None
    return value.quantize(Decimal(1).scaleb(-places))


def _publish(snapshot: NetworkSnapshot) -> None:
    def text(value: Decimal | None) -> str | None:
        return None if value is None else f"{value.normalize():f}"

    publish(
        "network.snapshot_created",
        aggregate_type="network",
        aggregate_id="bitcoin",
        payload={
            "snapshot_id": str(snapshot.public_id), "recorded_at": snapshot.recorded_at.isoformat(),
            "is_valid": snapshot.is_valid, "reason": snapshot.reason, "btc_price_usd": text(snapshot.btc_price_usd),
            "difficulty": text(snapshot.difficulty), "hashrate_ehs": text(snapshot.hashrate_ehs),
        },
        idempotency_key=f"network.snapshot:{snapshot.slot_at.isoformat()}",
    )  # fmt: skip


def answers_of(slot_at: datetime) -> Iterator[SourceAnswer]:
    """What was heard in these ten minutes."""
    yield from SourceAnswer.objects.filter(slot_at=slot_at).order_by("source", "call")
