"""Programmes among the tenants: each calls on sites that are committed to it, and learns of no other."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.utils import timezone

from curtailment.domain.dispatch import programmes
from curtailment.models import DispatchMessage, Programme, ProgrammeCommitment
from tests.curtailment.programme import hours, post
from tests.isolation.world import NOBODY, Tenant, World


@pytest.fixture(autouse=True)
def _taken_back(world: World) -> Iterator[None]:
    """The world is committed; what is added here goes again."""
    cache.clear()
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def programme_at(tenant: Tenant) -> Programme:
    """Committed at the site of a tenant."""
    made = programmes.create_programme(by=tenant.root, at=timezone.now(), name=f"P-{tenant.name}")
    ProgrammeCommitment.objects.create(programme=made, site=tenant.rows["site"], kw=10, valid_from=date(2020, 1, 1))
    return made


def body(site: str = "") -> dict[str, Any]:
    """An hour of one kilowatt."""
    now = timezone.now()
    said = {"dispatch": "D", "starts_at": now + hours(1), "ends_at": now + hours(2), "kw": "1"}
    return {**said, "site": site} if site else said


def test_a_programme_cannot_tell_a_foreign_site_from_none(world: World) -> None:
    mine, other = world.attacker, world.foreign[0]
    programme = programme_at(mine)
    programme_at(other)
    told = []
    for site in (other.id("site"), NOBODY, str(other.rows["site"])):
        answer = post(programme, body(site))
        told.append((answer.status_code, answer.json()["code"], answer.json()["detail"]))
    assert set(told) == {(409, "unknown_site", told[0][2])}
    own = post(programme, body(mine.id("site")))
    assert own.status_code == 201
    for kind in ("site", "miner", "customer"):
        assert other.id(kind) not in own.content.decode()


def test_a_signature_opens_the_door_of_its_own_programme_alone(world: World) -> None:
    mine, other = programme_at(world.attacker), programme_at(world.foreign[0])
    assert post(other, body(), secret=mine.reveal_secret()).status_code == 401
    assert not DispatchMessage.objects.filter(programme=other).exists()


@pytest.mark.parametrize("who", ["customer_admin caller", "customer_viewer caller", "root"])
def test_no_key_of_a_person_opens_the_door_of_a_programme(world: World, who: str) -> None:
    caller = world.root if who == "root" else world.attacker.rows[who]
    programme = programme_at(world.attacker)
    answer = Client().post(
        f"/api/v1/dispatches/{programme.public_id}/", json.dumps(body(), default=str),
        content_type="application/json", headers={"Authorization": f"Bearer {caller.secret}"},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_invalid")
    assert not DispatchMessage.objects.exists()
