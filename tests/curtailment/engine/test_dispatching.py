"""What a message about a dispatch comes to, without database and clock."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curtailment.engine.dispatching import (
    Action,
    Agreed,
    Call,
    Code,
    Known,
    Outcome,
    judge,
    newest,
    normal_operation,
    start_of,
    wanted,
)

AT = datetime(2026, 11, 29, 16, tzinfo=UTC)
HOUR = timedelta(hours=1)
CALL = Call("D", starts_at=AT + HOUR, ends_at=AT + 2 * HOUR, kw=Decimal(100), sequence=1, sent_at=AT)
AGREED = Agreed(committed_kw=Decimal(100))


def known(call: Call = CALL, state: str = "accepted", **more: Any) -> Known:
    """The dispatch such a call made."""
    goal, kw = wanted(call, AGREED)
    row = Known(state, goal, kw, start_of(call, None, AT), call.ends_at, sequence=call.sequence, sent_at=call.sent_at)
    return replace(row, **more)


def code(call: Call, before: Known | None = None, agreed: Agreed = AGREED, at: datetime = AT) -> str:
    """Why it is refused; empty when it is not."""
    verdict = judge(call, before, agreed, at=at)
    return verdict.code if verdict.outcome is Outcome.REFUSED else ""


def test_a_call_within_what_was_agreed_holds() -> None:
    assert judge(CALL, None, AGREED, at=AT).outcome is Outcome.APPLIED
    assert judge(replace(CALL, starts_at=None, kw=None), None, AGREED, at=AT).outcome is Outcome.APPLIED


@pytest.mark.parametrize(
    ("change", "agreed", "why"),
    [
        ({"is_authorised": False}, {}, Code.UNAUTHORISED),
        ({"ends_at": None}, {}, Code.NO_END),
        ({"ends_at": None, "open_ended": True}, {}, Code.OPEN_ENDED),
        ({"ends_at": AT + HOUR}, {}, Code.NO_TIME),
        ({"starts_at": AT - 2 * HOUR, "ends_at": AT - HOUR}, {}, Code.OVER),
        ({"ends_at": AT + timedelta(days=40)}, {"unusual_run": True}, Code.LONG),
        ({"kw": None}, {"committed_kw": None, "unusual_run": True}, Code.NO_COMMITMENT),
        ({"sent_at": AT - timedelta(minutes=3)}, {}, Code.CLOCK),
        ({"sent_at": AT + timedelta(minutes=3)}, {}, Code.CLOCK),
        ({}, {"in_hours": False}, Code.HOURS),
        ({"kw": Decimal(101)}, {}, Code.MORE),
        ({"kw": Decimal(99)}, {"goal": "to"}, Code.MORE),
        ({}, {"notice": timedelta(hours=2)}, Code.NOTICE),
        ({}, {"longest": timedelta(minutes=59)}, Code.LONG),
        ({}, {"calls_left": 0}, Code.CALLS),
    ],
)
def test_what_was_not_agreed_is_refused(change: dict[str, Any], agreed: dict[str, Any], why: str) -> None:
    assert code(replace(CALL, **change), None, replace(AGREED, **agreed)) == why


@pytest.mark.parametrize(
    ("change", "agreed", "mark"),
    [
        ({}, {"in_hours": False}, Code.HOURS),
        ({"kw": Decimal(101)}, {}, Code.MORE),
        ({}, {"notice": timedelta(hours=2)}, Code.NOTICE),
        ({}, {"calls_left": 0}, Code.CALLS),
        ({"sent_at": AT - HOUR}, {"skewed_run": True}, Code.CLOCK),
    ],
)
def test_or_followed_and_marked_where_the_programme_says_so(
    change: dict[str, Any], agreed: dict[str, Any], mark: str
) -> None:
    verdict = judge(replace(CALL, **change), None, replace(AGREED, unusual_run=True, **agreed), at=AT)
    assert (verdict.outcome, verdict.marks) == (Outcome.APPLIED, (mark,))


@pytest.mark.parametrize(
    ("goal", "kw", "agreed", "why"),
    [
        ("to", 200, {}, ""), ("to", 199, {}, Code.MORE), ("to", 400, {}, ""), ("to", 0, {}, Code.MORE),
        ("by", 200, {"goal": "to"}, ""), ("by", 201, {"goal": "to"}, Code.MORE),
        ("by", 0, {"goal": "to"}, Code.NOTHING),
        ("by", 1, {"goal": "to", "committed_kw": Decimal(400)}, Code.MORE),
    ],
)  # fmt: skip
def test_to_and_by_meet_at_the_load_they_begin_from(goal: str, kw: int, agreed: dict[str, Any], why: str) -> None:
    """Of 300 kW: by 100 is to 200, and the other way round."""
    terms = replace(AGREED, reference_kw=Decimal(300), **agreed)
    assert code(replace(CALL, goal=goal, kw=Decimal(kw)), None, terms) == why


@pytest.mark.parametrize(
    ("change", "agreed", "nothing"),
    [
        ({"kw": Decimal(0)}, {}, True), ({"kw": Decimal("0.000"), "goal": "by"}, {"goal": "to"}, True),
        ({"kw": None}, {"committed_kw": Decimal(0)}, True), ({"kw": Decimal("0.001")}, {}, False),
        ({"kw": Decimal(0), "goal": "to"}, {"committed_kw": Decimal(0), "goal": "to"}, False),
        ({"kw": None}, {"committed_kw": Decimal(0), "goal": "to"}, False),
    ],
)  # fmt: skip
def test_a_reduction_by_nothing_is_none(change: dict[str, Any], agreed: dict[str, Any], nothing: bool) -> None:
    """Unheard of it is refused; of what was called before it is the end. To 0 kW is all there is."""
    call, terms = replace(CALL, **change), replace(AGREED, **agreed)
    assert code(call, None, terms) == (Code.NOTHING if nothing else "")
    before = known(CALL, state="running")
    assert (normal_operation(call, before, terms).action is Action.CANCEL) is nothing
    assert normal_operation(call, None, terms) is call
    for other in (replace(call, is_test=True), replace(call, is_authorised=False)):
        assert normal_operation(other, before, terms) is other
    assert normal_operation(call, known(CALL, state="refused"), terms) is call


def test_what_nobody_can_compare_waits_for_a_person() -> None:
    unsure = replace(CALL, goal="to", kw=Decimal(250))
    verdict = judge(unsure, None, AGREED, at=AT)
    assert (verdict.outcome, verdict.marks) == (Outcome.WAITS, (Code.UNCOMPARED,))
    waiting = known(unsure, state="received")
    assert judge(unsure, waiting, AGREED, at=AT).outcome is Outcome.REPEATED
    by_hand = replace(AGREED, by_hand=True)
    said = judge(replace(unsure, sequence=None, sent_at=None), waiting, by_hand, at=AT)
    assert (said.outcome, said.marks) == (Outcome.APPLIED, (Code.UNCOMPARED,))
    assert judge(unsure, None, replace(AGREED, unusual_run=True), at=AT).outcome is Outcome.APPLIED
    late = replace(AGREED, notice=timedelta(hours=2))
    assert code(unsure, None, late) == Code.NOTICE, "and what else is wrong with it is wrong"
    assert code(replace(unsure, is_authorised=False), None, AGREED) == Code.UNAUTHORISED


def test_without_a_figure_it_is_what_was_committed_whatever_the_word() -> None:
    for goal in ("by", "to"):
        assert wanted(Call("D", goal=goal), AGREED) == ("by", Decimal(100))


def test_a_test_is_only_written_down_unless_the_programme_says_otherwise() -> None:
    trial = replace(CALL, is_test=True)
    assert judge(trial, None, AGREED, at=AT).outcome is Outcome.LOGGED
    assert judge(trial, None, replace(AGREED, log_tests=False), at=AT).outcome is Outcome.APPLIED


def test_one_that_is_not_authorised_waits_where_the_programme_says_so() -> None:
    unsure = replace(CALL, is_authorised=False)
    assert judge(unsure, None, replace(AGREED, unauthorised_wait=True), at=AT).outcome is Outcome.WAITS


def test_who_owes_no_notice_may_call_what_has_begun() -> None:
    begun = replace(CALL, starts_at=AT - HOUR)
    assert code(begun) == ""
    assert code(begun, None, replace(AGREED, notice=timedelta(minutes=1))) == Code.NOTICE


def test_the_notice_counts_for_a_new_start_alone() -> None:
    agreed = replace(AGREED, notice=timedelta(minutes=30))
    late = AT + timedelta(minutes=50)
    longer = replace(CALL, sequence=2, sent_at=late, ends_at=AT + 3 * HOUR)
    assert code(longer, known(), agreed, at=late) == ""
    assert code(replace(longer, starts_at=AT + timedelta(minutes=55)), known(), agreed, at=late) == Code.NOTICE


def test_numbers_decide_which_of_two_messages_holds() -> None:
    newer = replace(CALL, sequence=2, ends_at=AT + 3 * HOUR)
    assert judge(CALL, known(newer), AGREED, at=AT).outcome is Outcome.OLDER
    assert judge(newer, known(), AGREED, at=AT).outcome is Outcome.APPLIED
    assert code(replace(newer, sequence=1), known()) == Code.SAME_NUMBER
    assert judge(CALL, known(), AGREED, at=AT).outcome is Outcome.REPEATED


def test_without_numbers_the_time_of_sending_does() -> None:
    first, second = replace(CALL, sequence=None), replace(CALL, sequence=None, sent_at=AT + timedelta(seconds=1))
    changed = replace(first, kw=Decimal(50))
    assert judge(changed, known(second), AGREED, at=AT).outcome is Outcome.OLDER
    assert judge(replace(second, kw=Decimal(50)), known(first), AGREED, at=AT).outcome is Outcome.APPLIED
    nothing = replace(changed, sent_at=None)
    assert judge(nothing, known(second), AGREED, at=AT).outcome is Outcome.APPLIED, "then the last one heard holds"


def test_a_cancellation_that_overtook_its_call_is_remembered() -> None:
    cancel = Call("D", Action.CANCEL, sequence=2)
    verdict = judge(cancel, None, AGREED, at=AT)
    assert (verdict.outcome, verdict.marks) == (Outcome.APPLIED, (Code.UNKNOWN,))
    assert judge(CALL, known(state="cancelled", sequence=2), AGREED, at=AT).outcome is Outcome.OLDER


def test_what_is_over_is_not_revived() -> None:
    again = replace(CALL, sequence=9, ends_at=AT + 5 * HOUR)
    assert code(again, known(state="ended")) == Code.OVER
    assert code(again, known(state="cancelled")) == "", "a later number holds"
    assert code(again, known(state="cancelled", cancelled_by_us=True)) == Code.CANCELLED
    assert code(replace(again, sequence=None), known(state="cancelled")) == Code.CANCELLED


def test_cancelling_twice_and_after_the_end() -> None:
    cancel = Call("D", Action.CANCEL, sequence=3)
    assert judge(cancel, known(state="cancelled"), AGREED, at=AT).outcome is Outcome.REPEATED
    assert code(cancel, known(state="ended")) == Code.OVER
    for state in ("accepted", "running", "received", "logged", "refused"):
        assert judge(cancel, known(state=state), AGREED, at=AT).outcome is Outcome.APPLIED


def test_a_running_one_may_be_shortened_to_now() -> None:
    running = known(state="running")
    late = AT + timedelta(minutes=90)
    assert code(replace(CALL, sequence=2, sent_at=late, ends_at=late - timedelta(minutes=1)), running, at=late) == ""


MESSAGES = st.lists(
    st.builds(
        lambda number, hours, kw, cancel: Call("D", Action.CANCEL, sequence=number)
        if cancel
        else replace(CALL, sequence=number, ends_at=AT + (2 + hours) * HOUR, kw=Decimal(kw)),
        st.integers(1, 6), st.integers(0, 3), st.integers(1, 100), st.booleans(),
    ),
    min_size=1, max_size=8, unique_by=lambda call: call.sequence,
)  # fmt: skip


def after(messages: list[Call]) -> tuple[Any, ...]:
    """What holds after messages in this order; the state as the domain writes it."""
    row: Known | None = None
    for call in messages:
        verdict = judge(call, row, AGREED, at=AT)
        if row is not None and verdict.outcome is Outcome.REPEATED:
            row = replace(row, sequence=newest(row, call)[0])
        if verdict.outcome is not Outcome.APPLIED:
            continue
        is_cancel = call.action is Action.CANCEL
        row = known(CALL, "cancelled", sequence=call.sequence) if is_cancel else known(call)
    assert row is not None
    return (row.state,) if row.state == "cancelled" else (row.state, row.kw, row.ends_at)


@given(MESSAGES, st.randoms(use_true_random=False))
def test_the_order_in_which_messages_arrive_does_not_matter(messages: list[Call], dice: random.Random) -> None:
    ordered = sorted(messages, key=lambda call: call.sequence or 0)
    last = ordered[-1]
    mixed = [call for call in ordered for _ in range(dice.randint(1, 3))]
    dice.shuffle(mixed)
    held = ("cancelled",) if last.action is Action.CANCEL else ("accepted", last.kw, last.ends_at)
    text = [(call.action.value, call.sequence, call.kw) for call in mixed]
    assert after(ordered) == after(mixed) == held, text
