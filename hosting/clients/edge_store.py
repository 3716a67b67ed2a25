"""What a collector has heard and not yet handed over: a file that outlives a power cut at any moment.

A batch is whole in the file, or not at all; it leaves when the server has answered for it. Its id comes from the file,
so the same batch has the same id however often it is sent. When the file grows beyond its bound, the oldest batches go.
"""

import sqlite3
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_TABLES = """
CREATE TABLE IF NOT EXISTS batch (
    number INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL, readings INTEGER NOT NULL, refused TEXT
);
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A batch that waits to be handed over."""

    number: int
    body: bytes
    readings: int


class EdgeStore:
    """SQLite, written through to the disk with each batch."""

    def __init__(self, path: Path, *, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._rows = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._rows.execute("PRAGMA journal_mode = WAL")
        self._rows.execute("PRAGMA synchronous = FULL")
        self._rows.executescript(_TABLES)
        path.chmod(0o600)
        self._name = self.kept("name") or uuid.uuid4().hex
        self.keep("name", self._name)

    def close(self) -> None:
        """Let go of the file."""
        self._rows.close()

    def kept(self, name: str) -> str | None:
        """A word remembered from before."""
        row = self._rows.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def keep(self, name: str, value: str) -> None:
        """Remember a word."""
        self._rows.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (name, value))

    def put(self, make: Callable[[str], bytes], *, readings: int) -> int:
        """Store the batch that ``make`` builds for its id; returns how many readings were dropped to make room."""
        self._rows.execute("BEGIN IMMEDIATE")
        try:
            number = self._rows.execute(
                "INSERT INTO batch (body, readings) VALUES (x'', ?) RETURNING number", (readings,)
            ).fetchone()[0]
            body = make(f"{self._name}-{number}")
            self._rows.execute("UPDATE batch SET body = ? WHERE number = ?", (body, number))
            dropped = self._make_room(number)
        except BaseException:
            self._rows.execute("ROLLBACK")
            raise
        self._rows.execute("COMMIT")
        return dropped

    def _make_room(self, newest: int) -> int:
        dropped = 0
        size = self._rows.execute("SELECT coalesce(sum(length(body)), 0) FROM batch").fetchone()[0]
        while size > self._most_bytes:
            row = self._rows.execute(
                "SELECT number, length(body), readings FROM batch WHERE number < ? ORDER BY number LIMIT 1", (newest,)
            ).fetchone()
            if row is None:
                break
            self._rows.execute("DELETE FROM batch WHERE number = ?", (row[0],))
            size, dropped = size - row[1], dropped + row[2]
        return dropped

    def oldest(self) -> Waiting | None:
        """The next to hand over."""
        row = self._rows.execute(
            "SELECT number, body, readings FROM batch WHERE refused IS NULL ORDER BY number LIMIT 1"
        ).fetchone()
        return None if row is None else Waiting(*row)

    def done(self, number: int) -> None:
        """The server has it."""
        self._rows.execute("DELETE FROM batch WHERE number = ?", (number,))

    def refuse(self, number: int, why: str) -> None:
        """The server will never take it: kept for somebody to look at, not sent again."""
        self._rows.execute("UPDATE batch SET refused = ? WHERE number = ?", (why, number))

    def waiting(self) -> int:
        """How many batches are still to be handed over."""
        return int(self._rows.execute("SELECT count(*) FROM batch WHERE refused IS NULL").fetchone()[0])
