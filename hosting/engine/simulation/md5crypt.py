"""The ``$1$`` password scheme of Unix, which Whatsminer's writing interface is built on.

Python's own module for it is gone since 3.13. The rounds follow the published description of the scheme.
"""

import hashlib
from functools import lru_cache

ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ROUNDS = 1000
# In which order the 16 bytes of the digest are written, three at a time.
_TRIPLES = ((0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5))


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


@lru_cache(maxsize=4096)
def md5crypt(password: str, salt: str) -> str:
    """The last part of ``$1$salt$…``."""
    secret, grain = password.encode(), salt.encode()[:8]
    inner = _md5(secret + grain + secret)
    start = secret + b"$1$" + grain
    start += (inner * (len(secret) // 16 + 1))[: len(secret)]
    length = len(secret)
    while length:
        start += b"\x00" if length & 1 else secret[:1]
        length >>= 1
    digest = _md5(start)
    for number in range(ROUNDS):
        mixed = secret if number & 1 else digest
        mixed += grain if number % 3 else b""
        mixed += secret if number % 7 else b""
        mixed += digest if number & 1 else secret
        digest = _md5(mixed)
    return _spell(digest)


def _spell(digest: bytes) -> str:
    text = ""
    for first, second, third in _TRIPLES:
        text += _letters(digest[first] << 16 | digest[second] << 8 | digest[third], 4)
    return text + _letters(digest[11], 2)


def _letters(value: int, count: int) -> str:
    letters = ""
    for _ in range(count):
        letters += ALPHABET[value & 63]
        value >>= 6
    return letters
