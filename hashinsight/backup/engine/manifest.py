"""The manifest of a backup: what belongs to it, with the SHA-256 of every file."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
CHUNK = 1024 * 1024


class BadBackup(Exception):
    """The files are not what the manifest says."""


@dataclass(frozen=True)
class FileEntry:
    """One file of a backup."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Mark:
    """A moment whose contents are known: place in the log, time, rows and checksum of every table.

    ``is_exact``: nothing was being written at that moment, so a restore to ``lsn`` must show exactly these rows.
    """

    lsn: str
    at: str
    is_exact: bool
    tables: dict[str, tuple[int, str]]


@dataclass(frozen=True)
class Manifest:
    """Everything a restore must know without asking the database that is gone."""

    name: str
    kind: str
    database: str
    started_at: str
    finished_at: str
    server_version: int
    schema_version: str
    is_encrypted: bool
    files: list[FileEntry]
    mark: Mark
    start_wal: str = ""
    roles: list[dict[str, Any]] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        return sum(one.size_bytes for one in self.files)

    @property
    def started(self) -> datetime:
        """When it began."""
        return datetime.fromisoformat(self.started_at)

    @property
    def finished(self) -> datetime:
        """When it was complete; a point in time before this cannot be restored from it."""
        return datetime.fromisoformat(self.finished_at)


def sha256_of(path: Path) -> str:
    """Checksum of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while piece := handle.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def entries_of(folder: Path) -> list[FileEntry]:
    """All files of a folder but the manifest, by name."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != MANIFEST)
    return [FileEntry(path.name, path.stat().st_size, sha256_of(path)) for path in files]


def write(manifest: Manifest, folder: Path) -> str:
    """Write the manifest last; returns its checksum."""
    draft = folder / f".{MANIFEST}"
    draft.write_text(json.dumps(asdict(manifest), indent=1, sort_keys=True), encoding="utf-8")
    draft.replace(folder / MANIFEST)
    return sha256_of(folder / MANIFEST)


def read(folder: Path) -> Manifest:
    """The manifest of a backup; raises BadBackup when there is none one can read."""
    try:
        known = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        mark = known.pop("mark")
        tables = {name: (int(count), str(digest)) for name, (count, digest) in mark.pop("tables").items()}
        files = [FileEntry(**one) for one in known.pop("files")]
        return Manifest(files=files, mark=Mark(tables=tables, **mark), **known)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadBackup(f"{folder} holds no backup with a readable manifest ({error})") from error


def verify(manifest: Manifest, folder: Path) -> None:
    """Raises BadBackup naming the first file that is missing, changed or one too many."""
    for entry in manifest.files:
        path = folder / entry.name
        if path.name != entry.name or not path.is_file():
            raise BadBackup(f"{entry.name} is missing in {folder}")
        if path.stat().st_size != entry.size_bytes or sha256_of(path) != entry.sha256:
            raise BadBackup(f"{entry.name} in {folder} is not what was backed up")
    known = {entry.name for entry in manifest.files}
    extra = [path.name for path in folder.iterdir() if path.name not in known | {MANIFEST}]
    if extra:
        raise BadBackup(f"{sorted(extra)[0]} in {folder} is no part of the backup")
