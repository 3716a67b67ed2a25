"""The command: starts, says READY, stops, and refuses what it cannot do."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from hosting.engine.simulation.fleet import FleetRefused
from hosting.simulator import start_fleet
from hosting.simulator.arguments import add_arguments, read_settings
from hosting.simulator.process import FleetDidNotStart, FleetProcess
from tests.hosting.simulator.polling import parsed, poll
from tests.hosting.simulator.support import own_network

MINERS = 600


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _settings(*words: str) -> object:
    import argparse

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return read_settings(vars(parser.parse_args(words)))


@pytest.fixture(scope="module")
def fleet() -> Iterator[tuple[FleetProcess, int]]:
    port = _free_port()
    faults = "hang=1%,garbage=2%,drop=1%"
    with start_fleet(["--miners", str(MINERS), "--port", str(port), "--faults", faults]) as one:
        yield one, port


def _addresses() -> list[str]:
    return [f"127.77.{index // 254}.{index % 254 + 1}" for index in range(MINERS)]


def test_one_socket_answers_for_all_and_bad_ones_cost_their_timeout(fleet: tuple[FleetProcess, int]) -> None:
    process, port = fleet
    assert process.ready == f"READY 600 machines at 127.77.0.1 to 127.77.2.92, port {port}, seed 1"
    polled = asyncio.run(poll(_addresses(), ["summary"], port=port, at_a_time=60, timeout_s=4.0))

    assert polled.kinds_of_failure() == {"TimeoutError": 6, "JSONDecodeError": 12, "ConnectionResetError": 6}
    assert len(polled.answers) == MINERS - 24
    elapsed = {parsed(raw)["SUMMARY"][0]["Elapsed"] for raw in polled.answers.values()}
    assert len(elapsed) > 500
    again = asyncio.run(poll(sorted(polled.failures), ["summary"], port=port, timeout_s=2.0))
    assert again.failures == polled.failures


def test_addresses_without_a_machine_are_closed(fleet: tuple[FleetProcess, int]) -> None:
    _, port = fleet
    for address in ("127.0.0.1", "127.77.2.93", "127.77.0.255"):
        with pytest.raises(ConnectionResetError), socket.create_connection((address, port), timeout=5) as one:
            one.recv(1)


def test_a_large_fleet_needs_little_memory(fleet: tuple[FleetProcess, int]) -> None:
    with start_fleet(["--miners", "20000", "--port", str(_free_port())]) as one:
        lines = Path(f"/proc/{one.process.pid}/status").read_text().splitlines()
        resident_kb = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    assert "20000 machines at 127.77.0.1 to 127.77.78.188" in one.ready
    assert resident_kb < 150_000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_when_told(number: signal.Signals) -> None:
    port = _free_port()
    one = start_fleet(["--miners", "3", "--port", str(port)])
    one.process.send_signal(number)
    said, _ = one.process.communicate(timeout=30)
    assert (one.process.returncode, said.strip()) == (0, "Stopped after 0 answers.")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.77.0.1", port), timeout=5)


@pytest.mark.parametrize("miners", ["2", "300"])
def test_a_port_in_use_is_refused(miners: str) -> None:
    with socket.socket() as other:
        other.bind(("127.77.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(FleetDidNotStart, match=r"^simulate_fleet: 127\.[0-9./]+:\d+ is in use"):
            start_fleet(["--miners", miners, "--port", str(port)])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--network", "10.0.0.0/16"], "is not inside 127.0.0.0/8"),
        (["--network", "0.0.0.0/0"], "is not inside 127.0.0.0/8"),
        (["--network", "127.9.9.0/24", "--miners", "255"], "room for 1 to 254 machines"),
        (["--miners", "0"], "room for 1 to"),
        (["--network", "here"], "here"),
        (["--port", "70000"], "a port is a number"),
        (["--port", "4028", "--web-port", "4028"], "two ports"),
        (["--speed", "0"], "a speed is above 0"),
        (["--makes", "casio"], "no such make"),
        (["--faults", "smoke=1%"], "not a fault"),
    ],
)
def test_nonsense_is_refused(words: list[str], why: str) -> None:
    from hosting.engine.simulation.fleet import Fleet

    with pytest.raises(FleetRefused, match=why):
        Fleet(_settings(*words).plan)  # type: ignore[attr-defined]


def test_the_management_command_refuses_kindly() -> None:
    with pytest.raises(CommandError, match="not inside 127"):
        call_command("simulate_fleet", network="192.168.0.0/16")


def test_machines_of_a_small_fleet_have_sockets_of_their_own() -> None:
    port = _free_port()
    words = ["--miners", "2", "--network", str(own_network(2)), "--port", str(port)]
    with start_fleet(words), pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
