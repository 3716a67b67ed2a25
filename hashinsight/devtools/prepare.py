"""Migrations, roles, static files and demo, before (or, when nothing changed, beside) the start of the product."""

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hashinsight.devtools.console import Refusal, detail, say
from hashinsight.devtools.environment import Endpoints, child_env
from hashinsight.devtools.local_secrets import write_private
from hashinsight.devtools.paths import ROOT, Place
from hashinsight.devtools.processes import Keeper, Program, Running, last_lines

NOTICE_AFTER = 8.0
SKIPPED_FOLDERS = {".git", ".venv", "var", "tests", "docs", "__pycache__", "node_modules"}
WATCHED_ENDINGS = (".py", ".html", ".css", ".js", ".po", ".mo", ".txt", ".svg", ".png")


@dataclass(frozen=True)
class Demo:
    """What company stands in the database after the start."""

    wanted: bool = True
    sample: Path | None = None

    def arguments(self) -> list[str]:
        if not self.wanted:
            return ["--no-demo"]
        return ["--sample", str(self.sample)] if self.sample else ["--demo"]


def fingerprint(endpoints: Endpoints, demo: Demo) -> str:
    """Changes whenever code, templates, packages, database or wish changed since the last preparation."""
    digest = hashlib.sha256()
    for folder, names, files in os.walk(ROOT):
        names[:] = sorted(name for name in names if name not in SKIPPED_FOLDERS and not name.startswith("."))
        for file in sorted(files):
            if file.endswith(WATCHED_ENDINGS):
                path = os.path.join(folder, file)
                info = os.stat(path)
                digest.update(f"{path}:{info.st_size}:{info.st_mtime_ns}\n".encode(errors="surrogateescape"))
    digest.update(json.dumps([endpoints.owner_url, demo.arguments(), sys.version]).encode())
    return digest.hexdigest()


class Preparation:
    """One management process with the owner's login; ``known`` means the last one did exactly this."""

    def __init__(self, place: Place, endpoints: Endpoints, demo: Demo) -> None:
        self.demo = demo
        self.mark = place.run / "prepared"
        self.fingerprint = fingerprint(endpoints, demo)
        self.known = self.mark.exists() and self.mark.read_text() == self.fingerprint
        env = child_env(place, endpoints, owner=True)
        argv = [sys.executable, str(ROOT / "manage.py"), "prepare", *demo.arguments()]
        self.program = Program("prepare", argv, env, place.logs / "prepare.log", cwd=ROOT)
        self.running: Running | None = None
        self.begin = self.noticed = time.monotonic()

    def start(self, keeper: Keeper) -> None:
        self.mark.unlink(missing_ok=True)
        self.program.log.unlink(missing_ok=True)
        self.begin = self.noticed = time.monotonic()
        self.running = keeper.start(self.program)
        self.running.stopping = True  # it ends by itself and is not started again

    def is_done(self) -> bool:
        """True once it ended well; a failure is the end of the start."""
        if self.running is None:
            return False
        if not self.running.has_ended():
            self._show_progress()
            return False
        if self.running.process.returncode:
            for line in last_lines(self.program.log, 25):
                detail(line)
            raise Refusal(f"the preparation failed; the whole text is in {self.program.log}")
        if not self.mark.exists():
            write_private(self.mark, self.fingerprint)
        return True

    def _show_progress(self) -> None:
        now = time.monotonic()
        if now - self.noticed >= NOTICE_AFTER:
            self.noticed = now
            latest = next(reversed(last_lines(self.program.log, 1)), "")
            detail(f"... {now - self.begin:.0f} s: {latest.strip()[:150]}")

    def wait(self, keeper: Keeper, check: Callable[[], None]) -> None:
        say("Preparing the database" + (" and the demo company" if self.demo.wanted else ""))
        while not self.is_done():
            check()
            keeper.tick()
            time.sleep(0.05)
