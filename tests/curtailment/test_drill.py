"""The dispatch drill is green, leaves nothing behind, and goes red when something is wrong."""

from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import models

from curtailment.domain.dispatch import drill
from curtailment.models import (
    CurtailmentPlan,
    Dispatch,
    DispatchMessage,
    MachineOrder,
    Programme,
    RuleExecution,
    StandingApproval,
    VtnConnection,
)
from hashinsight.events.models import OutboxEvent
from hosting.models import Miner, Site
from tests.curtailment.site import Ground

pytestmark = pytest.mark.django_db
TABLES: tuple[type[models.Model], ...] = (
    CurtailmentPlan, Dispatch, DispatchMessage, MachineOrder, Programme, RuleExecution, StandingApproval,
    VtnConnection, OutboxEvent, Miner, Site,
)  # fmt: skip


def played(*arguments: str) -> tuple[str, str]:
    """What the command says, and how it failed."""
    cache.clear()
    said = StringIO()
    try:
        call_command("dispatch_drill", *arguments, stdout=said)
    except CommandError as failed:
        return said.getvalue(), str(failed)
    return said.getvalue(), ""


def rows() -> list[int]:
    """How many there are of everything a drill might leave behind."""
    return [model._base_manager.count() for model in TABLES]


@pytest.mark.parametrize("scenario", [one.name for one in drill.SCENARIOS])
def test_the_scenario_passes(scenario: str) -> None:
    said, failed = played("--scenario", scenario)
    assert failed == "", said
    assert said.startswith(f"pass  {scenario}")


def test_every_scenario_has_checks_and_a_name_of_its_own() -> None:
    names = [one.name for one in drill.SCENARIOS]
    assert len(names) == len(set(names)) == 23
    wanted = {
        "test-flag", "unauthorised", "open-ended", "updated-start", "updated-end", "cancelled-before",
        "cancelled-during", "overlap-within", "overlap-between", "duplicated", "out-of-order", "clock-skew",
        "tampered", "silent-server", "openadr-prices",
    }  # fmt: skip
    assert wanted <= set(names)


def test_a_drill_leaves_nothing_behind(ground: Ground) -> None:
    before = rows()
    said, failed = played("--scenario", "call", "--scenario", "duplicated", "--scenario", "silent-server")
    assert failed == "", said
    assert "3 of 3 scenarios passed" in said
    assert rows() == before
    assert ground.farm.off == 0


def test_at_a_real_site_its_machines_are_left_alone(ground: Ground) -> None:
    before = rows()
    said, failed = played("--site", "west", "--kw", "14", "--scenario", "call", "--scenario", "cancelled-before")
    assert failed == "", said
    assert rows() == before
    assert all(fake.told == [] for fake in ground.farm.machines.values())
    assert not Miner.objects.exclude(intent="active").exists()


def test_every_scenario_passes_at_a_real_site_too(ground: Ground) -> None:
    said, failed = played("--site", "west", "--kw", "14")
    assert failed == "", said
    assert "  0 checks" not in said
    assert all(fake.told == [] for fake in ground.farm.machines.values())


def test_at_a_site_that_cannot_do_it_the_drill_says_so(ground: Ground) -> None:
    said, failed = played("--site", "west", "--kw", "90000", "--scenario", "call")
    assert failed == "1 of 1 scenarios failed", said
    assert "kW that plans can do" in said


def test_what_is_not_there_is_said() -> None:
    assert played("--scenario", "nonsense")[1].startswith("there is no scenario nonsense")
    assert played("--site", "Atlantis")[1] == "there is no one site called 'Atlantis'"
    assert played("--list")[0].count("\n") == len(drill.SCENARIOS)


DEFECTS: list[tuple[str, str, Any, str]] = [
    ("test-flag", "curtailment.domain.dispatch.dispatches.OnTest", SimpleNamespace(LOG="never"), "logged"),
    (
        "unauthorised",
        "curtailment.domain.dispatch.dispatches.OnUnauthorised",
        SimpleNamespace(WAIT="refuse"),
        "not_authorised",
    ),
    (
        "cancelled-during",
        "curtailment.domain.dispatch.dispatch_plans.want_no_more",
        lambda *_a, **_k: None,
        "machines off",
    ),
    ("tampered", "curtailment.engine.dispatch_message.hmac.compare_digest", lambda _one, _other: True, "changed"),
    ("tampered", "curtailment.engine.dispatch_message.WINDOW_S", 10**9, "signed -10 minutes"),
    ("out-of-order", "curtailment.engine.dispatching.is_older", lambda _call, _known: False, "older"),
    (
        "updated-end",
        "curtailment.domain.dispatch.dispatch_plans.gaps",
        lambda _whole, _covered: [],
        "a plan that follows",
    ),
    ("silent-server", "curtailment.clients.openadr.Vtn.event", lambda _self, _id: None, "machines off: 0 instead of 4"),
]


@pytest.mark.parametrize(("scenario", "target", "defect", "word"), DEFECTS)
def test_control_a_planted_defect_turns_it_red(
    scenario: str, target: str, defect: Any, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target, defect)
    said, failed = played("--scenario", scenario)
    assert failed == "1 of 1 scenarios failed", said
    assert word in said
