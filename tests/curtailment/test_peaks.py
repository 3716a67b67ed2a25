"""Peak rules at work: loads come in by file and by address, machines are off for the peaks, the peaks are listed."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import User
from curtailment.domain.rules.evaluating import stale_inputs
from curtailment.domain.rules.keeping import change_rule, create_rule
from curtailment.domain.rules.peak_watch import evaluate_peak, real_peaks
from curtailment.enums import PlanStatus
from curtailment.models import CurtailmentPlan, PeakRule, RuleExecution
from marketdata.clients.http import Asker
from marketdata.domain.asking_series import SeriesNotAnswered, ask_series
from marketdata.domain.prices import store
from marketdata.engine.price_files import Interval, Reading, read_price_file
from marketdata.enums import Adapter
from marketdata.models import PricePoint, PriceSeries
from tests.curtailment.agreed import KW, stand_by
from tests.curtailment.market import QUARTER, feed, look_at_all, make_series, quiet_days
from tests.curtailment.site import Ground
from tests.marketdata.services import services_at

pytestmark = pytest.mark.django_db
D = Decimal
MW = {"kind": "load", "currency": "XXX", "unit": "MW", "highest": 200_000, "lowest": 0}


class Grid:
    """A site, the load of its grid, and a rule: 4CP in November, for tests happen in November."""

    def __init__(self, ground: Ground, **fields: Any) -> None:
        self.ground = ground
        self.series = make_series("grid-load", **MW)
        quiet_days(self.series, end=ground.now, value=50_000)
        self.end = ground.now
        given: dict[str, Any] = {
            "name": "4CP", "site": ground.site, "series": self.series, "valid_from": date(2026, 11, 1), "months": [11],
            "interval_minutes": 15, "floor_mw": D(60_000), "near_percent": D(97), "lead_minutes": 30, "lag_minutes": 30,
            "goal_kw": KW * 4, "stale_after_minutes": 20, **fields,
        }  # fmt: skip
        self.rule = create_rule(PeakRule, by=None, at=ground.now, **given)

    def quarter(self, *loads: float | None, ticks: int = 0) -> None:
        """So many quarters go by; each load is known at its end."""
        for load in loads:
            self.end += QUARTER
            self.ground.now = max(self.end, self.ground.now)
            if load is not None:
                feed(self.series, [load], end=self.end, at=self.ground.now)
            evaluate_peak(self.rule, at=self.ground.now)
            self.ground.ticks(ticks)

    @property
    def plans(self) -> list[str]:
        return list(CurtailmentPlan.objects.order_by("pk").values_list("status", flat=True))


@pytest.fixture
def ready(ground: Ground, root: User, alice_of_staff: User) -> Ground:
    stand_by(ground, root, alice_of_staff, cause="peak")
    return ground


def test_machines_are_off_near_the_peak_and_a_while_after(ready: Ground) -> None:
    grid = Grid(ready)
    grid.quarter(59_000)
    assert grid.plans == []
    grid.quarter(61_000, ticks=3)
    assert (grid.plans, ready.farm.off) == ([PlanStatus.EXECUTED], 4)
    plan = CurtailmentPlan.objects.get()
    assert (plan.cause, plan.source_key) == ("peak", f"peak:{grid.rule.public_id}:{grid.end.isoformat()}")
    assert plan.reason == "The load of the grid is near a peak: 61000.000 MW, near is 60000.000 MW."
    grid.quarter(66_000, 60_000, ticks=2)  # a new peak; and below 97 % of it
    assert grid.plans == [PlanStatus.EXECUTED]
    grid.quarter(58_000, ticks=4)
    assert (grid.plans, ready.farm.off) == ([PlanStatus.RECOVERED], 0)
    grid.quarter(64_000)
    assert len(grid.plans) == 1
    grid.quarter(64_021)  # above 97 % of 66,000
    assert len(grid.plans) == 2
    first = RuleExecution.objects.earliest("pk")
    assert (first.kind, first.inputs["load_mw"], first.inputs["trigger"]) == ("peak", "61000.000", "60000.000")


def test_a_forecast_switches_off_before(ready: Ground) -> None:
    ahead = make_series("grid-forecast", **MW)
    grid = Grid(ready, forecast_series=ahead)
    evening = ready.now + timedelta(hours=2)
    feed(ahead, [55_000, 70_000, 55_000], end=evening + QUARTER, at=ready.now)  # 70,000 from 11:15 to 11:30
    begins = evening - QUARTER
    grid.quarter(*[50_000] * 4)
    assert (grid.plans, grid.end) == ([], begins - timedelta(minutes=45))
    grid.quarter(50_000)
    assert (grid.plans, grid.end) == ([PlanStatus.APPROVED], begins - timedelta(minutes=30))
    assert "forecast" in CurtailmentPlan.objects.get().reason
    grid.quarter(50_000, 50_000, ticks=2)
    grid.quarter(50_000, ticks=4)  # it is over, and was none
    assert (grid.plans, ready.farm.off) == ([PlanStatus.RECOVERED], 0)


def test_a_peak_that_lasts_to_the_end_of_the_hours_does_not_hide_the_next_one(ready: Ground) -> None:
    """The rule looks from nine to ten; the day after, a peak is forecast for the first quarter of an hour."""
    ahead = make_series("grid-forecast", **MW)
    grid = Grid(ready, forecast_series=ahead, time_from=time(9), time_to=time(10), longest_minutes=120)
    grid.quarter(61_000, 61_500, *[50_000] * 4, ticks=2)
    assert (grid.plans, ready.farm.off) == ([PlanStatus.RECOVERED], 0)
    morning = ready.now.replace(hour=9, minute=0) + timedelta(days=1)
    feed(ahead, [70_000], end=morning + QUARTER, at=ready.now)
    grid.quarter(*[50_000] * int((morning - QUARTER - grid.end) / QUARTER))
    assert len(grid.plans) == 2


def test_what_was_before_the_rule_counts_as_the_peak_so_far(ready: Ground) -> None:
    series = make_series("old", **MW)
    quiet_days(series, end=ready.now - timedelta(days=3), value=90_000)
    quiet_days(series, end=ready.now, value=70_000)
    grid = Grid(ready)
    change_rule(grid.rule, changes={"series": series}, by=None, at=ready.now)
    grid.rule.refresh_from_db()
    grid.series = series
    grid.quarter(80_000)
    assert grid.plans == []
    grid.quarter(88_000)
    assert grid.plans == [PlanStatus.APPROVED]


def test_a_rule_that_changes_is_another_row(ready: Ground, root: User) -> None:
    """Half-hours from the 21st on: a version more, no code."""
    grid = Grid(ready, valid_to=date(2026, 11, 21))
    fields = {
        name: getattr(grid.rule, name)
        for name in ("name", "site", "series", "months", "near_percent", "lead_minutes", "lag_minutes", "goal_kw")
    }
    with pytest.raises(ValidationError, match="Another version"):
        create_rule(PeakRule, by=root, at=ready.now, **fields, valid_from=date(2026, 11, 20), floor_mw=1)
    later = create_rule(
        PeakRule, by=root, at=ready.now, **fields, valid_from=date(2026, 11, 21), floor_mw=D(60_000),
        interval_minutes=30, stale_after_minutes=2_000,
    )  # fmt: skip
    assert look_at_all(ready.now) == 1
    grid.quarter(61_000, ticks=3)
    assert grid.plans == [PlanStatus.EXECUTED]
    ready.now = datetime(2026, 11, 21, 0, 1, tzinfo=UTC)
    assert look_at_all(ready.now) == 1
    assert CurtailmentPlan.objects.get().end_reason == "The rule is not valid any more."
    grid.rule = later
    grid.end = datetime(2026, 11, 21, tzinfo=UTC)
    grid.quarter(63_000)
    assert len(grid.plans) == 1  # a quarter is no half-hour
    grid.quarter(58_000)
    assert len(grid.plans) == 2  # 60,500 in the mean


def test_after_the_period_the_real_peaks_stand_beside_what_was_off(ready: Ground) -> None:
    grid = Grid(ready)
    grid.quarter(61_000, 66_000, 64_100, 50_000, 50_000, ticks=14)
    peaks = real_peaks(grid.rule, at=ready.now + timedelta(days=20))
    ((peak, off),) = peaks
    assert (peak.period, peak.load.mw, peak.load.end) == ("2026-11", 66_000, grid.end - 3 * QUARTER)
    assert KW * 3 < off <= KW * 4


@pytest.mark.parametrize(
    ("loads", "doubt"),
    [
        ([None, None], "stale"), ([610_000, 610_000], "jump"), ([40_000, 61_000], ""),
    ],
)  # fmt: skip
def test_loads_that_are_not_to_be_trusted_switch_nothing_off(
    ready: Ground, loads: list[float | None], doubt: str
) -> None:
    grid = Grid(ready)
    PriceSeries.objects.filter(pk=grid.series.pk).update(highest=9_000_000)
    grid.quarter(*loads)
    grid.rule.refresh_from_db()
    assert grid.rule.state["doubt"] == doubt
    assert grid.plans == ([] if doubt else [PlanStatus.APPROVED])
    assert len(list(stale_inputs(ready.now))) == bool(doubt)


def test_a_load_nobody_believed_is_no_peak_so_far(ready: Ground) -> None:
    grid = Grid(ready)
    PriceSeries.objects.filter(pk=grid.series.pk).update(highest=9_000_000)
    grid.quarter(610_000, 50_000, 61_000)
    assert grid.plans == [PlanStatus.APPROVED]


def test_a_peak_needs_a_series_of_loads_that_fits(ready: Ground) -> None:
    grid = Grid(ready)
    hourly = make_series("hour", step_minutes=60, **MW)
    for fields, field in (
        ({"series": make_series("price")}, "series"), ({"series": hourly}, "series"),
        ({"months": []}, "months"), ({"goal_kw": None}, "goal_kw"), ({"near_percent": D(30)}, "near_percent"),
        ({"forecast_series": make_series("kw", **{**MW, "unit": "kW"})}, "forecast_series"),
        ({"valid_to": date(2026, 10, 1)}, "valid_to"), ({"interval_minutes": 20}, "interval_minutes"),
    ):  # fmt: skip
        with pytest.raises(ValidationError) as caught:
            change_rule(grid.rule, changes=fields, by=None, at=ready.now)
        assert field in caught.value.message_dict


# --- loads come in ---------------------------------------------------------------------------------------------------
FILE = b"datetime_utc,actual_mw,forecast_mw\n2026-11-20T08:00:00Z,51234.5,50000\n2026-11-20T08:15:00Z,51300.25,50010\n"


def test_loads_come_by_file() -> None:
    series = make_series("grid-load", **MW)
    found = read_price_file(FILE, Reading("actual_mw", QUARTER, lowest=series.lowest, highest=series.highest))
    store(series, found.intervals, at=datetime(2026, 11, 20, 9, tzinfo=UTC))
    assert list(PricePoint.objects.order_by("starts_at").values_list("value", flat=True)) == [
        D("51234.5"),
        D("51300.25"),
    ]


def test_loads_come_by_address_as_csv(settings: Any, now: datetime) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with services_at(now) as services:
        series = make_series(
            "grid-load", **MW, adapter=Adapter.CSV, url=f"http://127.0.0.1:{services.port}/load.csv",
            mapping={"value": "actual_mw"},
        )  # fmt: skip
        services.says("/load.csv", FILE)

        def asker(url: str) -> Asker:
            return Asker(url, seconds=5, sleep=lambda seconds: None)

        assert ask_series(series, at=now, asker_for=asker).new == 2
        for body, why in (
            (b"<html></html>", "no column of time"), (FILE.replace(b"51300.25", b"513002500"), "outside of"),
            (b"datetime_utc,actual_mw\n", "no values"), (FILE.replace(b"actual_mw", b"actual"), "no column .actual_mw"),
        ):  # fmt: skip
            services.says("/load.csv", body)
            with pytest.raises(SeriesNotAnswered, match=why):
                ask_series(series, at=now, asker_for=asker)
    assert PricePoint.objects.count() == 2
    assert store(series, [Interval(now, now + QUARTER, D(1))], at=now).new == 1
