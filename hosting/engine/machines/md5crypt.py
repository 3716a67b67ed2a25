"""The password hash of FreeBSD's ``crypt`` (``$1$``). Whatsminers ask for it; it protects nothing of ours."""

import hashlib

_LETTERS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ROUNDS = 1000
_ORDER = ((0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5))
MOST_SALT = 8


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def md5crypt(password: str, salt: str) -> str:
    """The 22 letters behind ``$1$salt$``."""
    word, pinch = password.encode(), salt.encode()[:MOST_SALT]
    inner = _md5(word + pinch + word)
    text = word + b"$1$" + pinch
    text += (inner * (len(word) // len(inner) + 1))[: len(word)]
    bits = len(word)
    while bits:
        text += b"\0" if bits & 1 else word[:1]
        bits >>= 1
    final = _md5(text)
    for turn in range(_ROUNDS):
        part = word if turn & 1 else final
        part += pinch if turn % 3 else b""
        part += word if turn % 7 else b""
        final = _md5(part + (final if turn & 1 else word))
    return _letters(final)


def _letters(digest: bytes) -> str:
    found = ""
    for first, second, third in _ORDER:
        found += _spelt(digest[first] << 16 | digest[second] << 8 | digest[third], 4)
    return found + _spelt(digest[11], 2)


def _spelt(value: int, count: int) -> str:
    found = ""
    for _ in range(count):
        found += _LETTERS[value & 0x3F]
        value >>= 6
    return found
