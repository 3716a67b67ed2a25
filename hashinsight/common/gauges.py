"""Figures for Prometheus that apps know: each registers a function, read at the moment of the question."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Gauge:
    """One figure with its labels: ``rows`` hold the values of the labels and the figure. Units stand in the name."""

    name: str
    text: str
    labels: Sequence[str] = ()
    rows: list[tuple[Sequence[str], float]] = field(default_factory=list)


Read = Callable[[], Iterable[Gauge]]
_readers: list[Read] = []


def register_gauges(read: Read) -> None:
    """Called from ``ready()``, once each."""
    if read not in _readers:
        _readers.append(read)


def all_gauges() -> list[Gauge]:
    """What all apps know now."""
    return [gauge for read in _readers for gauge in read()]
