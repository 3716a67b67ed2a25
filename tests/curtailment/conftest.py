"""Fixtures of curtailment."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from accounts.models import User
from curtailment.clients import dispatch_simulator
from curtailment.models import Programme, SiteControl, VtnConnection, VtnResource
from tests import factories
from tests.curtailment.programme import let_act, make_programme
from tests.curtailment.site import Ground, make_ground
from tests.factories import NOW


@pytest.fixture
def ground(root: User) -> Ground:
    """Twenty machines of 3.5 kW at a site of 1,000 kW."""
    made = make_ground(root, NOW)
    SiteControl.objects.create(site=made.site, min_off_minutes=0, min_on_minutes=0)
    return made


@pytest.fixture
def other_ground(root: User) -> Ground:
    """Eighty machines elsewhere."""
    made = make_ground(root, NOW, count=80, name="East", net=2)
    SiteControl.objects.create(site=made.site, min_off_minutes=0, min_on_minutes=0)
    return made


@pytest.fixture
def alice_of_staff(db: None) -> User:
    """A second person of the house."""
    made: User = factories.UserFactory(is_staff=True)
    return made


@pytest.fixture
def now() -> datetime:
    """The moment the tests happen at."""
    return NOW


@pytest.fixture
def programme(ground: Ground, root: User) -> Programme:
    """May call off four machines."""
    let_act(ground.site, root)
    return make_programme(root, ground.site, kw=14)


@pytest.fixture
def own_network(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server stands in a network of the house."""
    settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    monkeypatch.setattr("curtailment.clients.openadr.PAUSE_S", 0)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[dispatch_simulator.Vtn]:
    """With one program; of 3.1, or as the test says (``vtn.BOTH``)."""
    with dispatch_simulator.Vtn(newer=getattr(request, "param", True)) as made:
        made.add_program("Peak")
        yield made


@pytest.fixture
def link(server: dispatch_simulator.Vtn, ground: Ground, programme: Programme, own_network: None) -> VtnConnection:
    """To it; the ground is known there as west."""
    Programme.objects.update(allows_open_ended=True)
    programme.refresh_from_db()
    row = VtnConnection(
        name="Grid", programme=programme, base_url=server.url, client_id=server.client_id, ven_name="hashinsight",
        openadr_version="3.1" if server.newer else "3.0", created_at=ground.now,
    )  # fmt: skip
    row.conceal_client_secret(server.client_secret)
    row.full_clean()
    row.save()
    VtnResource.objects.create(connection=row, site=ground.site, name="west", targets="north\nsouth")
    return row
