"""Finding machines by what people have at hand: a pasted list of serials, addresses and MACs, or some letters."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from django.db import connection
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.text import smart_split, unescape_string_literal

from hosting.engine.part_of_address import MOST_FIRST, could_be_of_an_address, stretches
from hosting.models import Miner, MinerModel, Rack
from hosting.models.miner import ADDRESS_LETTERS, SEARCHED, SEARCHED_ADDRESS

MOST_TOKENS = 20_000
MOST_WORDS = 8  # of a search; each is looked for in all of the machines
MOST_RACKS = 5_000  # named one by one; more of them are no rare word
SHORTEST = 3  # letters of which an index knows where they stand
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


def search_miners(rows: Any, text: str) -> Any:
    """Those of ``rows`` that have each word of a text in serial, MAC, address, model or rack, whatever the case.

    Written for a million machines: models and racks are looked up first, serial, MAC and model as written are one text
    with one index, and a part of an address is as few stretches of addresses as possible. A word of one or two letters
    is looked for at the beginning of a serial, and in models and racks.
    """
    words = [word for word in map(_unquoted, smart_split(text)) if word]
    if len(words) > MOST_WORDS or any("\x00" in word for word in words):
        return rows.none()
    rows = rows.alias(searched=SEARCHED, searched_address=SEARCHED_ADDRESS)
    for word in words:
        rows = rows.filter(_says(word))
    return rows


def _unquoted(word: str) -> str:
    return unescape_string_literal(word) if word[0] in "\"'" and word[-1] == word[0] and len(word) > 1 else word


def _says(word: str) -> Q:
    own = Q(**{f"searched__{'icontains' if len(word) >= SHORTEST else 'istartswith'}": word}) | _address_has(word)
    models = list(MinerModel.objects.filter(name__icontains=word).values_list("pk", flat=True))
    racks = list(Rack.objects.filter(name__icontains=word).values_list("pk", flat=True)[: MOST_RACKS + 1])
    if models:
        own |= Q(model__in=models)
    if len(racks) > MOST_RACKS:
        return own | Q(rack__name__icontains=word)
    return own | Q(rack__in=racks) if racks else own


def _address_has(word: str) -> Q:
    """A part of an address; by letters only where it may stand in very many places."""
    if len(word) < SHORTEST or not could_be_of_an_address(word):
        return Q()
    known = stretches(word, first_numbers)
    if known is None:
        return Q(searched_address__contains=word.lower().translate(ADDRESS_LETTERS))
    found = Q()
    for first, last in known:
        found |= Q(address__range=(str(first), str(last)))
    return found


_FIRST_NUMBERS = """
    WITH RECURSIVE network AS (
        (SELECT address FROM hosting_miner WHERE address <= '255.255.255.255' ORDER BY 1 LIMIT 1)
        UNION ALL
        SELECT following.address
        FROM network, LATERAL (
            SELECT address FROM hosting_miner
            WHERE address > set_masklen(broadcast(set_masklen(network.address, 8)), 32)
              AND address <= '255.255.255.255'
            ORDER BY 1 LIMIT 1
        ) following
    )
    SELECT split_part(host(address), '.', 1)::int FROM network LIMIT %s
"""


def first_numbers() -> list[int]:
    """What the addresses (IPv4) of machines begin with, once each: one step in an index for each; one more than few."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_NUMBERS, [MOST_FIRST + 1])
        return [number for (number,) in cursor.fetchall()]


_MAKERS = """
    WITH RECURSIVE maker AS (
        (SELECT upper(manufacturer) AS letters, manufacturer FROM hosting_miner ORDER BY 1 LIMIT 1)
        UNION ALL
        SELECT following.letters, following.manufacturer
        FROM maker, LATERAL (
            SELECT upper(manufacturer) AS letters, manufacturer FROM hosting_miner
            WHERE upper(manufacturer) > maker.letters ORDER BY 1 LIMIT 1
        ) following
    )
    SELECT manufacturer FROM maker
"""


def makers() -> list[str]:
    """Who made the machines, once each, whatever the case: one step in an index for each, however many they have."""
    with connection.cursor() as cursor:
        cursor.execute(_MAKERS)
        return [name for (name,) in cursor.fetchall()]
