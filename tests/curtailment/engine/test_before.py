"""The last hour in which nobody held a machine, against a walk backwards step by step."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from curtailment.engine.before import HOUR, SETTLING, Piece, last_free

FIVE, QUARTER, DAY = timedelta(minutes=5), timedelta(minutes=15), timedelta(days=1)
NOON = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def ago(first: int, last: int) -> Piece:
    """From so many minutes before noon to so many."""
    return NOON - timedelta(minutes=first), NOON - timedelta(minutes=last)


@pytest.mark.parametrize(
    ("held", "pieces"),
    [
        ([], [ago(60, 0)]),
        ([ago(300, 75)], [ago(60, 0)]),  # settled when the hour begins
        ([ago(300, 74)], [ago(55, 0), ago(305, 300)]),
        ([ago(61, 31)], [ago(15, 0), ago(110, 65)]),  # the five minutes in which it was told are not its own
        ([ago(40, 0)], [ago(100, 40)]),
        ([ago(40, 10), ago(90, 55), ago(85, 70)], [ago(150, 90)]),  # of several plans at once
        ([ago(2000, 30)], [ago(15, 0)]),  # less than an hour within the day
        ([ago(2000, 0)], []),
        ([ago(2000, 10)], []),  # runs, and has not settled
        ([(NOON, NOON + HOUR)], [ago(60, 0)]),  # afterwards does not matter
    ],
)
def test_the_last_hour_of_its_own(held: list[Piece], pieces: list[Piece]) -> None:
    assert last_free(NOON, held, step=FIVE, reach=DAY) == pieces


@pytest.mark.parametrize("step", [FIVE, QUARTER])
def test_it_is_what_a_walk_backwards_finds(step: timedelta) -> None:
    chance = Random(20261129)
    for _ in range(300):
        held = []
        for _span in range(chance.randrange(6)):
            start = NOON - timedelta(seconds=chance.randrange(0, 12 * 3600))
            held.append((start, start + timedelta(seconds=chance.randrange(0, 2 * 3600))))
        reach = chance.choice([HOUR, 6 * HOUR, DAY])
        walked, moment = [], NOON - step
        while len(walked) < HOUR // step and moment >= NOON - reach:
            # a step is free where no second of it is held or settling
            if all(moment + step <= start or moment >= end + SETTLING for start, end in held):
                walked.append(moment)
            moment -= step
        pieces = last_free(NOON, held, step=step, reach=reach)
        steps = [end - step * n for start, end in pieces for n in range(1, (end - start) // step + 1)]
        assert steps == walked
