"""AxeOS (Bitaxe and its relatives): one JSON object at ``/api/system/info``.

``hashRate`` and ``expectedHashrate`` are in GH/s, ``power`` in W, ``temp`` is the chip, ``vrTemp`` the voltage
regulator on the board. There is no make in it; the board's version and the chip tell the model.
"""

from hosting.engine.machines import bounds
from hosting.engine.machines.cgminer import Reply, Row
from hosting.engine.machines.common import Replies, mining_if_hashing, pool_url, reply, rpm, say, start
from hosting.engine.machines.draft import Draft
from hosting.engine.machines.reading import Algorithm, BoardReading, MiningState, PoolReading, PowerSource, Reading

COMMAND = "/api/system/info"
# Which Bitaxe has which chip, as their designs are published.
_MODEL_OF_CHIP = {"BM1397": "Max", "BM1366": "Ultra", "BM1368": "Supra", "BM1370": "Gamma"}


def is_axeos(answer: Reply) -> bool:
    """Both fields are in every version of AxeOS."""
    return "ASICModel" in answer.body and "hashRate" in answer.body


def read_axeos(replies: Replies) -> Reading:
    """A reading of the one object."""
    draft = start("axeos", replies)
    info = reply(replies, COMMAND).body
    chip = draft.text("model", info.get("ASICModel"))
    hashrate = draft.hashrate("hashrate_ths", info.get("hashRate"), "GH")
    degrees = draft.temperature("chip_temp_max_c", info.get("temp"))
    watts = draft.number("power_w", info.get("power"), bounds.POWER_W)
    say(
        draft,
        make="Bitaxe",
        model=_MODEL_OF_CHIP.get(chip or "", chip),
        firmware="AxeOS",
        firmware_version=draft.text("firmware_version", info.get("version")),
        mac=draft.mac(info.get("macAddr")),
        algorithm=Algorithm.SHA256,
        hashrate_ths=hashrate,
        hashrate_window="real time" if hashrate is not None else None,
        hashrate_expected_ths=draft.hashrate("hashrate_expected_ths", info.get("expectedHashrate"), "GH"),
        power_w=watts,
        power_source=PowerSource.NONE if watts is None else PowerSource.REPORTED,
        chip_temp_max_c=degrees,
        board_temp_max_c=draft.temperature("board_temp_max_c", info.get("vrTemp")),
        fans_rpm=rpm(draft, (info[name] for name in ("fanrpm", "fan2rpm") if name in info)),
        uptime_s=draft.number("uptime_s", info.get("uptimeSeconds"), bounds.UPTIME_S),
        shares_accepted=draft.whole("shares_accepted", info.get("sharesAccepted")),
        shares_rejected=draft.whole("shares_rejected", info.get("sharesRejected")),
        boards=(BoardReading(slot=0, hashrate_ths=hashrate, chip_temp_max_c=degrees, chips=_chips(draft, info)),),
        pools=_pools(draft, info),
        error_codes=("overheat",) if info.get("overheat_mode") not in (None, 0, False, "0") else (),
        state=MiningState.PAUSED if info.get("miningPaused") in (True, 1) else None,
    )
    mining_if_hashing(draft)
    return draft.done()


def _chips(draft: Draft, info: Row) -> int | None:
    return draft.whole("boards.chips", info.get("asicCount"), bounds.CHIPS)


def _pools(draft: Draft, info: Row) -> tuple[PoolReading, ...]:
    fallback = info.get("isUsingFallbackStratum") in (True, 1)
    found = []
    for prefix, active in (("stratum", not fallback), ("fallbackStratum", fallback)):
        host = draft.text("pools.url", info.get(f"{prefix}URL"), most=255)
        if host:
            port = draft.whole("pools.url", info.get(f"{prefix}Port"), bounds.Bound(1, 65535, ""))
            address = host if "://" in host else f"stratum+tcp://{host}"
            found.append(
                PoolReading(
                    url=pool_url(draft, address if port is None else f"{address}:{port}"),
                    user=draft.text("pools.user", info.get(f"{prefix}User")),
                    active=active,
                )
            )
    return tuple(found)
