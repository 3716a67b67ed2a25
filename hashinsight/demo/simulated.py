"""The simulated fleet behind the machines of the demo: one plan, for the process that answers and for the rows.

``python -m hashinsight.demo.simulated`` is that process; it needs neither Django nor a database.
"""

import sys
from ipaddress import IPv4Network

from hosting.engine.simulation.fleet import Fleet, FleetPlan
from hosting.simulator.command import main

NETWORK, PORT, SEED, MOST = IPv4Network("127.77.0.0/16"), 34028, 20, 600
# Makes that say what they draw: with a stock Antminer usage would wait for a meter.
MAKES = {"whatsminer": 35, "luxos": 60, "avalon": 5}
FAULTS = "hang=0.5%,reboot=0.3/day,board=0.05/day"
# What the simulated kinds are called in the catalogue.
MODELS = {
    "whatsminer-m30s++": "WhatsMiner M30S++",
    "whatsminer-m50": "WhatsMiner M50",
    "avalon-1246": "AvalonMiner 1246 90T",
    "luxos-s19jpro": "Antminer S19j Pro 104T",
    "luxos-s19kpro": "Antminer S19k Pro 120T",
    "luxos-s21": "Antminer S21 200T",
}


def simulated_fleet() -> Fleet:
    """The machines by their place; the process beside ``./dev run`` makes the same ones from the same plan."""
    return Fleet(FleetPlan(MOST, SEED, NETWORK, MAKES))


def simulator_arguments() -> list[str]:
    """For ``python -m hosting.simulator``."""
    return [
        "--miners", str(MOST), "--seed", str(SEED), "--network", str(NETWORK), "--port", str(PORT), "--faults", FAULTS,
        "--makes", ",".join(f"{make}:{weight}" for make, weight in MAKES.items()),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(simulator_arguments()))
