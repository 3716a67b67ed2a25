"""Sealing a text to one edge device (X25519): whoever has only the database, or the server itself, cannot open it.

A sealed text reads ``x1.<device key>.<ephemeral key>.<ciphertext>``, each in URL-safe base64: an ephemeral key agrees
with the device's public key, HKDF-SHA256 makes an AES-256 key of the agreement and both public keys, AES-GCM seals the
text with the associated data. The device key in front is the first half of the SHA-256 of the public key: it says
which device can open it.
"""

import base64
import binascii
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FORM = "x1"
KEY_BYTES = 32
_NONCE = 12
_INFO = b"hashinsight sealed to a device"


class SealUnreadable(Exception):
    """The sealed text was changed, is for another device, or belongs elsewhere; says never what it holds."""


def key_name(public_key: bytes) -> str:
    """How a public key is named in a sealed text."""
    return _encode(hashlib.sha256(public_key).digest()[:16])


def seal_to(text: str, public_key: bytes, associated: bytes) -> str:
    """``text`` for the holder of the private key alone. Raises ValueError for a key that is none."""
    ephemeral = X25519PrivateKey.generate()
    own = _raw(ephemeral.public_key())
    key = _agreed(ephemeral, public_key, own, public_key)
    nonce = os.urandom(_NONCE)
    body = nonce + AESGCM(key).encrypt(nonce, text.encode(), associated)
    return ".".join((FORM, key_name(public_key), _encode(own), _encode(body)))


def open_with(sealed: str, private_key: bytes, associated: bytes) -> str:
    """The way back, on the device. Raises SealUnreadable."""
    form, *parts = sealed.split(".")
    if form != FORM or len(parts) != 3:
        raise SealUnreadable("this is no text sealed to a device")
    name, ephemeral, body = parts[0], _decode(parts[1]), _decode(parts[2])
    private = X25519PrivateKey.from_private_bytes(private_key)
    public = _raw(private.public_key())
    if name != key_name(public):
        raise SealUnreadable("this is sealed to another device")
    try:
        key = _agreed(private, ephemeral, ephemeral, public)
        return AESGCM(key).decrypt(body[:_NONCE], body[_NONCE:], associated).decode()
    except (InvalidTag, ValueError) as error:
        raise SealUnreadable("this was changed, or belongs elsewhere") from error


def _agreed(private: X25519PrivateKey, other: bytes, ephemeral: bytes, device: bytes) -> bytes:
    shared = private.exchange(X25519PublicKey.from_public_bytes(other))
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=ephemeral + device, info=_INFO).derive(shared)


def _raw(key: X25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    """Strict: one spelling per value, so that no flipped bit goes unseen."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise SealUnreadable("this is no text sealed to a device") from error
    if _encode(data) != text:
        raise SealUnreadable("this is no text sealed to a device")
    return data
