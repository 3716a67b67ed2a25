"""Addresses to look at: networks, ranges, single ones, of a list or a file; within bounds and what is allowed."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network

MOST_HOSTS = 65_536  # a /16; a site with more is scanned in parts
MOST_ENTRIES = 10_000
_RANGE = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3})\s*-\s*(\d{1,3}(?:\.\d{1,3}){0,3})", re.ASCII)
_SEPARATORS = re.compile(r"[\s,;]+")


class AddressesRefused(ValueError):
    """Says which entry, and why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be asked; nothing has been sent yet."""

    spans: tuple[tuple[IPv4Address, IPv4Address], ...]  # in order, without overlap, both ends in

    @property
    def hosts(self) -> int:
        """How many addresses."""
        return sum(int(last) - int(first) + 1 for first, last in self.spans)

    def addresses(self) -> Iterator[str]:
        """One by one."""
        for first, last in self.spans:
            for number in range(int(first), int(last) + 1):
                yield str(IPv4Address(number))

    def told(self) -> tuple[str, ...]:
        """For people: one line per span."""
        return tuple(str(first) if first == last else f"{first} - {last}" for first, last in self.spans)


def entries_of(text: str) -> list[str]:
    """The entries of a pasted list or a file: one per line, comments behind ``#``, commas between."""
    found: list[str] = []
    for line in text.splitlines():
        plain = re.sub(r"\s*-\s*", "-", line.split("#")[0])
        found += [entry for entry in _SEPARATORS.split(plain) if entry]
        if len(found) > MOST_ENTRIES:
            raise AddressesRefused(f"more than {MOST_ENTRIES} entries")
    return found


def plan(entries: Iterable[str], *, allowed: Sequence[str], most: int = MOST_HOSTS) -> Plan:
    """All addresses of all entries, each once; refuses what is outside ``allowed`` and what is too many."""
    networks = [_network(text) for text in allowed]
    spans = sorted(_span(entry) for entry in entries)
    if not spans:
        raise AddressesRefused("no address given")
    for first, last in spans:
        if not any(network.network_address <= first and last <= network.broadcast_address for network in networks):
            raise AddressesRefused(f"{first} to {last} is outside the networks that may be scanned")
    found = Plan(spans=tuple(_merged(spans)))
    if found.hosts > most:
        raise AddressesRefused(f"{found.hosts} addresses are more than {most}")
    return found


def _network(text: str) -> IPv4Network:
    network = ip_network(text, strict=False)
    if not isinstance(network, IPv4Network):
        raise AddressesRefused(f"{text}: only IPv4 is scanned")
    return network


def _span(entry: str) -> tuple[IPv4Address, IPv4Address]:
    try:
        found = _RANGE.fullmatch(entry.strip())
        if found:
            return _range(entry, found.group(1), found.group(2))
        if "/" in entry:
            return _usable(ip_network(entry.strip(), strict=False))
        address = ip_address(entry.strip())
    except AddressesRefused:
        raise
    except ValueError:
        raise AddressesRefused(f"{entry[:60]!r} is no address, network or range") from None
    if not isinstance(address, IPv4Address):
        raise AddressesRefused(f"{entry[:60]}: only IPv4 is scanned")
    return address, address


def _range(entry: str, begin: str, end: str) -> tuple[IPv4Address, IPv4Address]:
    """``10.0.0.5-9``, ``10.0.0.5-1.9`` and ``10.0.0.5-10.0.1.9``: what is left out is taken from the first."""
    missing = 4 - len(end.split("."))
    last = IPv4Address(".".join([*begin.split(".")[:missing], *end.split(".")]))
    first = IPv4Address(begin)
    if last < first:
        raise AddressesRefused(f"{entry[:60]}: the end is before the beginning")
    return first, last


def _usable(network: object) -> tuple[IPv4Address, IPv4Address]:
    """Without the network's own address and the one for all, which no machine has."""
    if not isinstance(network, IPv4Network):
        raise AddressesRefused(f"{network}: only IPv4 is scanned")
    if network.prefixlen >= 31:
        return network.network_address, network.broadcast_address
    return network.network_address + 1, network.broadcast_address - 1


def _merged(spans: Sequence[tuple[IPv4Address, IPv4Address]]) -> Iterator[tuple[IPv4Address, IPv4Address]]:
    first, last = spans[0]
    for begin, end in spans[1:]:
        if int(begin) <= int(last) + 1:
            last = max(last, end)
        else:
            yield first, last
            first, last = begin, end
    yield first, last
