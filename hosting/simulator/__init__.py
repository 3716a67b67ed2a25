"""A fleet to practise on: simulated miners on 127.x.y.z that other programs take for real ones.

``start_fleet([...])`` runs one in a process of its own, ``FleetThread`` in a thread of this one.
"""

from hosting.simulator.process import FleetProcess, start_fleet
from hosting.simulator.serving import FleetThread, HandClock, Settings

__all__ = ["FleetProcess", "FleetThread", "HandClock", "Settings", "start_fleet"]
