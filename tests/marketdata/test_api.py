"""What is asked of the market by programs: one row is found without reading all."""

from datetime import datetime
from typing import Any

import pytest

from accounts.models import User
from marketdata.domain.periods import KnownPeriod, note_periods
from tests.api.client import Caller
from tests.marketdata.world import build_market


@pytest.fixture
def rows(db: None, now: datetime) -> dict[str, Any]:
    """One of each, and a period before."""
    made = build_market(now)
    note_periods([KnownPeriod(0, 0x1D00FFFF, starts_at=datetime.fromisoformat("2009-01-03T18:15:05Z"))],
                 source="a file", at=now)  # fmt: skip
    return made


@pytest.mark.parametrize(
    ("address", "column", "found"),
    [
        ("/coins/?symbol=bch", "symbol", ["BCH"]),
        ("/price-series/?code=de-lu-day-ahead", "code", ["de-lu-day-ahead"]),
        ("/price-series/?code=other", "code", []),
        ("/price-series/?market_zone=de-lu", "code", ["de-lu-day-ahead"]),
        ("/difficulty-periods/?starts_before=2010-01-01T00:00:00Z", "first_height", [0]),
        ("/difficulty-periods/?starts_from=2010-01-01T00:00:00Z", "first_height", [923_328]),
    ],
)
def test_rows_are_found(rows: dict[str, Any], root: User, address: str, column: str, found: list[Any]) -> None:
    answer = Caller(root).get(address)
    assert answer.status_code == 200, answer.content
    assert [row[column] for row in answer.json()["results"]] == found
