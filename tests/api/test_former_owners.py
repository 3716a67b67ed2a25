"""A machine that changed hands: each owner reads its own time of it, and nothing else of one that is gone."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection

from accounts.models import User
from crm.models import Customer
from hashinsight.common.scoping import client_scope
from hosting.domain import fleet
from hosting.domain.fleet import quarter_hour
from hosting.models import Miner
from tests import factories
from tests.api.client import Caller
from tests.api.test_metering import moment, rows
from tests.hosting.series.history import ensure_partitions, reckon_all, store
from tests.hosting.series.oracle import Reading

pytestmark = pytest.mark.django_db
START = quarter_hour(factories.NOW) - timedelta(hours=2)
SOLD = START + timedelta(hours=1)
END = START + timedelta(hours=2)


@pytest.fixture
def sold(root: User, customer_a: Customer, customer_b: Customer) -> Miner:
    """A's for an hour, B's since; read every five minutes all along."""
    ensure_partitions(START.date(), END.date())
    row = Miner(serial="SOLD-1", manufacturer="Bitmain", model_text="Antminer S21", power_limit_w=3500)
    (miner,) = fleet.register_miners([row], by=root, at=START)
    fleet.assign_miners([miner], customer=customer_a, since=START, by=root, at=START)
    fleet.assign_miners([miner], customer=customer_b, since=SOLD, by=root, at=SOLD)
    store(Reading(miner.pk, START + timedelta(minutes=5 * step), power_w=3000.0 + step) for step in range(24))
    reckon_all(END + timedelta(days=2))
    return miner


def told(caller: Caller, miner: Miner, resolution: str) -> list[float]:
    """The power of each row."""
    first, past = (START - timedelta(days=1), END) if resolution != "day" else (START - timedelta(days=9), END)
    query = f"resolution={resolution}&starts_from={moment(first)}&starts_before={moment(past)}"
    return [row["power_w"] for row in rows(caller, f"/miners/{miner.public_id}/telemetry/?{query}")]


@pytest.mark.parametrize("resolution", ["raw", "5min", "day"])
def test_each_owner_reads_its_own_time(
    as_bob: Caller, as_charlie: Caller, as_root: Caller, sold: Miner, resolution: str
) -> None:
    former, present, staff = (told(caller, sold, resolution) for caller in (as_bob, as_charlie, as_root))
    if resolution == "day":
        assert (former, present) == ([pytest.approx(3005.5)], [pytest.approx(3017.5)])
    else:
        assert former == [3000.0 + step for step in range(12)]
        assert present == [3000.0 + step for step in range(12, 24)]
    assert sorted(staff) == sorted(former + present)


def test_of_the_machine_itself_a_former_owner_sees_nothing(as_bob: Caller, as_charlie: Caller, sold: Miner) -> None:
    assert as_bob.get(f"/miners/{sold.public_id}/").status_code == 404
    assert as_charlie.get(f"/miners/{sold.public_id}/").status_code == 200
    assert str(sold.public_id) not in as_bob.get("/miners/").content.decode()
    assert as_bob.get(f"/miners/{uuid4()}/telemetry/").status_code == 404


def test_who_never_owned_it_after_all_is_a_stranger(
    as_bob: Caller, as_charlie: Caller, root: User, sold: Miner, customer_b: Customer
) -> None:
    fleet.assign_miners([sold], customer=customer_b, since=START, by=root, at=END)
    missing = as_bob.get(f"/miners/{uuid4()}/telemetry/")
    answer = as_bob.get(f"/miners/{sold.public_id}/telemetry/")
    assert answer.status_code == missing.status_code == 404
    assert {**answer.json(), "instance": 0, "request_id": 0} == {**missing.json(), "instance": 0, "request_id": 0}
    assert len(told(as_charlie, sold, "raw")) == 24


def test_the_database_tells_it_to_clients_of_their_own_customers_alone(
    sold: Miner, customer_a: Customer, customer_b: Customer
) -> None:
    stranger = factories.CustomerFactory()
    for ids in ([customer_a.pk], [customer_b.pk], [customer_a.pk, stranger.pk]):
        assert asked(ids, sold) == sold.pk
    assert [asked([stranger.pk], sold), asked([], sold)] == [None, None]


def asked(ids: list[int], miner: Miner) -> int | None:
    """As a client of these customers."""
    with client_scope(ids), connection.cursor() as cursor:
        cursor.execute("SELECT hosting_once_own_miner(%s)", [miner.public_id])
        found: int | None = cursor.fetchone()[0]
    return found
