"""Code of others that speaks to machines, imported past its deprecation warnings, which would fail our suite."""

import warnings
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from passlib.hash import md5_crypt
    from pyasic.miners.backends.btminer import BTMinerV2
    from pyasic.miners.backends.luxminer import LUXMiner
    from pyasic.rpc.btminer import BTMinerRPCAPI
    from pyasic.rpc.cgminer import CGMinerRPCAPI
    from pyasic.rpc.luxminer import LUXMinerRPCAPI

__all__ = ["BTMinerRPCAPI", "BTMinerV2", "CGMinerRPCAPI", "LUXMiner", "LUXMinerRPCAPI", "handle", "their_hash"]


def their_hash(password: str, salt: str) -> str:
    """The letters behind the last dollar, computed by passlib."""
    return str(md5_crypt.using(salt=salt).hash(password)).split("$")[3]


async def handle(address: str, user: str = "", password: str = "") -> Any:
    """The handle of ``pyasic_rs`` for whoever answers at the usual ports of this address."""
    from pyasic_rs import MinerFactory

    factory = MinerFactory().with_identification_timeout_secs(3)
    for firmware in ("AntMiner Stock", "WhatsMiner Stock", "Braiins"):
        factory = factory.with_firmware_discovery_auth(firmware, user, password)
    found = await factory.get_miner(address)
    assert found is not None, "pyasic_rs knows nobody here"
    if password:
        found.set_auth(user, password)
    return found
