"""Web servers and a resolver for tests of what leaves the house."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

real_getaddrinfo = socket.getaddrinfo


@dataclass
class Heard:
    """One request as the server got it; header names lower-case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A server on this machine: ``answer`` decides; ``connections`` counts whoever knocked, request or not."""

    port: int = 0
    connections: int = 0
    requests: list[Heard] = field(default_factory=list)
    answer: Callable[[Heard], tuple[int, dict[str, str], bytes]] = lambda heard: (200, {}, b"ok")

    def url(self, host: str = "127.0.0.1", path: str = "/hook", scheme: str = "http") -> str:
        """Its address under a name."""
        return f"{scheme}://{host}:{self.port}{path}"


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length)
            if len(body) < length:  # whoever sent it died in the middle: as with any server, nothing has arrived
                self.close_connection = True
                return
            heard = Heard(self.command, self.path, headers, body)
            receiver.requests.append(heard)
            status, extra, said = receiver.answer(heard)
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name, value)
            if "Content-Length" not in extra:
                self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(said)

        do_GET = do_POST = serve

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that hang up are part of the tests."""


@contextlib.contextmanager
def listening(address: str = "127.0.0.1", *, port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on this address for the length of the block."""
    receiver = Receiver()
    kind = type("Server", (_Server,), {"address_family": socket.AF_INET6 if ":" in address else socket.AF_INET})
    server = kind((address, port), _handler(receiver))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Resolver:
    """Answers from a table; a list of lists is answered turn by turn (that is DNS rebinding)."""

    def __init__(self, **names: Any) -> None:
        self.names: dict[str, Any] = {name.replace("_", "."): answer for name, answer in names.items()}
        self.asked: list[str] = []

    def __call__(self, host: Any, port: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        with contextlib.suppress(ValueError):
            ip_address(name)
            return real_getaddrinfo(host, port, *args, **options)
        self.asked.append(name)
        answer = self.names.get(name.lower().rstrip("."))
        if answer is None:
            if name.replace(".", "").replace("x", "").isalnum() and name[:1].isdigit():
                return real_getaddrinfo(host, port, *args, **options)  # numbers as the C library reads them
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        if isinstance(answer[0], list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port or 0))
            for one in answer
        ]

    def install(self, monkeypatch: pytest.MonkeyPatch) -> "Resolver":
        """For everything in this process."""
        monkeypatch.setattr(socket, "getaddrinfo", self)
        return self


def certificate(folder: Path, *names: str) -> tuple[ssl.SSLContext, Path]:
    """A server context with a fresh certificate for these names, and the file with its maker to be trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test receivers")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    maker = folder / "maker.pem"
    maker.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context, maker
