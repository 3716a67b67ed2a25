"""Addresses and networks: typed by people, compared with where a call comes from."""

import ipaddress
from collections.abc import Iterable, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NetworkInvalid(ValueError):
    """Not an address, not a network, or one with host bits set; ``args`` holds the text as typed."""


def parse_networks(texts: Iterable[str]) -> list[str]:
    """The networks in their one spelling, each once, in the order given. Raises NetworkInvalid.

    ``10.0.0.1`` means that one address. Host bits (``10.0.0.1/24``) are refused: nobody knows which of both was meant.
    """
    found = []
    for text in texts:
        typed = text.strip()
        if "%" in typed:  # a zone names an interface of one machine
            raise NetworkInvalid(typed[:60])
        try:
            found.append(str(_plain_network(ipaddress.ip_network(typed))))
        except ValueError as error:
            raise NetworkInvalid(typed[:60]) from error
    return list(dict.fromkeys(found))


def is_inside(address: str | None, networks: Sequence[str]) -> bool:
    """Whether the address lies in one of the networks; an unknown address lies in none."""
    if address is None:
        return False
    plain = _plain(ipaddress.ip_address(address))
    return any(plain in ipaddress.ip_network(text) for text in networks)


def all_inside(inner: Sequence[str], outer: Sequence[str]) -> bool:
    """Whether every network of ``inner`` lies within one of ``outer``."""
    wider = [ipaddress.ip_network(text) for text in outer]
    return all(any(_within(ipaddress.ip_network(text), one) for one in wider) for text in inner)


def _within(inner: Network, outer: Network) -> bool:
    if isinstance(inner, ipaddress.IPv4Network) and isinstance(outer, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, ipaddress.IPv6Network) and isinstance(outer, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False


def _plain(address: Address) -> Address:
    """A server that listens on both protocols sees IPv4 callers as ``::ffff:192.0.2.1``."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _plain_network(network: Network) -> Network:
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ipaddress.IPv4Network((mapped, network.prefixlen - 96))
    return network
