"""A report is of one reckoning, whatever is reckoned while it is read: page, files and what clients fetch."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from threading import Thread
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from accounts.models import User
from curtailment.admin import event as event_page
from curtailment.documents import event_report
from curtailment.domain.measurement import measuring, reports
from curtailment.models import CurtailmentEvent, EventMachine
from tests import factories
from tests.curtailment.site import Ground
from tests.curtailment.test_events import curtailed, say
from tests.curtailment.test_pages import person as person

pytestmark = pytest.mark.django_db(transaction=True)
EVENTS = "/admin/curtailment/curtailmentevent"


@pytest.fixture
def event(ground: Ground, root: User) -> Iterator[CurtailmentEvent]:
    """Reckoned once, from figures of plans; since then readings have come that say less."""
    factories.LegalEntityFactory()
    made = curtailed(ground, root)
    measuring.measure(made, at=ground.now)
    begin = made.started_at.replace(minute=made.started_at.minute // 5 * 5, second=0, microsecond=0)
    say(ground.miners, begin - timedelta(hours=1), begin, lambda _pk, _at: (1000.0, 100.0))
    with time_machine.travel(ground.now + timedelta(minutes=5), tick=False):
        yield made.reload()


def reckon_while(
    monkeypatch: pytest.MonkeyPatch, event: CurtailmentEvent, ground: Ground, *, times: int = 1
) -> list[int]:
    """Between the reading of the event and that of its machines it is reckoned anew, on a connection of its own."""
    reads, seen = reports.machines_of, list[int]()

    def reckon() -> None:
        try:
            measuring.measure(event, at=ground.now)
        finally:
            connection.close()

    def machines_of(row: CurtailmentEvent) -> list[EventMachine]:
        seen.append(row.revision)
        if len(seen) <= times:
            other = Thread(target=reckon)
            other.start()
            other.join()
        return reads(row)

    monkeypatch.setattr(reports, "machines_of", machines_of)
    return seen


def test_a_report_does_not_mix_two_reckonings(
    event: CurtailmentEvent, ground: Ground, person: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    draws = event_report.render_report

    def render(report: Any, seller: Any) -> bytes:
        drawn.append(report)
        return draws(report, seller)

    monkeypatch.setattr(event_page, "render_report", render)
    seen = reckon_while(monkeypatch, event, ground)
    answer = person("curtailment.view_curtailmentevent").get(f"{EVENTS}/{event.pk}/report/?file=pdf")
    assert answer.content[:5] == b"%PDF-"
    (report,) = drawn
    assert (seen, report.told.revision) == ([1, 2], 2)
    assert report.told.saved_kwh == sum((one.saved_kwh for one in report.machines), Decimal(0))
    html = event_report.render_report_html(report, factories.LegalEntityFactory())
    assert "<td>2</td>" in html or ">2<" in html


def test_nor_do_its_tables(
    event: CurtailmentEvent, ground: Ground, person: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    reckon_while(monkeypatch, event, ground)
    answer = person("curtailment.view_curtailmentevent").get(f"{EVENTS}/{event.pk}/report/?file=machines")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode().removeprefix("\ufeff"))))
    assert {row["load before (W)"] for row in rows} == {"1000"}


def test_what_is_reckoned_without_end_says_so(
    event: CurtailmentEvent, ground: Ground, person: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    reckon_while(monkeypatch, event, ground, times=99)
    answer = person("curtailment.view_curtailmentevent").get(f"{EVENTS}/{event.pk}/report/", follow=True)
    assert answer.status_code == 200
    assert "being reckoned at this moment" in answer.content.decode()


def test_what_a_client_fetches_is_of_one_reckoning_too(event: CurtailmentEvent) -> None:
    """The same rule, with the row of the owner in the place of the event."""
    share, times = event.shares.get(), []

    def load() -> tuple[Any, list[EventMachine]]:
        row = type(share).objects.get(pk=share.pk)
        if not times:
            times.append(1)
            measuring.measure(event, at=event.ended_at or event.started_at)
        return row, list(row.event_machines.all())

    found, machines = reports.of_one_reckoning(load)
    assert found.revision == 2
    assert found.saved_kwh == sum((one.saved_kwh for one in machines), Decimal(0))
