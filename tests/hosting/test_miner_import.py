"""Machines from files: what is read, what is refused and in which words, and that all rows come in or none."""

import hashlib
import io
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook

from accounts.models import User
from crm.models import Customer
from hashinsight.common.context import request_id_scope
from hashinsight.common.imports import FileRefused
from hashinsight.common.transitions import MoveRefused
from hashinsight.events.models import OutboxEvent
from hashinsight.jobs.models import DueWork
from hosting.domain import fleet, histories, places
from hosting.domain.miner_import import steps
from hosting.domain.miner_import.steps import ImportRefused
from hosting.enums import ImportState
from hosting.models import Miner, MinerImport, MinerModel, MinerOperation, Rack, Zone
from hosting.work import work_on_import

pytestmark = pytest.mark.django_db
HEAD = "serial,model,site,zone,rack,slot,customer\n"


def upload(text: str, root: User, now: datetime, name: str = "farm.csv") -> MinerImport:
    return steps.receive(text.encode(), name=name, by=root, at=now)


def problems(kept: MinerImport) -> list[tuple[Any, str]]:
    return [(line, text) for line, text in kept.problems]


def confirmed(kept: MinerImport, root: User, now: datetime) -> MinerImport:
    return steps.confirm(kept, sha256=kept.sha256, by=root, at=now)


def test_a_dry_run_writes_nothing_and_a_confirmation_enters_all_under_one_request(
    zone: Zone, rack: Rack, model: MinerModel, customer_a: Customer, root: User, now: datetime
) -> None:
    text = (
        "Seriennummer;Modell;Standort;Halle;Regal;Platz;Kunde;IP-Adresse;MAC;Kaufdatum;Garantie bis;Eigentümer seit\n"
        f"SN1;antminer s21;odessa;hall 1;R1;1;{customer_a.code};10.0.0.1;001a2b3c4d5e;01.10.2026;2027-10-01;"
        "2026-11-01\n"
        "SN2;Bitmain Antminer S21;Odessa;Hall 1;;;aurora mining ag;;;;;\n"
    )
    kept = upload(text, root, now)
    assert (kept.state, kept.problems) == (ImportState.CHECKED, [])
    assert (Miner.objects.count(), OutboxEvent.objects.filter(kind="miner.registered").count()) == (0, 0)
    assert kept.report["new"] == 2
    assert [(row["place"], row["more"], row["over"]) for row in kept.report["zones"]] == [
        ("Odessa", "7", "0"), ("Odessa / Hall 1", "7", "0"),
    ]  # fmt: skip
    assert kept.report["customers"] == [{"customer": str(customer_a), "machines": 2, "kw": "7"}]
    with request_id_scope("one-request"):
        done = confirmed(kept, root, now)
    assert (done.state, done.done_at, bytes(done.content)) == (ImportState.DONE, now, b"")
    first, second = Miner.objects.order_by("serial")
    assert (first.slot, first.address, first.mac, first.customer, first.model) == (
        1, "10.0.0.1", "00:1A:2B:3C:4D:5E", customer_a, model,
    )  # fmt: skip
    assert (str(first.purchased_on), str(first.warranty_until)) == ("2026-10-01", "2027-10-01")
    assert first.ownerships.get().valid_from == datetime(2026, 11, 1, tzinfo=ZoneInfo("America/Chicago"))
    assert (second.zone, second.rack, second.nameplate_w) == (zone, None, 3500)
    assert set(MinerOperation.objects.values_list("request_id", flat=True)) == {"one-request"}
    assert sorted(MinerOperation.objects.filter(miner=first).values_list("operation", flat=True)) == [
        "assign", "place", "register",
    ]  # fmt: skip
    assert OutboxEvent.objects.filter(kind="miner.registered").count() == 2
    assert histories.histories_that_differ() == []


def test_the_same_file_twice_changes_nothing(
    zone: Zone, model: MinerModel, customer_a: Customer, root: User, now: datetime
) -> None:
    text = HEAD + f"SN1,Antminer S21,Odessa,Hall 1,,,{customer_a.code}\nSN2,Antminer S21,,,,,\n"
    confirmed(upload(text, root, now), root, now)
    before = list(Miner.objects.order_by("pk").values())
    again = upload(text, root, now + timedelta(hours=1))
    assert (again.report["new"], again.report["unchanged"], again.state) == (0, 2, ImportState.CHECKED)
    confirmed(again, root, now + timedelta(hours=1))
    assert list(Miner.objects.order_by("pk").values()) == before
    assert MinerOperation.objects.count() == 4


CASES: list[tuple[str, str]] = [
    ("=cmd|' /C calc'!A0,Antminer S21,,,,,", "serial: “=cmd|' /C calc'!A0” begins like a formula."),
    ("a b,Antminer S21,,,,,", "serial: “a b” is no serial number"),
    (",Antminer S21,,,,,", "serial: nothing is stated."),
    ("X,S99 Fantasy,,,,,", "maker: the catalogue does not know the model"),
    ("X,Antminer S21,Mars,,,,", "site: there is no site “Mars”."),
    ("X,Antminer S21,,Hall 1,,,", "site: a zone or rack needs its site."),
    ("X,Antminer S21,Odessa,Hall 9,,,", "zone: Odessa has no zone “Hall 9”."),
    ("X,Antminer S21,Odessa,,R1,,", "zone: a rack needs its zone."),
    ("X,Antminer S21,Odessa,Hall 1,R9,,", "rack: Odessa / Hall 1 has no rack “R9”."),
    ("X,Antminer S21,Odessa,Hall 1,R1,7,", "slot: R1 has slots 1 to 6, no 7."),
    ("X,Antminer S21,Odessa,Hall 1,,2,", "rack: a slot needs its rack."),
    ("X,Antminer S21,Odessa,Hall 1,R1,1.5,", "slot: “1.5” is no whole number"),
    ("X,Antminer S21,Old,,,,", "site: Old is archived."),
    ("X,Antminer S21,,,,,Nobody Ltd", "customer: there is no customer “Nobody Ltd”."),
]


@pytest.mark.parametrize(("row", "words"), CASES, ids=[words[:24] for _row, words in CASES])
def test_a_row_that_makes_no_sense_is_named_by_line_and_column(
    row: str, words: str, rack: Rack, model: MinerModel, root: User, now: datetime
) -> None:
    places.archive(places.create_site(name="Old", capacity_kw=1, time_zone="UTC", at=now), by=root, reason="x")
    kept = upload(f"{HEAD}GOOD,Antminer S21,,,,,\n{row}\n", root, now)
    ((line, text),) = problems(kept)
    assert (kept.state, line) == (ImportState.REFUSED, 3)
    assert text.startswith(words)
    with pytest.raises(MoveRefused):
        confirmed(kept, root, now)
    assert not Miner.objects.exists()


def test_cells_of_other_columns(model: MinerModel, customer_a: Customer, root: User, now: datetime) -> None:
    head = "serial,model,maker,address,mac,port,purchased_on,owner_since,customer\n"
    wrong = {
        "X1,Antminer S21,,10.0.0.256,,,,,": "address: “10.0.0.256” makes no sense here.",
        "X2,Antminer S21,,,00:11,,,,": "mac: “00:11” is no MAC address.",
        "X3,Antminer S21,,,,70000,,,": "port: “70000” is no whole number",
        "X4,Antminer S21,,,,,03/04/2026,,": "purchased_on: “03/04/2026” is no day",
        "X5,Antminer S21,,,,,30.02.2026,,": "purchased_on: “30.02.2026” is no day",
        "X6,Antminer S21,MicroBT,,,,,,": "maker: “MicroBT”, but Antminer S21 is made by Bitmain.",
        "X7,Antminer S21,,,,,,2026-11-20T09:07:00+00:00,Aurora Mining AG": "owner_since: ownership changes at",
        "X8,Antminer S21,,,,,,2036-11-20,Aurora Mining AG": "owner_since: 2036-11-20T00:00:00+01:00 lies in",
        "X9,Antminer S21,,,,,,2026-11-01,": "customer: whose the machine is has to be stated with it.",
    }
    Customer.objects.filter(pk=customer_a.pk).update(time_zone="Europe/Berlin")
    kept = upload(head + "\n".join(wrong) + "\n", root, now)
    assert [line for line, _text in problems(kept)] == list(range(2, 11))
    for (_line, text), words in zip(problems(kept), wrong.values(), strict=True):
        assert text.startswith(words)


def test_doubles_within_the_file_and_against_the_fleet(
    rack: Rack, machines: Callable[..., list[Miner]], root: User, now: datetime
) -> None:
    (there,) = machines(1)
    spot = fleet.Spot(rack.zone.site, rack.zone, rack, {there.pk: 1})
    fleet.place_miners([there], spot=spot, by=root, at=now)
    fleet.change_miner(there.reload(), changes={"address": "10.0.0.1"}, by=root, at=now)
    text = "serial,model,site,zone,rack,slot,address\n" + "\n".join([
        "A,Antminer S21,Odessa,Hall 1,R1,2,10.0.0.2", "a,Antminer S21,,,,,", "B,Antminer S21,Odessa,Hall 1,R1,2,",
        "C,Antminer S21,Odessa,Hall 1,,,10.0.0.2", "D,Antminer S21,Odessa,Hall 1,R1,1,",
        "E,Antminer S21,Odessa,Hall 1,,,10.0.0.1", f"{there.serial},Antminer S21,Odessa,Hall 1,R1,3,",
    ])  # fmt: skip
    assert problems(upload(text, root, now)) == [
        (3, "serial: line 2 has the same serial number of this maker."),
        (4, "slot: line 2 puts a machine into the same slot."),
        (5, "address: line 2 has the same address at this site."),
        (6, f"slot: {there} stands in slot 1."),
        (7, f"address: {there} has this address at this site."),
        (8, f"serial: {there} is in the fleet already, with another slot. An import changes nothing."),
    ]


def test_an_overfull_zone_is_refused_by_how_many_kw(zone: Zone, model: MinerModel, root: User, now: datetime) -> None:
    rows = "".join(f"S{n},Antminer S21,Odessa,Hall 1,,,\n" for n in range(23))
    kept = upload(HEAD + rows, root, now)
    assert problems(kept) == [
        (None, "Odessa / Hall 1 has 80 kW, of which 0 kW are taken; 80.5 kW more are 0.5 kW too much.")
    ]


def test_an_unknown_model_is_kept_as_written_and_placed_only_with_its_power(
    zone: Zone, root: User, now: datetime
) -> None:
    head = "serial,maker,model,power_w,site,zone\n"
    kept = upload(f"{head}A,Acme,Digger 9,,,\nB,Acme,Digger 9,2000,Odessa,Hall 1\n", root, now)
    confirmed(kept, root, now)
    assert list(Miner.objects.order_by("serial").values_list("model_text", "nameplate_w", "zone")) == [
        ("Digger 9", None, None), ("Digger 9", 2000, zone.pk),
    ]  # fmt: skip
    ((line, text),) = problems(upload(f"{head}C,Acme,Digger 9,,Odessa,Hall 1\n", root, now))
    assert (line, text.startswith("model: nobody knows what “Digger 9” draws")) == (2, True)


def test_what_changed_since_the_dry_run_makes_it_fail_as_a_whole(
    zone: Zone, machines: Callable[..., list[Miner]], root: User, now: datetime
) -> None:
    kept = upload(f"{HEAD}A,Antminer S21,Odessa,Hall 1,,,\nB,Antminer S21,Odessa,Hall 1,,,\n", root, now)
    fleet.place_miners(machines(22), spot=fleet.Spot(zone.site, zone), by=root, at=now)
    failed = confirmed(kept, root, now)
    assert (failed.state, Miner.objects.filter(serial__in=["A", "B"]).count()) == (ImportState.FAILED, 0)
    assert "4 kW too much" in failed.problems[0][1]


def test_only_the_file_that_was_looked_at_is_imported(model: MinerModel, root: User, now: datetime) -> None:
    kept = upload(f"{HEAD}A,Antminer S21,,,,,\n", root, now)
    with pytest.raises(ImportRefused):
        steps.confirm(kept, sha256=hashlib.sha256(b"another").hexdigest(), by=root, at=now)
    MinerImport.objects.filter(pk=kept.pk).update(content=f"{HEAD}B,Antminer S21,,,,,\n".encode())
    with pytest.raises(ImportRefused):
        confirmed(kept.reload(), root, now)
    assert not Miner.objects.exists()


def big(count: int) -> str:
    return HEAD + "".join(f"SN{n:06d},Antminer S21,,,,,\n" for n in range(count))


def test_a_large_file_is_worked_on_in_the_background_and_survives_being_killed(
    model: MinerModel, root: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = upload(big(3000), root, now)
    assert (kept.state, DueWork.objects.get().payload["import_id"]) == (ImportState.UPLOADED, kept.pk)
    payload = DueWork.objects.get().payload
    work_on_import(payload, lambda: True)
    assert (kept.reload().state, kept.report["new"]) == (ImportState.CHECKED, 3000)
    confirmed(kept, root, now)
    assert (kept.reload().state, Miner.objects.count()) == (ImportState.CONFIRMED, 0)
    told: list[int] = []

    def dies(done: int) -> None:
        told.append(done)
        if done == 2000:
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        steps.work_on(kept.pk, language="en", at=now, finish=lambda: True, progress=dies)
    assert (kept.reload().state, Miner.objects.count(), told) == (ImportState.CONFIRMED, 0, [1000, 2000])
    for _time in range(2):
        work_on_import(payload, lambda: True)
    assert (kept.reload().state, Miner.objects.count()) == (ImportState.DONE, 3000)
    assert MinerOperation.objects.count() == 3000


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"serial,model\nM\xfcller,x\n", "a.csv", "Line 2 is not UTF-8"),
        (b"serial,model\nA\x00B,x\n", "a.csv", "NUL"),
        (b"serial,model,colour\nA,x,red\n", "a.csv", "unknown columns: colour"),
        (b"model\nx\n", "a.csv", "missing columns: serial"),
        (b"serial,sn,model\nA,B,x\n", "a.csv", "columns named twice: serial"),
        (b"serial,model\n" + b"A,x\n" * 25_001, "a.csv", "more than 25000 rows"),
        (b"serial,model\n" + b"A,x\n" * 1_200_000, "a.csv", "larger than"),
        (b"PK\x03\x04nonsense", "a.xlsx", "no readable XLSX"),
        (b"", "a.csv", "is empty"),
    ],
)
def test_a_file_that_is_no_table_of_machines(content: bytes, name: str, words: str, root: User, now: datetime) -> None:
    with pytest.raises(FileRefused, match=words):
        steps.receive(content, name=name, by=root, at=now)
    assert not MinerImport.objects.exists()


def test_a_workbook_with_dates_numbers_and_formulas(model: MinerModel, root: User, now: datetime) -> None:
    book = Workbook()
    sheet: Any = book.active
    sheet.append(["Serial number", "Model", "Port", "Purchase date", "Note"])
    sheet.append(["A", "Antminer S21", 4029, datetime(2026, 10, 1), "=1+1"])
    sheet.append([12345, "Antminer S21", 4028.0, "01.10.2026", None])
    target = io.BytesIO()
    book.save(target)
    kept = steps.receive(target.getvalue(), name="farm.xlsx", by=root, at=now)
    confirmed(kept, root, now)
    assert list(Miner.objects.order_by("port").values_list("serial", "port", "internal_note")) == [
        ("12345", 4028, ""), ("A", 4029, ""),
    ]  # fmt: skip
    assert {str(day) for day in Miner.objects.values_list("purchased_on", flat=True)} == {"2026-10-01"}


def test_what_came_to_nothing_goes_after_a_month(model: MinerModel, root: User, now: datetime) -> None:
    done = confirmed(upload(f"{HEAD}A,Antminer S21,,,,,\n", root, now), root, now)
    loose = upload(f"{HEAD}B,Antminer S21,,,,,\n", root, now)
    upload(f"{HEAD}C,Antminer S21,,,,,\n", root, now + timedelta(days=31))
    assert set(MinerImport.objects.values_list("pk", flat=True)) >= {done.pk}
    assert not MinerImport.objects.filter(pk=loose.pk).exists()


def test_any_cells_give_findings_and_never_an_error(rack: Rack, model: MinerModel, root: User, now: datetime) -> None:
    dice = random.Random(20261129)
    pieces = ["", "A", "Antminer S21", "Odessa", "Hall 1", "R1", "1", "-1", "9" * 40, "=x", "\u202e", "ÄÖ", "😀", "'",
              "1e9", "0001-01-01", "10.0.0.1", "::1", "2026-11-01", "24:00", "None", "\t"]  # fmt: skip
    head = "serial,maker,model,site,zone,rack,slot,customer,address,port,mac,power_w,purchased_on,owner_since,note"
    rows = [",".join(dice.choice(pieces) for _column in head.split(",")) for _row in range(400)]
    kept = upload(head + "\n" + "\n".join(rows), root, datetime(2026, 11, 29, tzinfo=UTC))
    assert kept.report["rows"] <= 400
    assert kept.state in (ImportState.CHECKED, ImportState.REFUSED)
    assert len(problems(kept)) > 200
