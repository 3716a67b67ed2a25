"""Emergencies: one person acts alone, owners hear of it, somebody else looks at it the next day."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from curtailment.domain import plans, watching
from tests.curtailment.site import Ground

pytestmark = pytest.mark.django_db
SITES = "/admin/hosting/site"


@pytest.fixture
def page(client: Client, root: User) -> Client:
    """Somebody who may do everything, signed in."""
    client.force_login(root)
    return client


def test_a_review_is_due_the_next_day_of_the_site(ground: Ground, root: User) -> None:
    ground.site.time_zone = "America/Chicago"
    ground.site.save()
    at = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # 20:00 on the 19th there
    plan = plans.emergency_curtail(ground.site, reason="fire", by=root, at=at)
    midnight = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
    assert list(watching.reviews_due(midnight - timedelta(minutes=1))) == []
    assert [one.key for one in watching.reviews_due(midnight)] == [str(plan.public_id)]


def test_a_review_is_due_where_the_day_begins_before_that_of_utc(ground: Ground, root: User) -> None:
    ground.site.time_zone = "Pacific/Auckland"
    ground.site.save()
    at = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # 15:00 there
    plans.emergency_curtail(ground.site, reason="fire", by=root, at=at)
    midnight = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
    assert list(watching.reviews_due(midnight - timedelta(minutes=1))) == []
    assert len(list(watching.reviews_due(midnight))) == 1


def test_whoever_types_the_reason_knows_that_clients_read_it(ground: Ground, page: Client) -> None:
    form = page.get(f"{SITES}/{ground.site.pk}/emergency/").context["form"]
    assert str(form.fields["reason"].help_text) == "In words; clients read it."
