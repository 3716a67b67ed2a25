"""Words of the command line, the same for the management command and for a process of its own."""

import argparse
from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Any

from hosting.engine.simulation.faults import FaultsUnreadable, read_plan
from hosting.engine.simulation.fleet import DEFAULT_MAKES, DEFAULT_NETWORK, FleetPlan, FleetRefused, read_makes
from hosting.simulator.serving import RPC_PORT, Settings

MOST_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All arguments."""
    parser.add_argument("--miners", type=int, default=100, help="How many machines (default 100).")
    parser.add_argument("--seed", type=int, default=1, help="The same seed makes the same fleet (default 1).")
    parser.add_argument("--network", default=str(DEFAULT_NETWORK), help="Addresses, inside 127.0.0.0/8.")
    parser.add_argument("--port", type=int, default=RPC_PORT, help="CGMiner port (default 4028).")
    parser.add_argument(
        "--web-port", type=int, default=None, help="Web port; without it Braiins OS and Bitaxe do not answer."
    )
    makes = ",".join(f"{make}:{weight:g}" for make, weight in DEFAULT_MAKES.items())
    parser.add_argument("--makes", default=makes, help=f"Makes and their weights (default {makes}).")
    parser.add_argument("--faults", default="", help="For example hang=2%%,garbage=1%%,reboot=0.5/day,board=0.1/day.")
    parser.add_argument("--speed", type=float, default=1.0, help="How much faster than real time (default 1).")
    parser.add_argument("--password", default=None, help="Ask for this password instead of each maker's own.")


def read_settings(options: Mapping[str, Any]) -> Settings:
    """Settings from parsed arguments; refuses nonsense."""
    try:
        network = IPv4Network(options["network"])
    except ValueError as error:
        raise FleetRefused(f"{options['network']}: {error}") from error
    for name in ("port", "web_port"):
        if options[name] is not None and not 1 <= options[name] <= MOST_PORT:
            raise FleetRefused(f"{options[name]}: a port is a number from 1 to {MOST_PORT}")
    if options["port"] == options["web_port"]:
        raise FleetRefused("the CGMiner port and the web port are two ports")
    if not 0 < options["speed"] <= 10000:
        raise FleetRefused(f"{options['speed']}: a speed is above 0 and at most 10000")
    try:
        faults = read_plan(options["faults"])
    except FaultsUnreadable as error:
        raise FleetRefused(str(error)) from error
    plan = FleetPlan(options["miners"], options["seed"], network, read_makes(options["makes"]), faults)
    return Settings(plan, options["port"], options["web_port"], options["speed"], options["password"])
