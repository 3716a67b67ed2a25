"""Times of plans and dispatches are typed and read by the clock of the site, and each page says so."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from curtailment import tiles
from curtailment.domain import plans
from curtailment.forms.clock import moment_of
from curtailment.models import CurtailmentPlan, Dispatch, Programme
from hosting.models import Site
from tests.curtailment.site import Ground
from tests.factories import NOW

pytestmark = pytest.mark.django_db
PLANS, SITES = "/admin/curtailment/curtailmentplan", "/admin/hosting/site"
CHICAGO = "America/Chicago"


@pytest.fixture
def here(ground: Ground) -> Ground:
    """The site is in Texas: 09:30 UTC is 03:30."""
    Site.objects.filter(pk=ground.site.pk).update(time_zone=CHICAGO)
    ground.site.refresh_from_db()
    return ground


@pytest.fixture
def page(client: Client, root: User) -> Iterator[Client]:
    """Somebody who may do everything, signed in."""
    client.force_login(root)
    with time_machine.travel(NOW, tick=False):
        yield client


def typed(site: Site, start: str, end: str, **fields: Any) -> dict[str, Any]:
    """The form of a plan; ``2026-11-20 12:00``."""
    (day, time), (last_day, last) = start.split(), end.split()
    return {
        "site": site.pk, "cause": "grid", "goal": "by", "goal_kw": "7", "selection": "efficiency", "starts_at_0": day,
        "starts_at_1": time, "ends_at_0": last_day, "ends_at_1": last, "reason": "they called", **fields,
    }  # fmt: skip


def waiting(ground: Ground, by: User, **fields: Any) -> CurtailmentPlan:
    given: dict[str, Any] = {"starts_at": ground.now, "ends_at": ground.now + timedelta(hours=1), **fields}
    return plans.create_plan(
        site=ground.site, by=by, at=ground.now, cause="grid", reason="they called", goal="by", goal_kw=7,
        selection="efficiency", **given,
    )  # fmt: skip


def errors(response: Any, field: str = "starts_at") -> str:
    return " ".join(response.context["adminform"].form.errors.get(field, []))


# --- the clock ----------------------------------------------------------------------------------------------------
def test_an_hour_that_does_not_exist_or_comes_twice_is_refused() -> None:
    zone = ZoneInfo(CHICAGO)
    assert moment_of(datetime(2026, 11, 20, 12), zone) == datetime(2026, 11, 20, 18, tzinfo=UTC)
    assert moment_of(datetime(2026, 11, 1, 0, 59), zone) == datetime(2026, 11, 1, 5, 59, tzinfo=UTC)
    assert moment_of(datetime(2026, 11, 1, 2), zone) == datetime(2026, 11, 1, 8, tzinfo=UTC)
    with pytest.raises(ValidationError, match="01:30 comes twice on that day in America/Chicago"):
        moment_of(datetime(2026, 11, 1, 1, 30), zone)
    with pytest.raises(ValidationError, match="no 02:30 on that day in America/Chicago"):
        moment_of(datetime(2026, 3, 8, 2, 30), zone)


# --- the form of a plan -------------------------------------------------------------------------------------------
def test_the_form_of_a_plan_names_the_clock_and_reads_by_it(here: Ground, page: Client) -> None:
    shown = page.get(f"{PLANS}/add/").content.decode()
    assert "By the clock of the site: America/Chicago (now UTC-06:00)." in shown
    assert 'name="starts_at_1" value="03:31:00"' in shown  # a minute from now, there
    assert 'data-admin-utc-offset="-21600"' in shown  # “Now” is by the same clock
    answer = page.post(f"{PLANS}/add/", typed(here.site, "2026-11-20 12:00", "2026-11-20 13:00"))
    assert answer.status_code == 302
    plan = CurtailmentPlan.objects.get()
    assert (plan.starts_at, plan.ends_at) == (
        datetime(2026, 11, 20, 18, tzinfo=UTC), datetime(2026, 11, 20, 19, tzinfo=UTC),
    )  # fmt: skip
    shown = page.get(f"{PLANS}/{plan.pk}/change/").content.decode()
    assert 'name="starts_at_1" value="12:00:00"' in shown
    assert "By the clock of West: America/Chicago (now UTC-06:00)." in shown
    assert "All times on this page are by the clock of West: America/Chicago (now UTC-06:00)." in shown


def test_where_sites_have_several_clocks_nothing_is_proposed_before_one_is_chosen(
    here: Ground, other_ground: Ground, page: Client
) -> None:
    shown = page.get(f"{PLANS}/add/").content.decode()
    assert "By the clock of the site. East: UTC; West: America/Chicago" in shown
    assert 'name="starts_at_1" value' not in shown
    assert "vTimeField" not in shown  # no “Now” that would be by another clock
    shown = page.get(f"{PLANS}/add/?site={here.site.pk}").content.decode()
    assert "By the clock of West: America/Chicago (now UTC-06:00)." in shown
    assert 'name="starts_at_1" value="03:31:00"' in shown
    assert "vTimeField" in shown
    page.post(f"{PLANS}/add/", typed(here.site, "2026-11-20 12:00", "2026-11-20 13:00"))
    page.post(f"{PLANS}/add/", typed(other_ground.site, "2026-11-20 12:00", "2026-11-20 13:00"))
    assert list(CurtailmentPlan.objects.order_by("pk").values_list("starts_at", flat=True)) == [
        datetime(2026, 11, 20, 18, tzinfo=UTC), datetime(2026, 11, 20, 12, tzinfo=UTC),
    ]  # fmt: skip


def test_who_typed_by_one_clock_and_chose_a_site_with_another_looks_again(
    here: Ground, other_ground: Ground, page: Client
) -> None:
    form = typed(other_ground.site, "2026-11-20 12:00", "2026-11-20 13:00", starts_at_2=CHICAGO, ends_at_2=CHICAGO)
    answer = page.post(f"{PLANS}/add/", form)
    assert "Typed by the clock America/Chicago; that of this site is UTC." in errors(answer)
    shown = answer.content.decode()
    assert 'name="starts_at_1" value="12:00"' in shown  # as it was typed, now by the clock of the site
    assert 'name="starts_at_2" value="UTC"' in shown
    assert "By the clock of East: UTC." in shown
    page.post(f"{PLANS}/add/", {**form, "starts_at_2": "UTC", "ends_at_2": "UTC"})
    assert CurtailmentPlan.objects.get().starts_at == datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_after_another_error_the_form_shows_what_was_typed_by_the_same_clock(here: Ground, page: Client) -> None:
    form = typed(here.site, "2026-11-20 12:00", "2026-11-20 13:00", starts_at_2=CHICAGO, ends_at_2=CHICAGO)
    shown = page.post(f"{PLANS}/add/", {**form, "reason": ""}).content.decode()
    for text in ('name="starts_at_1" value="12:00"', f'name="starts_at_2" value="{CHICAGO}"', "of West: America/Chi"):
        assert text in shown
    answer = page.post(f"{PLANS}/add/", typed(here.site, "2027-03-14 02:30", "2027-03-14 04:00"))
    assert errors(answer).startswith("There is no 02:30 on that day in America/Chicago")
    answer = page.post(f"{PLANS}/add/", typed(here.site, "2027-11-07 00:30", "2027-11-07 01:30"))
    assert errors(answer, "ends_at").startswith("01:30 comes twice")
    answer = page.post(f"{PLANS}/add/", {**form, "site": "nonsense"})
    assert answer.status_code == 200
    assert errors(answer, "site")
    assert not CurtailmentPlan.objects.exists()


def test_an_end_is_needed_unless_there_is_none(here: Ground, page: Client) -> None:
    form = typed(here.site, "2026-11-20 12:00", "2026-11-20 13:00", ends_at_0="", ends_at_1="", ends_at_2=CHICAGO)
    assert page.post(f"{PLANS}/add/", form).status_code == 200
    assert page.post(f"{PLANS}/add/", {**form, "is_open_ended": "on"}).status_code == 302
    assert CurtailmentPlan.objects.get().ends_at is None


def test_a_plan_in_the_hour_that_comes_twice_is_edited_without_touching_its_times(
    here: Ground, root: User, page: Client
) -> None:
    second = datetime(2027, 11, 7, 7, 30, 15, 250_000, tzinfo=UTC)  # 01:30 for the second time
    plan = waiting(here, root, starts_at=second, ends_at=second + timedelta(hours=2))
    address = f"{PLANS}/{plan.pk}/change/"
    form = page.get(address).context["adminform"].form
    data = {
        "cause": "grid", "goal": "by", "goal_kw": "9", "selection": "efficiency", "reason": "more", "starts_at_0":
        "2027-11-07", "starts_at_1": "01:30:15", "ends_at_0": "2027-11-07", "ends_at_1": "03:30:15",
        "version_seen": form.version_seen,
    }  # fmt: skip
    assert page.post(address, data).status_code == 302
    plan.refresh_from_db()
    assert (plan.goal_kw, plan.starts_at) == (9, second)
    data["version_seen"] = plan.version
    assert page.post(address, {**data, "starts_at_1": "03:00", "ends_at_1": "04:00"}).status_code == 302
    plan.refresh_from_db()
    assert plan.starts_at == datetime(2027, 11, 7, 9, tzinfo=UTC)


# --- the other pages ----------------------------------------------------------------------------------------------
def test_dry_run_list_and_live_page_are_by_the_clock_of_the_site(here: Ground, root: User, page: Client) -> None:
    plan = waiting(here, root)
    for name in ("approve", "dry-run"):
        shown = page.get(f"{PLANS}/{plan.pk}/{name}/")
        facts = {str(key): str(value) for key, value in shown.context["effect"].facts}
        assert facts["from"] == "2026-11-20 03:30 CST\n= 2026-11-20 09:30 UTC"
        assert facts["to"] == "2026-11-20 04:30 CST\n= 2026-11-20 10:30 UTC"
        assert (
            "All times on this page are by the clock of West: America/Chicago (now UTC-06:00)."
            in shown.content.decode()
        )
    assert "2026-11-20 03:30 CST" in page.get(f"{PLANS}/").content.decode()
    plans.approve_plan(plan, by=root, at=here.now)
    here.ticks(2)
    with time_machine.travel(here.now, tick=False):
        live = page.get(f"{SITES}/{here.site.pk}/curtailment/")
    assert [row["ends"] for row in live.context["plans"]] == ["2026-11-20 04:30"]
    assert dict(live.context["facts"])["last step"] == "2026-11-20 03:32"
    assert "by the clock of West: America/Chicago (now UTC-06:00)." in live.content.decode()
    assert "2026-11-20 03:32" in page.get(f"{PLANS}/{plan.pk}/change/").content.decode()  # executed at


def test_a_plan_ends_earlier_by_the_clock_of_its_site(here: Ground, root: User, page: Client) -> None:
    plan = plans.approve_plan(waiting(here, root), by=root, at=here.now)
    address = f"{PLANS}/{plan.pk}/shorten/"
    shown = page.get(address)
    text = shown.content.decode()
    assert 'name="ends_at_1" value="04:30:00"' in text
    assert "By the clock of West: America/Chicago (now UTC-06:00)." in text
    data = {"seen": shown.context["seen"], "ends_at_0": "2026-11-20", "ends_at_1": "04:00", "ends_at_2": CHICAGO}
    assert page.post(address, data).status_code == 302
    assert plan.reload().ends_at == datetime(2026, 11, 20, 10, tzinfo=UTC)


def test_a_dispatch_is_typed_by_the_clock_of_the_site_that_is_chosen(
    here: Ground, programme: Programme, page: Client
) -> None:
    address = "/admin/curtailment/dispatch/new/"
    shown = page.get(address)
    assert "By the clock of the site: America/Chicago (now UTC-06:00)." in shown.content.decode()
    assert 'name="starts_at_1" value="03:35:00"' in shown.content.decode()
    data = {
        "seen": shown.context["seen"], "programme": programme.pk, "site": here.site.pk, "reference": "EV-7",
        "starts_at_0": "2026-11-20", "starts_at_1": "05:00", "ends_at_0": "2026-11-20", "ends_at_1": "06:00",
        "starts_at_2": CHICAGO, "ends_at_2": CHICAGO,
    }  # fmt: skip
    again = page.post(address, {**data, "reference": ""}).content.decode()
    assert 'name="starts_at_1" value="05:00"' in again
    assert "By the clock of West: America/Chicago (now UTC-06:00)." in again
    assert page.post(address, data).status_code == 302
    row = Dispatch.objects.get()
    assert (row.starts_at, row.ends_at) == (
        datetime(2026, 11, 20, 11, tzinfo=UTC), datetime(2026, 11, 20, 12, tzinfo=UTC),
    )  # fmt: skip
    text = page.get(f"/admin/curtailment/dispatch/{row.pk}/change/").content.decode()
    assert "2026-11-20 05:00" in text
    assert "by the clock of West: America/Chicago (now UTC-06:00)." in text


def test_the_start_page_names_the_clock_of_each_plan(here: Ground, root: User) -> None:
    plans.approve_plan(waiting(here, root, starts_at=here.now + timedelta(minutes=30)), by=root, at=here.now)
    with time_machine.travel(here.now, tick=False):
        row = tiles.now()["rows"][0]
    assert (row["starts"], row["ends"]) == ("2026-11-20 04:00 CST", "2026-11-20 04:30 CST")


def test_names_of_sites_are_shown_as_text(here: Ground, root: User, page: Client) -> None:
    Site.objects.filter(pk=here.site.pk).update(name="<b>West</b>")
    plan = waiting(here, root)
    for name in (f"add/?site={here.site.pk}", f"{plan.pk}/change/", f"{plan.pk}/approve/"):
        assert "<b>West</b>" not in page.get(f"{PLANS}/{name}").content.decode()


def test_the_report_of_an_event_goes_by_the_clock_of_the_site(here: Ground, root: User, page: Client) -> None:
    plan = plans.approve_plan(waiting(here, root), by=root, at=here.now)
    here.ticks(2)
    report = page.get(f"/admin/curtailment/curtailmentevent/{plan.reload().event_id}/report/").content.decode()
    assert "All times on this page are by the clock of West: America/Chicago" in report
    assert "3:30 a.m." in report or "03:30" in report
    assert "09:30" not in report
    assert "9:30 a.m." not in report
