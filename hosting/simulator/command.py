"""From the command line to a fleet that answers until Ctrl-C."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable

from hosting.engine.simulation.fleet import FleetRefused
from hosting.simulator.arguments import add_arguments, read_settings
from hosting.simulator.serving import Settings, run
from hosting.simulator.sockets import SimulatorRefused


async def until_interrupted(settings: Settings, say: Callable[[str], object]) -> None:
    """Serve until Ctrl-C or TERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await run(settings, say, stopped)


def main(arguments: list[str] | None = None) -> int:
    """``python -m hosting.simulator``: needs neither Django nor a database."""
    parser = argparse.ArgumentParser(prog="python -m hosting.simulator", description=__doc__)
    add_arguments(parser)
    try:
        settings = read_settings(vars(parser.parse_args(arguments)))
        asyncio.run(until_interrupted(settings, _say))
    except (FleetRefused, SimulatorRefused) as refusal:
        sys.stderr.write(f"simulate_fleet: {refusal}\n")
        return 1
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
