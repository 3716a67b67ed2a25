"""What an event of OpenADR 3 says of prices, without network and database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from curtailment.clients.dispatch_simulator import price_event
from curtailment.engine.openadr_prices import Tariff, has_prices, ignored_in, step_of, steps_of, tariff_of
from curtailment.engine.openadr_time import NotUnderstood

AT = datetime(2026, 11, 29, 16, tzinfo=UTC)
HOUR = timedelta(hours=1)


def tariff(said: dict[str, Any], program: dict[str, Any] | None = None, **more: Any) -> Tariff:
    given: dict[str, Any] = {"priority": None, "modified_at": None, **more}
    return tariff_of({"id": "e", **said}, program=program or {}, at=AT, whose="us", **given)


def event(values: Any = (0.05, 0.31), **more: Any) -> dict[str, Any]:
    return price_event("p", AT, values, **more)


def test_intervals_follow_each_other() -> None:
    found = tariff(event([0.05, Decimal("-0.31"), 7]))
    assert (found.currency, [one.per_kwh for one in found.rows]) == ("USD", [Decimal("0.05"), Decimal("-0.31"), 7])
    assert [one.start for one in found.rows] == [AT, AT + HOUR, AT + 2 * HOUR]
    assert found.rows[-1].end == AT + 3 * HOUR


@pytest.mark.parametrize(("units", "per_kwh"), [("KWH", "50"), ("kWh", "50"), ("MWH", "0.050"), ("MWh", "0.050")])
def test_prices_are_of_a_kilowatt_hour(units: str, per_kwh: str) -> None:
    assert tariff(event([50], units=units)).rows[0].per_kwh == Decimal(per_kwh)


def test_what_the_event_does_not_say_the_program_may() -> None:
    program = {"payloadDescriptors": [
        {"payloadType": "SIMPLE", "units": "X", "currency": "GBP"},
        {"payloadType": "PRICE", "units": "MWH", "currency": "eur"},
    ]}  # fmt: skip
    found = tariff(event([50], units="", currency=""), program)
    assert (found.currency, found.rows[0].per_kwh) == ("EUR", Decimal("0.050"))
    assert tariff(event([50], units="KWH", currency=""), program).rows[0].per_kwh == 50


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (event(units=""), "per nobody knows what, not per kWh or MWh"), (event(units="KVAH"), "per KVAH, not per kWh"),
        (event(units="K" * 99), "not per kWh"), (event(currency=""), "no code of three letters"),
        (event(currency="dollars"), "no code of three letters"), (event(currency="€€€"), "no code of three letters"),
        (event(["much"]), "is no number"), (event([True]), "is no number"), (event([None]), "is no number"),
        (event([float("inf")]), "out of all bounds"), (event([10**12]), "out of all bounds"),
        ({**event(), "intervalPeriod": {"start": AT.isoformat()}}, "without a beginning or an end"),
        ({**event(), "intervalPeriod": {"duration": "PT1H"}}, "nowhere when it begins"),
        ({**event(), "intervals": "x"}, "no list"), (event([0.1] * 2_501, minutes=5), "more than 2500 prices"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_with_the_reason(said: dict[str, Any], why: str) -> None:
    with pytest.raises(NotUnderstood, match=why):
        tariff(said)


def test_a_day_of_five_minutes_is_kept_whole() -> None:
    assert len(tariff(event([0.1] * 288, minutes=5)).rows) == 288


def test_what_is_no_price_of_ours_says_why() -> None:
    assert ignored_in(event(kind="EXPORT_PRICE")) == [
        "EXPORT_PRICE is not kept: it pays for energy that is fed in, and we feed in none"
    ]
    assert ignored_in(event(kind="GHG")) == ["GHG is not kept: it is no price but emissions"]
    assert ignored_in(event()) == []
    assert [has_prices(event(kind=kind)) for kind in ("PRICE", "EXPORT_PRICE", "SIMPLE")] == [True, False, False]
    assert not has_prices({"intervals": [{"payloads": [{"type": "PRICE", "values": []}]}]})


# --- one row of steps -------------------------------------------------------------------------------------------------
def minutes_of(start: datetime, *minutes: int) -> int:
    found = [one for length in minutes for one in tariff(price_event("p", start, [1], minutes=length)).rows]
    return int(step_of(found).total_seconds() // 60)


def test_the_step_is_the_longest_that_fits() -> None:
    assert minutes_of(AT, 60) == 60
    assert minutes_of(AT, 60, 15) == 15
    assert minutes_of(AT, 24 * 60) == 60
    assert minutes_of(AT, 90) == 30
    assert minutes_of(AT + timedelta(minutes=5), 60) == 5
    for start, length in ((AT, 7), (AT + timedelta(minutes=1), 60), (AT + timedelta(seconds=1), 60)):
        with pytest.raises(NotUnderstood, match="whole five minutes"):
            minutes_of(start, length)


def test_of_two_events_the_more_important_holds_else_the_newer() -> None:
    def one(name: str, value: float, priority: int | None, minute: int) -> Tariff:
        return tariff(
            {**event([value, value]), "id": name}, priority=priority, modified_at=AT + timedelta(minutes=minute)
        )

    def holds(*some: Tariff) -> set[str]:
        return {said.event_id for _priced, said in steps_of(some, HOUR).values()}

    assert holds(one("low", 1, 5, 9), one("high", 2, 1, 0)) == {"high"}
    assert holds(one("none", 1, None, 9), one("some", 2, 9, 0)) == {"some"}
    assert holds(one("old", 1, 1, 0), one("new", 2, 1, 1)) == holds(one("new", 2, 1, 1), one("old", 1, 1, 0)) == {"new"}
    short = tariff({**event([9]), "id": "short"}, priority=0)
    assert [said.event_id for _, (_p, said) in sorted(steps_of([one("long", 1, 1, 0), short], HOUR).items())] == [
        "short", "long",
    ]  # fmt: skip


def test_an_interval_is_cut_into_steps_or_does_not_fit() -> None:
    found = steps_of([tariff(event([3]))], timedelta(minutes=15))
    assert sorted(found) == [AT + number * timedelta(minutes=15) for number in range(4)]
    with pytest.raises(NotUnderstood, match="do not fit into steps of 60 minutes"):
        steps_of([tariff(event([3], minutes=15))], HOUR)
