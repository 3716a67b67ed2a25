"""Prices of an OpenADR 3 server become a series of the programme: kept, changed, withdrawn, followed by rules."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from curtailment.clients.dispatch_simulator import Vtn, price_event
from curtailment.domain.dispatch.openadr_prices import code_of
from curtailment.domain.rules.keeping import create_rule
from curtailment.domain.rules.strikes import evaluate_strike
from curtailment.models import Dispatch, StrikeRule, VtnConnection, VtnResource
from marketdata.domain.prices import best_known, price_at, store
from marketdata.engine.price_files import Interval
from marketdata.models import PricePoint, PriceSeries
from tests.curtailment.agreed import stand_by
from tests.curtailment.site import WATTS, Ground
from tests.curtailment.vtn import BOTH, ask, body

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
KW = Decimal(WATTS) / 1000


def begin(ground: Ground) -> datetime:
    """The next full hour: 10:00."""
    return ground.now.replace(minute=0) + HOUR


def series(link: VtnConnection) -> PriceSeries:
    return PriceSeries.objects.get(code=code_of(link.programme))


def known(link: VtnConnection, ground: Ground, *, at: datetime | None = None) -> dict[int, str]:
    """By the hour."""
    rows = best_known(series(link), start=ground.now - HOUR, end=ground.now + 30 * HOUR, at=at or ground.now)
    return {one.start.hour: f"{one.value.normalize():f}" for one in rows}


def events(ground: Ground, values: Any, **more: Any) -> dict[str, Any]:
    return price_event("program-1", begin(ground), values, **more)


@BOTH
def test_prices_are_kept_once_as_a_series_of_the_programme(server: Vtn, link: VtnConnection, ground: Ground) -> None:
    server.put_event(events(ground, [0.05, 0.31, -0.02]))
    assert ask(link, ground).prices == 3
    row = series(link)
    assert (row.kind, row.currency, row.unit, row.step_minutes, row.known_from) == (
        "energy", "USD", "kWh", 60, "received",
    )  # fmt: skip
    assert str(link.programme) in row.name
    assert known(link, ground) == {10: "0.05", 11: "0.31", 12: "-0.02"}
    assert ask(link, ground).prices == 0
    assert (PricePoint.objects.count(), Dispatch.objects.count(), link.error) == (3, 0, "")
    assert {one.issued_at for one in PricePoint.objects.all()} == {ground.now}


def test_a_change_is_a_new_version_and_what_is_left_out_is_withdrawn(
    server: Vtn, link: VtnConnection, ground: Ground
) -> None:
    event = server.put_event(events(ground, [0.05, 0.31, 0.06]))
    ask(link, ground)
    before = ground.now
    ground.now += timedelta(minutes=5)
    server.put_event(events(ground, [0.05, 0.4]), event)
    assert ask(link, ground).prices == 2
    assert known(link, ground) == {10: "0.05", 11: "0.4"}
    assert known(link, ground, at=before) == {10: "0.05", 11: "0.31", 12: "0.06"}, "what was known then is known"
    ground.now += timedelta(minutes=5)
    server.put_event(events(ground, [0.05, 0.4, 0.06]), event)
    ask(link, ground)
    assert known(link, ground) == {10: "0.05", 11: "0.4", 12: "0.06"}
    versions = PricePoint.objects.filter(starts_at=begin(ground) + 2 * HOUR).order_by("version")
    assert [(one.version, one.is_withdrawn) for one in versions] == [(1, False), (2, True), (3, False)]


def test_only_what_is_not_there_any_more_is_withdrawn_and_only_what_is_to_come(
    server: Vtn, link: VtnConnection, ground: Ground
) -> None:
    event = server.put_event(events(ground, [0.05, 0.31, 0.06]))
    ask(link, ground)
    ground.now = begin(ground) + HOUR + timedelta(minutes=10)  # the second hour runs
    server.trouble.no_events = True
    ask(link, ground)
    assert PricePoint.objects.filter(is_withdrawn=True).count() == 0, "an empty list says nothing"
    server.trouble.no_events = False
    server.delete_event(event)
    assert ask(link, ground).prices == 1
    assert known(link, ground) == {10: "0.05", 11: "0.31"}
    assert list(PricePoint.objects.filter(is_withdrawn=True).values_list("starts_at__hour", flat=True)) == [12]
    assert ask(link, ground).prices == 0


@pytest.mark.parametrize(
    ("body_of", "why"),
    [
        ({"units": "KVAH"}, "PRICE comes per KVAH, not per kWh or MWh"), ({"units": ""}, "per nobody knows what"),
        ({"currency": "XAU"}, "PRICE comes in XAU, which we do not reckon in"),
        ({"currency": ""}, "no code of three letters"), ({"minutes": 7}, "not made of whole five minutes"),
        ({"kind": "EXPORT_PRICE"}, "EXPORT_PRICE is not kept"), ({"kind": "GHG"}, "GHG is not kept"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_says_why_at_the_connection(
    server: Vtn, link: VtnConnection, ground: Ground, body_of: dict[str, Any], why: str
) -> None:
    server.put_event(events(ground, [0.05], **body_of))
    ask(link, ground)
    assert why in link.error
    assert (PricePoint.objects.count(), link.failures) == (0, 0)


def test_a_change_that_cannot_be_kept_changes_nothing(server: Vtn, link: VtnConnection, ground: Ground) -> None:
    """Another currency than before, beyond belief, in quarters: what was said before stays until it is taken back."""
    event = server.put_event(events(ground, [0.05, 0.31]))
    ask(link, ground)
    for wrong, why in (
        (events(ground, [0.05], currency="EUR"), "in EUR, the series is in USD"),
        (events(ground, [0.05, 90_000]), "90000 USD per kWh is not plausible"),
        (events(ground, [0.05], minutes=15), "do not fit into steps of 60 minutes"),
        ({**events(ground, [0.05]), "intervals": 7}, "no list"),
    ):
        ground.now += timedelta(minutes=1)
        server.put_event(wrong, event)
        ask(link, ground)
        assert why in link.error
        assert known(link, ground) == {10: "0.05", 11: "0.31"}
    server.put_event({**events(ground, [0.05]), "intervals": []}, event)
    ask(link, ground)
    assert known(link, ground) == {}


def test_a_series_that_somebody_set_to_megawatt_hours_is_kept_so(
    server: Vtn, link: VtnConnection, ground: Ground
) -> None:
    event = server.put_event(events(ground, [0.05]))
    ask(link, ground)
    PriceSeries.objects.update(unit="MWh")
    ground.now += timedelta(minutes=1)
    server.put_event(events(ground, [0.06]), event)
    ask(link, ground)
    assert known(link, ground) == {10: "60"}


def test_of_two_events_the_more_important_holds_and_leaves_the_other_when_it_goes(
    server: Vtn, link: VtnConnection, ground: Ground
) -> None:
    high = server.put_event(events(ground, [0.9], priority=1))
    server.put_event(events(ground, [0.05, 0.06], priority=5))
    ask(link, ground)
    assert known(link, ground) == {10: "0.9", 11: "0.06"}
    server.delete_event(high)
    ground.now += timedelta(minutes=1)
    ask(link, ground)
    assert known(link, ground) == {10: "0.05", 11: "0.06"}


def test_prices_for_some_sites_alone_are_not_the_programmes(
    server: Vtn, link: VtnConnection, ground: Ground, other_ground: Ground
) -> None:
    VtnResource.objects.create(connection=link, site=other_ground.site, name="east")
    server.put_event(events(ground, [0.05], targets=["west"]))
    ask(link, ground)
    assert "meant for some of the sites alone" in link.error
    server.put_event(events(ground, [0.06], targets=["south"]))
    server.put_event(events(ground, [0.07], targets=["somebody else"]))
    ask(link, ground)
    assert PricePoint.objects.count() == 0


def test_values_that_did_not_come_from_there_are_left_alone(server: Vtn, link: VtnConnection, ground: Ground) -> None:
    server.put_event(events(ground, [0.05]))
    ask(link, ground)
    start = begin(ground) + 5 * HOUR
    store(series(link), [Interval(start, start + HOUR, Decimal(1))], at=ground.now, source="typed by hand")
    ask(link, ground)
    assert known(link, ground) == {10: "0.05", 15: "1"}


def test_an_event_may_call_and_price(server: Vtn, link: VtnConnection, ground: Ground) -> None:
    said = body(ground, 30, length="PT60M")
    said["intervals"][0]["payloads"].append({"type": "PRICE", "values": [0.4]})
    said["payloadDescriptors"] = [{"payloadType": "PRICE", "units": "KWH", "currency": "USD"}]
    server.put_event(said)
    found = ask(link, ground)
    assert (found.messages, found.prices) == (1, 1)


def test_a_strike_rule_follows_the_prices_and_what_is_withdrawn(
    server: Vtn, link: VtnConnection, ground: Ground, root: User, alice_of_staff: User
) -> None:
    stand_by(ground, root, alice_of_staff)
    first = ground.now.replace(minute=0) - 13 * HOUR
    past = server.put_event(price_event("program-1", first, [0.04] * 14))
    start = begin(ground)
    event = server.put_event(events(ground, [0.2, 0.2, 0.2]))
    quiet = ground.now
    ground.now = first - HOUR  # heard the day before
    ask(link, ground)
    assert past != event
    row = series(link)
    rule = create_rule(
        StrikeRule, by=None, at=ground.now, name="Dear", site=ground.site, series=row, strike=Decimal("0.10"),
        windows_off=1, windows_on=1, goal_kw=KW * 5, longest_minutes=600, stale_after_minutes=120,
    )  # fmt: skip
    for moment, off in ((quiet, 0), (start + timedelta(minutes=1), 5)):
        ground.now = moment
        ask(link, ground)
        evaluate_strike(rule, at=ground.now)
        ground.ticks(3)
        assert ground.farm.off == off
    server.delete_event(event)
    ground.now = start + timedelta(minutes=20)
    ask(link, ground)
    assert price_at(row, start + HOUR, at=ground.now) is None
    ground.now = start + HOUR + timedelta(minutes=5)
    evaluate_strike(rule, at=ground.now)
    assert rule.reload().state["rest"]["judged_to"] == (start + HOUR).isoformat(), "what was withdrawn is not judged"
