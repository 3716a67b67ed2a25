"""The pages of curtailment as operators use them: dry run, approval, the live page, emergency, kill switch."""

import csv
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from curtailment.admin.effects import kw_text
from curtailment.domain import plans
from curtailment.enums import PlanStatus
from curtailment.models import CurtailmentPlan, KillSwitch, StandingApproval
from tests import factories
from tests.curtailment.site import WATTS, Ground

pytestmark = pytest.mark.django_db
KW = Decimal(WATTS) / 1000
PLANS, SITES = "/admin/curtailment/curtailmentplan", "/admin/hosting/site"


@pytest.fixture
def frozen(now: datetime) -> Iterator[datetime]:
    """Pages happen now."""
    with time_machine.travel(now, tick=False):
        yield now


@pytest.fixture
def person(db: None) -> Callable[..., Client]:
    """Somebody of staff with these permissions, signed in."""

    def make(*permissions: str) -> Client:
        user = factories.give_permissions(factories.UserFactory(is_staff=True), *permissions)
        client = Client()
        client.force_login(user, backend="accounts.backends.TimeLimitedBackend")
        return client

    return make


def seen(client: Client, address: str, **data: Any) -> Any:
    """Send the form of a confirm page as it was shown."""
    shown = client.get(address)
    assert shown.status_code == 200, shown.content[:2000]
    return client.post(address, {"seen": shown.context["seen"], **data})


def waiting(ground: Ground, by: User | None, machines: int = 2) -> CurtailmentPlan:
    """A plan that waits."""
    return plans.create_plan(
        site=ground.site, by=by, at=ground.now, cause="price", reason="dear hours", goal="by", goal_kw=KW * machines,
        selection="efficiency", starts_at=ground.now, ends_at=ground.now + timedelta(minutes=30),
    )  # fmt: skip


def test_a_plan_is_written_and_approved_after_its_dry_run(
    ground: Ground, frozen: datetime, person: Callable[..., Client]
) -> None:
    client = person(
        "curtailment.add_curtailmentplan", "curtailment.view_curtailmentplan", "hosting.view_site",
        "curtailment.approve_curtailmentplan",
    )  # fmt: skip
    form = {
        "site": ground.site.pk, "cause": "grid", "goal": "by", "goal_kw": "7", "selection": "efficiency",
        "starts_at_0": "2026-11-20", "starts_at_1": "09:31", "ends_at_0": "2026-11-20", "ends_at_1": "10:30",
        "reason": "they called",
    }  # fmt: skip
    assert client.post(f"{PLANS}/add/", form).status_code == 302
    plan = CurtailmentPlan.objects.get()
    assert (plan.goal_kw, plan.kind, plan.status) == (7, "manual", PlanStatus.PENDING)
    page = client.get(f"{PLANS}/{plan.pk}/approve/")
    facts = {str(name): str(value) for name, value in page.context["effect"].facts}
    assert (facts["to be off"], facts["machines"], facts["they draw"]) == ("7 kW", "2, and 18 in reserve", "7 kW")
    assert facts["share of the power meant to run"] == "10.0\xa0%"
    assert seen(client, f"{PLANS}/{plan.pk}/approve/").status_code == 302
    plan.refresh_from_db()
    assert plan.status == PlanStatus.APPROVED
    assert client.get(f"{PLANS}/{plan.pk}/change/").status_code == 200


def test_whoever_only_looks_sees_the_dry_run_and_no_button(
    ground: Ground, root: User, frozen: datetime, person: Callable[..., Client]
) -> None:
    plan = waiting(ground, root)
    client = person("curtailment.view_curtailmentplan")
    page = client.get(f"{PLANS}/{plan.pk}/dry-run/")
    assert page.status_code == 200
    assert b'<form method="post" enctype' not in page.content
    assert client.get(f"{PLANS}/{plan.pk}/approve/").status_code == 403


def test_much_waits_for_a_second_person_and_the_page_says_so(
    ground: Ground, frozen: datetime, person: Callable[..., Client]
) -> None:
    plan = waiting(ground, None, machines=8)
    powers = ("curtailment.view_curtailmentplan", "curtailment.approve_curtailmentplan")
    first, second = person(*powers), person(*powers)
    page = first.get(f"{PLANS}/{plan.pk}/approve/")
    assert any("second person" in str(one) for one in page.context["effect"].warnings)
    seen(first, f"{PLANS}/{plan.pk}/approve/")
    plan.refresh_from_db()
    assert plan.status == PlanStatus.PENDING
    seen(second, f"{PLANS}/{plan.pk}/approve/")
    plan.refresh_from_db()
    assert plan.status == PlanStatus.APPROVED


def test_two_taps_switch_a_site_off_and_two_on_again(
    ground: Ground, frozen: datetime, person: Callable[..., Client]
) -> None:
    client = person("hosting.view_site", "curtailment.emergency_curtailmentplan")
    live = client.get(f"{SITES}/{ground.site.pk}/curtailment/")
    assert [action["url"].split("/")[-2] for action in live.context["actions"]] == ["emergency", "restore"]
    done = seen(client, f"{SITES}/{ground.site.pk}/emergency/", reason="fire")
    assert (done.status_code, done["Location"]) == (302, f"{SITES}/{ground.site.pk}/curtailment/")
    ground.ticks(2)
    assert ground.farm.off == 20
    with time_machine.travel(ground.now, tick=False):
        live = client.get(f"{SITES}/{ground.site.pk}/curtailment/")
        assert [row["off"] for row in live.context["plans"]] == ["70 kW"]
        rows = list(
            csv.DictReader(client.get(f"{SITES}/{ground.site.pk}/curtailment/?csv=1").content.decode().splitlines())
        )
        assert [(row["target_kw"], row["off_kw"]) for row in rows] == [("70.000", "0.000"), ("70.000", "70.000")]
        assert seen(client, f"{SITES}/{ground.site.pk}/restore/", reason="it is out").status_code == 302
    ground.ticks(3)
    assert ground.farm.off == 0
    assert person("hosting.view_site").get(f"{SITES}/{ground.site.pk}/emergency/").status_code == 403


def test_the_kill_switch_is_set_and_released_by_page(
    ground: Ground, root: User, frozen: datetime, person: Callable[..., Client]
) -> None:
    client = person("curtailment.view_killswitch", "curtailment.freeze_sitecontrol", "hosting.view_site")
    assert seen(client, "/admin/curtailment/killswitch/set/", site="", reason="smoke").status_code == 302
    row = KillSwitch.objects.get()
    plans.approve_plan(waiting(ground, root), by=root, at=ground.now)
    ground.ticks(2)
    assert ground.farm.off == 0
    live = client.get(f"{SITES}/{ground.site.pk}/curtailment/").content.decode()
    assert "nothing is switched" in live
    again = client.get("/admin/curtailment/killswitch/set/")
    refused = client.post(
        "/admin/curtailment/killswitch/set/", {"seen": again.context["seen"], "site": "", "reason": "x"}
    )
    assert refused.status_code == 409
    assert seen(client, f"/admin/curtailment/killswitch/{row.pk}/release/").status_code == 302
    ground.ticks(1)
    assert ground.farm.off == 2


def test_a_standing_approval_is_signed_by_two(ground: Ground, frozen: datetime, person: Callable[..., Client]) -> None:
    day = ground.now.date()
    row = StandingApproval.objects.create(
        site=ground.site, cause="price", most_kw=KW, time_from="00:00", time_to="00:00", valid_from=day, valid_until=day
    )
    powers = ("curtailment.view_standingapproval", "curtailment.sign_standingapproval")
    first, second = person(*powers), person(*powers)
    address = f"/admin/curtailment/standingapproval/{row.pk}/sign/"
    seen(first, address)
    shown = first.get(address)
    assert first.post(address, {"seen": shown.context["seen"]}).status_code == 409
    seen(second, address)
    row.refresh_from_db()
    assert row.is_signed
    assert seen(first, f"/admin/curtailment/standingapproval/{row.pk}/revoke/", reason="winter").status_code == 302
    row.refresh_from_db()
    assert not row.is_signed


@pytest.mark.parametrize(
    ("kw", "text"),
    [
        (None, "–"), ("0", "0 kW"), ("3.333", "3.333 kW"), ("99.95", "99.95 kW"), ("123.456", "123 kW"),
        ("999.4", "999 kW"), ("999.5", "1 MW"), ("1000", "1 MW"), ("66123.456", "66.123 MW"), ("66000", "66 MW"),
        ("1234567", "1,234.567 MW"),
    ],
)  # fmt: skip
def test_much_is_said_in_megawatts_to_the_kilowatt(kw: str | None, text: str) -> None:
    assert kw_text(None if kw is None else Decimal(kw)) == text


def test_a_plan_knows_its_power_in_megawatts_exactly() -> None:
    plan = CurtailmentPlan(target_kw=Decimal("12345.678"), power_reduced_kw=Decimal("3.333"))
    assert (plan.target_mw, plan.power_reduced_mw) == (Decimal("12.345678"), Decimal("0.003333"))
    assert CurtailmentPlan().target_mw is None


def test_the_live_page_asks_as_often_for_three_plans_as_for_one(ground: Ground, root: User, frozen: datetime) -> None:
    client = Client()
    client.force_login(root, backend="accounts.backends.TimeLimitedBackend")

    def asked() -> int:
        client.get(f"{SITES}/{ground.site.pk}/curtailment/")  # what is loaded once in the process
        with CaptureQueriesContext(connection) as queries:
            page = client.get(f"{SITES}/{ground.site.pk}/curtailment/")
        assert page.status_code == 200
        return len(queries)

    plans.approve_plan(waiting(ground, root), by=root, at=ground.now)
    one = asked()
    for _number in range(2):
        plans.approve_plan(waiting(ground, root), by=root, at=ground.now)
    assert asked() == one
