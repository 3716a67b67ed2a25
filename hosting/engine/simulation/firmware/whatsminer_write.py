"""Whatsminer's writing interface: a token from the machine, a key from the password, AES around each command.

``get_token`` gives a time and two salts. The key is SHA-256 of md5crypt(password, salt); the token is md5crypt(that +
time, newsalt). A command carries the token, is padded with NUL to 16 bytes and encrypted with AES-256-ECB.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from hosting.engine.simulation import noise
from hosting.engine.simulation.md5crypt import ALPHABET, md5crypt
from hosting.engine.simulation.protocol import as_json
from hosting.engine.simulation.visit import Visit

TOKEN_LIFE_S, MOST_TOKENS = 1800.0, 32
_SALT, _NEW_SALT = 501, 502
OK, FAILED, BAD_JSON, BAD_TOKEN, BAD_BASE64 = 131, 132, 23, 135, 137


def salt_of(visit: Visit) -> str:
    """The salt of the machine's password."""
    return _letters(noise.bits(visit.machine.seed, _SALT))


def _letters(drawn: int) -> str:
    return "".join(ALPHABET[drawn >> 6 * place & 63] for place in range(2, 10)).replace(".", "a").replace("/", "b")


def grant_token(visit: Visit) -> bytes:
    """``get_token``; a machine keeps a few tokens for half an hour."""
    tokens = _tokens(visit)
    if len(tokens) >= MOST_TOKENS:
        return _row(visit, 136, "over max connect", "E")
    number = int(str(visit.machine.extra.get("tokens_given", 0))) + 1
    token = (f"{visit.when % 10000:04d}", _letters(noise.bits(visit.machine.seed, _NEW_SALT, number)), visit.now)
    visit.machine.extra["tokens_given"] = number
    visit.machine.extra["tokens"] = [*tokens, token]
    return _row(visit, 134, {"time": token[0], "salt": salt_of(visit), "newsalt": token[1]})


def _tokens(visit: Visit) -> list[tuple[str, str, float]]:
    kept: Any = visit.machine.extra.get("tokens", [])
    return [token for token in kept if token[2] > visit.now - TOKEN_LIFE_S]


def _row(visit: Visit, code: int, message: Any, status: str = "S") -> bytes:
    return as_json(_content(visit, code, message, status))


def _content(visit: Visit, code: int, message: Any, status: str = "S") -> dict[str, Any]:
    return {"STATUS": status, "When": visit.when, "Code": code, "Msg": message, "Description": ""}


def _cipher(key: str) -> Cipher[modes.ECB]:
    return Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.ECB())  # noqa: S305 - the maker's scheme


def encrypt(key: str, content: Mapping[str, Any]) -> str:
    """A command or an answer, padded, encrypted and in base64."""
    plain = json.dumps(content).encode()
    worker = _cipher(key).encryptor()
    return base64.b64encode(worker.update(plain + b"\x00" * (-len(plain) % 16)) + worker.finalize()).decode()


def decrypt(key: str, data: str) -> Any:
    """What was encrypted; a wrong key gives no JSON."""
    worker = _cipher(key).decryptor()
    raw = worker.update(base64.b64decode(data, validate=True)) + worker.finalize()
    return json.loads(raw.rstrip(b"\x00").decode("utf-8", "strict"))


def write(visit: Visit, body: Mapping[str, Any], *, password: str) -> bytes:
    """An encrypted command: refused in the open, obeyed in secret."""
    key = md5crypt(password, salt_of(visit))
    try:
        command = decrypt(key, str(body.get("data", "")))
    except ValueError:
        return _row(visit, BAD_JSON, "enc json load err", "E")
    if not isinstance(command, dict) or not _knows_token(visit, key, command.get("token")):
        return _row(visit, BAD_TOKEN, "check token err", "E")
    content = _obey(visit, command)
    return as_json({"enc": encrypt(key, content)})


def _knows_token(visit: Visit, key: str, said: Any) -> bool:
    return any(said == md5crypt(key + time, newsalt) for time, newsalt, _ in reversed(_tokens(visit)))


def _obey(visit: Visit, command: Mapping[str, Any]) -> dict[str, Any]:
    order = _ORDERS.get(str(command.get("cmd", command.get("command", ""))))
    if order is None:
        return _content(visit, 14, "invalid cmd", "E")
    try:
        order(visit, command)
    except (KeyError, TypeError, ValueError):
        return _content(visit, FAILED, "API command ERROR", "E")
    return _content(visit, OK, "API command OK")


def _power_off(visit: Visit, command: Mapping[str, Any]) -> None:
    visit.machine.sleep()


def _power_on(visit: Visit, command: Mapping[str, Any]) -> None:
    visit.machine.wake(restart=True)


def _restart(visit: Visit, command: Mapping[str, Any]) -> None:
    visit.machine.wake(restart=True)


def _reboot(visit: Visit, command: Mapping[str, Any]) -> None:
    visit.machine.reboot()


def _limit(visit: Visit, command: Mapping[str, Any]) -> None:
    watts = float(command["power_limit"])
    if not 0 < watts <= visit.machine.kind.rated_w * 1.3:
        raise ValueError
    visit.machine.set_power(watts)


def _percent(visit: Visit, command: Mapping[str, Any]) -> None:
    percent = float(command["percent"])
    if not 0 <= percent <= 100:
        raise ValueError
    visit.machine.set_share(percent / 100.0)


def _mode(name: str, share: float) -> Callable[[Visit, Mapping[str, Any]], None]:
    def order(visit: Visit, command: Mapping[str, Any]) -> None:
        visit.machine.extra["power_mode"] = name
        visit.machine.set_share(share)

    return order


def _nothing_to_do(visit: Visit, command: Mapping[str, Any]) -> None:
    """Lights and pools change nothing that is simulated."""


_ORDERS: Mapping[str, Callable[[Visit, Mapping[str, Any]], None]] = {
    "power_off": _power_off,
    "power_on": _power_on,
    "restart_btminer": _restart,
    "reboot": _reboot,
    "adjust_power_limit": _limit,
    "set_power_pct": _percent,
    "set_low_power": _mode("Low", 0.7),
    "set_normal_power": _mode("Normal", 1.0),
    "set_high_power": _mode("High", 1.08),
    "set_led": _nothing_to_do,
    "update_pools": _nothing_to_do,
}
