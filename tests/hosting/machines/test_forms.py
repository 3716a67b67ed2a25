"""Makes nobody recorded for us: short answers in the form their makers and users have published, written by hand."""

import json

import pytest

from hosting.engine.machines.cgminer import Reply, parse_reply
from hosting.engine.machines.dialects import ANTMINER, AVALON, CGMINER, LUXOS, UNKNOWN, WHATSMINER, of_stats, of_version
from hosting.engine.machines.reading import Algorithm, MiningState, PowerSource


def table(name: str, *rows: dict[str, object], status: str = "S", description: str = "cgminer 4.9.0") -> Reply:
    """A reply as CGMiner writes it."""
    head = [{"STATUS": status, "When": 1, "Code": 11, "Msg": "x", "Description": description}]
    return parse_reply(json.dumps({"STATUS": head, name: list(rows), "id": 1}).encode() + b"\0")


def test_antminer_s9_of_before_2020() -> None:
    """Chains 6 to 8, fans at places 3 and 6 of eight, rates as texts in GH/s, no rate_unit."""
    version = table("VERSION", {"BMMiner": "2.0.0", "API": "3.1", "Miner": "16.8.1.3", "Type": "Antminer S9"})
    stats = {"STATS": 0, "ID": "BC50", "Elapsed": 100, "GHS 5s": "13482.59", "GHS av": 13490.1, "miner_count": 3}
    stats |= {"fan_num": 2, "temp_num": 3, "total_rateideal": "13500.00"}
    stats |= {f"fan{at}": speed for at, speed in enumerate((0, 0, 5880, 0, 0, 6000, 0, 0), start=1)}
    for at, rate in ((6, "4494.20"), (7, "4490.00"), (8, "4498.39")):
        stats |= {f"chain_acn{at}": 63, f"chain_rate{at}": rate, f"temp{at}": 60 + at, f"temp2_{at}": 75 + at}
    stats |= {f"chain_acn{at}": 0 for at in range(1, 6)} | {f"chain_rate{at}": "" for at in range(1, 6)}
    replies = {"version": version, "stats": table("STATS", {"Type": "Antminer S9", "BMMiner": "2.0.0"}, stats)}
    replies["summary"] = table("SUMMARY", {"Elapsed": 100, "GHS 5s": "13482.59", "GHS av": 13490.1, "Accepted": 7})
    assert of_version(version) is ANTMINER
    reading = ANTMINER.read(replies)
    assert (reading.hashrate_ths, reading.hashrate_expected_ths, reading.algorithm) == (
        13.48259,
        13.5,
        Algorithm.SHA256,
    )
    assert reading.fans_rpm == (5880.0, 6000.0)
    assert [(one.slot, one.chips) for one in reading.boards] == [(6, 63), (7, 63), (8, 63)]
    assert [one.hashrate_ths for one in reading.boards] == pytest.approx([4.4942, 4.49, 4.49839], rel=1e-12)
    assert (reading.chip_temp_max_c, reading.board_temp_max_c) == (83.0, 68.0)
    assert (reading.shares_accepted, reading.shares_rejected) == (7, None)


def test_a_fan_that_stands_still_is_not_forgotten() -> None:
    stats = {"fan_num": 2, "fan1": 0, "fan2": 0, "fan3": 5880, "fan4": 0, "Elapsed": 5}
    reading = ANTMINER.read({"stats": table("STATS", {"Type": "Antminer S9"}, stats)})
    assert reading.fans_rpm == (5880.0, 0.0)


def test_antminer_l7_names_its_unit() -> None:
    stats = {"GHS 5s": 9500.5, "rate_unit": "MH", "chain_acn1": 120, "chain_rate1": "9500.5", "Elapsed": 5}
    reading = ANTMINER.read({"stats": table("STATS", {"Type": "Antminer L7"}, stats)})
    assert (reading.hashrate_ths, reading.algorithm) == (0.0095005, Algorithm.SCRYPT)


def test_vnish_is_an_antminer_with_another_firmware() -> None:
    version = table(
        "VERSION", {"BMMiner": "2.0.0 rwglr", "API": "3.1", "Miner": "49.0.1.3", "Type": "Antminer S19 (Vnish 1.2.6)"}
    )
    stats = {"GHS 5s": 95000.0, "chain_rate1": "31000.0", "chain_acn1": 76, "chain_consumption1": 1050}
    stats |= {"chain_consumption2": 1040, "Elapsed": 5}
    reading = ANTMINER.read(
        {"version": version, "stats": table("STATS", {"Type": "Antminer S19 (Vnish 1.2.6)"}, stats)}
    )
    assert (reading.model, reading.firmware, reading.firmware_version) == ("Antminer S19", "Vnish", "1.2.6")
    assert (reading.power_w, reading.power_source) == (2090.0, PowerSource.ESTIMATED)


def test_old_btminer_is_told_by_its_description() -> None:
    version = table("VERSION", {"CGMiner": "4.9.2", "API": "3.7"}, description="btminer")
    assert of_version(version) is WHATSMINER
    summary = {"Elapsed": 60, "MHS av": 48000000.0, "MHS 5s": 48100000.0, "Power": 3360, "Fan Speed In": 4500}
    devices = table("DEVDETAILS", {"DEVDETAILS": 0, "Driver": "bitmicro", "Model": "M20S_V50"})
    reading = WHATSMINER.read({"summary": table("SUMMARY", summary), "devdetails": devices})
    assert (reading.model, reading.hashrate_ths, reading.hashrate_window, reading.power_w) == (
        "M20S",
        48.1,
        "5s",
        3360.0,
    )


def test_whatsminer_m50_answers_in_objects() -> None:
    answer = b'{"STATUS":"S","When":1,"Code":131,"Msg":{"api_ver":"3.0.1","fw_ver":"20241116.12.REL"}}'
    assert of_version(parse_reply(answer)) is WHATSMINER
    reading = WHATSMINER.read({"get_version": parse_reply(answer)})
    assert (reading.firmware_version, reading.hashrate_ths, reading.power_w) == ("20241116.12.REL", None, None)


def test_old_avalon_calls_itself_cgminer() -> None:
    version = table("VERSION", {"CGMiner": "4.10.0", "API": "3.7", "MAC": "b4a2eb000001"})
    packed = "Ver[1047-V-37] Elapsed[50] MGHS[12100.50 12200.00] GHSspd[24300.50] GHSmm[25000.00] Fan1[3500] Fan2[-1] "
    packed += (
        "Temp[28] TMax[84] PS[0 1208 1400 150 2100 1400 2300] MTmax[84 -273] SYSTEMSTATU[Work: In Init, Hash Board: 2]"
    )
    stats = table("STATS", {"STATS": 0, "ID": "AVA100", "MM ID0": packed})
    assert (of_version(version), of_stats(CGMINER, stats)) == (CGMINER, AVALON)
    reading = AVALON.read({"version": version, "stats": stats})
    assert (reading.model, reading.mac, reading.hashrate_ths) == ("1047", "B4:A2:EB:00:00:01", 24.3005)
    assert (reading.fans_rpm, reading.power_w) == ((3500.0, None), 2100.0)
    assert [one.chip_temp_max_c for one in reading.boards] == [84.0, None]
    assert reading.state == MiningState.STARTING


def test_auradine_is_read_as_cgminer() -> None:
    version = table("VERSION", {"GCMiner": "2024.6.1", "API": "3.7"}, description="gcminer")
    assert of_version(version) is CGMINER
    summary = table("SUMMARY", {"Elapsed": 60, "MHS 5s": 185000000.0, "MHS av": 184000000.0, "Hardware Errors": 3})
    reading = CGMINER.read({"version": version, "summary": summary})
    assert (reading.make, reading.hashrate_ths, reading.hardware_errors) == ("Auradine", 185.0, 3)


def test_bfgminer_averages_over_twenty_seconds() -> None:
    version = table("VERSION", {"BFGMiner": "5.5.0", "API": "3.3"}, description="bfgminer 5.5.0")
    summary = table("SUMMARY", {"Elapsed": 60, "MHS 20s": 335.5, "MHS av": 330.0})
    reading = CGMINER.read(
        {"version": version, "summary": summary, "devs": table("DEVS", {"PGA": 0, "MHS 20s": 335.5})}
    )
    assert (of_version(version), reading.hashrate_window) == (CGMINER, "20s")
    assert reading.hashrate_ths == 0.0003355  # 335.5 MH/s
    assert [one.slot for one in reading.boards] == [0]


def test_innosilicon_is_read_without_being_known() -> None:
    version = table("VERSION", {"API": "3.7", "SGMiner": "1.0"}, description="sgminer 4.4.2")
    assert of_version(version) is UNKNOWN
    summary = table("SUMMARY", {"Elapsed": 60, "MHS 5s": 43000000.0, "Accepted": 5})
    reading = UNKNOWN.read({"version": version, "summary": summary})
    assert (reading.known, reading.make, reading.hashrate_ths) == (False, None, 43.0)


def test_braiins_over_the_old_protocol() -> None:
    version = table("VERSION", {"BOSer": "boser-openwrt 0.1.0", "API": "3.7"}, description="BOSer boser-openwrt 0.1.0")
    reading = CGMINER.read({"version": version, "summary": table("SUMMARY", {"MHS 5s": 95000000.0})})
    assert (of_version(version), reading.make, reading.firmware, reading.hashrate_ths) == (
        CGMINER,
        "Braiins",
        "BOSer",
        95.0,
    )


def test_epic_answers_http_and_is_no_miner_to_this_protocol() -> None:
    assert of_version(parse_reply(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")) is None


def test_luxos_is_told_by_either_mark() -> None:
    assert of_version(table("VERSION", {"LUXminer": "2025.4", "API": "3.7", "Type": "Antminer S19"})) is LUXOS
    assert of_version(table("VERSION", {"Type": "Antminer S19"}, description="LUXminer 2025.4")) is LUXOS


def test_a_machine_that_says_nothing_is_unknown_in_every_field() -> None:
    for dialect in (ANTMINER, AVALON, CGMINER, LUXOS, UNKNOWN, WHATSMINER):
        reading = dialect.read({})
        numbers = (reading.hashrate_ths, reading.power_w, reading.uptime_s, reading.shares_accepted, reading.state)
        assert numbers == (None,) * 5, dialect.name


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("stratum+tcp://me:hush@pool:3333", "stratum+tcp://pool:3333"),
        ("me:hush@pool:3333", "pool:3333"),
        ("stratum+tcp://me:hu@sh@pool:3333/x?p=hush#hush", "stratum+tcp://pool:3333/x"),
        ("stratum+tcp://pool:3333", "stratum+tcp://pool:3333"),
        ("", None),
        (7, "7"),
        ({"a": 1}, None),
    ],
)
def test_the_address_of_a_pool_carries_no_credentials(written: object, kept: str | None) -> None:
    reading = CGMINER.read({"pools": table("POOLS", {"POOL": 0, "URL": written, "User": "w", "Pass": "hush"})})
    assert [one.url for one in reading.pools] == [kept]
    assert "hush" not in repr(reading)
