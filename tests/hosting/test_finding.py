"""Looking for machines by some letters, and the list of machines: as many queries for many, each index used."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from hosting.domain import finding, fleet
from hosting.domain.fleet import Spot
from hosting.models import Miner, MinerModel, Rack
from tests.factories import NOW
from tests.support.standing import standing

Machines = Callable[..., list[Miner]]
LIST = "/admin/hosting/miner/"


@pytest.fixture
@standing
def as_root(root: User) -> Client:
    client = Client()
    client.force_login(root, backend="accounts.backends.TimeLimitedBackend")
    return client


@pytest.fixture
@standing
def some(model: MinerModel, rack: Rack, root: User, now: datetime) -> dict[str, Miner]:
    """One in a rack, one with an address and a MAC, one of a model nobody knows."""
    other = MinerModel.objects.create(name="Avalon 1566", manufacturer="Canaan", hashrate_ths=185, power_w=3420)
    rows = [
        Miner(serial="RACKED001", model=model),
        Miner(serial="Wired_002", model=other, address="10.20.3.41", mac="02:AB:CD:00:00:7F"),
        Miner(serial="ZZ%003", model_text="Größe 7", manufacturer="Selbstbau", power_limit_w=100),
    ]
    made = fleet.register_miners(rows, by=root, at=now)
    fleet.place_miners(made[:1], spot=Spot(rack.zone.site, rack.zone, rack, {made[0].pk: 1}), by=root, at=now)
    return dict(zip(("racked", "wired", "strange"), made, strict=True))


def found(text: str) -> set[str]:
    return set(finding.search_miners(Miner.objects.all(), text).values_list("serial", flat=True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "racked wired strange"),
        ("acked", "racked"),
        ("RED_0", "wired"),  # a line is no wildcard
        ("Z%0", "strange"),
        ("Z%3", ""),
        ("20.3.4", "wired"),
        ("ab:cd", "wired"),
        ("größe", "strange"),
        ("antminer", "racked"),
        ("avalon wired", "wired"),
        ("avalon racked", ""),
        ("s21 R1", "racked"),
        ("'größe 7'", "strange"),
        ("'002 02:ab'", ""),  # no word across two columns
        ("wired_002\n02", ""),
        ("r1", "racked"),  # two letters: of models and racks, and the beginning of a serial
        ("zz", "strange"),
        ("00", ""),
        ('"', ""),
        ("nobody", ""),
        ("a\x00b", ""),
    ],
)
def test_each_word_is_found_in_serial_mac_address_model_or_rack(
    some: dict[str, Miner], text: str, expected: str
) -> None:
    assert found(text) == {some[name].serial for name in expected.split()}


def test_more_words_than_anybody_types_find_nothing(some: dict[str, Miner]) -> None:
    assert found(" ".join(["racked"] * finding.MOST_WORDS)) == {"RACKED001"}
    assert found(" ".join(["racked"] * (finding.MOST_WORDS + 1))) == set()


def test_a_word_of_very_many_racks_is_looked_for_by_its_letters(
    some: dict[str, Miner], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "MOST_RACKS", 0)
    assert found("r1") == {"RACKED001"}


@pytest.mark.parametrize(
    "part",
    [
        "10.20.3.41",
        "10.20.3.",
        "0.20.3.4",
        "10.20.3",
        "20.3.4",
        "0.3.4",
        "3.41",
        ".3.4",
        "10.",
        "fd00::1a2b",
        "FD00:",
        ":1a2",
    ],
)
def test_a_part_of_an_address_is_found_wherever_it_stands(some: dict[str, Miner], root: User, part: str) -> None:
    fleet.change_miner(some["strange"], changes={"address": "fd00::1a2b"}, by=root, at=NOW)
    fleet.change_miner(some["racked"], changes={"address": "192.168.47.9"}, by=root, at=NOW)
    named = "strange" if ":" in part else "wired"
    assert found(part) == {some[named].serial}


@pytest.mark.parametrize(
    "part", ["10.20.30.4", "20.3.5", "0.20.33", "10.256.3.", "10.20.3.41.", "3.42", "fd01:", "10X20"]
)
def test_what_stands_in_no_address_is_not_found(some: dict[str, Miner], part: str) -> None:
    assert found(part) == set()


def test_figures_of_an_address_may_stand_in_a_serial(some: dict[str, Miner], machines: Machines) -> None:
    (other,) = machines(1)
    Miner.objects.filter(pk=other.pk).update(serial="V10.20.3.7")
    assert found("10.20.3.") == {"V10.20.3.7", "Wired_002"}


def test_the_first_numbers_of_addresses_are_told_by_steps_in_an_index(some: dict[str, Miner], root: User) -> None:
    assert finding.first_numbers() == [10]
    fleet.change_miner(some["racked"], changes={"address": "255.1.1.1"}, by=root, at=NOW)
    fleet.change_miner(some["strange"], changes={"address": "fd00::1"}, by=root, at=NOW)
    assert finding.first_numbers() == [10, 255]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {finding._FIRST_NUMBERS}", [1])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert plan.count("hosting_miner_address on") == 2, plan


def plan_of(rows: Any) -> str:
    """With so few rows reading all is cheaper; told not to, the planner must have another way."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan: str = rows.order_by().explain()
    return plan


@pytest.mark.parametrize(
    ("word", "by"),
    [
        ("acked", "hosting_miner_letters"),
        ("zz", "hosting_miner_letters"),
        ("z", "hosting_miner_letters"),
        ("10.20.3.", "hosting_miner_letters hosting_miner_address"),
        ("20.3.4", "hosting_miner_letters hosting_miner_address"),
        ("3.4", "hosting_miner_letters hosting_miner_address_letters"),
        ("fd0", "hosting_miner_letters hosting_miner_address_letters"),
    ],
)
def test_letters_are_found_by_an_index_whatever_their_number(some: dict[str, Miner], word: str, by: str) -> None:
    plan = plan_of(finding.search_miners(Miner.objects.all(), word))
    assert set(re.findall(r"Bitmap Index Scan on (\w+)", plan)) == set(by.split()), plan


def test_racks_are_found_by_an_index_of_their_letters(some: dict[str, Miner]) -> None:
    assert "hosting_rack_name_letters" in plan_of(Rack.objects.filter(name__icontains="rack1"))


def test_makers_are_told_once_each_by_steps_in_an_index(some: dict[str, Miner], machines: Machines) -> None:
    Miner.objects.filter(pk=machines(3)[0].pk).update(manufacturer="BITMAIN")
    assert [name.upper() for name in finding.makers()] == ["BITMAIN", "CANAAN", "SELBSTBAU"]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {finding._MAKERS}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert plan.count("hosting_miner_serial_once") == 2, plan


def test_nobody_made_a_machine_where_there_is_none(db: None) -> None:
    assert finding.makers() == []


def rows(client: Client, query: str) -> set[str]:
    response = client.get(f"{LIST}?{query}")
    assert response.status_code == 200
    return {row.serial for row in response.context["cl"].result_list}


def test_the_list_is_searched_and_filtered_by_maker(as_root: Client, some: dict[str, Miner]) -> None:
    assert rows(as_root, "q=acked") == {"RACKED001"}
    assert rows(as_root, "manufacturer=bitmain") == {"RACKED001"}
    assert rows(as_root, "manufacturer=Canaan&manufacturer=Selbstbau") == {"Wired_002", "ZZ%003"}
    assert rows(as_root, "manufacturer=Nobody") == set()
    page = as_root.get(LIST).content.decode()
    assert all(f'value="{maker}"' in page for maker in ("Bitmain", "Canaan", "Selbstbau"))


@pytest.mark.parametrize("query", ["", "q=sn", "q=antminer+r1", "manufacturer=Bitmain", "health__exact=unknown"])
def test_the_list_asks_as_often_for_twenty_machines_as_for_one(as_root: Client, machines: Machines, query: str) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as caught:
            rows(as_root, query)
        return len(caught)

    machines(1)
    rows(as_root, query)  # what is looked up once per process
    one = asked()
    machines(19, 2)
    assert asked() == one


def test_export_and_autocomplete_search_alike(as_root: Client, some: dict[str, Miner]) -> None:
    file: Any = as_root.get(f"{LIST}export/csv/?q=20.3.4")
    lines = b"".join(file.streaming_content).decode("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["Wired_002"]
    words = "app_label=hosting&model_name=ticket&field_name=miners"
    answer = as_root.get(f"/admin/autocomplete/?{words}&term=20.3.4")
    assert [row["id"] for row in answer.json()["results"]] == [str(some["wired"].pk)]
