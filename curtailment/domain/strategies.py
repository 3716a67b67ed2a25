"""Who decides what is to be off: strategies of apps above register here, and say what they have in mind for a site."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from hosting.models import Site


@dataclass(frozen=True)
class Ahead:
    """A span in which a strategy wants load off, whether there is a plan of it yet or not; ``kw`` of the machines."""

    starts_at: datetime
    ends_at: datetime
    kw: Decimal
    why: str


@dataclass(frozen=True)
class Strategy:
    """A way to decide; ``kind`` is that of its demands and executions, ``label`` its name for people."""

    kind: str
    label: Any
    ahead: Callable[[Site, datetime], Iterable[Ahead]]


_strategies: dict[str, Strategy] = {}


def register_strategy(strategy: Strategy) -> None:
    """Make a strategy known. Raises ValueError for a kind that another one has."""
    known = _strategies.get(strategy.kind)
    if known is not None and known != strategy:
        raise ValueError(f"strategy {strategy.kind} is registered twice")
    _strategies[strategy.kind] = strategy


def strategies() -> list[Strategy]:
    """All of them, by kind."""
    return [_strategies[kind] for kind in sorted(_strategies)]


def ahead_of(site: Site, *, at: datetime) -> list[tuple[Strategy, Ahead]]:
    """What they want at a site from now on, in order of time."""
    found = [(one, span) for one in strategies() for span in one.ahead(site, at)]
    return sorted(found, key=lambda pair: (pair[1].starts_at, pair[0].kind))
