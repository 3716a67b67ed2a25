"""A programme of the demo: somebody who may call on a site's load, and has tried whether we hear it."""

import json
from datetime import date, datetime, timedelta
from decimal import Decimal

from curtailment.domain.dispatch import dispatches, programmes
from curtailment.engine.dispatch_message import call_of
from curtailment.enums import DispatchSource
from curtailment.models import ProgrammeCommitment
from hosting.models import Site

COMMITTED_KW, RESERVE_KW = Decimal(500), Decimal(200)


def tell_programme(at: datetime) -> None:
    """At the first site with a market, so that rules and schedules leave load on for it."""
    site = Site.objects.filter(energy_series__isnull=False).order_by("pk").first()
    if site is None:
        return
    made = programmes.create_programme(
        by=None, at=at, name="Emergency response", priority=20, notice_minutes=10, ramp_seconds=600,
        longest_minutes=240, calls_per_day=2, calls_per_season=12, note="A test call in each quarter of the year.",
    )  # fmt: skip
    ProgrammeCommitment.objects.create(
        programme=made, site=site, kw=COMMITTED_KW, reserve_kw=RESERVE_KW, valid_from=date(at.year, 1, 1),
        created_at=at,
    )  # fmt: skip
    begin = at.replace(second=0, microsecond=0) + timedelta(hours=2)
    said = {
        "dispatch": "TEST-Q4", "starts_at": begin.isoformat(), "ends_at": (begin + timedelta(hours=1)).isoformat(),
        "test": True, "sequence": 1, "sent_at": at.isoformat(), "reason": "Communication test",
    }  # fmt: skip
    trial, _site = call_of(said)
    heard = dispatches.Heard(trial, DispatchSource.WEBHOOK, json.dumps(said), message_id="msg_demo_1")
    dispatches.receive(made, heard, at=at)
