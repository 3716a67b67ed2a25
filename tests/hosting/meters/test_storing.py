"""Readings of meters in the table: once, whole, never changed; and at the door of edge devices."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import User
from hashinsight.jobs.retention import Held, find_kind
from hosting.domain import edge
from hosting.domain.meters import keeping
from hosting.domain.meters.importing import import_readings
from hosting.domain.meters.storing import store_readings
from hosting.domain.meters.watch import silent_meters
from hosting.domain.places import create_site, create_zone
from hosting.engine.ingest.checking import Doubts
from hosting.engine.metering.values import Said
from hosting.enums import QuarantineReason
from hosting.meter_enums import MeterSource
from hosting.models import EdgeBatch, EdgeDevice, Meter, MeterReading, QuarantinedReading, Site, Zone
from tests.hosting.ingest.conftest import Doors
from tests.hosting.meters.conftest import Make

pytestmark = pytest.mark.django_db
D, MINUTE = Decimal, timedelta(minutes=1)


def at(minutes: float = 0) -> datetime:
    """So long ago, to the second."""
    return timezone.now().replace(microsecond=0) - timedelta(minutes=minutes)


def store(meter: Meter, *said: tuple[datetime, Any, Any]) -> tuple[tuple[int, int], list[str]]:
    """What came of it, and the reasons of what was not believed."""
    doubts = Doubts()
    rows = [
        Said(place, moment, None if kw is None else D(kw), None if kwh is None else D(kwh))
        for place, (moment, kw, kwh) in enumerate(said)
    ]
    came = store_readings(meter, rows, source=MeterSource.EDGE, at=timezone.now(), doubts=doubts)
    return (came.stored, came.duplicates), [one.reason.value for one in doubts.listed]


def shown(meter: Meter) -> list[tuple[Any, Any]]:
    return list(
        MeterReading.objects.filter(meter=meter).order_by("recorded_at").values_list("power_kw", "register_kwh")
    )


def test_readings_are_kept_multiplied_and_once(meter: Meter) -> None:
    first, second = at(2), at(1)
    assert store(meter, (first, "15.296", "120529.6935"), (second, "15", None)) == ((2, 0), [])
    assert store(meter, (first, "15.296", "120529.6935"), (second, "15", "120530")) == ((1, 1), [])
    assert store(meter, (first, "15.297", None)) == ((0, 0), ["differs"])
    assert shown(meter) == [(D("611.840"), D("4821187.740000")), (D("600.000"), D("4821200.000000"))]
    keeping.change_meter(_with(meter, ratio=D(50)))
    assert store(meter, (first, "15.296", "120529.6935")) == ((0, 1), [])
    assert shown(meter)[0] == (D("611.840"), D("4821187.740000"))


def _with(meter: Meter, **fields: Any) -> Meter:
    for name, value in fields.items():
        setattr(meter, name, value)
    return meter


@pytest.mark.parametrize(
    "change",
    [
        "power_kw = 1", "register_kwh = register_kwh + 1", "recorded_at = now()", "ratio = 7", "power_kw = NULL",
        "source = 3",
    ],
)  # fmt: skip
def test_the_database_lets_nothing_that_was_shown_change(meter: Meter, change: str) -> None:
    store(meter, (at(2), "15", "100"))
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE hosting_meterreading SET {change}")
    assert shown(meter) == [(D("600.000"), D("4000.000000"))]


def test_a_row_that_says_nothing_or_less_than_nothing_is_refused_by_the_database(meter: Meter) -> None:
    common: dict[str, Any] = {"meter": meter, "recorded_at": at(), "ratio": 1, "source": 1}
    for fields, name in (
        ({}, "says_something"), ({"power_kw": -1}, "not_negative"), ({"register_kwh": -1}, "not_negative"),
    ):  # fmt: skip
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            MeterReading.objects.create(**common, **fields)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"measures": "zone"}, "hosting_meter_zone_unless_site"), ({"ratio": D(0)}, "hosting_meter_ratio_range"),
        ({"feed": "file"}, "hosting_meter_device_feeds"), ({"interval_s": 9}, "hosting_meter_interval_range"),
        ({"modbus_address": "10.0.0.1"}, "hosting_meter_modbus_whole"),
        ({"valid_to": datetime(2019, 1, 1, tzinfo=UTC).date()}, "hosting_meter_forward"),
        ({"measures": "house"}, "hosting_meter_scope_known"), ({"energy_scale": D(0)}, "hosting_meter_scale_range"),
    ],
)  # fmt: skip
def test_what_makes_no_meter_is_refused_by_the_form_and_by_the_database(
    meter: Meter, fields: dict[str, Any], name: str
) -> None:
    with pytest.raises(ValidationError):
        keeping.change_meter(_with(Meter.objects.get(pk=meter.pk), **fields))
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        Meter.objects.filter(pk=meter.pk).update(**fields)


def test_zone_and_device_are_of_the_site(make: Make, site: Site, zone: Zone, root: User) -> None:
    other = create_site(name="East", capacity_kw=D(1), time_zone="UTC", at=timezone.now())
    hall = create_zone(site=other, name="Hall", capacity_kw=D(1), at=timezone.now())
    away, _code = edge.register_device(serial="E-9", name="Edge 9", site=other, by=root, at=timezone.now())
    for fields in ({"measures": "zone", "zone": hall}, {"device": away}):
        with pytest.raises(keeping.MeterRefused):
            make(**fields)
    good = make(measures="zone", zone=zone)
    with pytest.raises(IntegrityError, match="hosting_meter_zone_of_site"), transaction.atomic():
        Meter.objects.filter(pk=good.pk).update(zone=hall)
    edge.revoke_device(good.device, by=root, at=timezone.now())
    with pytest.raises(keeping.MeterRefused):
        make(name="Second", device=good.device.reload())


def test_a_meter_without_a_bound_of_its_own_shows_twice_its_place_at_most(make: Make) -> None:
    free = make()
    assert store(free, (at(2), "20000", None), (at(1), "20000.1", None)) == ((1, 0), ["out_of_range"])


# --- a register that begins anew ------------------------------------------------------------------------------------
def test_an_exchange_is_recorded_and_what_was_put_aside_is_taken_in(meter: Meter, doors: Doors, root: User) -> None:
    moments = [at(minutes) for minutes in (30, 20, 10, 5)]
    readings = [
        {"meter": str(meter.public_id), "recorded_at": moment.isoformat(), "power_kw": 3, "register_kwh": kwh}
        for moment, kwh in zip(moments, (5000, 5000.5, 0.25, 0.5), strict=True)
    ]
    answer = doors.send("meter-readings", {"batch_id": "b", "readings": readings}).json()
    assert (answer["stored"], answer["quarantined"]) == (4, 0)  # the powers are good
    assert answer["doubts"] == [{"reason": "register_back", "figure": "register_kwh", "count": 2}]
    assert [one[1] for one in shown(meter)] == [D(200_000), D("200020"), None, None]
    aside = QuarantinedReading.objects.filter(meter=meter)
    assert list(aside.order_by("recorded_at").values_list("recorded_at", "value")) == [
        (moments[2], "0.25"), (moments[3], "0.5"),
    ]  # fmt: skip
    given = {"kind": "exchange", "reason": "broken", "by": root, "at": timezone.now()}
    for moment, before, after, why in (
        (moments[2] - MINUTE, "5000.4", "0", "showed more already"),
        (moments[0] + MINUTE, "5001", "6000", "showed less afterwards"),
        (moments[2] - MINUTE, "1e13", "0", "no figure"), (moments[2] - MINUTE, "-1", "0", "no figure"),
    ):  # fmt: skip
        with pytest.raises(keeping.MeterRefused, match=why):
            keeping.record_change(meter, changed_at=moment, before=D(before), after=D(after), **given)
    with pytest.raises(keeping.MeterRefused, match="once it has happened"):
        keeping.record_change(meter, changed_at=timezone.now() + MINUTE, before=D(1), after=D(0), **given)
    keeping.record_change(meter, changed_at=moments[2] - MINUTE, before=D("5001"), after=D(0), serial="NEW-2", **given)
    assert [one[1] for one in shown(meter)] == [D(200_000), D("200020"), D(10), D(20)]
    assert aside.filter(seen_at=None).count() == 0
    assert meter.reload().serial == "NEW-2"
    history = Meter.pgh_event_model.objects.filter(pgh_obj_id=meter.pk).order_by("pgh_id")
    assert [row.serial for row in history] == ["", "NEW-2"]


# --- the door -------------------------------------------------------------------------------------------------------
def batch(name: str, *readings: dict[str, Any]) -> dict[str, Any]:
    return {"batch_id": name, "readings": list(readings)}


def reading(meter: Any, moment: datetime, **figures: Any) -> dict[str, Any]:
    return {"meter": str(getattr(meter, "public_id", meter)), "recorded_at": moment.isoformat(), **figures}


def test_a_batch_goes_in_once_and_one_bad_reading_never_rejects_it(
    meter: Meter, make: Make, doors: Doors, device: EdgeDevice
) -> None:
    by_file = make(name="Other", feed="file")
    said = batch(
        "b1", reading(meter, at(2), power_kw=15), reading(meter, at(1), power_kw=-1),
        reading(by_file, at(1), power_kw=1), reading("0199f3c0-b4b0-7a51-8f0e-0c5d2f3b9a11", at(1), power_kw=1),
        {"meter": 5}, reading(meter, at(-60), power_kw=1),
    )  # fmt: skip
    first = doors.send("meter-readings", said)
    assert (first.status_code, first.json()["stored"], first.json()["quarantined"]) == (201, 1, 5)
    assert {(one["reason"], one["figure"], one["count"]) for one in first.json()["doubts"]} == {
        ("negative", "power_kw", 1), ("unknown_meter", None, 2), ("no_time", None, 1), ("in_future", None, 1),
    }  # fmt: skip
    again = doors.send("meter-readings", gzip.compress(json.dumps(said).encode()), **{"Content-Encoding": "gzip"})
    assert (again.status_code, again.json()) == (200, {**first.json(), "repeated": True})
    other = doors.send("meter-readings", batch("b1"))
    assert (other.status_code, other.json()["code"]) == (409, "batch_differs")
    assert (MeterReading.objects.count(), EdgeBatch.objects.get().quarantined) == (1, 5)
    rows = QuarantinedReading.objects.filter(device=device).order_by("place")
    assert [(row.place, row.meter_id, row.reason) for row in rows] == [
        (1, meter.pk, "negative"), (2, None, "unknown_meter"), (3, None, "unknown_meter"), (4, None, "no_time"),
        (5, meter.pk, "in_future"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "kind", "more", "told"),
    [
        (b"{", "application/json", {}, (400, "malformed_json")),
        (b"{}", "text/plain", {}, (415, "unsupported_media_type")),
        (b"{}", "application/vnd.hashinsight.columns", {}, (415, "unsupported_media_type")),
        (b"{}", "application/json", {"Content-Encoding": "gzip"}, (400, "not_gzip")),
        (b" " * 10_000_001, "application/json", {}, (413, "body_too_large")),
        (gzip.compress(b" " * 10_000_001), "application/json", {"Content-Encoding": "gzip"}, (413, "body_too_large")),
        (b"{}", "application/json", {"X-Sent-At": "now"}, (400, "invalid_header")),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,
)  # fmt: skip
def test_what_is_no_batch_is_refused(
    doors: Doors, body: bytes, kind: str, more: dict[str, str], told: tuple[int, str]
) -> None:
    answer = doors.send("meter-readings", body, kind=kind, **more)
    assert (answer.status_code, answer.json()["code"]) == told
    assert EdgeBatch.objects.count() == 0


def test_a_device_speaks_of_no_meter_that_another_one_reads(
    meter: Meter, make: Make, site: Site, doors: Doors, root: User
) -> None:
    other, _code = edge.register_device(serial="E-2", name="Edge 2", site=site, by=root, at=timezone.now())
    theirs = make(name="Theirs", device=other)
    answer = doors.send("meter-readings", batch("b", reading(theirs, at(1), power_kw=1))).json()
    assert answer["doubts"] == [{"reason": "unknown_meter", "figure": None, "count": 1}]
    assert MeterReading.objects.count() == 0
    assert [one["id"] for one in doors.send("meters", method="GET").json()["meters"]] == [str(meter.public_id)]


def test_a_clock_that_is_wrong_is_told(meter: Meter, doors: Doors) -> None:
    sent = {"X-Sent-At": (timezone.now() - timedelta(minutes=5)).isoformat()}
    assert doors.send("meter-readings", batch("b", reading(meter, at(1), power_kw=1)), **sent).json()["clock_skewed"]


def test_a_device_is_told_of_its_own_meters_in_use_and_how_to_read_them(meter: Meter, make: Make, doors: Doors) -> None:
    make(name="By file", feed="file")
    make(name="Gone", valid_to=datetime(2021, 1, 1, tzinfo=UTC).date())
    make(
        name="Modbus", modbus_address="10.1.9.3", power_register=52, power_scale=D("0.001"), energy_register=72,
        energy_type="uint32", word_order="low_first", modbus_function=3, interval_s=15,
    )  # fmt: skip
    told = doors.send("meters", method="GET").json()["meters"]
    assert [(one["name"], one["modbus"] is None) for one in told] == [("Grid", True), ("Modbus", False)]
    assert told[1]["interval_s"] == 15
    assert told[1]["modbus"] == {
        "address": "10.1.9.3", "port": 502, "unit": 1, "function": 3, "word_order": "low_first", "power_register": 52,
        "power_type": "float32", "power_scale": "0.001000", "energy_register": 72, "energy_type": "uint32",
        "energy_scale": "1.000000",
    }  # fmt: skip


# --- silence, age ---------------------------------------------------------------------------------------------------
def test_a_meter_is_silent_when_its_readings_stay_away(make: Make) -> None:
    now = timezone.now()
    quick, slow = make(name="Quick"), make(name="Slow", interval_s=900)
    make(name="By file", feed="file")
    make(name="Gone", valid_to=datetime(2021, 1, 1, tzinfo=UTC).date())
    make(name="To come", valid_from=(now + timedelta(days=3)).date())
    assert [one.key for one in silent_meters(now)] == [str(quick.public_id), str(slow.public_id)]
    store(quick, (at(2.9), "1", None))
    store(slow, (at(40), "1", None))
    assert list(silent_meters(now)) == []
    (found,) = silent_meters(now + timedelta(minutes=2))
    assert (found.key, found.title) == (str(quick.public_id), "West / Quick is silent")


def test_old_readings_go_and_held_ones_stay(meter: Meter) -> None:
    now = timezone.now()
    for days in (1_200, 10):
        MeterReading.objects.create(meter=meter, recorded_at=now - timedelta(days=days), power_kw=1, ratio=1, source=1)
    kind = find_kind("hosting.meter_reading")
    assert kind is not None
    before = now - timedelta(days=kind.keep_days)
    assert kind.rows(before, Held()).count() == 1
    assert kind.rows(before, Held({"crm.customer": frozenset({"1"})})).count() == 0
    kind.rows(before, Held()).delete()
    assert MeterReading.objects.count() == 1


# --- files ----------------------------------------------------------------------------------------------------------
def loaded(meter: Meter, text: str, *, dry_run: bool = False, by: Any = None) -> Any:
    return import_readings(meter, text.encode(), name="m.csv", by=by, at=timezone.now(), dry_run=dry_run)


def test_a_file_is_tried_and_then_all_of_it_is_kept_once(make: Make) -> None:
    meter = make(feed="file", ratio=D(10), interval_s=900)
    text = "Zeit;power_kw;register_kwh\n2025-10-26 02:45;10;100\n2025-10-26 02:00;20;105\n2025-10-26 03:00;30;130\n"
    tried = loaded(meter, text, dry_run=True)
    assert (tried.stored, tried.duplicates, tried.problems, MeterReading.objects.count()) == (3, 0, [], 0)
    assert loaded(meter, text).stored == 3
    rows = MeterReading.objects.order_by("recorded_at").values_list("recorded_at", "power_kw", "source")
    assert [(f"{moment:%H:%M}", kw, source) for moment, kw, source in rows] == [
        ("00:45", 100, 3), ("01:00", 200, 3), ("02:00", 300, 3),
    ]  # fmt: skip
    again = loaded(meter, text)
    assert (again.stored, again.duplicates) == (0, 3)


def test_a_file_with_one_bad_row_leaves_nothing(make: Make) -> None:
    meter = make(feed="file", valid_from=datetime(2025, 1, 1, tzinfo=UTC).date())
    text = (
        "recorded_at,power_kw,register_kwh\n2025-03-30 02:30,1,1\n2025-05-01 10:00,5,100\n2025-05-01 10:15,5,90\n"
        "2025-05-01 10:30,x,\n2024-12-31 10:00,5,\nsoon,1,\n2025-05-01 10:45,,\n2025-05-01 11:00,-3,\n"
    )
    found = loaded(meter, text)
    assert [line for line, _text in found.problems] == [2, 4, 5, 6, 7, 8, 9]
    assert found.problems[1][1] == f"register_kwh: 90: {QuarantineReason.REGISTER_BACK.label}"
    assert MeterReading.objects.count() == 0
