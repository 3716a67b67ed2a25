"""Check digits of the ids an e-invoice carries: IBAN and Leitweg-ID (ISO 7064, modulo 97)."""

import re

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
# Coarse address (2 digits: federation or state, then region, district, municipality), fine address, check digits.
_LEITWEG = re.compile(r"([0-9]{2}(?:[0-9](?:[0-9]{2}(?:[0-9]{3,4}|[0-9]{7})?)?)?)(?:-([A-Z0-9]{1,30}))?-([0-9]{2})")
_MODULUS = 97


def _remainder(text: str) -> int:
    """The text as a number, letters as 10 to 35, modulo 97."""
    return int("".join(str(int(character, 36)) for character in text)) % _MODULUS


def is_iban(value: str) -> bool:
    """Whether this is an IBAN with right check digits; spaces do not matter."""
    compact = "".join(value.split()).upper()
    return bool(_IBAN.fullmatch(compact)) and _remainder(compact[4:] + compact[:4]) == 1


def is_leitweg_id(value: str) -> bool:
    """Whether this is a Leitweg-ID (the address of a German authority for e-invoices) with right check digits."""
    found = _LEITWEG.fullmatch(value.upper())
    if found is None:
        return False
    return _remainder("".join(part or "" for part in found.groups())) == 1
