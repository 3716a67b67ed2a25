"""Machines people reckon with: entered, changed, maintained, forgotten; seen by their own person alone."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import User
from crm.models import Customer
from hashinsight.common.scoping import client_scope
from hashinsight.events.models import OutboxEvent
from hosting.domain import fleet
from hosting.models import Miner, MinerModel
from intelligence.domain import user_miners
from intelligence.domain.user_miners import UserMinerRefused, create_user_miner
from intelligence.models import UserMiner
from tests.api.client import Caller

DEC = Decimal


@pytest.fixture
def mine(alice: User, model: MinerModel, now: datetime) -> UserMiner:
    """Three of alice's."""
    return create_user_miner(
        user=alice, miner_model=model, quantity=3, electricity_cost_usd_per_kwh=DEC("0.06"), by=alice, at=now
    )


@pytest.fixture
def own_model(model: MinerModel, customer_a: Customer, root: User, now: datetime) -> MinerModel:
    """A machine of it is customer A's, so that its people see the model."""
    (miner,) = fleet.register_miners([Miner(serial="SN1", model=model)], by=root, at=now)
    fleet.assign_miners([miner], customer=customer_a, since=now, by=root, at=now)
    return model


def events() -> list[tuple[str, Any, str]]:
    """What was told, oldest first."""
    rows = OutboxEvent.objects.filter(kind__startswith="user_miner.").order_by("pk")
    return [(row.kind, row.user_id, row.aggregate_id) for row in rows]


def test_figures_that_are_not_said_are_those_of_the_model(mine: UserMiner, alice: User) -> None:
    assert (mine.actual_hashrate_ths, mine.original_hashrate_ths, mine.actual_power_w) == (200, 200, 3500)
    assert (mine.actual_price_usd, mine.decay_percent_monthly, mine.status) == (3000, DEC("0.5"), "active")
    assert (mine.maintenance_count, mine.last_maintenance_on, mine.model_name) == (0, None, "S21")
    assert events() == [("user_miner.created", alice.pk, str(mine.public_id))]


def test_the_hashrate_it_was_entered_with_stays(mine: UserMiner, alice: User) -> None:
    changed = user_miners.change_user_miner(
        mine, changes={"actual_hashrate_ths": DEC("191.5"), "custom_name": "Garage"}, by=alice
    )
    assert (changed.actual_hashrate_ths, changed.original_hashrate_ths) == (DEC("191.5"), 200)
    assert (str(changed), changed.version) == ("Garage", 2)
    assert [kind for kind, _user, _id in events()] == ["user_miner.created", "user_miner.changed"]
    user_miners.change_user_miner(changed, changes={}, by=alice)
    assert len(events()) == 2


def test_a_maintenance_is_dated_and_counted(mine: UserMiner, alice: User, now: datetime) -> None:
    first = user_miners.maintain_user_miner(mine, on=date(2026, 10, 1), by=alice, at=now)
    again = user_miners.maintain_user_miner(first, on=date(2026, 10, 1), by=alice, at=now)
    assert (again.last_maintenance_on, again.maintenance_count) == (date(2026, 10, 1), 2)
    with pytest.raises(UserMinerRefused, match="2026-10-01 already"):
        user_miners.maintain_user_miner(again, on=date(2026, 9, 30), by=alice, at=now)
    with pytest.raises(UserMinerRefused, match="still to come"):
        user_miners.maintain_user_miner(again, on=now.date() + timedelta(days=2), by=alice, at=now)
    assert UserMiner.objects.get().maintenance_count == 2


def test_deleting_tells(mine: UserMiner, alice: User) -> None:
    user_miners.delete_user_miner(mine, by=alice)
    assert not UserMiner.objects.exists()
    assert events()[-1] == ("user_miner.deleted", alice.pk, str(mine.public_id))


def test_one_person_keeps_so_many_entries(mine: UserMiner, alice: User, bob: User, model: MinerModel, now: datetime,
                                          monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(user_miners, "MOST_PER_USER", 1)
    fields: dict[str, Any] = {"miner_model": model, "electricity_cost_usd_per_kwh": DEC("0.06"), "at": now}
    with pytest.raises(UserMinerRefused):
        create_user_miner(user=alice, by=alice, **fields)
    assert create_user_miner(user=bob, by=bob, **fields).pk


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantity": 0}, {"actual_hashrate_ths": DEC(0)}, {"actual_power_w": DEC(0)}, {"actual_price_usd": DEC(-1)},
        {"electricity_cost_usd_per_kwh": DEC(11)}, {"decay_percent_monthly": DEC(101)}, {"status": "lost"},
        {"maintenance_count": 1},
    ],
    ids=lambda wrong: next(iter(wrong)),
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_the_database_refuses_it_too(
    mine: UserMiner, alice: User, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        user_miners.change_user_miner(mine, changes=wrong, by=alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        UserMiner.objects.filter(pk=mine.pk).update(**wrong)


def test_each_person_sees_own_rows_alone(mine: UserMiner, alice: User, bob: User, charlie: User, clerk: User) -> None:
    seen = {user: list(UserMiner.objects.visible_to(user)) for user in (alice, bob, charlie, clerk)}
    assert seen == {alice: [mine], bob: [], charlie: [], clerk: [mine]}
    # Bob is of the same customer; the database does not show it to him either.
    for user, wanted in ((alice, [mine.pk]), (bob, []), (charlie, [])):
        with client_scope([], user_id=user.pk):
            assert list(UserMiner.objects.values_list("pk", flat=True)) == wanted


# --- the API --------------------------------------------------------------------------------------------------
def test_a_client_enters_changes_maintains_and_forgets(
    own_model: MinerModel, bob: User, alice: User, frozen: datetime
) -> None:
    caller = Caller(bob)
    body = {"miner_model": str(own_model.public_id), "electricity_cost_usd_per_kwh": "0.07", "quantity": 2}
    made = caller.post("/user-miners/", body)
    assert made.status_code == 201, made.content
    row = made.json()
    assert (row["model_name"], row["actual_hashrate_ths"], row["miner_model"]) == ("S21", "200", body["miner_model"])
    address = f"/user-miners/{row['id']}/"
    assert caller.patch(address, {"status": "inactive"}).json()["status"] == "inactive"
    maintained = caller.post(f"{address}maintain/", {"on": "2026-11-19"}).json()
    assert (maintained["maintenance_count"], maintained["last_maintenance_on"]) == (1, "2026-11-19")
    assert [one["id"] for one in caller.get("/user-miners/?status=inactive").json()["results"]] == [row["id"]]
    assert Caller(alice).get(address).status_code == 404
    assert caller.call("DELETE", address).status_code == 204
    assert caller.get(address).status_code == 404


def test_a_model_of_others_is_one_that_is_not_there(model: MinerModel, charlie: User, frozen: datetime) -> None:
    body = {"miner_model": str(model.public_id), "electricity_cost_usd_per_kwh": "0.07"}
    answer = Caller(charlie).post("/user-miners/", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "#/miner_model")


def test_a_row_stays_when_the_model_is_seen_no_more(mine: UserMiner, alice: User, frozen: datetime) -> None:
    row = Caller(alice).get(f"/user-miners/{mine.public_id}/").json()
    assert (row["miner_model"], row["model_name"]) == (None, "S21")


# --- the back office ------------------------------------------------------------------------------------------
def test_the_admin_writes_through_the_domain(root: User, alice: User, model: MinerModel, sign_in: Any) -> None:
    client = sign_in(root)
    form = {
        "user": str(alice.pk), "miner_model": model.pk, "custom_name": "Hall", "status": "active", "quantity": "5",
        "location": "", "purchased_on": "", "actual_hashrate_ths": "198", "decay_percent_monthly": "0.5",
        "actual_power_w": "3500", "actual_price_usd": "2500", "electricity_cost_usd_per_kwh": "0.05",
    }  # fmt: skip
    answer = client.post("/admin/intelligence/userminer/add/", form)
    assert answer.status_code == 302, answer.context["errors"]
    row = UserMiner.objects.get()
    assert (row.user, row.original_hashrate_ths, row.quantity) == (alice, 198, 5)
    page = f"/admin/intelligence/userminer/{row.pk}/"
    changed = client.post(f"{page}change/", {**form, "quantity": "6", "version_seen": str(row.version)})
    assert changed.status_code == 302, changed.context["errors"]
    shown = client.get(f"{page}maintain/")
    day = date(2026, 11, 1)
    client.post(f"{page}maintain/", {"on": day.isoformat(), "seen": shown.context["seen"]})
    row.refresh_from_db()
    assert (row.quantity, row.original_hashrate_ths, row.last_maintenance_on) == (6, 198, day)
    client.post(f"{page}delete/", {"post": "yes"})
    assert [kind for kind, _user, _id in events()] == [
        "user_miner.created", "user_miner.changed", "user_miner.changed", "user_miner.deleted",
    ]  # fmt: skip


def test_figures_left_empty_on_the_form_are_those_of_the_model(
    root: User, alice: User, model: MinerModel, sign_in: Any
) -> None:
    form = {
        "user": str(alice.pk), "miner_model": model.pk, "status": "active", "quantity": "1",
        "decay_percent_monthly": "0.5", "electricity_cost_usd_per_kwh": "0.05", "actual_power_w": "3400",
    }  # fmt: skip
    answer = sign_in(root).post("/admin/intelligence/userminer/add/", form)
    assert answer.status_code == 302, answer.context["errors"]
    row = UserMiner.objects.get()
    assert (row.actual_hashrate_ths, row.actual_power_w, row.actual_price_usd) == (200, 3400, 3000)
