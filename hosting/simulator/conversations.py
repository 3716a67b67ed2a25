"""Connections: the CGMiner port and the web port of every machine."""

import asyncio
import socket
import struct
from collections.abc import Callable
from http import HTTPStatus

from hosting.engine.simulation import noise
from hosting.engine.simulation.faults import Fault
from hosting.engine.simulation.firmware import FIRMWARES
from hosting.engine.simulation.fleet import Fleet
from hosting.engine.simulation.machine import Machine
from hosting.engine.simulation.protocol import is_whole, understand
from hosting.engine.simulation.visit import Visit, WebAnswer, WebRequest, World

MOST_REQUEST_BYTES = 1 << 20
_GARBAGE = 1001


class Hall:
    """All that a connection needs to find its machine and to answer for it."""

    def __init__(self, fleet: Fleet, world: World, now: Callable[[], float]) -> None:
        self.fleet, self.world, self.now = fleet, world, now
        self.answered = 0

    def visit(self, machine: Machine, address: str) -> Visit:
        """A visit at this moment."""
        return Visit(machine, self.now(), self.world, address)


class _Conversation(asyncio.Protocol):
    """One connection to one machine."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.transport: asyncio.Transport | None = None
        self.machine: Machine | None = None
        self.address = ""
        self.fault = Fault.NONE
        self.heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Find the machine by the address that was called."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.address = transport.get_extra_info("sockname")[0]
        machine = self.hall.fleet.at(self.address)
        if machine is None:
            _refuse(transport)
            return
        self.machine = machine
        machine.advance(self.hall.now())
        self.fault = machine.network_fault()
        if self.fault is Fault.DROP or self.is_closed(machine):
            _refuse(transport)

    def is_closed(self, machine: Machine) -> bool:
        """Whether the port is closed just now, though the machine is up."""
        return False

    def data_received(self, data: bytes) -> None:
        """Collect until a request is whole."""
        if self.machine is None or self.transport is None or self.fault is Fault.HANG:
            return
        self.heard += data
        if len(self.heard) > MOST_REQUEST_BYTES:
            self.transport.abort()
        elif self.fault is Fault.GARBAGE:
            self.transport.write(garbage(self.machine, self.hall.now()))
            self.transport.close()
        else:
            self.listen(self.machine, self.transport)

    def listen(self, machine: Machine, transport: asyncio.Transport) -> None:
        """Answer when there is something to answer."""
        raise NotImplementedError


class RpcConversation(_Conversation):
    """TCP 4028: one request, one answer, goodbye."""

    def is_closed(self, machine: Machine) -> bool:
        """While the mining program starts anew nobody listens; some makes have no such port."""
        return machine.at < machine.quiet_until or machine.kind.make == "bitaxe"

    def listen(self, machine: Machine, transport: asyncio.Transport) -> None:
        """Answer a whole request and close."""
        if transport.is_closing() or not is_whole(self.heard):
            return
        visit = self.hall.visit(machine, self.address)
        transport.write(FIRMWARES[machine.kind.make].answer(visit, understand(self.heard)))
        transport.close()
        self.hall.answered += 1


class WebConversation(_Conversation):
    """The web port: HTTP/1.1, several requests on a connection."""

    def listen(self, machine: Machine, transport: asyncio.Transport) -> None:
        """Answer each whole request."""
        while not transport.is_closing():
            found = _take_request(self.heard)
            if found is None:
                return
            request, self.heard = found
            visit = self.hall.visit(machine, self.address)
            answer = FIRMWARES[machine.kind.make].web(visit, request)
            transport.write(_as_http(answer or WebAnswer(404, b"not found", "text/plain")))
            self.hall.answered += 1
            if request.headers.get("connection", "").lower() == "close":
                transport.close()


def _refuse(transport: asyncio.Transport) -> None:
    """Reset the connection: the nearest to a closed port that a socket which has accepted can do."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def garbage(machine: Machine, now: float) -> bytes:
    """Bytes no parser understands, the same for the same second."""
    drawn = noise.bits(machine.seed, _GARBAGE, int(now))
    return b"\xff\xfe" + drawn.to_bytes(8, "big") * (1 + drawn % 40) + b'{"STATUS":[{"STA'


def _take_request(heard: bytes) -> tuple[WebRequest, bytes] | None:
    head, separator, rest = heard.partition(b"\r\n\r\n")
    if not separator:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers["content-length"]) if headers.get("content-length", "").isdigit() else 0
    if len(rest) < length:
        return None
    method, _, target = first.partition(" ")
    path = target.partition(" ")[0].partition("?")[0]
    return WebRequest(method, path, headers, rest[:length]), rest[length:]


def _as_http(answer: WebAnswer) -> bytes:
    phrase = HTTPStatus(answer.status).phrase
    lines = [
        f"HTTP/1.1 {answer.status} {phrase}",
        f"Content-Type: {answer.kind}",
        f"Content-Length: {len(answer.body)}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + answer.body
