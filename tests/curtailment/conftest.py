"""Fixtures of curtailment."""

from datetime import datetime

import pytest

from accounts.models import User
from curtailment.models import Programme, SiteControl
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
