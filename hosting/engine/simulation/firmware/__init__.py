"""What each make says on the wire."""

from collections.abc import Mapping
from typing import Protocol

from hosting.engine.simulation.firmware.antminer import Antminer
from hosting.engine.simulation.firmware.avalon import Avalon
from hosting.engine.simulation.firmware.bitaxe import Bitaxe
from hosting.engine.simulation.firmware.braiins import Braiins
from hosting.engine.simulation.firmware.luxos import LuxOS
from hosting.engine.simulation.firmware.whatsminer import Whatsminer
from hosting.engine.simulation.protocol import Answer, Request
from hosting.engine.simulation.visit import Visit, WebAnswer, WebRequest


class Firmware(Protocol):
    """One make's way of answering."""

    def answer(self, visit: Visit, request: Request | Answer) -> bytes:
        """The bytes on TCP 4028; none when nothing listens there."""

    def web(self, visit: Visit, request: WebRequest) -> WebAnswer | None:
        """The answer on the web port; None when nothing listens there."""


FIRMWARES: Mapping[str, Firmware] = {
    "antminer": Antminer(),
    "whatsminer": Whatsminer(),
    "avalon": Avalon(),
    "luxos": LuxOS(),
    "braiins": Braiins(),
    "bitaxe": Bitaxe(),
}
