"""Forecasts of the past."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from intelligence.domain import forecasting, scoring


class Command(BaseCommand):
    """``manage.py backtest_forecasts --days 60``."""

    help = "Makes the forecasts of the last days with what was known then, marks them as backtests, and scores them."

    def add_arguments(self, parser: CommandParser) -> None:
        """How far back."""
        parser.add_argument("--days", type=int, default=60, help="60 by default, 1,500 at most")

    def handle(self, *args: Any, **options: Any) -> None:
        """One domain call."""
        days: int = options["days"]
        if not 1 <= days <= 1500:
            raise CommandError("--days is between 1 and 1500")
        made = forecasting.backtest(forecasting.ENGINES, days=days, at=timezone.now())
        scores = scoring.rescore_all(at=timezone.now())
        self.stdout.write(f"{made} forecasts; horizons scored: {scores}")
