"""Finding machines by what people have at hand: a pasted list of serials, addresses and MACs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from django.db.models.functions import Upper

from hosting.models import Miner

MOST_TOKENS = 20_000
_MAC = re.compile(r"^(?:[0-9A-F]{2}[:.-]?){5}[0-9A-F]{2}$")


@dataclass(frozen=True)
class Found:
    """What a pasted list named: machines in the order of the list, words nobody knows, words that mean several."""

    miners: list[Miner]
    unknown: list[str]
    several: list[str]
    too_many: bool = False


def tokens_of(text: str) -> list[str]:
    """The words of a pasted text, once each, in their order."""
    return list(dict.fromkeys(word for word in re.split(r"[\s,;|]+", text) if word))


def mac_of(token: str) -> str | None:
    """A MAC address in the form it is stored in, or None."""
    if not _MAC.match(token.upper()):
        return None
    digits = re.sub(r"[^0-9A-F]", "", token.upper())
    return ":".join(digits[place : place + 2] for place in range(0, 12, 2))


def address_of(token: str) -> str | None:
    """An IP address in the form it is stored in, or None."""
    try:
        return str(ip_address(token))
    except ValueError:
        return None


def find_miners(text: str, *, rows: Any) -> Found:
    """Look all words of a text up among ``rows`` (a queryset of machines), a serial before an address before a MAC."""
    tokens = tokens_of(text)
    if len(tokens) > MOST_TOKENS:
        return Found([], [], [], too_many=True)
    by_serial = _grouped(
        rows.annotate(serial_upper=Upper("serial")).filter(serial_upper__in={token.upper() for token in tokens}),
        "serial_upper",
    )
    by_address = _grouped(rows.filter(address__in={a for a in map(address_of, tokens) if a}), "address")
    by_mac = _grouped(rows.filter(mac__in={m for m in map(mac_of, tokens) if m}), "mac")
    chosen: dict[int, Miner] = {}
    unknown: list[str] = []
    several: list[str] = []
    for token in tokens:
        hits = (
            by_serial.get(token.upper())
            or by_address.get(address_of(token) or "")
            or by_mac.get(mac_of(token) or "")
            or []
        )
        if len(hits) == 1:
            chosen.setdefault(hits[0].pk, hits[0])
        else:
            (several if hits else unknown).append(token)
    return Found(list(chosen.values()), unknown, several)


def _grouped(rows: Iterable[Miner], column: str) -> dict[str, list[Miner]]:
    groups: dict[str, list[Miner]] = {}
    for row in rows:
        groups.setdefault(str(getattr(row, column)), []).append(row)
    return groups
