"""Files of a backup: sealed, listed, rotated."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hashinsight.backup.domain import checksums
from hashinsight.backup.engine import manifest, rotation, sealing
from hashinsight.backup.engine.manifest import BadBackup, FileEntry, Manifest, Mark

KEY = bytes(range(32))
NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)


def _manifest(name: str, *, kind: str = "base", at: datetime = NOW, files: list[FileEntry] | None = None) -> Manifest:
    return Manifest(
        name=name, kind=kind, database="d", started_at=at.isoformat(), finished_at=at.isoformat(),
        server_version=180000, schema_version="s", is_encrypted=False, files=files or [],
        mark=Mark("0/0", "", True, {"t": (2, "1:2")}), start_wal="000000010000000000000002",
    )  # fmt: skip


@pytest.mark.parametrize("size", [0, 1, sealing.PIECE - 1, sealing.PIECE, sealing.PIECE + 1, 3 * sealing.PIECE])
def test_what_is_sealed_comes_back_with_its_key_only(tmp_path: Path, size: int) -> None:
    source = tmp_path / "a"
    content = os.urandom(size)
    source.write_bytes(content)
    sealed = sealing.seal(source, KEY)
    assert (source.exists(), sealed.name) == (False, "a.sealed")
    sealing.unseal(sealed, tmp_path / "b", KEY)
    assert (tmp_path / "b").read_bytes() == content
    with pytest.raises(sealing.BadKey):
        sealing.unseal(sealed, tmp_path / "c", bytes(32))
    assert not (tmp_path / "c").exists()


def _sealed(folder: Path, name: str = "a", pieces: int = 3) -> tuple[Path, list[bytes]]:
    """A sealed file and its parts: the head, then each piece with its length."""
    source = folder / name
    source.write_bytes(os.urandom(sealing.PIECE * (pieces - 1) + 10))
    sealed = sealing.seal(source, KEY)
    content = sealed.read_bytes()
    step = 4 + sealing.PIECE + 16
    return sealed, [content[:16], *(content[16 + number * step :][:step] for number in range(pieces))]


@pytest.mark.parametrize("order", [[0, 1, 2], [0, 2, 1, 3], [0, 1, 3], [0, 3], [0], [0, 1, 2, 3, 3], []])
def test_pieces_cannot_be_dropped_swapped_or_repeated(tmp_path: Path, order: list[int]) -> None:
    sealed, parts = _sealed(tmp_path)
    sealed.write_bytes(b"".join(parts[place] for place in order))
    with pytest.raises(sealing.BadKey):
        sealing.unseal(sealed, tmp_path / "b", KEY)
    assert not (tmp_path / "b").exists()


def test_a_file_cannot_take_the_place_of_another(tmp_path: Path) -> None:
    sealed, _parts = _sealed(tmp_path)
    with pytest.raises(sealing.BadKey):
        sealing.unseal(sealed.rename(tmp_path / "other.sealed"), tmp_path / "b", KEY)


@pytest.mark.parametrize("text", ["", "short", "AAAA", "not base64!" * 4])
def test_a_bad_key_is_refused(text: str) -> None:
    with pytest.raises(sealing.BadKey):
        sealing.key_from(text)


def test_a_manifest_finds_every_change_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"two")
    known = _manifest("x", files=manifest.entries_of(tmp_path))
    manifest.write(known, tmp_path)
    assert manifest.read(tmp_path) == known
    manifest.verify(known, tmp_path)
    for change in (
        lambda: (tmp_path / "a").write_bytes(b"onE"),
        lambda: (tmp_path / "a").write_bytes(b"ones"),
        lambda: (tmp_path / "a").unlink(),
        lambda: (tmp_path / "c").write_bytes(b""),
    ):
        change()
        with pytest.raises(BadBackup):
            manifest.verify(known, tmp_path)
        (tmp_path / "a").write_bytes(b"one")
        (tmp_path / "c").unlink(missing_ok=True)
    manifest.verify(known, tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"mark": 1}', "null"])
def test_a_manifest_nobody_can_read_is_no_backup(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(BadBackup):
        manifest.read(tmp_path)


def test_the_rotation_keeps_days_months_and_the_newest_of_each_kind() -> None:
    daily = [_manifest(f"d{age}", at=NOW - timedelta(days=age)) for age in range(100)]
    dump = _manifest("old dump", kind="dump", at=NOW - timedelta(days=900))
    gone = {one.name for one in rotation.to_remove([dump, *daily], at=NOW, keep_days=30, keep_months=3)}
    kept = {one.name for one in daily} - gone
    assert "old dump" not in gone
    assert {f"d{age}" for age in range(31)} <= kept
    # The first of September, October and November 2026 are 80, 50 and 19 days back.
    assert kept - {f"d{age}" for age in range(31)} == {"d50", "d80"}
    assert rotation.to_remove([dump], at=NOW, keep_days=1, keep_months=0) == []


def test_names_of_log_files() -> None:
    assert rotation.wal_name(1, "0/2000028") == "000000010000000000000002"
    assert rotation.wal_name(17, "2A/FF000000") == "000000110000002A000000FF"


def test_one_changed_row_and_one_missing_table_differ() -> None:
    mark = Mark("", "", True, {"a": (1, "1:1"), "b": (2, "2:2")})
    assert checksums.differing(mark, {"a": (1, "1:1"), "b": (2, "2:2")}) == []
    assert checksums.differing(mark, {"a": (1, "1:2"), "c": (0, "0:0")}) == ["a", "b", "c"]
