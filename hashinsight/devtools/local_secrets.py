"""The passwords and keys of the embedded servers: made once, kept in a file only its owner may read."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from hashinsight.devtools.console import Refusal


@dataclass(frozen=True)
class LocalSecrets:
    """Stable across restarts, different in every checkout."""

    superuser_password: str
    owner_password: str
    app_password: str
    ingest_password: str
    backup_password: str
    secret_key: str
    api_key_pepper: str


def load_or_create(path: Path) -> LocalSecrets:
    """Read the file, or make it; values a later version added are filled in, known ones never change."""
    known: dict[str, str] = {}
    if path.exists():
        try:
            known = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise Refusal(f"cannot read {path}: {error}") from error
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    names = [field.name for field in fields(LocalSecrets)]
    loaded = LocalSecrets(**{name: known.get(name) or secrets.token_urlsafe(48) for name in names})
    if asdict(loaded) != known:
        write_private(path, json.dumps({**known, **asdict(loaded)}, indent=2))
    return loaded


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step; nobody but its owner can read it at any moment."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)
