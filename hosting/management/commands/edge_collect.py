"""The collector of an edge device."""

import asyncio
import base64
import contextlib
import json
import os
import re
import signal
import sys
from getpass import getpass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hosting.clients.edge_collector import EdgeCollector, TokenRefused
from hosting.clients.edge_server import EdgeServer, ServerAway, ServerRefused
from hosting.clients.edge_store import EdgeStore
from hosting.clients.lease_file import LeaseFile
from hosting.clients.lease_holder import LeaseHolder, names_of
from hosting.clients.machines import Machines

VERSION = "edge_collect 3"
MOST_MB = 500
TOKEN = re.compile(r"hie_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}")


class Command(BaseCommand):
    """``manage.py edge_collect --server https://… --state /var/lib/edge``; needs no database."""

    help = "Reads and switches the machines of an edge device for its server; --enrol CODE the first time."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to, and where to keep things."""
        parser.add_argument("--server", required=True, help="https://backoffice.example.com")
        parser.add_argument("--state", required=True, type=Path, help="a folder for the token and what waits")
        parser.add_argument("--enrol", metavar="CODE", default="", help="the code shown when the device was registered")
        parser.add_argument("--rotate", action="store_true", help="take a new token, then go on")
        parser.add_argument(
            "--token", action="store_true", help="asks for a token made in the back office, then goes on"
        )
        parser.add_argument("--interval", type=float, help="seconds between readings; by default what the server says")
        parser.add_argument("--cache-mb", type=int, default=MOST_MB, help=f"bound of what waits ({MOST_MB})")
        parser.add_argument("--once", action="store_true", help="read once, hand over, end")
        parser.add_argument("--only-read", action="store_true", help="take no leases: switch nothing")
        parser.add_argument(
            "--thaw", action="store_true", help="lift a kill switch that the server cannot lift any more"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Enrol if asked, then collect until SIGTERM or Ctrl-C."""
        state: Path = options["state"]
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            server = EdgeServer(options["server"])
            if options["enrol"]:
                self._enrol(server, state, options["enrol"])
            if options["token"]:
                _keep(state, {**_read(state), "token": _asked()})
            server.token = _token(state)
            if options["rotate"]:
                self._rotate(server, state)
            elif self._lacks_keys(state, options):
                with contextlib.suppress(ServerAway):  # it switches nothing until another start
                    self._rotate(server, state)
            options["private_key"] = base64.b64decode(_read(state)["private_key"])
        except (ServerAway, ServerRefused, ValueError) as error:
            raise CommandError(str(error)) from error
        store = EdgeStore(state / "waiting.sqlite3", most_bytes=options["cache_mb"] * 1_000_000)
        refused: BaseException | None = None
        try:
            asyncio.run(self._collect(server, store, options))
        except* TokenRefused as group:
            refused = group.exceptions[0]
        finally:
            store.close()
        if refused is not None:
            raise CommandError(f"{refused}: enrol the device anew with a new code")

    async def _collect(self, server: EdgeServer, store: EdgeStore, options: dict[str, Any]) -> None:
        collector = EdgeCollector(
            server, store, Machines(), self._say, interval_s=options["interval"], private_key=options["private_key"]
        )
        if not options["only_read"] and not options["once"]:
            collector.holder = self._holder(server, collector, options)
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, collector.stopping.set)
        self._say(f"collecting for {options['server']}")
        await collector.run(once=options["once"])
        self._say(f"stopped; {store.waiting()} batches wait")

    @staticmethod
    def _rotate(server: EdgeServer, state: Path) -> None:
        said = server.rotate()
        _keep(state, {**_read(state), "token": said["token"], "lease_keys": said.get("lease_keys", [])})
        server.token = _token(state)

    @staticmethod
    def _lacks_keys(state: Path, options: dict[str, Any]) -> bool:
        """A device enrolled before there were leases fetches their keys with another token."""
        return not options["only_read"] and not options["once"] and "lease_keys" not in _read(state)

    def _holder(self, server: EdgeServer, collector: EdgeCollector, options: dict[str, Any]) -> LeaseHolder | None:
        state: Path = options["state"]
        identity = _read(state)
        if not identity.get("lease_keys"):
            self._say("no key of leases is pinned: nothing is switched")
            return None
        file = LeaseFile(state)
        if options["thaw"]:
            memory, _wrong = file.load()
            memory.thawed = memory.counter
            file.keep(memory)
        return LeaseHolder(
            server=server, file=file, adapter=collector.adapter, say=self._say, device=identity["device_id"],
            keys=names_of(identity["lease_keys"]), login=collector.login_of, store=collector.store_readings,
            pin=lambda keys: _keep(state, {**_read(state), "lease_keys": keys}),
        )  # fmt: skip

    def _enrol(self, server: EdgeServer, state: Path, code: str) -> None:
        """The key stays on the device; what is sealed to it only the device can open."""
        key = X25519PrivateKey.generate()
        public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
        said = server.enrol(code, public_key=public, version=VERSION)
        private = base64.b64encode(key.private_bytes_raw()).decode()
        keys = said.get("lease_keys", [])
        _keep(
            state,
            {"token": said["token"], "device_id": said["device_id"], "private_key": private, "lease_keys": keys},
        )
        self._say(f"enrolled as {said['serial']}")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _asked() -> str:
    """From the terminal or a pipe, not an argument: the list of processes is no place for it."""
    token = (getpass("Token: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if TOKEN.fullmatch(token) is None:
        raise ValueError("this is no token of an edge device: it reads hie_…")
    return token


def _token(state: Path) -> str:
    return str(_read(state)["token"])


def _read(state: Path) -> dict[str, Any]:
    path = state / "identity.json"
    try:
        said: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ValueError("this device has no token yet: use --enrol CODE") from None
    if path.stat().st_mode & 0o077:
        raise ValueError(f"others may read {path}: chmod 600 it")
    return said


def _keep(state: Path, said: dict[str, Any]) -> None:
    """Whole or not at all, for its owner only."""
    fresh = state / "identity.json.new"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(said, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(state / "identity.json")
