"""Ethereum addresses and personal signatures: EIP-55 checksums, EIP-191 messages, recovery of who signed.

Plain arithmetic over coincurve (secp256k1) and Keccak-256; nothing here knows a person or a clock.
"""

import re

from coincurve import PublicKey
from Crypto.Hash import keccak

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")
_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


class SignatureInvalid(ValueError):
    """Not a signature somebody could have made honestly; ``args`` holds what is wrong, in English."""


def keccak256(data: bytes) -> bytes:
    """Keccak-256 as Ethereum uses it (not SHA3-256, which pads differently)."""
    digest: bytes = keccak.new(digest_bits=256, data=data).digest()
    return digest


def checksummed(address: str) -> str:
    """An address in its EIP-55 spelling. Raises ValueError for anything that is not 0x and 40 hexadecimal digits."""
    if not _ADDRESS.fullmatch(address):
        raise ValueError("an address has 0x and 40 hexadecimal digits")
    lower = address[2:].lower()
    marks = keccak256(lower.encode()).hex()
    return "0x" + "".join(c.upper() if int(mark, 16) >= 8 else c for c, mark in zip(lower, marks, strict=False))


def is_checksummed(address: str) -> bool:
    """Whether the address stands in exactly its EIP-55 spelling."""
    return bool(_ADDRESS.fullmatch(address)) and checksummed(address) == address


def recover(message: str, signature: str) -> str:
    """The EIP-55 address whose key signed ``message`` as a personal message (EIP-191, version 0x45).

    Raises SignatureInvalid. Only the one canonical form is taken: 65 bytes, v of 27 or 28 (0 and 1 as some hardware
    writes it), r and s in range and s in the lower half (EIP-2); of the two signatures that would otherwise fit
    the same message, the other is refused.
    """
    if not _SIGNATURE.fullmatch(signature):
        raise SignatureInvalid("a signature has 0x and 130 hexadecimal digits")
    raw = bytes.fromhex(signature[2:])
    r, s, v = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big"), raw[64]
    recovery = v - 27 if v >= 27 else v
    if recovery not in (0, 1):
        raise SignatureInvalid("v is neither 27 nor 28")
    if not (0 < r < _ORDER and 0 < s <= _ORDER // 2):
        raise SignatureInvalid("r or s is out of range")
    try:
        key = PublicKey.from_signature_and_message(raw[:64] + bytes([recovery]), _digest(message), hasher=None)
    except Exception as error:
        raise SignatureInvalid("no key could have made this signature") from error
    return checksummed("0x" + keccak256(key.format(compressed=False)[1:])[-20:].hex())


def _digest(message: str) -> bytes:
    body = message.encode()
    return keccak256(b"\x19Ethereum Signed Message:\n" + str(len(body)).encode() + body)
