"""Logins of machines: they open in their own place only, and nowhere is one to be read (TRUST T17)."""

import base64
import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from accounts.models import User
from crm.models import Customer
from hashinsight.common.secret_rotation import rotate_all
from hashinsight.common.secrets import key_id_of
from hosting.domain import fleet, miner_secrets
from hosting.domain.fleet import Spot
from hosting.domain.miner_secrets import SecretRefused
from hosting.engine.sealing import SealUnreadable, open_with
from hosting.enums import SecretMode
from hosting.models import EdgeDevice, Miner, MinerOperation, MinerSecret, Zone
from tests.hosting.engine.test_sealing import pair
from tests.support.standing import standing

Machines = Callable[..., list[Miner]]
CANARY = "canary-7f3a9"
SECRET_TABLES = ("hosting_minersecret", "hosting_minersecretevent")


def login(miners: list[Miner], root: User, at: datetime, password: str = CANARY, **more: Any) -> list[MinerSecret]:
    """One for all."""
    return miner_secrets.set_login(miners, username="root", password=password, by=root, at=at, **more)


def opened(miners: list[Miner]) -> dict[int, str]:
    """What the collector gets."""
    return {key: found.password for key, found in miner_secrets.credentials_of([miner.pk for miner in miners]).items()}


def test_a_new_login_takes_the_place_of_the_old_one(machines: Machines, root: User, now: datetime) -> None:
    made = machines(2)
    login(made, root, now, "first")
    login(made[:1], root, now, "second")
    assert opened(made) == {made[0].pk: "second", made[1].pk: "first"}
    assert list(MinerSecret.objects.filter(miner=made[0]).order_by("counter").values_list("counter", flat=True)) == [
        1,
        2,
    ]
    assert miner_secrets.forget_login(made, by=root, at=now) == 2
    assert opened(made) == {}


def test_nothing_that_was_moved_put_back_or_changed_opens(
    machines: Machines, root: User, customer_a: Customer, now: datetime
) -> None:
    made = machines(40)
    fleet.assign_miners(made[::2], customer=customer_a, since=fleet.quarter_hour(now), by=root, at=now)
    old = {secret.miner_id: secret.ciphertext for secret in login(made, root, now, "old")}
    new = {secret.miner_id: secret.ciphertext for secret in login(made, root, now, "new")}
    dice = random.Random(5)
    current = MinerSecret.objects.filter(superseded_at__isnull=True)

    def tried(texts: dict[int, str]) -> list[str]:
        with transaction.atomic(), connection.cursor() as cursor:
            for miner, text in texts.items():
                cursor.execute(
                    "UPDATE hosting_minersecret SET ciphertext = %s WHERE miner_id = %s AND superseded_at IS NULL",
                    [text, miner],
                )
            found = list(opened(made).values())
            transaction.set_rollback(True)
        return found

    keys = list(new)
    for by in (1, 2):  # swapped with a machine of another owner, and of the same
        assert tried({key: new[other] for key, other in zip(keys, keys[by:] + keys[:by], strict=True)}) == []
    assert tried(old) == []  # rolled back
    for _turn in range(5):
        assert tried({key: _flipped(text, dice) for key, text in new.items()}) == []
    assert tried(new) == ["new"] * 40  # the control: untouched they open
    assert current.count() == 40


def _flipped(text: str, dice: random.Random) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    at = dice.randrange(text.index(".", 3) + 1, len(text))
    return text[:at] + dice.choice([one for one in letters if one != text[at]]) + text[at + 1 :]


def test_the_database_keeps_the_counter_and_the_past(machines: Machines, root: User, now: datetime) -> None:
    (miner,) = machines(1)
    login([miner], root, now, "old")
    (new,) = login([miner], root, now, "new")
    for statement in (
        "UPDATE hosting_minersecret SET counter = counter + 1",
        "UPDATE hosting_minersecret SET superseded_at = NULL",
        "UPDATE hosting_minersecret SET mode = 1",
        "UPDATE hosting_minersecret SET fingerprint = 'x'",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    MinerSecret.objects.filter(pk=new.pk).update(superseded_at=now, ciphertext="")
    with pytest.raises(IntegrityError), transaction.atomic():
        MinerSecret.objects.create(miner=miner, counter=1, ciphertext="x", fingerprint="x")


def test_machines_that_change_hands_keep_their_login_bound_to_the_new_owner(
    machines: Machines, root: User, customer_a: Customer, customer_b: Customer, now: datetime
) -> None:
    made = machines(2)
    (first, _second) = login(made, root, now)
    for customer in (customer_a, customer_b):
        fleet.assign_miners(made, customer=customer, since=fleet.quarter_hour(now), by=root, at=now)
        assert opened([miner.reload() for miner in made]) == {miner.pk: CANARY for miner in made}
    # Behind the domain's back: a machine of another owner is not opened with this login.
    Miner.objects.filter(pk=made[1].pk).update(customer=customer_a)
    assert opened(made) == {made[0].pk: CANARY}
    kept = MinerSecret.objects.get(miner=made[0], superseded_at__isnull=True)
    assert kept.counter == 3
    assert kept.ciphertext != first.ciphertext


@pytest.fixture
@standing
def device(zone: Zone, now: datetime) -> tuple[EdgeDevice, bytes]:
    """With the private key it keeps."""
    private, public = pair()
    row = EdgeDevice.objects.create(
        serial="E1", name="Edge", site=zone.site, status="active", public_key=base64.b64encode(public).decode(),
        registered_at=now,
    )  # fmt: skip
    return row, private


def test_a_sealed_login_opens_on_its_device_alone_and_others_are_sealed_on_the_way(
    machines: Machines, zone: Zone, root: User, now: datetime, device: tuple[EdgeDevice, bytes]
) -> None:
    edge, private = device
    made = machines(2)
    fleet.place_miners(made, spot=Spot(zone.site, zone), by=root, at=now)
    made = [miner.reload() for miner in made]
    login(made[:1], root, now, mode=SecretMode.SEALED, device=edge)
    login(made[1:], root, now, "other")
    assert opened(made) == {made[1].pk: "other"}
    handed = miner_secrets.sealed_for(edge, made)
    read = {
        key: json.loads(open_with(one["sealed"], private, bytes.fromhex(one["associated"])))["password"]
        for key, one in handed.items()
    }
    assert read == {made[0].pk: CANARY, made[1].pk: "other"}
    with pytest.raises(SealUnreadable):
        open_with(handed[made[0].pk]["sealed"], private, bytes.fromhex(handed[made[1].pk]["associated"]))
    with pytest.raises(SecretRefused):
        login(machines(1, first=9), root, now, mode=SecretMode.SEALED, device=edge)  # stands elsewhere


def test_only_a_masked_login_is_shown_and_that_it_was_is_logged(machines: Machines, root: User, now: datetime) -> None:
    made = machines(2)
    (masked,) = login(made[:1], root, now, mode=SecretMode.MASKED)
    (used,) = login(made[1:], root, now)
    assert miner_secrets.reveal(masked, by=root, at=now).password == CANARY
    with pytest.raises(SecretRefused):
        miner_secrets.reveal(used, by=root, at=now)
    details = list(MinerOperation.objects.filter(operation="login").order_by("pk").values_list("details", flat=True))
    assert details == ["web masked", "web envelope", "web read"]


def test_the_canary_stands_nowhere(machines: Machines, root: User, client: Client, now: datetime) -> None:
    (miner,) = machines(1)
    (secret,) = login([miner], root, now, mode=SecretMode.MASKED)
    client.force_login(root)
    pages = [
        f"/admin/hosting/miner/{miner.pk}/change/", f"/admin/hosting/minersecret/{secret.pk}/change/",
        "/admin/hosting/minersecret/", f"/admin/hosting/miner/{miner.pk}/history/",
        f"/admin/hosting/minersecret/{secret.pk}/history/", f"/admin/hosting/minersecret/{secret.pk}/read/",
    ]  # fmt: skip
    for page in pages:
        answer = client.get(page)
        assert answer.status_code == 200, page
        assert CANARY not in answer.content.decode(), page
    with connection.cursor() as cursor:
        for table in (
            "hosting_minersecret",
            "hosting_minersecretevent",
            "hosting_mineroperation",
            "events_outboxevent",
        ):
            cursor.execute(f"SELECT coalesce(string_agg(row_to_json(kept)::text, ' '), '') FROM {table} kept")
            kept = cursor.fetchone()[0]
            assert CANARY not in kept, table
            assert ("ciphertext" in kept) == (table == "hosting_minersecret"), table
    form = client.get(f"/admin/hosting/minersecret/{secret.pk}/read/").context["seen"]
    shown = client.post(f"/admin/hosting/minersecret/{secret.pk}/read/", {"seen": form})
    assert CANARY in shown.content.decode()  # the one place
    assert "no-store" in shown["Cache-Control"]


def test_rotation_brings_all_under_the_new_key_and_leaves_sealed_ones(
    machines: Machines, root: User, now: datetime, settings: Any
) -> None:
    made = machines(20)
    login(made, root, now, "old")
    login(made, root, now + timedelta(minutes=1))
    settings.SECRETS_KEYS = {"k2": bytes(range(32))}
    outcome = rotate_all()
    assert outcome.unreadable == []
    current = MinerSecret.objects.filter(superseded_at__isnull=True)
    assert {key_id_of(secret.ciphertext) for secret in current} == {"k2"}
    assert opened(made) == {miner.pk: CANARY for miner in made}
    assert rotate_all().renewed == 0
