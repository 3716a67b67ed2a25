"""The optimiser of the demo: set up at each site with a market, and what can be planned is planned."""

from datetime import datetime

import pytest

from accounts.models import User
from hashinsight.demo.schedules import tell_schedules
from hosting.domain import places
from intelligence.models import ScheduleRun, ScheduleSettings
from tests.intelligence.schedule_world import evening, ground_with_market, prices


@pytest.mark.django_db
def test_the_days_whose_prices_are_known_have_schedules(root: User, now: datetime) -> None:
    ground, series = ground_with_market(root, now)
    places.create_site(name="Without a market", time_zone="UTC", capacity_kw=1, currency="USD", at=now)
    prices(series, now.date(), evening, at=now)
    said: list[str] = []
    tell_schedules(at=now, say=said.append)
    assert ScheduleSettings.objects.get().site == ground.site
    assert [(run.site, run.target_date, run.label) for run in ScheduleRun.objects.all()] == [
        (ground.site, now.date(), "optimal")
    ]
    assert said == ["1 schedules"]
