"""What a part of an IPv4 address may stand in, as stretches of addresses, which an index steps through.

``20.3.4`` stands in 20.3.4.0 to 20.3.4.255 and in 20.3.40.0 to 20.3.49.255, also after a 1 or a 2 (120.3.4.0), and
behind a first number: 10.20.3.4, 10.20.3.40 to 10.20.3.49.
"""

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from itertools import groupby

NUMBERS = 4
OF_ADDRESSES = re.compile(r"(?!.*[0-9a-fA-F]{5})[0-9a-fA-F.:]+")
_WORD = re.compile(r"[0-9]{0,3}(?:\.[0-9]{0,3})+")
MOST_FIRST = 8  # numbers that the addresses of a fleet begin with; with more of them there is no short list
MOST_STRETCHES = 64
Stretch = tuple[IPv4Address, IPv4Address]


def could_be_of_an_address(word: str) -> bool:
    """Whether these letters stand in any address at all, IPv6 included."""
    return OF_ADDRESSES.fullmatch(word) is not None


def stretches(word: str, firsts: Callable[[], Sequence[int]]) -> list[Stretch] | None:
    """First and last address of each stretch with ``word`` in it; None if that would be no short list.

    ``firsts`` tells the numbers that the addresses there are begin with; it is asked only where the word may stand
    behind one of them. Addresses of IPv4 that are written inside of one of IPv6 are not looked at.
    """
    parts = word.split(".")
    if not _WORD.fullmatch(word) or len(parts) < NUMBERS - 1 or not parts[0]:
        return None
    whole = [int(part) for part in parts[1:-1] if part and str(int(part)) == part and int(part) < 256]
    if len(whole) < len(parts) - 2 or len(parts) > NUMBERS:
        return []
    begun = [[ending, *whole] for ending in range(256) if str(ending).endswith(parts[0])]
    if len(parts) < NUMBERS:
        known = firsts()
        if len(known) > MOST_FIRST:
            return None
        begun += [[first, *beginning] for first in known for beginning in begun]
    found = [_stretch(beginning, *last) for beginning in begun for last in _beginning_with(parts[-1])]
    return found if len(found) <= MOST_STRETCHES else None


def _stretch(beginning: list[int], lowest: int, highest: int) -> Stretch:
    open_end = NUMBERS - len(beginning) - 1
    return (
        IPv4Address(bytes([*beginning, lowest] + [0] * open_end)),
        IPv4Address(bytes([*beginning, highest] + [255] * open_end)),
    )


def _beginning_with(text: str) -> list[tuple[int, int]]:
    """The numbers from 0 to 255 that begin so, as runs."""
    numbers = [number for number in range(256) if str(number).startswith(text)]
    runs = [[number for _place, number in run] for _gap, run in groupby(enumerate(numbers), lambda at: at[1] - at[0])]
    return [(run[0], run[-1]) for run in runs]
