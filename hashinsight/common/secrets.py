"""Secrets at rest: sealed with AES-256-GCM, each under a key of its own, bound to the place where it stands.

A sealed text reads ``s1.<key id>.<wrapped key>.<ciphertext>``. Each secret has a random data key; that one is wrapped
by a master key named in the settings. Changing master keys therefore wraps data keys anew and touches no secret. Both
steps are bound to the place (table, column, row, and a counter where there is one): a sealed text moved to another
row, or an older one put back, opens no more. Nothing here ever shows a secret in an error.
"""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

FORM = "s1"
DERIVED_KEY = "0"  # the key that follows from API_KEY_PEPPER where SECRETS_KEYS names none
_NONCE = 12


class SecretUnreadable(Exception):
    """The sealed text was changed, stands in the wrong place, or its key is not there; says never what it holds."""


@dataclass(frozen=True)
class Place:
    """Where a secret stands; ``row`` is the public id, ``counter`` grows with each new secret of the row."""

    table: str
    column: str
    row: str = ""
    counter: int = 0

    def bytes(self) -> bytes:
        """Unambiguous: each part with its length."""
        parts = (FORM, self.table, self.column, self.row, str(self.counter))
        return b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)


def seal(text: str, place: Place) -> str:
    """``text`` made unreadable for whoever has only the database."""
    data_key = os.urandom(32)
    key_id, master = _current()
    wrapped = _encrypt(master, data_key, place)
    return ".".join((FORM, key_id, _encode(wrapped), _encode(_encrypt(data_key, text.encode(), place))))


def open_sealed(sealed: str, place: Place) -> str:
    """The way back. Raises SecretUnreadable."""
    _key_id, data_key, body = _unwrapped(sealed, place)
    return _decrypt(data_key, body, place).decode()


def rewrap(sealed: str, place: Place) -> str:
    """The same secret under the current master key; unchanged when it is already. Raises SecretUnreadable.

    The secret itself stays sealed all the while, but the whole is proved to open: a broken one is found here.
    """
    used, data_key, body = _unwrapped(sealed, place)
    _decrypt(data_key, body, place)
    key_id, master = _current()
    if used == key_id:
        return sealed
    return ".".join((FORM, key_id, _encode(_encrypt(master, data_key, place)), _encode(body)))


def key_id_of(sealed: str) -> str:
    """Under which master key a sealed text stands; the empty text for another form."""
    form, _dot, rest = sealed.partition(".")
    return rest.partition(".")[0] if form == FORM else ""


def current_key_id() -> str:
    """The master key that new secrets are sealed under."""
    return _current()[0]


def derived_key(purpose: bytes) -> bytes:
    """A key that follows from ``API_KEY_PEPPER``, another one for each purpose."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(settings.API_KEY_PEPPER.encode())


def _keys() -> Mapping[str, bytes]:
    """First the current one. The derived one stays readable, so that naming keys later loses nothing."""
    return {**settings.SECRETS_KEYS, DERIVED_KEY: derived_key(b"hashinsight stored secrets")}


def _current() -> tuple[str, bytes]:
    return next(iter(_keys().items()))


def _unwrapped(sealed: str, place: Place) -> tuple[str, bytes, bytes]:
    form, *parts = sealed.split(".")
    if form != FORM or len(parts) != 3:
        raise SecretUnreadable("this is no sealed text")
    key_id, wrapped, body = parts
    master = _keys().get(key_id)
    if master is None:
        raise SecretUnreadable(f"the key {key_id[:20]!r} is not among SECRETS_KEYS")
    return key_id, _decrypt(master, _decode(wrapped), place), _decode(body)


def _encrypt(key: bytes, data: bytes, place: Place) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, data, place.bytes())


def _decrypt(key: bytes, sealed: bytes, place: Place) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], place.bytes())
    except (InvalidTag, ValueError) as error:
        raise SecretUnreadable("a stored secret was changed or stands in the wrong place") from error


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    """Strict: one spelling per value, so that no flipped bit goes unseen."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise SecretUnreadable("this is no sealed text") from error
    if _encode(data) != text:
        raise SecretUnreadable("this is no sealed text")
    return data
