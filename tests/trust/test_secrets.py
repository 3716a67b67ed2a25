"""Stored secrets: swapped, put back, bent or left behind by a key, none opens; rotation loses none."""

import base64
import copy
import io
import os
import random
import threading
import time
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test import Client

from accounts.domain.users import create_user
from accounts.mfa import NOWHERE, place_of
from accounts.models import User
from hashinsight.common import secrets
from hashinsight.common.encrypted import EncryptedField
from hashinsight.common.secret_rotation import rotate_all
from hashinsight.common.secrets import Place, SecretUnreadable, derived_key, key_id_of, open_sealed, rewrap, seal
from hashinsight.env import env_keys
from tests.factories import NOW

CANARY = "CANARY7SECRET7CANARY7SECRET7CANA"
KEYS = {"b": b"b" * 32, "a": b"a" * 32}


class Vault(models.Model):
    """A row with a secret; never stored, the field needs no table to be tried."""

    public_id = models.UUIDField()
    secret_counter = models.IntegerField(default=0)
    secret = EncryptedField(counter="secret_counter")

    class Meta:
        app_label = "support"
        managed = False

    def __str__(self) -> str:
        return str(self.public_id)


@pytest.fixture
def rounds(nightly: bool) -> int:
    """A tenth in the ordinary run."""
    return 1000 if nightly else 100


def vault(number: int) -> Vault:
    row = Vault(public_id=f"00000000-0000-7000-8000-{number:012d}")
    row.conceal_secret(f"secret {number}")
    return row


def opens(row: Vault) -> bool:
    try:
        row.reveal_secret()
    except SecretUnreadable:
        return False
    return True


def accepted_swaps(rounds: int) -> int:
    rows = [vault(n) for n in range(rounds + 1)]
    taken = 0
    for mine, other in pairwise(rows):
        kept, mine.secret = mine.secret, other.secret
        taken += opens(mine)
        mine.secret = kept
    return taken


def test_a_secret_opens_in_its_place() -> None:
    row = vault(7)

    assert row.reveal_secret() == "secret 7"
    assert "secret 7" not in row.secret
    assert row.secret_counter == 1


def test_no_swapped_secret_opens(rounds: int) -> None:
    assert accepted_swaps(rounds) == 0


def test_control_without_the_row_swaps_go_through(rounds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Place, "bytes", lambda self: f"{self.table}.{self.column}".encode())

    assert accepted_swaps(rounds) == rounds


def test_no_older_secret_opens(rounds: int) -> None:
    row = vault(1)
    taken = 0
    for number in range(rounds):
        old = row.secret
        row.conceal_secret(f"new {number}")
        new, row.secret = row.secret, old
        taken += opens(row)
        row.secret = new

    assert (taken, row.reveal_secret()) == (0, f"new {rounds - 1}")


def test_no_bent_secret_opens(rounds: int) -> None:
    row, chance = vault(1), random.Random(20261120)
    sealed, taken = row.secret, []
    for _round in range(rounds):
        place = chance.randrange(len(sealed))
        letter = chance.choice([c for c in "ABCxyz019-_.s" if c != sealed[place]])
        row.secret = sealed[:place] + letter + sealed[place + 1 :]
        if opens(row):
            taken.append(place)

    assert taken == []


@pytest.mark.parametrize(
    "bent", ["", "s1", "s1.0", "s1.0.x.y.z", "s2.0.a.b", "s1.9.AAAA.AAAA", "s1.0..", "1:AAAA", "é"]
)
def test_what_is_no_sealed_text_is_refused(bent: str) -> None:
    with pytest.raises(SecretUnreadable) as refusal:
        open_sealed(bent, NOWHERE)
    assert CANARY not in str(refusal.value)


def test_another_column_or_table_opens_nothing() -> None:
    sealed = seal("x", Place("t", "c", "1"))
    for place in (Place("t", "d", "1"), Place("u", "c", "1"), Place("tc", "", "1"), Place("t", "c", "1", 1)):
        with pytest.raises(SecretUnreadable):
            open_sealed(sealed, place)


def test_rewrapping_changes_the_key_and_not_the_secret(settings: Any) -> None:
    settings.SECRETS_KEYS = {"a": KEYS["a"]}
    sealed = seal("x", NOWHERE)
    settings.SECRETS_KEYS = KEYS
    moved = rewrap(sealed, NOWHERE)
    settings.SECRETS_KEYS = {"b": KEYS["b"]}

    assert (key_id_of(sealed), key_id_of(moved)) == ("a", "b")
    assert open_sealed(moved, NOWHERE) == "x"
    assert moved.split(".")[3] == sealed.split(".")[3]
    with pytest.raises(SecretUnreadable, match="'a' is not among SECRETS_KEYS"):
        open_sealed(sealed, NOWHERE)


@pytest.mark.parametrize(
    "value", ["x", "a:short", "a:" + base64.b64encode(b"x" * 31).decode(), ":" + base64.b64encode(b"x" * 32).decode(),
              "0:" + base64.b64encode(b"x" * 32).decode(), "a b:" + base64.b64encode(b"x" * 32).decode(),
              ",".join(["a:" + base64.b64encode(b"x" * 32).decode()] * 2)],
)  # fmt: skip
def test_senseless_keys_are_refused_by_name(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS_KEYS", value)
    with pytest.raises(ImproperlyConfigured, match="SECRETS_KEYS") as refusal:
        env_keys("SECRETS_KEYS")
    assert value not in str(refusal.value)


def test_keys_are_read_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    text = {name: base64.b64encode(key).decode() for name, key in KEYS.items()}
    monkeypatch.setenv("SECRETS_KEYS", f"b:{text['b']}, a:{text['a']}")

    assert list(env_keys("SECRETS_KEYS").items()) == list(KEYS.items())


# --- second factors -------------------------------------------------------------------------------------------
def people(count: int) -> list[User]:
    made = [create_user(f"p{n}@x.example", by=None, at=NOW) for n in range(count)]
    for user in made:
        TOTP.activate(user, CANARY)
        RecoveryCodes.activate(user)
    return made


def moves(ours: Authenticator, theirs: Authenticator, kind: str) -> bool:
    """Whether the secret of one row opens in another one."""
    ours.refresh_from_db()
    Authenticator.objects.filter(pk=theirs.pk).update(data=ours.data)
    moved = Authenticator.objects.get(pk=theirs.pk)
    try:
        return bool(get_adapter().decrypt(moved.data[kind]))
    except SecretUnreadable:
        return False


def swapped_factors(count: int) -> int:
    made = people(count)
    taken = 0
    for one, other in pairwise(made):
        for kind, name in (("totp", "secret"), ("recovery_codes", "seed")):
            ours = Authenticator.objects.get(user=one, type=kind)
            theirs = Authenticator.objects.get(user=other, type=kind)
            taken += moves(ours, theirs, name)
    return taken


def test_no_second_factor_opens_in_another_row(db: None, rounds: int) -> None:
    assert swapped_factors(rounds // 10) == 0


def test_control_bound_to_the_column_alone_they_would(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.mfa.place_of", lambda factor: Place("mfa_authenticator", "data"))

    assert swapped_factors(10) == 18


def test_a_secret_that_was_never_bound_opens_in_no_row(db: None) -> None:
    [user] = people(1)
    factor = Authenticator.objects.get(user=user, type="totp")
    Authenticator.objects.filter(pk=factor.pk).update(data={"secret": get_adapter().encrypt(CANARY)})
    factor = Authenticator.objects.get(pk=factor.pk)
    with pytest.raises(SecretUnreadable):
        get_adapter().decrypt(factor.data["secret"])


def test_a_factor_works_from_its_first_moment_on_and_after_changes(db: None) -> None:
    [user] = people(1)
    fresh = create_user("fresh@x.example", by=None, at=NOW)
    made = TOTP.activate(fresh, CANARY)
    assert get_adapter().decrypt(made.instance.data["secret"]) == CANARY
    codes = RecoveryCodes(Authenticator.objects.get(user=user, type="recovery_codes"))
    first, second, *_rest = codes.generate_codes()
    assert codes.validate_code(first)
    again = RecoveryCodes(Authenticator.objects.get(user=user, type="recovery_codes"))
    assert (again.validate_code(first), again.validate_code(second)) == (False, True)
    assert key_id_of(again.instance.data["seed"])
    copied = copy.deepcopy(again.instance.data["seed"])
    assert get_adapter().decrypt(copied) == get_adapter().decrypt(again.instance.data["seed"])


def test_rotation_brings_every_second_factor_over(db: None, settings: Any) -> None:
    people(3)
    old = Authenticator.objects.filter(type="totp").first()
    assert old is not None
    nonce = os.urandom(12)
    purpose = b"hashinsight second factor"
    body = nonce + AESGCM(derived_key(purpose)).encrypt(nonce, CANARY.encode(), purpose)
    old.data = {"secret": "1:" + base64.urlsafe_b64encode(body).decode()}
    old.save()
    settings.SECRETS_KEYS = KEYS
    first = rotate_all()
    again = rotate_all()

    assert (first.renewed, first.unreadable, again.renewed, again.current) == (6, [], 0, 6)
    for factor in Authenticator.objects.filter(type="totp"):
        assert key_id_of(factor.data["secret"]) == "b"
        assert get_adapter().decrypt(factor.data["secret"]) == CANARY


def test_a_killed_rotation_goes_on_where_it_was(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    people(3)
    settings.SECRETS_KEYS = KEYS
    left = iter([True, True])
    real = secrets.rewrap
    monkeypatch.setattr("accounts.mfa.rewrap", lambda *args: real(*args) if next(left, False) else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        rotate_all()
    monkeypatch.setattr("accounts.mfa.rewrap", real)

    assert rotate_all().renewed == 4


def test_a_broken_secret_is_named_and_stops_nothing(db: None, settings: Any) -> None:
    people(2)
    broken = Authenticator.objects.filter(type="totp").earliest("pk")
    Authenticator.objects.filter(pk=broken.pk).update(data={"secret": broken.data["secret"][:-2] + "AA"})
    settings.SECRETS_KEYS = KEYS
    with pytest.raises(CommandError, match=f"1 rows do not open, keep the old keys: mfa.Authenticator {broken.pk}"):
        call_command("rotate_secrets", stdout=io.StringIO())

    assert Authenticator.objects.exclude(pk=broken.pk).count() == rotate_all().current


def test_a_new_secret_set_meanwhile_wins(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    [user] = people(1)
    settings.SECRETS_KEYS = KEYS
    fresh = seal("ANOTHER", place_of(Authenticator.objects.get(user=user, type="totp")))

    def change(*args: Any) -> str:
        Authenticator.objects.filter(user=user, type="totp").update(data={"secret": fresh})
        return rewrap(*args)

    monkeypatch.setattr("accounts.mfa.rewrap", change)
    rotate_all()

    assert Authenticator.objects.get(user=user, type="totp").data == {"secret": fresh}


@pytest.mark.django_db(transaction=True)
def test_rotation_under_load_fails_nobody(settings: Any, nightly: bool) -> None:
    """People check their codes while every secret changes its key: 6,000 of them, within a minute."""
    made = people(3000 if nightly else 10)
    settings.SECRETS_KEYS = KEYS
    failures: list[str] = []
    stop = threading.Event()

    def sign_in() -> None:
        try:
            while not stop.is_set():
                for user in made:
                    factor = Authenticator.objects.get(user=user, type="totp")
                    if get_adapter().decrypt(factor.data["secret"]) != CANARY:
                        failures.append("wrong")
        except Exception as error:  # noqa: BLE001  (told below)
            failures.append(repr(error))
        finally:
            connection.close()

    readers = [threading.Thread(target=sign_in) for _reader in range(3)]
    for reader in readers:
        reader.start()
    began = time.monotonic()
    outcome = rotate_all()
    seconds = time.monotonic() - began
    stop.set()
    for reader in readers:
        reader.join()

    print(f"{outcome.renewed} secrets rotated under load in {seconds:.1f} s")
    assert seconds < 60
    assert (failures, outcome.unreadable, outcome.renewed) == ([], [], 2 * len(made))


def test_the_canary_is_nowhere(db: None, root: User, client: Client, caplog: Any, settings: Any) -> None:
    """Not in the rows, not in the back office, not in an error, not in a log."""
    [user] = people(1)
    client.force_login(root)
    factor = Authenticator.objects.get(user=user, type="totp")
    paths = [
        "/admin/mfa/authenticator/", f"/admin/mfa/authenticator/{factor.pk}/change/",
        f"/admin/accounts/user/{user.pk}/change/", f"/admin/accounts/user/{user.pk}/history/",
    ]  # fmt: skip
    seen = [client.get(path).content.decode() for path in paths]
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            seen += [row for (row,) in cursor.fetchall()]
    settings.API_KEY_PEPPER = "another"
    with pytest.raises(SecretUnreadable) as refusal:
        get_adapter().decrypt(factor.data["secret"])
    seen += [repr(refusal.value), str(refusal.getrepr(showlocals=False)), caplog.text]

    assert len(seen) > 50
    assert [text[:80] for text in seen if CANARY in text] == []
    assert SimpleNamespace(found=any(CANARY in text for text in [*seen, CANARY])).found
