"""What a message about a dispatch comes to, beside what is known of it and what was agreed.

A message always says all of it: whoever hears only the second of two knows as much as who heard both. Messages carry a
number or at least the time they were sent, so that one that was overtaken on its way is known as such.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

LONGEST = timedelta(days=31)  # as long as a plan lasts at most


class Action(StrEnum):
    """What a message asks for."""

    CALL = "call"
    CANCEL = "cancel"


class Outcome(StrEnum):
    """What came of it; the words of ``curtailment.enums.MessageOutcome``."""

    APPLIED = "applied"
    LOGGED = "logged"
    WAITS = "waits"
    REPEATED = "repeated"
    OLDER = "older"
    REFUSED = "refused"


class Code(StrEnum):
    """Why a message was refused, or what is unusual about one that was not."""

    CLOCK = "clock_skewed"
    UNAUTHORISED = "not_authorised"
    UNKNOWN = "unknown_dispatch"
    UNKNOWN_SITE = "unknown_site"
    CANCELLED = "cancelled_already"
    OVER = "over_already"
    NO_END = "no_end"
    OPEN_ENDED = "open_ended"
    NO_TIME = "no_time"
    NO_COMMITMENT = "no_commitment"
    NOTHING = "nothing_asked"
    HOURS = "outside_hours"
    MORE = "more_than_committed"
    UNCOMPARED = "not_comparable"
    NOTICE = "short_notice"
    LONG = "too_long"
    CALLS = "calls_used_up"
    SAME_NUMBER = "number_used"
    NOT_NOW = "cannot_be_planned"


@dataclass(frozen=True, slots=True)
class Call:
    """A message. ``starts_at`` None: at once; ``goal`` and ``kw`` empty: as was committed; ``at_once`` is derived."""

    dispatch_id: str
    action: Action = Action.CALL
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    open_ended: bool = False
    goal: str = ""
    kw: Decimal | None = None
    is_test: bool = False
    is_authorised: bool = True
    sequence: int | None = None
    sent_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """The dispatch as it is; ``state`` in the words of ``DispatchState``."""

    state: str
    goal: str
    kw: Decimal
    starts_at: datetime
    ends_at: datetime | None
    is_test: bool = False
    is_authorised: bool = True
    sequence: int | None = None
    sent_at: datetime | None = None
    cancelled_by_us: bool = False


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a programme says. ``committed_kw`` None: nothing is committed then; empty limits: none.

    ``reference_kw``: the load from which *reduce to* and *reduce by* are compared; None: nobody knows it. ``by_hand``:
    a person says it, and stands for what cannot be compared.
    """

    committed_kw: Decimal | None
    goal: str = "by"
    in_hours: bool = True
    notice: timedelta = timedelta(0)
    longest: timedelta | None = None
    open_ended: bool = False
    log_tests: bool = True
    unauthorised_wait: bool = False
    unusual_run: bool = False
    skewed_run: bool = False
    skew: timedelta = timedelta(minutes=2)
    calls_left: int | None = None
    reference_kw: Decimal | None = None
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a message: why, if it was refused, and what is unusual about it otherwise."""

    outcome: Outcome
    code: str = ""
    marks: tuple[str, ...] = ()


def is_older(call: Call, known: Known) -> bool:
    """Whether something newer was heard before: by number where both have one, else by the time of sending."""
    if call.sequence is not None and known.sequence is not None:
        return call.sequence < known.sequence
    if call.sent_at is not None and known.sent_at is not None:
        return call.sent_at < known.sent_at
    return False


def newest(known: Known, call: Call) -> tuple[int | None, datetime | None]:
    """Number and time of sending up to which a dispatch has been heard of, once ``call`` has said the same again."""
    sequence = max((one for one in (known.sequence, call.sequence) if one is not None), default=None)
    return sequence, max((one for one in (known.sent_at, call.sent_at) if one is not None), default=None)


def judge(call: Call, known: Known | None, agreed: Agreed, *, at: datetime) -> Verdict:
    """What comes of a message heard at ``at``; ``known`` None: nobody has heard of the dispatch."""
    if known is not None and is_older(call, known):
        return Verdict(Outcome.OLDER)
    marks: list[str] = []
    if call.sent_at is not None and abs(at - call.sent_at) > agreed.skew:
        if not agreed.skewed_run:
            return Verdict(Outcome.REFUSED, Code.CLOCK)
        marks.append(Code.CLOCK)
    if call.action is Action.CANCEL:
        return _cancel(known, marks)
    refused = _impossible(call, known, agreed, at)
    if refused:
        return Verdict(Outcome.REFUSED, refused, tuple(marks))
    changed = known is None or not says_the_same(call, known, agreed)
    if known is not None and changed and call.sequence is not None and call.sequence == known.sequence:
        return Verdict(Outcome.REFUSED, Code.SAME_NUMBER, tuple(marks))
    if not changed and known is not None and known.state not in _again(agreed):
        return Verdict(Outcome.REPEATED, marks=tuple(marks))
    unusual = _unusual(call, known, agreed, at)
    beyond = [one for one in unusual if one is not Code.UNCOMPARED]
    if beyond and not agreed.unusual_run:
        return Verdict(Outcome.REFUSED, beyond[0], tuple(marks))
    marks += unusual
    if call.is_test and agreed.log_tests:
        return Verdict(Outcome.LOGGED, marks=tuple(marks))
    for_a_person = Code.UNCOMPARED in unusual and not (agreed.unusual_run or agreed.by_hand)
    follows = call.is_authorised and not for_a_person
    return Verdict(Outcome.APPLIED if follows else Outcome.WAITS, marks=tuple(marks))


def _again(agreed: Agreed) -> tuple[str, ...]:
    """States in which the same words are judged anew: a person who repeats what waits lets it run."""
    return ("refused", "cancelled", "received") if agreed.by_hand else ("refused", "cancelled")


def _cancel(known: Known | None, marks: list[str]) -> Verdict:
    """A dispatch nobody has heard of is remembered as cancelled: its call may still be on its way."""
    if known is None:
        return Verdict(Outcome.APPLIED, marks=(*marks, Code.UNKNOWN))
    if known.state == "ended":
        return Verdict(Outcome.REFUSED, Code.OVER, tuple(marks))
    if known.state == "cancelled":
        return Verdict(Outcome.REPEATED, marks=tuple(marks))
    return Verdict(Outcome.APPLIED, marks=tuple(marks))


def _impossible(call: Call, known: Known | None, agreed: Agreed, at: datetime) -> str:
    """Why it cannot be followed, whatever was agreed."""
    if not call.is_authorised and not agreed.unauthorised_wait:
        return Code.UNAUTHORISED
    if known is not None and known.state == "ended":
        return Code.OVER
    if known is not None and known.state == "cancelled" and not _revives(call, known):
        return Code.CANCELLED
    if call.ends_at is None:
        if not call.open_ended:
            return Code.NO_END
        if not agreed.open_ended:
            return Code.OPEN_ENDED
    if agreed.committed_kw is None and call.kw is None:
        return Code.NO_COMMITMENT
    if asks_nothing(call, agreed):
        return Code.NOTHING
    start = start_of(call, known, at)
    if call.ends_at is not None:
        if call.ends_at <= start:
            return Code.NO_TIME
        if call.ends_at <= at and (known is None or known.state != "running"):
            return Code.OVER
        if call.ends_at - max(start, at) > LONGEST:
            return Code.LONG
    return ""


def _revives(call: Call, known: Known) -> bool:
    """A call numbered later than the cancellation holds, in whichever order the two came; what we cancelled stays."""
    numbered = call.sequence is not None and known.sequence is not None
    return numbered and not known.cancelled_by_us and (call.sequence or 0) > (known.sequence or 0)


def _unusual(call: Call, known: Known | None, agreed: Agreed, at: datetime) -> list[Code]:
    """What was not agreed like this."""
    found: list[Code] = []
    start = start_of(call, known, at)
    if not agreed.in_hours or agreed.committed_kw is None:
        found.append(Code.HOURS)
    elif (more := _more(call, agreed, agreed.committed_kw)) is not None:
        found.append(more)
    is_new = known is None or known.state in ("refused", "cancelled")
    is_new_start = is_new or known is None or start < known.starts_at
    if is_new_start and agreed.notice and start - at < agreed.notice:
        found.append(Code.NOTICE)
    if agreed.longest is not None and call.ends_at is not None and call.ends_at - start > agreed.longest:
        found.append(Code.LONG)
    if is_new and agreed.calls_left is not None and agreed.calls_left <= 0:
        found.append(Code.CALLS)
    return found


def _more(call: Call, agreed: Agreed, committed_kw: Decimal) -> Code | None:
    """Whether it asks for more than is committed, in kW of reduction; *to* and *by* meet at the load they begin from.

    Where nobody knows that load, nobody can tell: ``UNCOMPARED``.
    """
    if call.kw is None:
        return None
    goal = call.goal or agreed.goal
    if goal == agreed.goal:
        is_more = call.kw > committed_kw if goal == "by" else call.kw < committed_kw
    elif agreed.reference_kw is None:
        return Code.UNCOMPARED
    else:
        asked, allowed = (
            kw if word == "by" else agreed.reference_kw - kw
            for word, kw in ((goal, call.kw), (agreed.goal, committed_kw))
        )
        is_more = asked > max(allowed, Decimal(0))
    return Code.MORE if is_more else None


def start_of(call: Call, known: Known | None, at: datetime) -> datetime:
    """When it begins: *at once* is the moment it was first heard of."""
    if call.starts_at is not None:
        return call.starts_at
    return at if known is None else known.starts_at


def wanted(call: Call, agreed: Agreed) -> tuple[str, Decimal]:
    """Goal and kW: what the message says; without a figure what was committed, whichever word stands beside it."""
    if call.kw is None:
        return agreed.goal, agreed.committed_kw if agreed.committed_kw is not None else Decimal(0)
    return call.goal or agreed.goal, call.kw


def asks_nothing(call: Call, agreed: Agreed) -> bool:
    """Whether it calls for a reduction by 0 kW, which no plan can be made of."""
    is_known = call.kw is not None or agreed.committed_kw is not None
    return call.action is Action.CALL and is_known and wanted(call, agreed) == ("by", Decimal(0))


def normal_operation(call: Call, known: Known | None, agreed: Agreed) -> Call:
    """The message, or a cancellation where it brings a dispatch that we know of down to nothing.

    A test never does, nor does what says that it is not authorised.
    """
    if known is None or known.state == "refused" or call.is_test or not call.is_authorised:
        return call
    return replace(call, action=Action.CANCEL) if asks_nothing(call, agreed) else call


def says_the_same(call: Call, known: Known, agreed: Agreed) -> bool:
    """Whether a message tells nothing new."""
    goal, kw = wanted(call, agreed)
    start = known.starts_at if call.starts_at is None else call.starts_at
    return (goal, kw, start, call.ends_at, call.is_test, call.is_authorised) == (
        known.goal, known.kw, known.starts_at, known.ends_at, known.is_test, known.is_authorised,
    )  # fmt: skip
