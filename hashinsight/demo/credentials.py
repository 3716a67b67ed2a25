"""The file with the demo's sign-ins: readable by its owner only, replaced in one step."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Credential:
    """How one person of the demo gets in."""

    role: str
    email: str
    password: str
    api_key: str


def write_credentials(path: Path, credentials: Sequence[Credential]) -> None:
    """At no moment can anybody else read it, or see half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        json.dump([asdict(one) for one in credentials], handle, indent=2)
        handle.write("\n")
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)
