"""No tenant learns anything of another: every route, verb, foreign tenant and way of asking (TRUST T7).

The ordinary run takes a seeded sample of the cells (the seed is printed; HASHINSIGHT_SEED repeats it), the nightly
run takes all of them, in all three modes.
"""

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern
from django.utils import timezone

from hashinsight import api_urls
from hashinsight.common.api.doors import DoorView
from marketdata.models import NetworkSnapshot
from tests.isolation import leaks
from tests.isolation.bodies import DOORS, SHARED
from tests.isolation.conftest import all_cells
from tests.isolation.matrix import Cell, attack, control_fails
from tests.isolation.world import World
from tests.marketdata.test_days import snapshot

NIGHTLY = os.environ.get("HASHINSIGHT_NIGHTLY") == "1"
SEED = int(os.environ.get("HASHINSIGHT_SEED") or random.SystemRandom().randrange(10**6))
# A tenth of the cells with the walls as they are; fewer with one of them down, which is more than was promised.
SAMPLE = {"both layers": 0.10, "without row security": 0.02, "without scoped querysets": 0.02}
NO_RESOURCE = {"api-schema", "api-docs", "api-no-such-route"}
WAYS = {"path", "file", "condition", "list", "filter", "search", "ordering", "cursor", "body", "nested"}


@pytest.fixture(scope="module")
def rng() -> random.Random:
    """Chooses the sample."""
    print(f"\nisolation matrix: HASHINSIGHT_SEED={SEED}")
    return random.Random(SEED)


@pytest.fixture
def production_like(settings: Any) -> None:
    """The scope of a client is the outermost transaction, as in production."""
    settings.CLIENT_SCOPE_DURABLE = True


def chosen(cells: list[Cell], rng: random.Random, share: float) -> list[Cell]:
    """The sample: of each resource and way at least one cell."""
    if NIGHTLY:
        return cells
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.resource, cell.way), []).append(cell)
    return [cell for group in groups.values() for cell in rng.sample(group, max(1, round(len(group) * share)))]


def routes_of_resolver() -> set[tuple[str, str]]:
    """Method and path of every API route that Django would answer."""
    found: set[tuple[str, str]] = set()
    for pattern in api_urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        if pattern.name in NO_RESOURCE:
            continue
        path = "/api/v1/" + str(pattern.pattern).replace("<uuid:id>", "{id}")
        door = issubclass(pattern.callback.cls, DoorView)  # type: ignore[attr-defined]
        alone = pattern.callback.cls.http_method_names if door else ["get"]  # type: ignore[attr-defined]
        methods: Iterator[str] = iter(getattr(pattern.callback, "actions", None) or alone)
        found |= {(method, path) for method in methods if method != "head"}
    return found


def test_resolver_and_openapi_name_the_same_routes(spec: dict[str, Any]) -> None:
    documented = {(method, path) for path, methods in spec["paths"].items() for method in methods}
    assert routes_of_resolver() == documented
    assert len(documented) >= 40


def test_the_matrix_has_every_way_of_asking_for_every_collection(cells: list[Cell], spec: dict[str, Any]) -> None:
    assert {cell.way for cell in cells} == WAYS
    for path in spec["paths"]:
        resource = path.split("/")[3]
        if resource in SHARED or resource in DOORS:
            continue
        verbs = {
            cell.attack.method for cell in cells if cell.resource == resource and cell.way in ("path", "file", "list")
        }
        assert verbs == {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}, path
    assert {cell.tenant for cell in cells if cell.way == "path"} == {"b", "c", "d"}
    assert len(cells) > 1500


@pytest.mark.parametrize("mode", SAMPLE)
def test_no_tenant_learns_anything_of_another(
    world: World, cells: list[Cell], rng: random.Random, production_like: None, mode: str, monkeypatch: Any
) -> None:
    leaks.MODES[mode](monkeypatch)
    assert attack(world, *chosen(cells, rng, SAMPLE[mode])) == []


@pytest.fixture
def market(world: World) -> Iterator[None]:
    """What mining earns now: without it no day is planned."""
    made = snapshot(timezone.now())
    yield
    NetworkSnapshot.objects.filter(pk=made.pk).delete()


def test_each_call_works_for_whoever_may_make_it(
    world: World, market: None, cells: list[Cell], rng: random.Random
) -> None:
    sample = chosen(cells, rng, 0.10)
    assert sum(cell.control is not None for cell in sample) > len(sample) * 0.9
    asked: set[Any] = set()
    for cell in sample:
        key = (cell.control[0], str(cell.control[1])) if cell.control else None
        if key not in asked:
            asked.add(key)
            assert control_fails(world, cell) is None


@pytest.mark.parametrize("leak", leaks.LEAKS, ids=lambda leak: leak.plant.__name__)
def test_the_matrix_finds_a_planted_leak(
    world: World, spec: dict[str, Any], cells: list[Cell], leak: leaks.Leak, monkeypatch: Any
) -> None:
    leaks.MODES[leak.mode](monkeypatch)
    assert attack(world, *aimed_at(leak, cells)[: None if NIGHTLY else 3]) == []
    found: list[str] = []
    try:
        leak.plant(monkeypatch)
        now = all_cells(world, spec, of=leak.resources) if leak.new_links else cells
        for cell in aimed_at(leak, now):
            found += attack(world, cell)
            if found and not NIGHTLY:
                break  # one finding is enough to know; the nightly run looks at all of them
    finally:
        leak.repair(monkeypatch)
    assert found
    assert not [finding for finding in found if finding.endswith(": 500")], "the plant is broken, not leaking"


def aimed_at(leak: leaks.Leak, cells: list[Cell]) -> list[Cell]:
    """Cells of the places where a leak shows; a sample of them in the ordinary run."""
    aimed = [
        cell
        for cell in cells
        if cell.resource in leak.resources
        and cell.way in leak.ways
        and (NIGHTLY or cell.way == "body" or cell.attack.method == "GET")
    ]
    return aimed if NIGHTLY else random.Random(SEED).sample(aimed, min(len(aimed), 24))


def test_twelve_leaks_are_planted() -> None:
    assert len(leaks.LEAKS) == len({leak.plant for leak in leaks.LEAKS}) == 12
