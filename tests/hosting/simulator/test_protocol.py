"""The bytes on TCP 4028: what cgminer writes, and what each make's firmware writes instead."""

import json
import socket
import time
from collections.abc import Iterator

import pytest

from hosting.engine.simulation.firmware import FIRMWARES
from hosting.engine.simulation.protocol import understand
from hosting.engine.simulation.reading import read
from tests.hosting.simulator.polling import parsed
from tests.hosting.simulator.support import EPOCH, Site, machine, running, visit


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running(0, epoch=EPOCH) as one:
        yield one


def _ask(key: str, request: bytes, *, now: float = 100.0) -> bytes:
    one = machine(key)
    return FIRMWARES[one.kind.make].answer(visit(one, now), understand(request))


def test_an_answer_ends_with_a_nul_and_the_connection(site: Site) -> None:
    _, address = site.machine("avalon-1246")
    raw = site.ask(address, b'{"command":"version"}')
    assert raw.endswith(b',"id":1}\x00')
    assert raw.count(b"\x00") == 1
    assert raw.startswith(b'{"STATUS":[{"STATUS":"S","When":1764000100,"Code":22,"Msg":"CGMiner versions",')


def test_joined_commands_are_nested_under_their_names() -> None:
    content = parsed(_ask("luxos-s21", b'{"command":"summary+pools"}'))
    assert list(content) == ["summary", "pools", "id"]
    assert content["summary"][0]["SUMMARY"][0]["Elapsed"] > 0
    assert content["pools"][0]["STATUS"][0]["Msg"] == "3 Pool(s)"
    assert content["pools"][0]["id"] == 1


def test_an_antminer_does_not_join() -> None:
    content = parsed(_ask("antminer-s19pro", b'{"command":"summary+pools"}'))
    assert (content["STATUS"][0]["STATUS"], content["STATUS"][0]["Code"]) == ("E", 14)


@pytest.mark.parametrize("key", ["antminer-s21", "avalon-1246", "luxos-s19kpro"])
def test_devs_without_boards_is_an_error(key: str) -> None:
    one = machine(key)
    one.advance(50.0)
    one.sleep()
    one.wake()
    raw = FIRMWARES[one.kind.make].answer(visit(one, 60.0), understand(b'{"command":"devs"}'))
    status = parsed(raw)["STATUS"][0]
    assert (status["STATUS"], status["Code"], status["Msg"]) == ("E", 10, "No ASCs")


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b'{"command":"quit"}', b'{"STATUS":"BYE","id":1}\x00'),
        (b'{"command":"restart"}', b'{"STATUS":"RESTART","id":1}\x00'),
        (b"quit", b"BYE\x00"),
    ],
)
def test_goodbye_is_a_word(request_: bytes, answer: bytes) -> None:
    assert _ask("antminer-s19pro", request_) == answer


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (b'{"command":"nonsense"}', 14, "Invalid command"),
        (b'{"command":', 23, "Invalid JSON"),
        (b'{"parameter":"1"}', 24, "Missing JSON 'command'"),
    ],
)
def test_refusals_have_their_codes(request_: bytes, code: int, message: str) -> None:
    status = parsed(_ask("avalon-1246", request_))["STATUS"][0]
    assert (status["STATUS"], status["Code"], status["Msg"]) == ("E", code, message)


def test_the_text_form_is_answered_in_text() -> None:
    raw = _ask("antminer-s19pro", b"summary|\n")
    assert raw.startswith(b"STATUS=S,When=1764000100,Code=11,Msg=Summary,Description=cgminer 1.0.0|SUMMARY,Elapsed=")
    assert raw.endswith(b"|\x00")
    assert b"|POOL=1,URL=stratum+tcp://pool2.example.net:3333," in _ask("antminer-s19pro", b"pools")


def test_a_request_in_pieces_is_waited_for(site: Site) -> None:
    _, address = site.machine("whatsminer-m50")
    with socket.create_connection((address, 4028), timeout=5) as one:
        for piece in (b'{"com', b'mand":"sum', b'mary"}'):
            one.sendall(piece)
            time.sleep(0.05)  # so that the pieces stay pieces
        raw = b"".join(iter(lambda: one.recv(65536), b""))
    assert parsed(raw)["STATUS"][0]["Code"] == 11


@pytest.mark.parametrize(
    ("command", "section", "code"),
    [("config", "CONFIG", 33), ("coin", "COIN", 78), ("asccount", "ASCS", 104), ("devdetails", "DEVDETAILS", 69)],
)
def test_the_smaller_words_are_known(command: str, section: str, code: int) -> None:
    content = parsed(_ask("avalon-1246", json.dumps({"command": command}).encode()))
    assert content["STATUS"][0]["Code"] == code
    assert len(content[section]) == 1


def test_check_tells_what_there_is() -> None:
    known = parsed(_ask("avalon-1246", b'{"command":"check","parameter":"ascset"}'))["CHECK"][0]
    unknown = parsed(_ask("avalon-1246", b'{"command":"check","parameter":"gpumem"}'))["CHECK"][0]
    assert (known, unknown) == ({"Exists": "Y", "Access": "Y"}, {"Exists": "N", "Access": "N"})


def test_an_antminer_packs_sensors_into_strings() -> None:
    one = machine("antminer-s19pro")
    rows = parsed(FIRMWARES["antminer"].answer(visit(one, 100.0), understand(b'{"command":"stats"}')))["STATS"]
    reading = read(one, 100.0)
    assert rows[0]["Type"] == "Antminer S19 Pro"
    assert rows[1]["chain_rate1"] == f"{reading.boards[0].ths * 1000:.2f}"
    sensors = [int(part) for part in rows[1]["temp_chip1"].split("-")]
    assert sum(sensors) / 4 == pytest.approx(reading.boards[0].chip_c, abs=1)
    assert (rows[1]["temp_chip4"], rows[1]["chain_acn4"], rows[1]["chain_rate4"]) == ("0-0-0-0", 0, "")


def test_a_whatsminer_answers_its_own_words_on_one_level() -> None:
    content = parsed(_ask("whatsminer-m50", b'{"cmd":"get_version"}'))
    assert (content["STATUS"], content["Code"], content["Msg"]["api_ver"]) == ("S", 131, "2.0.5")
    assert parsed(_ask("whatsminer-m50", b'{"cmd":"version"}'))["Code"] == 14


def test_an_avalon_switches_at_the_moment_it_is_given() -> None:
    one = machine("avalon-1246")
    order = f'{{"command":"ascset","parameter":"0,softoff,1:{int(EPOCH) + 160}"}}'.encode()
    status = parsed(FIRMWARES["avalon"].answer(visit(one, 100.0), understand(order)))["STATUS"][0]
    assert (status["STATUS"], status["Code"]) == ("I", 118)
    assert status["Msg"] == f"ASC 0 set info: success softoff:{int(EPOCH) + 160}"
    assert read(one, 159.0).ths_5s > 80
    assert read(one, 170.0).ths_5s == 0.0


def test_luxos_obeys_only_in_a_session() -> None:
    one, lux = machine("luxos-s21"), FIRMWARES["luxos"]

    def ask(command: str, parameter: str = "", now: float = 100.0) -> dict[str, list[dict[str, object]]]:
        body = json.dumps({"command": command, "parameter": parameter}).encode()
        answer: dict[str, list[dict[str, object]]] = parsed(lux.answer(visit(one, now), understand(body)))
        return answer

    assert ask("curtail", "sleep")["STATUS"][0]["STATUS"] == "E"
    assert ask("curtail", "0badcafe,sleep")["STATUS"][0]["STATUS"] == "E"
    name = str(ask("logon")["SESSION"][0]["SessionID"])
    assert ask("logon")["STATUS"][0]["STATUS"] == "E"
    assert ask("session")["SESSION"][0]["SessionID"] == name
    assert ask("curtail", f"{name},sleep")["STATUS"][0]["STATUS"] == "S"
    assert read(one, 110.0).ths_5s == 0.0
    assert ask("logoff", name, 110.0)["STATUS"][0]["STATUS"] == "S"
    assert ask("curtail", f"{name},wakeup", 110.0)["STATUS"][0]["STATUS"] == "E"
    late = str(ask("logon", "", 110.0)["SESSION"][0]["SessionID"])
    assert ask("curtail", f"{late},wakeup", 110.0 + 901.0)["STATUS"][0]["STATUS"] == "E"
