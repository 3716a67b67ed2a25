"""What became of every record: the sums always add up to what was read."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from crm.engine.findings import Finding, FindingKind
from crm.engine.pipeline_files import COLUMNS, Pipeline
from hashinsight.common.errors import DomainError

LISTED_IN_MESSAGE = 20


class PipelineRefused(DomainError):
    """The files hold errors; nothing was taken. ``report`` lists every one of them."""

    code = "pipeline_refused"

    def __init__(self, report: "ImportReport") -> None:
        errors = report.of_kind(FindingKind.ERROR)
        shown = [str(finding) for finding in errors[:LISTED_IN_MESSAGE]]
        if len(errors) > len(shown):
            shown.append(f"and {len(errors) - len(shown)} more")
        super().__init__("\n".join(["Nothing was imported.", *shown]))
        self.report = report


@dataclass
class FileCount:
    """One file: ``read = created + unchanged + kept + refused``.

    created    new with us
    unchanged  here already, exactly so
    kept       here already, but different from the file: left as it is, and reported
    refused    not taken, because the files hold an error
    """

    file: str
    read: int = 0
    created: int = 0
    unchanged: int = 0
    kept: int = 0
    refused: int = 0
    repaired: int = 0
    reported: int = 0

    def adds_up(self) -> bool:
        """Whether every record is accounted for."""
        return self.read == self.created + self.unchanged + self.kept + self.refused


@dataclass
class ImportReport:
    """The outcome of an import; ``made`` counts what the new records have become."""

    dry_run: bool = False
    files: dict[str, FileCount] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    made: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, pipeline: Pipeline, *, dry_run: bool) -> "ImportReport":
        """Before anything was stored: what was read and found."""
        files = {
            name: FileCount(pipeline.files.get(name, f"{name}.csv"), read=pipeline.read.get(name, 0))
            for name in COLUMNS
        }
        return cls(dry_run, files, list(pipeline.findings))

    def outcome(self, name: str, *, created: int, unchanged: int, kept: Iterable[Finding]) -> None:
        """What became of the records of one file."""
        differing = list(kept)
        count = self.files[name]
        count.created, count.unchanged, count.kept = created, unchanged, len({one.line for one in differing})
        self.findings += differing

    def refuse_all(self) -> None:
        """Nothing was taken."""
        for count in self.files.values():
            count.refused = count.read

    def settle(self) -> None:
        """Count the records with findings, once each."""
        for count in self.files.values():
            mine = [finding for finding in self.findings if finding.file == count.file]
            count.repaired = len({one.line for one in mine if one.kind == FindingKind.REPAIRED})
            count.reported = len({one.line for one in mine if one.kind != FindingKind.REPAIRED})

    def of_kind(self, kind: FindingKind) -> list[Finding]:
        """Findings of one kind, in the order of the files."""
        return [finding for finding in self.findings if finding.kind == kind]

    def totals(self) -> FileCount:
        """All files together."""
        total = FileCount("all files")
        for count in self.files.values():
            for name in ("read", "created", "unchanged", "kept", "refused", "repaired", "reported"):
                setattr(total, name, getattr(total, name) + getattr(count, name))
        return total

    def as_dict(self) -> dict[str, Any]:
        """For a JSON file."""
        return {
            "dry_run": self.dry_run,
            "totals": asdict(self.totals()),
            "files": {name: asdict(count) for name, count in self.files.items()},
            "made": self.made,
            "findings": [
                {
                    "kind": one.kind.value,
                    "file": one.file,
                    "line": one.line,
                    "column": one.column,
                    "message": one.message,
                    "value": one.value,
                }
                for one in self.findings
            ],
        }
