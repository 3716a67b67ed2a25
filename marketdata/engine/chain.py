"""What Bitcoin's rules fix: subsidy and supply by height, and what a hashrate or an energy is worth in coins.

**Convention.** A block takes ``difficulty * 2**32`` hashes on average. Exact would be ``difficulty * 2**48 / 65535``,
which is 15.3 ppm more; pools, miners and their firmware all count with 2**32, so this product does too, everywhere.

Heights are whole numbers from 0, hashrates H/s, energy kWh, amounts BTC as Decimal with 40 digits, never rounded here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal
from itertools import accumulate

from marketdata.engine.numbers import SATS_PER_BTC, Number, exactly, number, whole

HASHES_PER_DIFFICULTY = 2**32
HASHES_PER_TH = 10**12
TARGET_SPACING_S = 600
RETARGET_BLOCKS = 2016
HALVING_BLOCKS = 210_000
FIRST_SUBSIDY_SAT = 50 * SATS_PER_BTC
HALVINGS = 64  # from the 64th on the subsidy is zero by rule; by arithmetic it is so from the 33rd on
SECONDS_PER_DAY = 86_400
SECONDS_PER_YEAR = 31_557_600  # 365.25 days
JOULES_PER_KWH = 3_600_000

# Coins issued before era k, in satoshis.
_ISSUED_BEFORE = tuple(accumulate((HALVING_BLOCKS * (FIRST_SUBSIDY_SAT >> k) for k in range(HALVINGS)), initial=0))
MAX_SUPPLY_SAT = _ISSUED_BEFORE[-1]
# One minus a number close to one loses digits, so a chance is reckoned with many.
_CHANCE = Context(prec=120)


def subsidy_sat(height: int) -> int:
    """New coins of the block at ``height``, in satoshis."""
    era = whole("height", height) // HALVING_BLOCKS
    return 0 if era >= HALVINGS else FIRST_SUBSIDY_SAT >> era


def subsidy_btc(height: int) -> Decimal:
    """New coins of the block at ``height``, in BTC."""
    return Decimal(subsidy_sat(height)).scaleb(-8)


def supply_sat(height: int) -> int:
    """All subsidies from block 0 up to and including ``height``, in satoshis.

    By the rules: what was never claimed by its miner or can never be spent (the first block's coins) is counted.
    """
    era, blocks = divmod(whole("height", height) + 1, HALVING_BLOCKS)
    if era >= HALVINGS:
        return MAX_SUPPLY_SAT
    return _ISSUED_BEFORE[era] + blocks * (FIRST_SUBSIDY_SAT >> era)


def halving_height(k: int) -> int:
    """The first height whose subsidy was halved ``k`` times."""
    return HALVING_BLOCKS * whole("the number of halvings", k, most=HALVINGS)


def next_halving_height(height: int) -> int:
    """The first height above ``height`` that halves the subsidy."""
    return halving_height(min(whole("height", height) // HALVING_BLOCKS + 1, HALVINGS))


def period_of(height: int) -> int:
    """The difficulty period of a block: 0 for the first 2016 heights."""
    return whole("height", height) // RETARGET_BLOCKS


def network_hashrate(difficulty: Number) -> Decimal:
    """H/s that find a block every 600 s on average."""
    with exactly():
        return _difficulty(difficulty) * HASHES_PER_DIFFICULTY / TARGET_SPACING_S


def blocks_expected(hashrate_hps: Number, seconds: Number, difficulty: Number) -> Decimal:
    """Blocks that ``hashrate_hps`` finds on average in ``seconds``."""
    with exactly():
        hashes = number("the hashrate", hashrate_hps) * number("the seconds", seconds)
        return hashes / (_difficulty(difficulty) * HASHES_PER_DIFFICULTY)


def btc_from_hashrate(
    hashrate_hps: Number, seconds: Number, difficulty: Number, *, subsidy: Number, fees: Number = 0
) -> Decimal:
    """BTC that a hashrate earns on average; ``subsidy`` and average ``fees`` in BTC per block."""
    with exactly():
        return blocks_expected(hashrate_hps, seconds, difficulty) * _reward(subsidy, fees)


def btc_from_energy(kwh: Number, j_per_th: Number, difficulty: Number, *, subsidy: Number, fees: Number = 0) -> Decimal:
    """BTC that an energy earns on average in machines of ``j_per_th``; ``subsidy`` and ``fees`` in BTC per block."""
    with exactly():
        joules = number("the energy", kwh) * JOULES_PER_KWH
        hashes = joules / number("J/TH", j_per_th, above=0) * HASHES_PER_TH
        return btc_from_hashrate(hashes, 1, difficulty, subsidy=subsidy, fees=fees)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a span of time in which nothing changes: seconds, difficulty, BTC of a block without and in fees."""

    seconds: Decimal
    difficulty: Decimal
    subsidy: Decimal
    fees: Decimal = Decimal(0)


def btc_from_hashrate_over(hashrate_hps: Number, pieces: Iterable[Piece]) -> Decimal:
    """BTC of a steady hashrate through several pieces: a span split where the difficulty or the subsidy changes."""
    with exactly():
        return sum(
            (
                btc_from_hashrate(hashrate_hps, piece.seconds, piece.difficulty, subsidy=piece.subsidy, fees=piece.fees)
                for piece in pieces
            ),
            Decimal(0),
        )


def btc_from_energy_over(kwh: Number, j_per_th: Number, pieces: Iterable[Piece]) -> Decimal:
    """BTC of an energy spent evenly through several pieces. Raises NumberRefused where they last no time at all."""
    parts = list(pieces)
    with exactly():
        seconds = number("the seconds", sum((piece.seconds for piece in parts), Decimal(0)), above=0)
        return sum(
            (
                btc_from_energy(
                    number("the energy", kwh) * number("the seconds", piece.seconds) / seconds, j_per_th,
                    piece.difficulty, subsidy=piece.subsidy, fees=piece.fees,
                )
                for piece in parts
            ),
            Decimal(0),
        )  # fmt: skip


def expected_blocks_per_year(hashrate_hps: Number, difficulty: Number) -> Decimal:
    """Blocks a solo miner finds on average in 365.25 days."""
    return blocks_expected(hashrate_hps, SECONDS_PER_YEAR, difficulty)


def chance_of_a_block(expected: Number) -> Decimal:
    """The chance of at least one block where ``expected`` are found on average: ``1 - exp(-expected)``."""
    blocks = number("the expected blocks", expected)
    with exactly():
        return +_CHANCE.subtract(Decimal(1), _CHANCE.exp(blocks.copy_negate()))


def _difficulty(value: Number) -> Decimal:
    return number("the difficulty", value, above=0)


def _reward(subsidy: Number, fees: Number) -> Decimal:
    return number("the subsidy", subsidy) + number("the fees", fees)
