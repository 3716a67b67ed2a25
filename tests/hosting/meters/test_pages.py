"""The pages of meters: entered, read from a file in two steps, looked at beside the machines, begun anew."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from hosting.domain.meters.showing import story_of
from hosting.engine.grid import QUARTER, floor
from hosting.models import Demand15Min, EdgeDevice, Meter, MeterChange, MeterReading, Site, Zone
from tests import factories
from tests.hosting.meters.conftest import Make

pytestmark = pytest.mark.django_db
METERS = "/admin/hosting/meter"
ADDED: dict[str, Any] = {
    "name": "Grid", "measures": "site", "feed": "file", "ratio": "40", "interval_s": "60", "valid_from": "2026-01-01",
    "modbus_port": "502", "modbus_unit": "1", "modbus_function": "4", "word_order": "high_first",
    "power_type": "float32", "power_scale": "1", "energy_type": "float32", "energy_scale": "1",
}  # fmt: skip


@pytest.fixture
def person(db: None) -> Callable[..., Client]:
    """Somebody of staff with these permissions, signed in."""

    def make(*names: str) -> Client:
        cache.clear()
        user = factories.give_permissions(
            factories.UserFactory(is_staff=True), *(f"hosting.{name}" for name in ("view_meter", *names))
        )
        client = Client()
        client.force_login(user, backend="accounts.backends.TimeLimitedBackend")
        return client

    return make


def test_a_meter_is_entered_and_what_makes_none_is_said(
    site: Site, zone: Zone, device: EdgeDevice, person: Callable[..., Client]
) -> None:
    client = person("add_meter", "change_meter", "view_site", "view_zone", "view_edgedevice")
    wrong = client.post(f"{METERS}/add/", {**ADDED, "site": site.pk, "measures": "zone"})
    assert wrong.status_code == 200
    assert "A meter of the whole site has no zone, any other has one." in wrong.content.decode()
    answer = client.post(f"{METERS}/add/", {**ADDED, "site": site.pk})
    assert answer.status_code == 302, answer.context["errors"]
    meter = Meter.objects.get()
    assert (meter.ratio, meter.feed, meter.measures) == (40, "file", "site")
    page = client.get(f"{METERS}/{meter.pk}/change/").content.decode()
    assert "Roll-over or exchange" not in page  # this person may not
    assert client.get(f"{METERS}/").status_code == 200


def upload(client: Client, meter: Meter, text: str) -> Any:
    file = SimpleUploadedFile("m.csv", text.encode(), content_type="text/csv")
    return client.post(f"{METERS}/{meter.pk}/import/", {"file": file})


def test_a_file_is_tried_then_imported_once(make: Make, person: Callable[..., Client]) -> None:
    meter, client = make(feed="file"), person("import_meterreading")
    bad = upload(client, meter, "recorded_at,power_kw\n2026-03-29 02:30,5\n2026-05-01 10:15,-2\n")
    text = bad.content.decode()
    assert "2 problems were found" in text
    assert "No clock at the site showed" in text
    assert "token" not in bad.context
    good = upload(client, meter, "recorded_at,power_kw\n2026-05-01 10:00,5\n2026-05-01 10:15,6\n")
    assert MeterReading.objects.count() == 0
    token = good.context["token"]
    for _click in range(2):
        client.post(f"{METERS}/{meter.pk}/import/", {"token": token})
    assert MeterReading.objects.count() == 2
    assert upload(client, meter, "power_kw\n5\n").status_code == 200
    assert person().get(f"{METERS}/{meter.pk}/import/").status_code == 403


def test_a_token_of_another_meter_imports_nothing(make: Make, person: Callable[..., Client]) -> None:
    one, other, client = make(feed="file"), make(name="Other", feed="file"), person("import_meterreading")
    token = upload(client, one, "recorded_at,power_kw\n2026-05-01 10:00,5\n").context["token"]
    client.post(f"{METERS}/{other.pk}/import/", {"token": token})
    assert MeterReading.objects.count() == 0


def test_an_exchange_is_recorded_on_its_page(make: Make, person: Callable[..., Client]) -> None:
    meter, client = make(feed="file", ratio=Decimal(10)), person("record_meterchange")
    now = timezone.now()
    MeterReading.objects.create(meter=meter, recorded_at=now - timedelta(days=2), register_kwh=9000, ratio=10, source=3)
    address = f"{METERS}/{meter.pk}/changed/"
    page = client.get(address)
    assert "900 kWh" in page.content.decode()
    moment = timezone.localtime(now - timedelta(days=1))
    data = {
        "seen": page.context["seen"], "kind": "exchange", "changed_at_0": f"{moment:%Y-%m-%d}",
        "changed_at_1": f"{moment:%H:%M}", "before": "910.5", "after": "3", "serial": "N-2", "reason": "broken",
    }  # fmt: skip
    assert "showed more already" in client.post(address, {**data, "before": "1"}).content.decode()
    assert client.post(address, data).status_code == 302
    change = MeterChange.objects.get()
    assert (change.before_kwh, change.after_kwh, meter.reload().serial) == (9105, 30, "N-2")


def quarters(zone: Zone, start: Any, count: int, kw: int) -> None:
    for n in range(count):
        Demand15Min.objects.create(
            zone=zone, interval_start=start + QUARTER * n, kw=kw, kwh=Decimal(kw) / 4, source="machines",
            quality="measured", coverage=1,
        )  # fmt: skip


def test_the_page_shows_power_gaps_and_the_difference_to_the_machines(
    make: Make, zone: Zone, person: Callable[..., Client]
) -> None:
    meter, client = make(name="By file", feed="file", interval_s=60), person()
    end = floor(timezone.now(), QUARTER)
    start = end - timedelta(hours=24)
    quarters(zone, start, 96, 500)
    gap = (start + timedelta(hours=5), start + timedelta(hours=6))
    MeterReading.objects.bulk_create(
        MeterReading(meter=meter, recorded_at=moment, power_kw=525, ratio=1, source=3)
        for n in range(24 * 60)
        if not gap[0] <= (moment := start + timedelta(minutes=n)) < gap[1]
    )
    story = story_of(meter, start=start, end=end)
    assert story.gaps == [gap]
    assert {round(day.difference_percent or 0, 3) for day in story.days if day.compared} == {Decimal(5)}
    assert sum(day.compared for day in story.days) == 92
    page = client.get(f"{METERS}/{meter.pk}/power/")
    assert "+5 %" in page.content.decode()
    assert page.context["gap_count"] >= 1
    table = list(csv.DictReader(io.StringIO(client.get(f"{METERS}/{meter.pk}/power/?csv=1").content.decode())))
    assert {(row["meter_kw"], row["machines_kw"]) for row in table[1:-1]} == {("525.000", "500.000"), ("", "500.000")}
    MeterReading.objects.create(
        meter=make(), recorded_at=timezone.now() - timedelta(hours=1), power_kw=1, ratio=1, source=1
    )
    assert "silent since" not in page.content.decode()  # nobody reads it: it waits for a file
    assert "silent since" in client.get(f"{METERS}/{Meter.objects.get(name='Grid').pk}/power/").content.decode()
    for days in ("7", "30", "x"):
        assert client.get(f"{METERS}/{meter.pk}/power/?days={days}").status_code == 200


def test_a_meter_without_a_reading_has_a_page_and_a_pdu_compares_with_nobody(
    make: Make, zone: Zone, person: Callable[..., Client]
) -> None:
    quarters(zone, floor(timezone.now(), QUARTER) - QUARTER * 8, 8, 500)
    for meter in (make(), make(name="PDU", measures="pdu", zone=zone)):
        page = person().get(f"{METERS}/{meter.pk}/power/").content.decode()
        assert "Nothing is known of this time." in page
        assert "never" in page


def test_meters_of_a_list_ask_the_same_number_of_questions(
    make: Make, person: Callable[..., Client], django_assert_max_num_queries: Any
) -> None:
    client = person()
    make()
    client.get(f"{METERS}/")
    with django_assert_max_num_queries(15) as first:
        client.get(f"{METERS}/")
    for n in range(3):
        make(name=f"More {n}")
    with django_assert_max_num_queries(len(first)):
        client.get(f"{METERS}/")
