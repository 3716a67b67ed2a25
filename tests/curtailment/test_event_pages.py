"""The report of an event as staff read it, the tile of the start page, and a group of machines that is protected."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from crm.domain.queries import default_legal_entity
from curtailment import tiles
from curtailment.documents.event_report import Report, render_report_html
from curtailment.domain import plans
from curtailment.domain.control import kill_switch
from curtailment.domain.measurement import measuring
from curtailment.enums import PlanStatus
from curtailment.models import CurtailmentEvent, CurtailmentPlan
from hosting.models import MinerOperation
from tests import factories
from tests.curtailment.site import Ground
from tests.curtailment.test_events import curtailed
from tests.curtailment.test_execution import approved
from tests.curtailment.test_pages import person as person
from tests.curtailment.test_pages import seen

pytestmark = pytest.mark.django_db
EVENTS = "/admin/curtailment/curtailmentevent"


@pytest.fixture
def event(ground: Ground, root: User) -> Iterator[CurtailmentEvent]:
    """Over, reckoned, and looked at afterwards."""
    factories.LegalEntityFactory()
    made = curtailed(ground, root)
    measuring.measure(made, at=ground.now)
    with time_machine.travel(ground.now + timedelta(minutes=5), tick=False):
        yield made.reload()


def test_the_report_says_what_happened_and_what_nobody_knows(
    event: CurtailmentEvent, person: Callable[..., Client]
) -> None:
    client = person("curtailment.view_curtailmentevent")
    answer = client.get(f"{EVENTS}/{event.pk}/report/")
    page = answer.content.decode()
    assert {len(label) for label in json.loads(answer.context["picture"])["labels"]} == {5}  # of one day: 09:30
    assert "4 machines were switched off" in page
    assert "dear hours" in page
    assert "machines were not read in their last hour without us" in page
    assert page.count("<tr>") > 8
    files = {name: client.get(f"{EVENTS}/{event.pk}/report/?file={name}") for name in ("pdf", "machines", "quarters")}
    assert files["pdf"].content[:5] == b"%PDF-"
    for name, lines in (("machines", 4), ("quarters", event.intervals.count())):
        table = list(csv.reader(io.StringIO(files[name].content.decode().removeprefix("\ufeff"))))
        assert len(table) == lines + 1
    assert client.get(f"{EVENTS}/{event.pk}/measure/").status_code == 403


def test_times_have_their_day_where_an_event_is_of_several(
    ground: Ground, root: User, person: Callable[..., Client]
) -> None:
    factories.LegalEntityFactory()
    ground.now = ground.now.replace(day=30, hour=23, minute=48)
    event = curtailed(ground, root)
    measuring.measure(event, at=ground.now)
    told = event.event_machines.first()
    assert told is not None
    with time_machine.travel(ground.now + timedelta(minutes=5), tick=False):
        client = person("curtailment.view_curtailmentevent", "curtailment.view_curtailmentplan", "hosting.view_site")
        answer = client.get(f"{EVENTS}/{event.pk}/report/")
        live = client.get(f"/admin/hosting/site/{ground.site.pk}/curtailment/")
    shown = answer.context["machines"][0]
    assert (shown["told"], shown["back"]) == tuple(f"{at:%Y-%m-%d %H:%M:%S}" for at in (told.told_at, told.back_at))
    labels, steps = (json.loads(page.context["picture"])["labels"] for page in (answer, live))
    assert labels == ["2026-11-30 23:45", "2026-12-01 00:00", "2026-12-01 00:15"]
    assert (steps[0], steps[-1]) == ("2026-11-30 23:49", f"{ground.now:%Y-%m-%d %H:%M}")
    report = Report(event, event.site, "x", "y", [told], "en")
    assert f"{told.off_at:%Y-%m-%d %H:%M:%S}" in render_report_html(report, default_legal_entity())


def test_it_is_reckoned_again_by_whoever_may(event: CurtailmentEvent, person: Callable[..., Client]) -> None:
    client = person("curtailment.view_curtailmentevent", "curtailment.measure_curtailmentevent")
    assert seen(client, f"{EVENTS}/{event.pk}/measure/").status_code == 302
    assert event.reload().revision == 2


def test_one_that_runs_has_a_report_and_no_button(ground: Ground, root: User, person: Callable[..., Client]) -> None:
    approved(ground, root)
    ground.ticks(2)
    event = CurtailmentEvent.objects.get()
    client = person("curtailment.view_curtailmentevent", "curtailment.measure_curtailmentevent")
    page = client.get(f"{EVENTS}/{event.pk}/report/").content.decode()
    assert "still coming in" in page
    assert seen(client, f"{EVENTS}/{event.pk}/measure/").status_code == 409
    assert event.reload().revision == 0


def test_the_tile_tells_what_is_off_what_comes_and_what_waits(ground: Ground, root: User, now: datetime) -> None:
    cache.clear()
    assert dict(tiles.now())["rows"] == []
    running = approved(ground, root)
    ground.ticks(2)
    later: dict[str, Any] = {
        "site": ground.site, "by": root, "at": ground.now, "cause": "price", "reason": "x", "goal": "by",
        "goal_kw": 7, "selection": "efficiency", "starts_at": ground.now + timedelta(days=300),
        "ends_at": ground.now + timedelta(days=300, hours=1),
    }  # fmt: skip
    following = plans.approve_plan(plans.create_plan(**later), by=root, at=ground.now)
    plans.create_plan(**later)
    with time_machine.travel(ground.now, tick=False):
        told = dict(tiles.now())
    assert (told["off_kw"], told["waiting"], told["frozen"]) == (running.reload().measured_kw, 1, False)
    assert [row["running"] for row in told["rows"]] == [True, False]
    assert following.status == PlanStatus.APPROVED
    kill_switch.set_switch(site=None, reason="x", by=root, at=ground.now)
    assert dict(tiles.now())["frozen"]


def test_a_plan_that_recovers_says_how_much_is_still_off(ground: Ground, root: User) -> None:
    plan = approved(ground, root, machines=4)
    ground.ticks(3)
    for fake in ground.farm.machines.values():
        fake.refuses = not fake.on
    plans.end_plan(plan, by=root, at=ground.now, reason="over")
    ground.ticks(2)
    plan = CurtailmentPlan.objects.get()
    assert (plan.status, plan.measured_kw) == (PlanStatus.RECOVERING, plan.target_kw)
    for fake in ground.farm.machines.values():
        fake.refuses = False
    ground.ticks(20)
    plan.refresh_from_db()
    assert (plan.status, plan.measured_kw) == (PlanStatus.RECOVERED, 0)


def test_a_group_of_machines_is_protected_with_one_form(
    ground: Ground, root: User, person: Callable[..., Client]
) -> None:
    client = person("hosting.view_miner", "hosting.switch_miner")
    some = ground.miners[:5]
    address = f"/admin/hosting/miner/protect/?ids={'-'.join(str(one.pk) for one in some)}"
    assert seen(client, address, to="protected", reason="Uptime is promised").status_code == 302
    assert {one.reload().curtailment for one in some} == {"protected"}
    assert MinerOperation.objects.filter(operation="curtailment").count() == 5
    plan = approved(ground, root, machines=5)
    assert not plan.miners.filter(miner__in=some).exists()
