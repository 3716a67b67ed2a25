"""What firmwares that come from cgminer have in common: the words, their codes and the usual rows."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from hosting.engine.simulation.firmware import pools
from hosting.engine.simulation.machine import Phase
from hosting.engine.simulation.protocol import (
    INVALID_COMMAND,
    NO_ASCS,
    Answer,
    Request,
    as_json,
    as_object,
    as_text,
)
from hosting.engine.simulation.visit import Visit, WebAnswer, WebRequest

NETWORK_DIFFICULTY = 126271255279306.98
Words = Mapping[str, Callable[[Any, Visit, Request], Answer]]


def r2(value: float) -> float:
    """Two digits, as ``%.2f`` writes them."""
    return round(value, 2)


def hashing_rows(visit: Visit) -> dict[str, Any]:
    """Counters that every ``summary`` has, in cgminer's order."""
    reading, difficulty = visit.reading, visit.machine.kind.difficulty
    minutes = max(reading.elapsed_s / 60.0, 1.0 / 60.0)
    total = max(reading.accepted + reading.rejected, 1)
    return {
        "Found Blocks": 0,
        "Getworks": reading.elapsed_s // 30,
        "Accepted": reading.accepted,
        "Rejected": reading.rejected,
        "Hardware Errors": reading.hardware_errors,
        "Utility": r2(reading.accepted / minutes),
        "Discarded": reading.elapsed_s * 9,
        "Stale": 0,
        "Get Failures": 0,
        "Local Work": reading.elapsed_s * 90,
        "Remote Failures": 0,
        "Network Blocks": reading.elapsed_s // 600,
        "Total MH": round(reading.work_th * 1e6, 4),
        "Work Utility": r2(reading.ths_average * 1e12 / 2**32 * 60),
        "Difficulty Accepted": float(reading.accepted * difficulty),
        "Difficulty Rejected": float(reading.rejected * difficulty),
        "Difficulty Stale": 0.0,
        "Best Share": reading.best_share,
        "Device Hardware%": 0.0,
        "Device Rejected%": round(100.0 * reading.rejected / total, 4),
        "Pool Rejected%": round(100.0 * reading.rejected / total, 4),
        "Pool Stale%": 0.0,
        "Last getwork": visit.when,
    }


class Cgminer:
    """A firmware that answers on TCP 4028; makes add their own words."""

    description = "cgminer 4.11.1"
    program = "CGMiner"
    joins = True  # understands ``summary+pools``
    leaves = True  # obeys ``quit`` and ``restart`` from anybody
    default_password = ""
    words: ClassVar[Words] = {}

    def answer(self, visit: Visit, request: Request | Answer) -> bytes:
        """The bytes that go back."""
        if isinstance(request, Answer):
            return as_json(as_object(request, when=visit.when, description=self.description))
        if "+" in request.command and self.joins:
            return self._joined(visit, request)
        if request.command in {"quit", "restart"} and self.leaves:
            return self._leave(visit, request)
        answer = self.one(visit, request)
        if request.is_json:
            return as_json(as_object(answer, when=visit.when, description=self.description))
        return as_text(answer, when=visit.when, description=self.description)

    def one(self, visit: Visit, request: Request) -> Answer:
        """The answer to a single command."""
        word = self.words.get(request.command)
        return INVALID_COMMAND if word is None else word(self, visit, request)

    def web(self, visit: Visit, request: WebRequest) -> WebAnswer | None:
        """The answer on the web port; None where the make has none."""
        return None

    def _joined(self, visit: Visit, request: Request) -> bytes:
        content: dict[str, Any] = {}
        for command in filter(None, request.command.split("+")):
            answer = self.one(visit, Request(command, request.parameter, True, request.body))
            content[command] = [as_object(answer, when=visit.when, description=self.description)]
        return as_json({**content, "id": 1})

    def _leave(self, visit: Visit, request: Request) -> bytes:
        """The program ends; whoever watches over it starts it again."""
        visit.machine.sleep(restart=True, quiet_s=10.0)
        visit.machine.wake(restart=True, quiet_s=10.0)
        word = "BYE" if request.command == "quit" else "RESTART"
        return as_json({"STATUS": word, "id": 1}) if request.is_json else word.encode() + b"\x00"


def no_boards(visit: Visit) -> bool:
    """While the boards are brought up the program knows of none."""
    return visit.machine.phase is Phase.STARTING


def pools_answer(firmware: Cgminer, visit: Visit, request: Request) -> Answer:
    """``pools``."""
    rows = pools.rows(visit)
    return Answer(7, f"{len(rows)} Pool(s)", "POOLS", rows)


def config_answer(firmware: Cgminer, visit: Visit, request: Request) -> Answer:
    """``config``."""
    row = {
        "ASC Count": 0 if no_boards(visit) else visit.machine.kind.boards,
        "PGA Count": 0,
        "Pool Count": len(pools.rows(visit)),
        "Strategy": "Failover",
        "Log Interval": 5,
        "Device Code": "",
        "OS": "Linux",
        "Hotplug": "None",
    }
    return Answer(33, f"{firmware.program} config", "CONFIG", (row,))


def coin_answer(firmware: Cgminer, visit: Visit, request: Request) -> Answer:
    """``coin``."""
    row = {
        "Hash Method": "sha256",
        "Current Block Time": float(visit.when // 600 * 600),
        "Current Block Hash": f"{visit.when // 600:064x}",
        "LP": True,
        "Network Difficulty": NETWORK_DIFFICULTY,
    }
    return Answer(78, f"{firmware.program} coin", "COIN", (row,))


def check_answer(firmware: Cgminer, visit: Visit, request: Request) -> Answer:
    """``check``: whether a command exists, and whether one may."""
    exists = request.parameter in firmware.words or request.parameter in {"quit", "restart"}
    row = {"Exists": "Y" if exists else "N", "Access": "Y" if exists else "N"}
    return Answer(72, "Check command", "CHECK", (row,))


def privileged_answer(firmware: Cgminer, visit: Visit, request: Request) -> Answer:
    """``privileged``."""
    return Answer(46, "Privileged access OK")


def asccount_answer(firmware: Cgminer, visit: Visit, request: Request) -> Answer:
    """``asccount``."""
    count = 0 if no_boards(visit) else visit.machine.kind.boards
    return Answer(104, "ASC count", "ASCS", ({"Count": count},))


def boards_or_none(visit: Visit, rows: tuple[Mapping[str, Any], ...]) -> Answer:
    """``devs``: an error when there is no board."""
    return NO_ASCS if no_boards(visit) or not rows else Answer(9, f"{len(rows)} ASC(s)", "DEVS", rows)


COMMON: Words = {
    "pools": pools_answer,
    "config": config_answer,
    "coin": coin_answer,
    "check": check_answer,
    "privileged": privileged_answer,
    "asccount": asccount_answer,
}
