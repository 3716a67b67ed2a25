"""One reading of one machine: every value ``None`` when unknown, never zero."""

from dataclasses import dataclass
from enum import StrEnum


class PowerSource(StrEnum):
    """Where the figure of power comes from."""

    REPORTED = "reported"  # the machine's power supply measured it
    ESTIMATED = "estimated"  # the firmware computed it
    NONE = "none"


class MiningState(StrEnum):
    """What the machine says it is doing."""

    MINING = "mining"
    STARTING = "starting"  # tuning or ramping up
    PAUSED = "paused"  # asleep because somebody told it so
    IDLE = "idle"  # not mining, and it does not say that it was told so
    FAULT = "fault"


class Algorithm(StrEnum):
    """What is hashed; hashrates of different algorithms do not compare."""

    SHA256 = "sha256"
    SCRYPT = "scrypt"


@dataclass(frozen=True, slots=True)
class Note:
    """What could not be read, and why."""

    field: str
    reason: str
    value: str = ""  # as it came, cut


@dataclass(frozen=True, slots=True)
class BoardReading:
    """One hash board; ``slot`` is the number the machine itself gives it."""

    slot: int | None = None
    hashrate_ths: float | None = None
    chip_temp_max_c: float | None = None
    board_temp_c: float | None = None
    inlet_temp_c: float | None = None
    outlet_temp_c: float | None = None
    chips: int | None = None
    hardware_errors: int | None = None
    serial: str | None = None


@dataclass(frozen=True, slots=True)
class PoolReading:
    """One configured pool; an address never carries credentials, a password is never kept."""

    url: str | None = None
    user: str | None = None
    active: bool | None = None
    alive: bool | None = None
    shares_accepted: int | None = None
    shares_rejected: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one machine said at one moment."""

    dialect: str
    known: bool  # the dialect is one we know; where it is not, nothing may be switched
    make: str | None = None
    model: str | None = None
    firmware: str | None = None
    firmware_version: str | None = None
    serial: str | None = None
    mac: str | None = None
    algorithm: Algorithm | None = None
    state: MiningState | None = None
    mode: str | None = None
    hashrate_ths: float | None = None
    hashrate_window: str | None = None  # over what time: "5s", "real time", …
    hashrate_average_ths: float | None = None  # since mining began
    hashrate_expected_ths: float | None = None  # what it should do as it is set now
    hashrate_rated_ths: float | None = None  # what was printed on it in the factory
    power_w: float | None = None
    power_source: PowerSource = PowerSource.NONE
    power_target_w: float | None = None
    chip_temp_max_c: float | None = None
    board_temp_max_c: float | None = None
    inlet_temp_c: float | None = None
    outlet_temp_c: float | None = None
    fans_rpm: tuple[float | None, ...] = ()
    uptime_s: float | None = None  # since the mining program began
    shares_accepted: int | None = None
    shares_rejected: int | None = None
    shares_stale: int | None = None
    hardware_errors: int | None = None
    boards: tuple[BoardReading, ...] = ()
    pools: tuple[PoolReading, ...] = ()
    error_codes: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
