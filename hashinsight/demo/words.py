"""Names and addresses put together."""

import random

from hashinsight.demo.world import PEOPLE


def slug(text: str) -> str:
    """Lower-case ASCII letters and dashes, for made-up addresses."""
    table = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "å": "a", "ø": "o", "é": "e", " ": "-"})
    kept = "".join(sign for sign in text.lower().translate(table) if sign.isascii() and (sign.isalnum() or sign == "-"))
    return "-".join(part for part in kept.split("-") if part)


def person(chance: random.Random, people: str) -> str:
    """A name from that part of the world."""
    first, last = PEOPLE[people]
    return f"{chance.choice(first)} {chance.choice(last)}"
