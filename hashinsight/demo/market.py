"""The market of the demo: a year of an invented network, or of the public files. Invented rows say so by their origin.

Where there is a way to the Internet, the collection takes real figures from then on, and invented days give way
to what the services remember.
"""

import gzip
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from curtailment.domain.rules.keeping import create_rule
from curtailment.models import StrikeRule
from hashinsight.demo.billing import Say
from hashinsight.demo.calls import tell_programme
from hosting.models import Site
from intelligence.domain import energy_forecasts
from intelligence.domain.forecasting import ENGINES, ForecastNotMade, backtest, current
from intelligence.domain.scoring import rescore_all
from marketdata.domain.collecting import HPS_PER_EHS, SLOT, slot_of
from marketdata.domain.days import DayFigures, note_days
from marketdata.domain.importing import import_coins, import_market_file, import_prices
from marketdata.domain.indicators import catch_up
from marketdata.domain.periods import KnownPeriod, note_periods
from marketdata.domain.prices import store
from marketdata.engine.chain import network_hashrate, subsidy_btc
from marketdata.engine.price_files import Interval
from marketdata.engine.targets import difficulty_of, next_bits
from marketdata.enums import KnownFrom, Origin, SeriesKind
from marketdata.models import NetworkSnapshot, PriceSeries

DAYS = 420
PERIOD = 2016
FIRST_HEIGHT, FIRST_BITS = PERIOD * 455, 0x1701E63A
LAST_PRICE = 91_000.0
PRICE_SWING, RATE_SWING, RATE_GROWTH = 0.022, 0.015, 0.0004  # of a day
SOURCE = "invented for the demo"
HOURS_BACK = 24 * 45
FORECAST_DAYS = 40
MARKET_DAYS = 25


@dataclass
class _Network:
    """The chain as the story goes: height, target, and when the period began."""

    height: float
    bits: int
    began: datetime
    periods: list[KnownPeriod]

    def mine(self, start: datetime, seconds: float, hashrate: Decimal) -> None:
        """Blocks of a span; a retarget in between is met at its moment."""
        left, at = seconds, start
        while left > 0:
            pace = float(hashrate) / (float(difficulty_of(self.bits)) * 2**32)
            until = (math.floor(self.height / PERIOD) + 1) * PERIOD - self.height
            if pace * left < until:
                self.height += pace * left
                return
            took = until / pace
            left, at = left - took, at + timedelta(seconds=took)
            self.height = float(round(self.height + until))
            self.bits = next_bits(self.bits, int(self.began.timestamp()), int(at.timestamp()))
            self.began = at.replace(microsecond=0)
            self.periods.append(KnownPeriod(int(self.height), self.bits, starts_at=self.began))


def tell_market(*, at: datetime, seed: int, sample: Path | None, say: Say) -> None:
    """Days with indicators, retargets, snapshots of the last day, energy prices and an exchange rate."""
    dice = random.Random(f"{seed} market")  # noqa: S311  (a story, no secret)
    if sample is not None and (sample / "btc").is_dir():
        count = _tell_files(sample, at, say)
        say(f"{count} days of the real market from the sample files")
    else:
        _tell_network(dice, at)
    _tell_energy(dice, at)
    _tell_strike(at)
    tell_programme(at)
    while catch_up(at=at):
        pass
    made = backtest(ENGINES, days=FORECAST_DAYS, at=at)
    for kind in ENGINES:
        try:
            current(kind, at=at)
        except ForecastNotMade as refusal:
            say(str(refusal))
    rescore_all(at=at)
    for series in energy_forecasts.markets():
        for back in range(MARKET_DAYS, 0, -1):
            energy_forecasts.forecast_market(series, at=at, known_at=at - timedelta(days=back))
    energy_forecasts.forecast_due(at=at)
    say(f"The market: days, indicators, retargets, energy prices, {made} forecasts")


def _tell_network(dice: random.Random, at: datetime) -> None:
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begin = midnight - timedelta(days=DAYS)
    prices = _walk(dice, DAYS + 2)
    first = begin - timedelta(days=1)
    network = _Network(float(FIRST_HEIGHT), FIRST_BITS, first, [KnownPeriod(FIRST_HEIGHT, FIRST_BITS, starts_at=first)])
    rate = float(network_hashrate(difficulty_of(FIRST_BITS)))
    days = []
    for number in range(DAYS):
        start = begin + timedelta(days=number)
        rate *= 1 + RATE_GROWTH + dice.gauss(0, RATE_SWING / 3)
        luck = Decimal(repr(rate * (1 + dice.gauss(0, 0.04))))
        network.mine(start, 86_400, luck)
        low, high = sorted((prices[number], prices[number + 1]))
        days.append(
            DayFigures(
                start.date(), _usd(prices[number + 1]), _usd(prices[number]), _usd(high * 1.008), _usd(low * 0.992),
                Decimal(dice.randint(18, 45)) * 10**9, difficulty_of(network.bits).quantize(Decimal("1e-8")),
                (luck / HPS_PER_EHS).quantize(Decimal("1e-12")), int(network.height),
                subsidy_btc(int(network.height)), Decimal(dice.randint(1_200_000, 4_800_000)).scaleb(-8),
            )
        )  # fmt: skip
    note_periods(network.periods, source=SOURCE, at=at)
    note_days(days, origin=Origin.SIMULATED, source=SOURCE, at=at)
    NetworkSnapshot.objects.bulk_create(_snapshots(dice, at, network, prices[-2], rate))


def _walk(dice: random.Random, count: int) -> list[float]:
    """Prices that end where they should."""
    logs = [0.0]
    for _day in range(count - 1):
        logs.append(logs[-1] + dice.gauss(0.0004, PRICE_SWING))
    return [LAST_PRICE * math.exp(one - logs[-1]) for one in logs]


def _snapshots(
    dice: random.Random, at: datetime, network: _Network, price: float, rate: float
) -> Iterator[NetworkSnapshot]:
    difficulty = difficulty_of(network.bits).quantize(Decimal("1e-8"))
    for number in range(144, 0, -1):
        slot = slot_of(at) - SLOT * number
        price *= 1 + dice.gauss(0, 0.0015)
        network.mine(slot, SLOT.total_seconds(), Decimal(repr(rate)))
        height = int(network.height)
        remaining = PERIOD - height % PERIOD
        passed = (slot - network.began).total_seconds()
        pace = passed / max(1, height % PERIOD)
        yield NetworkSnapshot(
            slot_at=slot, recorded_at=slot + timedelta(seconds=dice.randint(2, 9)), is_valid=True, reason="",
            btc_price_usd=_usd(price), volume_24h_usd=Decimal(dice.randint(28, 33)) * 10**9, difficulty=difficulty,
            hashrate_ehs=(Decimal(repr(rate)) / HPS_PER_EHS).quantize(Decimal("1e-12")), block_height=height,
            block_reward_btc=subsidy_btc(height), fees_per_block_btc=Decimal("0.0231"), fee_rate_sat_vb=Decimal(3),
            retarget_change_pct=Decimal(repr(round((600 / pace - 1) * 100, 4))) if height % PERIOD > 146 else None,
            retarget_at=slot + timedelta(seconds=pace * remaining), remaining_blocks=remaining, price_source=SOURCE,
            data_source=SOURCE, response_s=Decimal(dice.randint(120, 900)).scaleb(-3), origin=Origin.SIMULATED,
        )  # fmt: skip


def _tell_energy(dice: random.Random, at: datetime) -> None:
    """Two markets by the hour, one known the day before, and an exchange rate by the day."""
    hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    markets = (
        ("texas-hub-real-time", "Texas hub, real-time", "TX-HUB", "USD", "America/Chicago", KnownFrom.END, 31.0, 0),
        ("germany-day-ahead", "Germany, day-ahead", "DE-LU", "EUR", "Europe/Berlin", KnownFrom.DAY_AHEAD, 46.0, 24),
    )  # fmt: skip
    for code, name, area, currency, zone, known, level, ahead in markets:
        series = PriceSeries.objects.create(
            code=code, name=name, market_zone=area, currency=currency, time_zone=zone, known_from=known, source=SOURCE
        )
        starts = [hour + timedelta(hours=number) for number in range(-HOURS_BACK, ahead)]
        store(series, list(_hours(dice, starts, zone, level)), at=at, source=SOURCE)
        Site.objects.filter(time_zone=zone).update(energy_series=series)
    rate = PriceSeries.objects.create(
        code="eur-usd", name="Euro in US dollars", kind=SeriesKind.FX, currency="USD", unit="EUR", step_minutes=1440,
        source=SOURCE, lowest=Decimal("0.2"), highest=Decimal(5),
    )  # fmt: skip
    day = hour.replace(hour=0)
    rates = [
        Interval(day - timedelta(days=back), day - timedelta(days=back - 1), Decimal(repr(round(1.12 + x, 4))))
        for back, x in ((back, dice.gauss(0, 0.006)) for back in range(90, 0, -1))
    ]
    store(rate, rates, at=at, source=SOURCE)


def _tell_strike(at: datetime) -> None:
    """One strike price, where prices are known a day ahead: it looks, and what it wants waits for approval."""
    for site in Site.objects.filter(energy_series__code="germany-day-ahead").order_by("pk"):
        create_rule(
            StrikeRule, by=None, at=at, name="Dear evenings", site=site, series=site.energy_series,
            strike=Decimal("0.078"), high_strike=Decimal("0.150"), resume_below=Decimal("0.072"), windows_off=1,
            windows_on=1, network_per_kwh=Decimal("0.012"), goal_kw=Decimal(200), longest_minutes=360,
            stale_after_minutes=120,
        )  # fmt: skip


def _hours(dice: random.Random, starts: list[datetime], zone: str, level: float) -> Iterator[Interval]:
    """Dear in the evening, cheap at noon and at night, now and then below zero, once in a while very dear."""
    drift = 0.0
    for start in starts:
        drift = 0.97 * drift + dice.gauss(0, 2.2)
        clock = start.astimezone(ZoneInfo(zone)).hour
        shape = 16 * math.exp(-(((clock - 19) / 2.6) ** 2)) - 15 * math.exp(-(((clock - 13) / 2.4) ** 2))
        value = level + drift + shape + dice.gauss(0, 3)
        if dice.random() < 0.004:
            value += dice.uniform(150, 900)
        yield Interval(start, start + timedelta(hours=1), Decimal(repr(round(value, 2))))


def _tell_files(sample: Path, at: datetime, say: Say) -> int:
    """The public days and retargets as they are: the newest of them is then as old as the files."""
    btc = sample / "btc"
    import_market_file((btc / "difficulty_retargets.csv").read_bytes(), source="sample: retargets", by="demo", at=at)
    daily = gzip.decompress((btc / "btc_daily.csv.gz").read_bytes())
    found = import_market_file(daily, source="sample: daily", by="demo", at=at)
    coins = sorted((sample / "coins").glob("whattomine_asic_*.json"))
    if coins:
        import_coins(coins[-1].read_bytes(), by="demo", at=at)
    for name, code, title, currency, zone, minutes, column in SAMPLE_PRICES:
        path = sample / "electricity" / name
        if not path.is_file():
            continue
        known = KnownFrom.DAY_AHEAD if "day-ahead" in code else KnownFrom.END
        series = PriceSeries.objects.create(
            code=code, name=title, currency=currency, time_zone=zone, step_minutes=minutes, known_from=known,
            source=f"sample: {name}",
        )  # fmt: skip
        kept = import_prices(
            series, gzip.decompress(path.read_bytes()), column=column, source=f"sample: {name}", by="demo", at=at
        )
        say(f"{title}: {kept.new} prices")
    return found.new


SAMPLE_PRICES = (
    ("de_lu_day_ahead_hourly.csv.gz", "de-lu-day-ahead", "Germany, day-ahead", "EUR", "Europe/Berlin", 60,
     "day_ahead_price_eur_mwh"),
    ("gb_system_prices_halfhourly.csv.gz", "gb-imbalance", "Great Britain, imbalance", "GBP", "Europe/London", 30,
     "ssp_gbp_mwh"),
    ("ercot_hb_south_15min.csv.gz", "ercot-south-real-time", "ERCOT South, real-time", "USD", "America/Chicago", 15,
     "rtm_usd_mwh"),
)  # fmt: skip


def _usd(value: float) -> Decimal:
    return Decimal(repr(round(value, 2)))
