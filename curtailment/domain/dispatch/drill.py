"""The dispatch drill: what programmes do to us in real life, done to our own code by a simulator.

Each scenario plays on a stage of its own, in a transaction that is rolled back whatever happens. So a drill leaves no
row, switches no machine and tells nobody; it holds the locks of a site for the second a scenario takes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from curtailment.domain.dispatch import dispatch_watch
from curtailment.domain.dispatch.drill_openadr import openadr_event, openadr_prices, silent_server
from curtailment.domain.dispatch.drill_stage import Post, Stage, add_programme, build
from curtailment.enums import OnUnauthorised, OnUnusual, PlanStatus
from curtailment.models import DispatchMessage
from hashinsight.common.errors import DomainError
from hosting.models import Site


@dataclass(frozen=True)
class Scenario:
    """``play`` does it; ``fields`` are what the programme says."""

    name: str
    about: str
    play: Callable[[Stage], None]
    fields: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Result:
    """What came of a scenario; ``wrong`` in words."""

    scenario: Scenario
    checks: int
    wrong: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """All is as it has to be."""
        return not self.wrong


def _code(answer: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    """Status, and the code or outcome."""
    status, body = answer
    return status, str(body.get("outcome") or body.get("code"))


APPLIED = (201, "applied")


# --- the simple life ----------------------------------------------------------------------------------------------
def call(stage: Stage) -> None:
    stage.check("answer", _code(stage.say(minutes=10)), APPLIED)
    stage.step(3)
    stage.check_state("running")
    stage.check_off(4)
    stage.step(10)
    stage.check_state("ended")
    stage.check_off(0)


def test_flag(stage: Stage) -> None:
    stage.check("answer", _code(stage.say(test=True)), (201, "logged"))
    stage.step(3)
    stage.check_state("logged")
    stage.check("plans", len(stage.plans()), 0)
    stage.check_off(0)


def unauthorised(stage: Stage) -> None:
    stage.check("answer", _code(stage.say(authorised=False)), (409, "not_authorised"))
    stage.step(2)
    stage.check_state("refused")
    stage.check_off(0)
    stage.programme.on_unauthorised = OnUnauthorised.WAIT
    stage.programme.save()
    stage.check("waits where the programme says so", _code(stage.say("D-2", authorised=False)), (201, "waits"))
    stage.step(2)
    stage.check_state("received", "D-2")
    stage.check_off(0)


def open_ended(stage: Stage) -> None:
    stage.check("no end, and not said so", _code(stage.say(minutes=None)), (409, "no_end"))
    stage.check("answer", _code(stage.say("D-2", minutes=None, open_ended=True)), APPLIED)
    stage.step(20)
    stage.check_state("running", "D-2")
    stage.check_off(4)
    tomorrow = stage.now + timedelta(days=1)
    stage.programme.is_drill = False  # the watch leaves drills alone
    stage.programme.save()
    keys = [one.key for one in dispatch_watch.open_ended(tomorrow) if str(stage.row("D-2").public_id) in one.key]
    stage.check("reminded the next day", len(keys), 1)
    stage.say("D-2", action="cancel")
    stage.step(2)
    stage.check_state("cancelled", "D-2")
    stage.check_off(0)


def open_ended_not_agreed(stage: Stage) -> None:
    stage.check("answer", _code(stage.say(minutes=None, open_ended=True)), (409, "open_ended"))
    stage.check_off(0)


# --- changes ------------------------------------------------------------------------------------------------------
def updated_start(stage: Stage) -> None:
    stage.say(start=5, minutes=30, sequence=1)
    stage.check("later", _code(stage.say(start=15, minutes=30, sequence=2)), APPLIED)
    stage.step(10)
    stage.check_state("accepted")
    stage.check_off(0)
    stage.check("sooner", _code(stage.say(start=2, minutes=33, sequence=3)), APPLIED)
    stage.step(5)
    stage.check_state("running")
    stage.check_off(4)


def updated_end(stage: Stage) -> None:
    stage.say(minutes=10, sequence=1)
    stage.step(3)
    stage.check("later", _code(stage.say(start=None, ends_at=_in(stage, 20), minutes=None, sequence=2)), APPLIED)
    stage.check("a plan that follows", len(stage.plans()), 2)
    for _ in range(14):
        stage.step()
        stage.check_off(4)
    stage.check("sooner", _code(stage.say(start=None, ends_at=_in(stage, 2), minutes=None, sequence=3)), APPLIED)
    stage.step(4)
    stage.check_state("ended")
    stage.check_off(0)


def _in(stage: Stage, minutes: float) -> str:
    return (stage.now + timedelta(minutes=minutes)).isoformat()


def updated_power(stage: Stage) -> None:
    stage.say(kw=str(stage.kw / 2), sequence=1)
    stage.step(3)
    stage.check_off(2)
    stage.say(kw=str(stage.kw), sequence=2)
    stage.step(3)
    stage.check_off(4)
    stage.say(kw=str(stage.kw / 4), sequence=3)
    stage.step(3)
    stage.check_off(1)


def update_of_unknown(stage: Stage) -> None:
    stage.check("taken as its call", _code(stage.say(sequence=2, kw=str(stage.kw / 2))), APPLIED)
    stage.check("its call comes after it", _code(stage.say(sequence=1)), (201, "older"))
    stage.step(3)
    stage.check_off(2)


def cancelled_before(stage: Stage) -> None:
    stage.say(start=5, sequence=1)
    stage.step(1)
    stage.check("answer", _code(stage.say(action="cancel", sequence=2)), APPLIED)
    stage.step(10)
    stage.check_state("cancelled")
    stage.check_off(0)
    stage.check("plan", [plan.status for plan in stage.plans()], [PlanStatus.CANCELLED])


def cancelled_during(stage: Stage) -> None:
    stage.say(sequence=1)
    stage.step(3)
    stage.check_off(4)
    stage.check("answer", _code(stage.say(action="cancel", sequence=2)), APPLIED)
    stage.step(3)
    stage.check_state("cancelled")
    stage.check_off(0)


def cancelled_after(stage: Stage) -> None:
    stage.say(minutes=2, sequence=1)
    stage.step(4)
    stage.check("answer", _code(stage.say(action="cancel", sequence=2)), (409, "over_already"))
    stage.check_state("ended")


def called_for_nothing(stage: Stage) -> None:
    stage.check("nothing from the start", _code(stage.say(kw="0")), (409, "nothing_asked"))
    stage.check("dispatches", stage.plans(), [])
    stage.say("D-2", sequence=1)
    stage.step(3)
    stage.check_off(4)
    stage.check("down to nothing", _code(stage.say("D-2", kw="0", sequence=2)), APPLIED)
    stage.step(3)
    stage.check_state("cancelled", "D-2")
    stage.check_off(0)
    stage.check("called again", _code(stage.say("D-2", sequence=3)), APPLIED)
    stage.step(3)
    stage.check_off(4)


# --- overlaps -----------------------------------------------------------------------------------------------------
def overlap_within(stage: Stage) -> None:
    stage.say("D-1", minutes=30, kw=str(stage.kw / 2))
    stage.step(2)
    stage.say("D-2", minutes=10, kw=str(stage.kw))
    stage.step(3)
    stage.check_off(4)
    stage.step(9)
    stage.check_off(2)
    stage.step(20)
    stage.check_off(0)


def overlap_between(stage: Stage) -> None:
    first = stage.programme
    stage.say(minutes=30)
    second = add_programme(stage.site, "Drill", kw=stage.kw / 2, at=stage.now, priority=first.priority - 1)
    stage.others, stage.programme = [first], second
    stage.say("D-2", minutes=30)
    stage.step(3)
    stage.check_off(4)
    ranks = [plan.priority for plan in stage.plans("D-2")]
    stage.check("the more important one's priority stands at its plan", ranks, [second.priority])
    stage.others, stage.programme = [second], first
    stage.say(action="cancel")
    stage.step(3)
    stage.check_off(2)


# --- the way here ---------------------------------------------------------------------------------------------------
def duplicated(stage: Stage) -> None:
    body = {"dispatch": "D-1", "ends_at": _in(stage, 30)}
    answers = [_code(stage.send(body, message_id="drill-1")) for _ in range(3)]
    stage.check("answers", answers, [APPLIED, (200, "applied"), (200, "applied")])
    stage.check("under another id", _code(stage.send(body, message_id="drill-2")), (201, "repeated"))
    other = {**body, "kw": str(stage.kw / 2)}
    stage.check("same id, other words", stage.send(other, message_id="drill-1")[0], 422)
    stage.check("plans", len(stage.plans()), 1)
    stage.check("messages", DispatchMessage.objects.filter(programme=stage.programme).count(), 2)


def out_of_order(stage: Stage) -> None:
    stage.say(sequence=3, kw=str(stage.kw / 2))
    stage.check("an older change", _code(stage.say(sequence=2)), (201, "older"))
    stage.check("an older cancellation", _code(stage.say(action="cancel", sequence=1)), (201, "older"))
    stage.step(3)
    stage.check_off(2)
    stage.check("a cancellation first", _code(stage.say("D-2", action="cancel", sequence=2)), APPLIED)
    stage.check("its call after it", _code(stage.say("D-2", sequence=1)), (201, "older"))
    stage.step(2)
    stage.check_state("cancelled", "D-2")
    stage.check_off(2)


def clock_skew(stage: Stage) -> None:
    for minutes in (-10, 10):
        sent_at = (stage.real_now() + timedelta(minutes=minutes)).isoformat()
        stage.check(f"{minutes} minutes", _code(stage.say(sent_at=sent_at)), (409, "clock_skewed"))
    stage.programme.on_skew = OnUnusual.RUN
    stage.programme.save()
    sent_at = (stage.real_now() - timedelta(minutes=10)).isoformat()
    status, body = stage.say("D-2", sent_at=sent_at)
    stage.check("followed and marked where the programme says so", (status, body.get("marks")), (201, ["clock_skewed"]))


def tampered(stage: Stage) -> None:
    refused = (401, "signature_invalid")
    stage.check("changed on its way", _code(stage.say(tamper=True)), refused)
    stage.check("another secret", _code(stage.say(secret="whsec_" + "A" * 43 + "=")), refused)
    for minutes in (-10, 10):
        old = stage.real_now() + timedelta(minutes=minutes)
        stage.check(f"signed {minutes} minutes from now", _code(stage.say(signed_at=old)), (401, "signature_expired"))
    stage.check("messages", DispatchMessage.objects.filter(programme=stage.programme).count(), 0)
    stage.check_off(0)


def beyond_what_was_agreed(stage: Stage) -> None:
    more = str(stage.kw * 2)
    stage.check("more power", _code(stage.say("A", kw=more)), (409, "more_than_committed"))
    stage.check("too long", _code(stage.say("B", start=5, minutes=180)), (409, "too_long"))
    stage.check("no notice", _code(stage.say("C", start=1)), (409, "short_notice"))
    stage.check("as agreed", _code(stage.say("D", start=10)), APPLIED)


LIMITS = (("notice_minutes", 2), ("longest_minutes", 120))
SCENARIOS: tuple[Scenario, ...] = (
    Scenario("call", "called, followed, over", call),
    Scenario("test-flag", "a test is only written down", test_flag),
    Scenario("unauthorised", "refused, or waits for a person", unauthorised),
    Scenario("open-ended", "without an end; reminded daily, ended by a cancellation", open_ended,
             (("allows_open_ended", True),)),
    Scenario("open-ended-refused", "without an end, and that was not agreed", open_ended_not_agreed),
    Scenario("updated-start", "begins later, then sooner", updated_start),
    Scenario("updated-end", "ends later, then sooner", updated_end),
    Scenario("updated-power", "more, then less", updated_power),
    Scenario("update-of-unknown", "a change of what nobody has heard of", update_of_unknown),
    Scenario("cancelled-before", "taken back before it began", cancelled_before),
    Scenario("cancelled-during", "taken back while it runs", cancelled_during),
    Scenario("cancelled-after", "taken back when it is over", cancelled_after),
    Scenario("called-for-nothing", "0 kW: refused, or normal operation again", called_for_nothing),
    Scenario("overlap-within", "two of one programme: the larger holds", overlap_within),
    Scenario("overlap-between", "two of two programmes: the larger holds, each keeps its priority", overlap_between),
    Scenario("duplicated", "delivered three times, one effect", duplicated),
    Scenario("out-of-order", "what was overtaken on its way is ignored", out_of_order),
    Scenario("clock-skew", "sent by a wrong clock: refused, or marked", clock_skew),
    Scenario("tampered", "changed, signed by somebody else, replayed", tampered),
    Scenario("beyond-agreed", "more, longer, sooner than agreed", beyond_what_was_agreed, LIMITS),
    Scenario("openadr", "an event is called, changed and deleted (3.1 and 3.0)", openadr_event),
    Scenario("openadr-prices", "prices are kept, changed and withdrawn; what cannot be kept says why", openadr_prices),
    Scenario("silent-server", "a server that is silent, then empty: nothing is cancelled by it", silent_server),
)  # fmt: skip


def run(
    names: Sequence[str], post: Post, *, clock: Callable[[], datetime], site: Site | None = None,
    kw: Decimal | None = None,
) -> Iterator[Result]:  # fmt: skip
    """Play scenarios one after the other (none named: all), each in a transaction of its own that is rolled back."""
    for scenario in SCENARIOS:
        if names and scenario.name not in names:
            continue
        with transaction.atomic():
            yield _played(scenario, post, clock, site, kw)
            transaction.set_rollback(True)


def _played(
    scenario: Scenario, post: Post, clock: Callable[[], datetime], site: Site | None, kw: Decimal | None
) -> Result:
    stage = build(post, at=clock(), site=site, kw=kw, **dict(scenario.fields))
    stage.real_now = clock
    trouble = ""
    try:
        scenario.play(stage)
    except DomainError as refusal:
        trouble = f"refused: {refusal}"
    wrong = [f"{what}: {found!r} instead of {wanted!r}" for what, found, wanted in stage.checks if found != wanted]
    return Result(scenario, len(stage.checks), (*wrong, *([trouble] if trouble else [])))
