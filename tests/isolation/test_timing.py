"""T7, time: a row of somebody else costs the same work as one that nobody has.

A clock on a busy machine proves little, and what takes time here is the database: the statements it is asked are
compared, one by one, for every address that names a row.
"""

import os
import random
import re
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from crm.models import Invoice
from hashinsight.common.api import views
from tests.api.client import Caller
from tests.isolation import leaks
from tests.isolation.matrix import Ask, Cell
from tests.isolation.world import World

NIGHTLY = os.environ.get("HASHINSIGHT_NIGHTLY") == "1"
SEED = int(os.environ.get("HASHINSIGHT_SEED") or random.SystemRandom().randrange(10**6))
# What differs from call to call without saying anything: ids, moments, numbers, names of savepoints.
VALUE = re.compile(r"'(?:[^']|'')*'(?:::\w+(?:\[\])?)?|\b\d[\d.]*\b|\"?\bs\d+_x\d+\"?")


def work(caller: Caller, ask: Ask) -> list[str]:
    """The statements a request makes the database carry out, without the values in them; it is taken back."""
    with transaction.atomic():
        with CaptureQueriesContext(connection) as caught:
            ask.send(caller)
        transaction.set_rollback(True)
    return [VALUE.sub("?", query["sql"]) for query in caught]


def by_id(cells: list[Cell], tenant: str) -> list[Cell]:
    """Every method and address with the id of a tenant's row, beside the same with an id that nobody has."""
    return [cell for cell in cells if cell.twin is not None and cell.tenant == tenant and cell.way in ("path", "file")]


def chosen(cells: list[Cell]) -> list[Cell]:
    """All in the nightly run; else of each collection and method every tenth, and one at least."""
    if NIGHTLY:
        return cells
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.resource, cell.attack.method), []).append(cell)
    dice = random.Random(SEED)
    return [cell for group in groups.values() for cell in dice.sample(group, max(1, len(group) // 10))]


def telling(world: World, cells: list[Cell]) -> list[str]:
    """Cells where the foreign row costs other work than none."""
    caller: Caller = world.attacker.rows["customer_admin caller"]
    work(caller, cells[0].attack)  # whatever a process does once
    return [str(cell) for cell in cells if cell.twin and work(caller, cell.attack) != work(caller, cell.twin)]


def test_a_foreign_row_costs_the_same_work_as_none(world: World, cells: list[Cell]) -> None:
    foreign = by_id(cells, "b")
    assert len({cell.attack.path for cell in foreign}) > 30
    print(f"\nHASHINSIGHT_SEED={SEED}")
    assert telling(world, chosen(foreign)) == []


def test_control_a_look_that_comes_before_the_question_whose_it_is_is_found(
    world: World, cells: list[Cell], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: the row is read first, its lines as well, and only then refused."""
    real = views.ResourceViewSet.get_row

    def hasty(self: Any) -> Any:
        for invoice in Invoice.objects.filter(public_id=self.kwargs["id"]):
            list(invoice.lines.all())
        return real(self)

    # Only requests that come as far as a look: GET /invoices/{id}/cancel/, say, is refused for its method before.
    reads = re.compile(r"/invoices/[^/]+/$")
    invoices = [cell for cell in by_id(cells, "b") if cell.attack.method == "GET" and reads.match(cell.attack.path)]
    leaks.without_walls(monkeypatch)  # row security alone would already keep such a look from seeing anything
    monkeypatch.setattr(views.ResourceViewSet, "get_row", hasty)
    assert telling(world, invoices) == [str(cell) for cell in invoices]
    assert invoices
