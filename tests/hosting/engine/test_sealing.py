"""A text sealed to a device opens there, for its own place, and nowhere else."""

import random

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from hosting.engine.sealing import SealUnreadable, open_with, seal_to

RAW = serialization.Encoding.Raw


def pair() -> tuple[bytes, bytes]:
    """Private and public key."""
    key = X25519PrivateKey.generate()
    private = key.private_bytes(RAW, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    return private, key.public_key().public_bytes(RAW, serialization.PublicFormat.Raw)


def test_it_opens_on_the_device_and_says_nothing_elsewhere() -> None:
    private, public = pair()
    sealed = seal_to("hunter2 \u20bf", public, b"miner 1")
    assert open_with(sealed, private, b"miner 1") == "hunter2 \u20bf"
    assert "hunter2" not in sealed
    assert seal_to("hunter2 \u20bf", public, b"miner 1") != sealed
    for other_private, place in ((pair()[0], b"miner 1"), (private, b"miner 2")):
        with pytest.raises(SealUnreadable):
            open_with(sealed, other_private, place)


def test_no_changed_letter_opens() -> None:
    private, public = pair()
    sealed = seal_to("hunter2", public, b"place")
    dice = random.Random(7)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    for _turn in range(300):
        at = dice.randrange(len(sealed))
        changed = sealed[:at] + dice.choice([one for one in letters if one != sealed[at]]) + sealed[at + 1 :]
        with pytest.raises(SealUnreadable):
            open_with(changed, private, b"place")
    for broken in ("", "x1", sealed[:-1], sealed + "A", sealed.replace(".", ""), "s1" + sealed[2:]):
        with pytest.raises(SealUnreadable):
            open_with(broken, private, b"place")
