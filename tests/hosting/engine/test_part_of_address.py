"""Stretches of addresses with some figures in them: exactly the addresses that have them, no more and no fewer."""

import random
from ipaddress import IPv4Address

import pytest

from hosting.engine import part_of_address
from hosting.engine.part_of_address import could_be_of_an_address, stretches

FIRSTS = [10, 172, 192]
NUMBERS = [0, 1, 2, 7, 10, 12, 20, 25, 42, 99, 100, 107, 110, 172, 192, 200, 210, 220, 249, 250, 255]


def some_addresses(turns: int) -> list[str]:
    chance = random.Random(20261129)
    return [
        ".".join(map(str, [chance.choice(FIRSTS), *(chance.choice(NUMBERS) for _place in range(3))]))
        for _turn in range(turns)
    ]


def test_they_hold_exactly_the_addresses_with_these_figures() -> None:
    chance = random.Random(7)
    addresses = some_addresses(400)
    pairs = [(address, int(IPv4Address(address))) for address in addresses]
    told = 0
    for address in addresses:
        word = address[chance.randrange(4) : len(address) - chance.randrange(5)]
        known = stretches(word, lambda: FIRSTS)
        if known is None:
            continue
        told += 1
        spans = [(int(first), int(last)) for first, last in known]
        for other, number in pairs:
            assert any(first <= number <= last for first, last in spans) == (word in other), (word, other)
    assert told > 100


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("10.0.7.", "10.0.7.0-10.0.7.255 110.0.7.0-110.0.7.255 210.0.7.0-210.0.7.255"),
        ("192.168.1.255", "192.168.1.255-192.168.1.255"),
        ("192.168.25", "192.168.25.0-192.168.25.255 192.168.250.0-192.168.255.255"
         " 10.192.168.25-10.192.168.25 10.192.168.250-10.192.168.255"),
    ],
)  # fmt: skip
def test_few_figures_make_few_stretches(word: str, expected: str) -> None:
    known = stretches(word, lambda: [10])
    assert known is not None
    assert " ".join(f"{first}-{last}" for first, last in known) == expected


@pytest.mark.parametrize("word", ["10.256.1.", "10.00.1.", "10..3.1", "10.0.7.5.", "10.0.7.256", "10.0.7.05"])
def test_what_no_address_has_stands_nowhere(word: str) -> None:
    assert stretches(word, lambda: FIRSTS) == []


@pytest.mark.parametrize(
    "word", ["", "10", "10.", "7.5", ".0.7.5", "1.2.3", "fd00::1", "a.b.c.d", "10.0.7\n", "1000.0.0.1"]
)
def test_what_stands_in_very_many_places_has_no_short_list(word: str) -> None:
    assert stretches(word, lambda: FIRSTS) is None


def test_the_first_numbers_are_asked_for_only_where_they_matter() -> None:
    def never() -> list[int]:
        raise AssertionError

    assert stretches("10.0.7.", never)
    assert stretches("10.0.7", lambda: list(range(part_of_address.MOST_FIRST + 1))) is None


@pytest.mark.parametrize(
    ("word", "could"),
    [
        ("10.0.7.", True), ("103", True), ("fd00::1a", True), ("::ffff:10.0", True), ("ABCD", True),
        ("00010", False), ("zebra", False), ("10-0", False), ("", False), ("10.0\n", False),
    ],
)  # fmt: skip
def test_most_words_are_no_part_of_any_address(word: str, could: bool) -> None:
    assert could_be_of_an_address(word) is could
