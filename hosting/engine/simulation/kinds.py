"""Kinds of machines the simulator knows: what the maker prints on the box and how long things take."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a machine takes, in seconds; pairs are the shortest and the longest."""

    boot_s: tuple[float, float]  # power on until its network answers
    start_s: tuple[float, float]  # until the boards hash
    ramp_s: float  # from nothing to full
    stop_s: float  # from full to nothing


@dataclass(frozen=True, slots=True)
class Kind:
    """One model under one firmware."""

    key: str
    make: str  # as in --makes
    model: str  # as the firmware spells it
    rated_ths: float
    rated_w: float
    boards: int
    chips: int  # on each board
    fans: int
    timing: Timing
    frequency_mhz: int = 500
    idle_w: float = 20.0
    heat_c: float = 45.0  # of the chips above the air, at full rate
    trip_c: float = 95.0  # the firmware switches off at this chip temperature
    fan_max_rpm: int = 6000
    fan_idle_rpm: int = 1500
    difficulty: int = 262144
    details: dict[str, str] = field(default_factory=dict)


_ANTMINER = Timing(boot_s=(60, 90), start_s=(120, 360), ramp_s=60, stop_s=15)
_WHATSMINER = Timing(boot_s=(40, 70), start_s=(60, 120), ramp_s=900, stop_s=8)
_AVALON = Timing(boot_s=(40, 60), start_s=(60, 90), ramp_s=240, stop_s=5)
_LUXOS = Timing(boot_s=(40, 60), start_s=(30, 60), ramp_s=120, stop_s=5)
_BRAIINS = Timing(boot_s=(60, 90), start_s=(30, 60), ramp_s=120, stop_s=5)
_BITAXE = Timing(boot_s=(4, 8), start_s=(3, 6), ramp_s=10, stop_s=1)

KINDS: tuple[Kind, ...] = (
    Kind("antminer-s19pro", "antminer", "Antminer S19 Pro", 110, 3250, 3, 114, 4, _ANTMINER, 525),
    Kind("antminer-s19jpro", "antminer", "Antminer S19j Pro", 104, 3068, 3, 126, 4, _ANTMINER, 545),
    Kind("antminer-s21", "antminer", "Antminer S21", 200, 3500, 3, 108, 4, _ANTMINER, 490),
    Kind(
        "whatsminer-m30s++",
        "whatsminer",
        "M30S++_VH60",
        112,
        3472,
        3,
        78,
        2,
        _WHATSMINER,
        625,
        idle_w=15,
        fan_max_rpm=7200,
        details={"psu": "P221B", "platform": "H3"},
    ),
    Kind(
        "whatsminer-m50",
        "whatsminer",
        "M50_VH50",
        118,
        3306,
        3,
        105,
        2,
        _WHATSMINER,
        600,
        idle_w=15,
        fan_max_rpm=7200,
        details={"psu": "P222B", "platform": "H616"},
    ),
    Kind("avalon-1246", "avalon", "1246", 90, 3420, 3, 120, 4, _AVALON, 502, fan_max_rpm=6500),
    Kind("luxos-s19jpro", "luxos", "Antminer S19j Pro", 104, 3068, 3, 126, 4, _LUXOS, 545),
    Kind("luxos-s19kpro", "luxos", "Antminer S19k Pro", 120, 2760, 3, 77, 4, _LUXOS, 590),
    Kind("luxos-s21", "luxos", "Antminer S21", 200, 3500, 3, 108, 4, _LUXOS, 490),
    Kind("braiins-s19xp", "braiins", "Antminer S19 XP", 141, 3032, 3, 110, 4, _BRAIINS, 480),
    Kind("braiins-s19jpro", "braiins", "Antminer S19j Pro", 104, 3068, 3, 126, 4, _BRAIINS, 545),
    Kind(
        "bitaxe-supra",
        "bitaxe",
        "BM1368",
        0.625,
        12,
        1,
        1,
        1,
        _BITAXE,
        490,
        idle_w=2.6,
        heat_c=35,
        trip_c=75,
        fan_max_rpm=7000,
        difficulty=512,
        details={"board": "401", "cores": "1276"},
    ),
    Kind(
        "bitaxe-gamma",
        "bitaxe",
        "BM1370",
        1.07,
        18,
        1,
        1,
        1,
        _BITAXE,
        525,
        idle_w=2.6,
        heat_c=35,
        trip_c=75,
        fan_max_rpm=7000,
        difficulty=512,
        details={"board": "601", "cores": "2040"},
    ),
)

MAKES: tuple[str, ...] = tuple(dict.fromkeys(kind.make for kind in KINDS))


def of_make(make: str) -> tuple[Kind, ...]:
    """All kinds of one make."""
    return tuple(kind for kind in KINDS if kind.make == make)
