"""Folders of the servers: short enough, ours alone, and found by the account they run as."""

import os
import pwd
from pathlib import Path

import pytest

from hashinsight.devtools.console import Refusal
from hashinsight.devtools.home import ensure_private_dir, find_home, find_postgres, fits_a_socket, short_runtime_dir
from hashinsight.devtools.paths import Place


def test_a_link_put_there_before_us_is_refused(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "runtime").symlink_to(folder / "elsewhere")

    with pytest.raises(Refusal, match="should be a private folder"):
        ensure_private_dir(folder / "runtime", os.geteuid())


def test_a_file_put_there_before_us_is_refused(folder: Path) -> None:
    (folder / "runtime").write_text("")

    with pytest.raises(Refusal, match="is no folder"):
        ensure_private_dir(folder / "runtime", os.geteuid())


@pytest.mark.usefixtures("as_root")
def test_a_folder_of_somebody_else_is_refused(folder: Path) -> None:
    (folder / "runtime").mkdir(mode=0o777)
    os.chown(folder / "runtime", pwd.getpwnam("nobody").pw_uid, -1)

    with pytest.raises(Refusal, match="belongs to nobody"):
        ensure_private_dir(folder / "runtime", os.geteuid())


def test_our_own_folder_is_closed_to_others(folder: Path) -> None:
    (folder / "runtime").mkdir(mode=0o755)

    ensure_private_dir(folder / "runtime", os.geteuid())

    assert (folder / "runtime").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("length", "fits"), [(93, True), (94, False)])
def test_socket_paths_end_at_107_bytes(length: int, fits: bool) -> None:
    assert fits_a_socket(Path("/" + "x" * (length - 1))) is fits


def test_a_path_that_needs_quoting_holds_no_sockets() -> None:
    assert not fits_a_socket(Path("/home/with blank"))


def test_runtime_dir_of_somebody_else_is_not_used(folder: Path, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    session = folder / "session"
    session.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(session))

    assert short_runtime_dir(place, os.geteuid()).parent == session
    assert short_runtime_dir(place, os.geteuid() + 1).parent == Path("/tmp")
    session.chmod(0o755)
    assert short_runtime_dir(place, os.geteuid()).parent == Path("/tmp")


@pytest.mark.usefixtures("as_root")
def test_root_moves_data_out_of_a_closed_folder_and_opens_nothing(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    place = Place("unit", closed / "var")
    place.make()

    home = find_home(place)

    assert home.data.is_relative_to(folder / "state")
    assert home.data.stat().st_uid == home.uid != 0
    assert closed.stat().st_mode & 0o777 == 0o700
    assert (place.root / "servers-are-in").read_text().strip() == str(home.data.parent)
    assert find_home(place).data == home.data


def test_named_programs_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASHINSIGHT_PG_BIN", "/nonexistent/bin")

    with pytest.raises(Refusal, match="HASHINSIGHT_PG_BIN=/nonexistent/bin"):
        find_postgres()
