"""Each recorded machine over a real socket, against values worked out by hand from the makers' own words.

Units: Bitmain and Canaan print GH/s (1 TH/s = 1,000 GH/s), MicroBT and CGMiner MH/s (1 TH/s = 1,000,000 MH/s), AxeOS
GH/s; Braiins names the unit in each field. Power is in W, temperatures are in °C.
"""

import asyncio
from dataclasses import replace

import pytest

from hosting.clients.adapter import Credentials, ReadResult, Target
from hosting.clients.limits import Limits
from hosting.clients.own import OwnAdapter
from hosting.engine.machines.reading import Algorithm, MiningState, PowerSource, Reading
from tests.hosting.machines.fakes import (
    cgminer_talk,
    listening,
    machine,
    needs_recordings,
    pages,
    recorded,
    recordings,
)

pytestmark = [pytest.mark.sample, needs_recordings]
LIMITS = Limits(connect_s=2, silence_s=2, total_s=4)


def read(replies: dict[str, bytes], *, joins: bool = False) -> Reading:
    """Without any hint what it is; and once more with the dialect found, which must say the same of the moment."""

    async def work() -> tuple[ReadResult, ReadResult]:
        async with machine(cgminer_talk(replies, joins=joins)) as target:
            first = await OwnAdapter().read(target, limits=LIMITS)
            return first, await OwnAdapter().read(first.target, limits=LIMITS)

    first, second = asyncio.run(work())
    assert first.trouble is None
    assert first.reading is not None
    assert second.reading is not None
    assert (second.reading.hashrate_ths, second.reading.power_w) == (first.reading.hashrate_ths, first.reading.power_w)
    return first.reading


def near(value: float) -> object:
    """Equal but for the last digits of a float."""
    return pytest.approx(value, rel=1e-12)


def test_antminer_s19_pro_with_stock_firmware() -> None:
    reading = read(recordings("antminer/v2020", "version", "summary", "stats", "pools"))
    assert (reading.dialect, reading.make, reading.model) == ("antminer", "Antminer", "Antminer S19 Pro")
    assert (reading.firmware, reading.firmware_version) == ("Stock", "49.0.1.3")
    assert reading.hashrate_ths == near(110.56689)  # "GHS 5s": 110566.89, rate_unit GH
    assert reading.hashrate_window == "5s"
    assert reading.hashrate_average_ths == near(111.83485)  # "GHS av": 111834.85
    assert reading.hashrate_expected_ths == near(110.0)  # total_rateideal: 110000
    assert (reading.power_w, reading.power_source) == (None, PowerSource.NONE)  # this firmware tells no power
    assert (reading.chip_temp_max_c, reading.board_temp_max_c) == (78.0, 73.0)  # "78-50-69-70", "73-45-64-65"
    assert reading.fans_rpm == (6000.0, 5880.0, 5040.0, 5040.0)
    assert reading.uptime_s == 50474.0
    assert (reading.shares_accepted, reading.shares_rejected, reading.shares_stale) == (4057, 11, 1)
    assert reading.hardware_errors == 562
    assert [(one.slot, one.chips, one.hardware_errors) for one in reading.boards] == [
        (1, 114, 183), (2, 114, 195), (3, 114, 184),
    ]  # fmt: skip
    assert [one.hashrate_ths for one in reading.boards] == [near(37.6033), near(35.53622), near(37.42738)]
    assert [one.active for one in reading.pools] == [True, False, False]
    assert reading.pools[0].url == "stratum+tcp://btc.global.luxor.tech:700"
    assert (reading.state, reading.algorithm) == (MiningState.MINING, Algorithm.SHA256)
    assert reading.notes == ()


def test_antminer_l3_byte_for_byte_with_its_missing_comma() -> None:
    replies = {
        "stats": recorded("antminer_l3plus_raw/stats.bin"),
        "summary": recorded("antminer_l3plus_raw/summary.bin"),
    }
    version = b'{"STATUS":[{"STATUS":"S","Code":22,"Msg":"CGMiner versions","Description":"cgminer 4.9.0 rwglr"}],'
    version += (
        b'"VERSION":[{"CGMiner":"4.9.0 rwglr","API":"3.1","Miner":"1.0.1.3","Type":"Antminer L3+ (024)"}],"id":1}'
    )
    reading = read(replies | {"version": version})
    assert (reading.dialect, reading.algorithm) == ("antminer", Algorithm.SCRYPT)
    # An L3+ does 504 MH/s of scrypt; its columns are called GHS all the same. 412.925 MH/s = 0.000412925 TH/s.
    assert reading.hashrate_ths == near(0.000412925)
    assert [one.hashrate_ths for one in reading.boards] == [near(0.0001385), near(0.00013885), near(0.00013772)]
    assert [one.slot for one in reading.boards] == [2, 3, 4]  # chain 1 has neither chips nor a rate
    assert [one.chip_temp_max_c for one in reading.boards] == [46.0, 44.0, 42.0]
    assert [one.board_temp_c for one in reading.boards] == [37.0, 37.0, 36.0]
    assert (reading.power_w, reading.power_source) == (562.48, PowerSource.ESTIMATED)
    assert (reading.shares_accepted, reading.shares_rejected, reading.hardware_errors) == (46423, 530, 338)
    assert "the JSON had to be repaired" in {note.reason for note in reading.notes}


def test_whatsminer_of_version_1() -> None:
    replies = recordings("whatsminer/v1", "summary", "devs", "pools", "status", "get_version")
    reading = read(replies | {"version": recorded("whatsminer/v1/get_version.json")})
    assert (reading.dialect, reading.firmware_version, reading.mac) == (
        "whatsminer", "20210322.22.REL", "C4:08:28:00:A4:19",
    )  # fmt: skip
    assert reading.hashrate_ths == near(67.39480097)  # "HS RT": 67394800.97 MH/s
    assert reading.hashrate_average_ths == near(67.75325119)  # "MHS av": 67753251.19
    assert reading.hashrate_rated_ths == near(68.796)  # "Factory GHS": 68796
    assert reading.hashrate_expected_ths == near(65.3625)  # "Target MHS": 65362500
    assert (reading.power_w, reading.power_source, reading.power_target_w) == (3417.0, PowerSource.REPORTED, 3500.0)
    assert reading.mode == "Normal"
    assert (reading.chip_temp_max_c, reading.board_temp_max_c, reading.inlet_temp_c) == (92.5, 71.5, None)
    assert reading.fans_rpm == (6450.0, 6480.0)
    assert [one.hashrate_ths for one in reading.boards] == [near(20.05343874), near(25.56731781), near(24.35129228)]
    assert [one.serial for one in reading.boards] == [f"H5M14S69129A17K{end}" for end in ("10095", "10058", "10002")]
    assert (reading.uptime_s, reading.hardware_errors, reading.error_codes) == (10154.0, 69, ())


def test_whatsminer_with_errors_names_their_codes() -> None:
    replies = recordings("whatsminer/v1", "devs", "pools", "status", summary="summary_with_errors")
    assert read(replies | {"version": recorded("whatsminer/v1/get_version.json")}).error_codes == ("110", "600")
    replies = recordings("whatsminer/v2", "summary", "devs", "pools", get_error_code="get_error_code_with_errors")
    assert read(replies | {"version": recorded("whatsminer/v2/get_version.json")}).error_codes == ("218", "110")


def test_whatsminer_of_version_2() -> None:
    names = ("summary", "devs", "pools", "status", "get_version", "get_miner_info", "get_error_code")
    # It knows no "version"; it answers in its own form that the command is invalid.
    invalid = b'{"STATUS":"E","When":1773871985,"Code":14,"Msg":"invalid cmd","Description":""}'
    reading = read(recordings("whatsminer/v2", *names) | {"version": invalid})
    assert (reading.dialect, reading.firmware_version, reading.mac) == (
        "whatsminer", "20230803.11.REL", "D4:01:02:03:04:05",
    )  # fmt: skip
    assert (reading.hashrate_ths, reading.hashrate_average_ths, reading.hashrate_rated_ths) == (124.5, 125.0, 126.0)
    assert (reading.power_w, reading.power_target_w, reading.inlet_temp_c) == (3200.0, 3300.0, 28.5)
    assert (reading.shares_accepted, reading.shares_rejected) == (5412, None)  # it does not tell: not zero
    assert (reading.hardware_errors, reading.state) == (None, MiningState.MINING)


def test_a_whatsminer_that_was_switched_off_is_paused() -> None:
    status = recorded("whatsminer/v2/status.json").replace(b'"mineroff": "false"', b'"mineroff": "true"')
    replies = recordings("whatsminer/v2", "summary", "get_version") | {"status": status}
    assert read(replies | {"version": recorded("whatsminer/v2/get_version.json")}).state == MiningState.PAUSED


@pytest.mark.parametrize("joins", [True, False])
def test_avalon_q_that_was_switched_off(joins: bool) -> None:
    reading = read(recordings("avalonminer", "version", "summary", "stats", "pools"), joins=joins)
    assert (reading.dialect, reading.make, reading.model) == ("avalon", "Avalon", "Q")
    assert (reading.firmware_version, reading.mac) == ("25052801_14a19a2", "AA:BB:CC:DD:EE:FF")
    assert reading.state == MiningState.PAUSED  # SYSTEMSTATU[Work: In Idle …], SoftOFF[4]
    assert reading.hashrate_ths == 0.0  # GHSspd[0.00]: it says zero, which is not unknown
    assert reading.hashrate_expected_ths == near(55.03279)  # GHSmm[55032.79]
    assert reading.hashrate_average_ths == near(44.49941)  # GHSavg[44499.41]
    assert (reading.power_w, reading.power_target_w) == (0.0, 800.0)  # PS[0 1222 4 0 0 2245 146]: fifth; MPO[800]
    assert reading.chip_temp_max_c is None  # TMax[0]: no sensor read
    assert (reading.inlet_temp_c, reading.outlet_temp_c) == (26.0, 27.0)  # ITemp[26], HBOTemp[27]
    assert reading.fans_rpm == (0.0, 0.0, 0.0, 0.0)
    assert (reading.boards[0].chips, reading.shares_accepted, reading.mode) == (160, 890, "0")


def test_avalon_1246() -> None:
    version = b'{"STATUS":[{"STATUS":"S","Code":22,"Description":"cgminer 4.11.1"}],'
    version += b'"VERSION":[{"CGMiner":"4.11.1","API":"3.7","PROD":"AvalonMiner 1246-83","MODEL":"1246-83"}],"id":1}'
    reading = read({"version": version, "stats": recorded("avalonminer/avalon_a_stats.json")})
    assert (reading.dialect, reading.model, reading.state) == ("avalon", "1246-83", MiningState.MINING)
    assert reading.hashrate_ths == near(81.07268)  # GHSspd[81072.68]
    assert (reading.power_w, reading.power_target_w) == (3189.0, 3200.0)  # 13.16 V x 242 A = 3185 W; MPO[3200]
    assert (reading.chip_temp_max_c, reading.inlet_temp_c, reading.mode) == (77.0, 30.0, "1")
    assert reading.fans_rpm == (5344.0, 5392.0, 5349.0, 5309.0)
    assert [one.hashrate_ths for one in reading.boards] == [near(26.90701), near(26.02506), near(26.72456)]
    assert [(one.chip_temp_max_c, one.chips) for one in reading.boards] == [(77.0, 120), (77.0, 120), (76.0, 120)]
    assert (reading.uptime_s, reading.hardware_errors, reading.shares_accepted) == (24684.0, 2735, None)


def test_luxos_on_antminer_s19k_pro() -> None:
    names = ("version", "summary", "devs", "config", "temps", "fans", "power", "pools", "stats", "profiles", "events")
    reading = read(recordings("luxminer/v1", *names))
    assert (reading.dialect, reading.model, reading.firmware) == ("luxos", "Antminer S19k Pro", "LuxOS")
    assert (reading.serial, reading.mac) == ("JYZZB0UBDJABF06RB", "62:F7:5E:B7:10:46")
    assert reading.hashrate_ths == near(59.75606)  # "GHS 5s": 59756.06
    assert reading.hashrate_expected_ths == near(61.9542)  # three times "Nominal MHS": 20651400
    assert reading.hashrate_rated_ths == 121.8  # NameplateTHS
    assert (reading.power_w, reading.power_source) == (1051.0, PowerSource.ESTIMATED)  # "PSU": false
    assert (reading.power_target_w, reading.mode) == (1188.0, "290MHz")  # the profile it runs
    assert reading.chip_temp_max_c is None  # its sensors are on the boards
    assert (reading.board_temp_max_c, reading.inlet_temp_c, reading.outlet_temp_c) == (47.0, 33.0, 47.0)
    assert reading.fans_rpm == (1920.0, 1920.0, 2340.0, 2340.0)
    assert [(one.slot, one.chips, one.serial) for one in reading.boards] == [
        (0, 77, "JYZZYRSBDJEBI06Z5"), (1, 77, "JYZZYRSBDJEBI06ZM"), (2, 77, "JYZZYRSBDJEBI06ZR"),
    ]  # fmt: skip
    assert reading.error_codes == ("NOPIC_PROTECTION", "REBOOT_NOT_HASHING")
    assert [one.alive for one in reading.pools] == [True, False, True, False]
    assert (reading.state, reading.shares_accepted, reading.shares_rejected) == (MiningState.MINING, 1483, 1)


def test_luxos_asleep() -> None:
    config = recorded("luxminer/v1/config.json").replace(b'"CurtailMode": "None"', b'"CurtailMode": "Sleep"')
    reading = read(recordings("luxminer/v1", "version", "summary", "devs") | {"config": config})
    assert reading.state == MiningState.PAUSED


def read_pages(by_path: dict[str, bytes], **target: object) -> ReadResult:
    async def work() -> ReadResult:
        async with listening(pages(by_path)) as (address, port):
            there = replace(Target(address, port=1, http_port=port), **target)
            return await OwnAdapter().read(there, limits=LIMITS)

    return asyncio.run(work())


def test_bitaxe() -> None:
    reading = read_pages({"/api/system/info": recorded("bitaxe/v2_0_0/system_info.json")}).reading
    assert reading is not None
    assert (reading.dialect, reading.make, reading.model) == ("axeos", "Bitaxe", "Supra")  # BM1368
    assert reading.hashrate_ths == 1.0  # hashRate: 1000 GH/s
    assert reading.power_w == near(2.65000009536743)
    assert (reading.chip_temp_max_c, reading.board_temp_max_c) == (59.875, 78.0)
    assert (reading.fans_rpm, reading.uptime_s, reading.shares_accepted) == ((3517.0,), 4.0, 0)
    assert [one.url for one in reading.pools] == [
        "stratum+tcp://btc.example.pool:3333",
        "stratum+tcp://btc2.example.pool:3333",
    ]
    assert [one.active for one in reading.pools] == [True, False]


BRAIINS = {
    "/api/v1/miner/details": "miner_details",
    "/api/v1/miner/stats": "miner_stats",
    "/api/v1/miner/hw/hashboards": "miner_hw_hashboards",
    "/api/v1/cooling/state": "cooling_state",
    "/api/v1/pools/": "pools",
    "/api/v1/performance/tuner-state": "performance_tuner_state",
}


def test_braiins_os_on_antminer_s19_xp() -> None:
    by_path = {path: recorded(f"braiins/v25_07/{name}.json") for path, name in BRAIINS.items()}
    by_path["POST /api/v1/auth/login"] = b'{"token": "abc", "timeout_s": 3600}'
    reading = read_pages(by_path, dialect="braiins", credentials=Credentials("root", "secret")).reading
    assert reading is not None
    assert (reading.dialect, reading.model) == ("braiins", "Antminer S19 XP")
    assert reading.firmware_version == "2025-08-06-0-3881c51d-25.07-plus"
    assert reading.hashrate_ths == near(141.46356540072063)  # last_5s: 141463.565… GH/s
    assert reading.hashrate_expected_ths == near(142.876598290866)  # nominal_hashrate of the tuned profile
    assert reading.hashrate_rated_ths == 141.0  # sticker_hashrate: 141000
    assert (reading.power_w, reading.power_source) == (3137.0, PowerSource.ESTIMATED)  # approximated_consumption
    assert (reading.power_target_w, reading.mode) == (3031.0, "powertarget")
    assert (reading.chip_temp_max_c, reading.board_temp_max_c) == (70.5, 55.5)
    assert (reading.inlet_temp_c, reading.outlet_temp_c) == (40.0, 55.5)
    assert reading.fans_rpm == (5904.0, 5874.0, 5874.0, 5904.0)
    assert reading.uptime_s == 69685.0  # of the mining program, not of the machine (69725)
    assert [(one.slot, one.chips) for one in reading.boards] == [(1, 110), (2, 110), (3, 110)]
    assert (reading.shares_accepted, reading.shares_rejected, reading.shares_stale) == (10464, 18, 0)
    assert (reading.state, len(reading.pools)) == (MiningState.MINING, 2)
