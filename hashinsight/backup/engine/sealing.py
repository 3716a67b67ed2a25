"""Encrypting the files of a backup: AES-256-GCM over pieces of one MiB, bound to name, order and end.

A file begins with 8 bytes of magic and 8 random bytes; each piece has its length (4 bytes, the top bit set on the
last one) and the sealed piece. The number of the piece is part of the nonce, the file's name and the mark of the
last piece are authenticated with it: pieces can neither be swapped, dropped nor moved to another file unnoticed.
"""

import base64
import binascii
import os
import struct
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"HIBACK01"
PIECE = 1024 * 1024
LAST = 0x8000_0000
SUFFIX = ".sealed"


class BadKey(Exception):
    """The key is none, or not the one the file was sealed with, or the file was changed."""


def key_from(text: str) -> bytes:
    """32 bytes from their base64 form; raises BadKey."""
    try:
        key = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise BadKey("the key of the backups must be base64") from error
    if len(key) != 32:
        raise BadKey(f"the key of the backups must have 32 bytes, not {len(key)}")
    return key


def seal(source: Path, key: bytes) -> Path:
    """Replace ``source`` by its sealed form beside it, whose path is returned."""
    target = source.with_name(source.name + SUFFIX)
    cipher, salt = AESGCM(key), os.urandom(8)
    with source.open("rb") as plain, target.open("wb") as sealed:
        sealed.write(MAGIC + salt)
        number, piece = 0, plain.read(PIECE)
        while True:
            following = plain.read(PIECE)
            flag = 0 if following else LAST
            body = cipher.encrypt(_nonce(salt, number), piece, _bound(source.name, flag))
            sealed.write(struct.pack(">I", len(body) | flag) + body)
            if not following:
                break
            number, piece = number + 1, following
        sealed.flush()
        os.fsync(sealed.fileno())
    source.unlink()
    return target


def unseal(source: Path, target: Path, key: bytes) -> None:
    """Write the plain form of ``source`` to ``target``; raises BadKey and leaves nothing when anything is wrong."""
    name = source.name.removesuffix(SUFFIX)
    cipher = AESGCM(key)
    try:
        with source.open("rb") as sealed, target.open("wb") as plain:
            head = sealed.read(16)
            if head[:8] != MAGIC or len(head) != 16:
                raise BadKey(f"{source.name} is no sealed file")
            number, ended = 0, False
            while not ended:
                (mark,) = struct.unpack(">I", sealed.read(4))
                ended = bool(mark & LAST)
                body = sealed.read(mark & ~LAST)
                plain.write(cipher.decrypt(_nonce(head[8:], number), body, _bound(name, mark & LAST)))
                number += 1
            if sealed.read(1):
                raise BadKey(f"{source.name} goes on after its end")
    except (InvalidTag, struct.error, ValueError) as error:
        target.unlink(missing_ok=True)
        raise BadKey(f"{source.name} cannot be opened: another key, or the file was changed") from error
    except BadKey:
        target.unlink(missing_ok=True)
        raise


def _nonce(salt: bytes, number: int) -> bytes:
    return salt + struct.pack(">I", number)


def _bound(name: str, flag: int) -> bytes:
    return f"{name}:{int(bool(flag))}".encode()
