"""Whatsminer's encrypted writing, with a second implementation of the client's side."""

import json

import pytest

from hosting.engine.simulation.firmware import FIRMWARES
from hosting.engine.simulation.firmware.whatsminer_write import decrypt, encrypt
from hosting.engine.simulation.machine import Machine, Phase
from hosting.engine.simulation.md5crypt import md5crypt
from hosting.engine.simulation.protocol import understand
from tests.hosting.simulator.polling import parsed
from tests.hosting.simulator.support import machine, visit


# Written down from ``openssl passwd -1 -salt …``.
@pytest.mark.parametrize(
    ("password", "salt", "expected"),
    [
        ("admin", "BQ5hoXV9", "RxmaDUO33TS7O26yeMHZ81"),
        ("a much longer password 1234", "abc", "hT7lG7uSWYs7IzzHbRlen."),
    ],
)
def test_the_password_scheme_is_the_one_of_unix(password: str, salt: str, expected: str) -> None:
    assert md5crypt(password, salt) == expected


def _send(one: Machine, body: dict[str, object], now: float) -> dict[str, object]:
    raw = FIRMWARES["whatsminer"].answer(visit(one, now), understand(json.dumps(body).encode()))
    content: dict[str, object] = parsed(raw)
    return content


def _order(one: Machine, command: dict[str, object], *, password: str = "admin", now: float = 100.0, late: float = 0.0):
    token = _send(one, {"cmd": "get_token"}, now)["Msg"]
    assert isinstance(token, dict)
    key = md5crypt(password, token["salt"])
    sign = md5crypt(key + token["time"], token["newsalt"])
    answer = _send(one, {"enc": 1, "data": encrypt(key, {**command, "token": sign})}, now + late)
    return decrypt(key, str(answer["enc"])) if "enc" in answer else answer


def test_orders_are_obeyed() -> None:
    one = machine("whatsminer-m50")
    assert _order(one, {"cmd": "power_off", "respbefore": "true"})["Msg"] == "API command OK"
    assert one.phase is Phase.ASLEEP
    assert _order(one, {"cmd": "power_on"}, now=200.0)["Code"] == 131
    assert one.phase is Phase.STARTING
    assert _order(one, {"cmd": "adjust_power_limit", "power_limit": "2400"}, now=300.0)["Code"] == 131
    assert one.power_target_w == 2400


def test_a_wrong_password_is_refused() -> None:
    one = machine("whatsminer-m50")
    answer = _order(one, {"cmd": "power_off"}, password="Admin")
    assert (answer["STATUS"], answer["Code"]) == ("E", 23)
    assert one.phase is Phase.HASHING


def test_another_password_can_be_demanded() -> None:
    one = machine("whatsminer-m50")
    body = {"cmd": "get_token"}
    token = parsed(FIRMWARES["whatsminer"].answer(visit(one, 1.0), understand(json.dumps(body).encode())))["Msg"]
    for password, refused in (("admin", True), ("secret", False)):
        key = md5crypt(password, token["salt"])
        command = {"cmd": "power_off", "token": md5crypt(key + token["time"], token["newsalt"])}
        raw = json.dumps({"enc": 1, "data": encrypt(key, command)}).encode()
        answer = FIRMWARES["whatsminer"].answer(visit(one, 2.0, password="secret"), understand(raw))
        assert (b'"enc"' not in answer) is refused
    assert one.phase is Phase.ASLEEP


def test_a_token_ends_after_half_an_hour() -> None:
    one = machine("whatsminer-m50")
    answer = _order(one, {"cmd": "power_off"}, late=1801.0)
    assert (answer["Code"], answer["Msg"], one.phase) == (135, "check token err", Phase.HASHING)


def test_a_made_up_token_is_refused() -> None:
    one = machine("whatsminer-m50")
    token = _send(one, {"cmd": "get_token"}, 1.0)["Msg"]
    assert isinstance(token, dict)
    key = md5crypt("admin", token["salt"])
    answer = _send(one, {"enc": 1, "data": encrypt(key, {"cmd": "power_off", "token": "made up"})}, 2.0)
    assert (answer["Code"], one.phase) == (135, Phase.HASHING)


@pytest.mark.parametrize("limit", ["0", "99999", "x", None])
def test_a_power_limit_that_is_none_is_refused(limit: str | None) -> None:
    one = machine("whatsminer-m50")
    answer = _order(one, {"cmd": "adjust_power_limit", "power_limit": limit})
    assert (answer["Code"], one.power_target_w) == (132, None)


def test_a_machine_gives_no_more_than_so_many_tokens() -> None:
    one = machine("whatsminer-m50")
    codes = [_send(one, {"cmd": "get_token"}, float(number))["Code"] for number in range(33)]
    assert codes == [134] * 32 + [136]
    assert _send(one, {"cmd": "get_token"}, 2000.0)["Code"] == 134
