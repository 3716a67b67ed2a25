"""What a reader has to say about a file: which file, which line, which column, what."""

from dataclasses import dataclass
from enum import StrEnum


class FindingKind(StrEnum):
    """How grave it is."""

    ERROR = "error"  # the files cannot be taken; nothing is
    REPORTED = "reported"  # taken as it is or with a stated assumption; a person should look
    REPAIRED = "repaired"  # a known defect, put right by a written rule


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found; ``line`` counts from 1 as an editor does, ``column`` is the name in the header."""

    kind: FindingKind
    file: str
    line: int
    column: str
    message: str
    value: str = ""

    @property
    def place(self) -> str:
        """For people."""
        return f"{self.file}, line {self.line}" + (f", column {self.column}" if self.column else "")

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"
