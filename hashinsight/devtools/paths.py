"""Where things lie: one ``Place`` for each set of servers, so that run, tests and benches never touch."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def var_dir() -> Path:
    """The folder everything is written to; ``HASHINSIGHT_VAR`` moves it."""
    return Path(os.environ.get("HASHINSIGHT_VAR") or ROOT / "var").absolute()


def caller_dir() -> Path:
    """Where the person stood when typing ``./dev`` (relative arguments count from there)."""
    return Path(os.environ.get("HASHINSIGHT_CALLER_DIR") or Path.cwd())


@dataclass(frozen=True)
class Place:
    """One set of servers with its data, sockets, logs and secrets."""

    name: str
    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets.json"

    @property
    def lock(self) -> Path:
        return self.run / "owner.lock"

    @property
    def state(self) -> Path:
        return self.run / "supervisor.json"

    @property
    def children(self) -> Path:
        return self.run / "children.json"

    def make(self) -> None:
        for folder in (self.root, self.run, self.logs):
            folder.mkdir(parents=True, exist_ok=True)


def run_place() -> Place:
    return Place("run", var_dir())


def test_place(slot: int) -> Place:
    return Place(f"test-{slot}", var_dir() / "test" / str(slot))


def bench_place() -> Place:
    return Place("bench", var_dir() / "bench" / "servers")
