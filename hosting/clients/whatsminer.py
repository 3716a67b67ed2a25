"""Switching Whatsminers, API version 2: a token, a command encrypted with the password, an encrypted answer.

The key is ``md5crypt(password, salt)``, the signature ``md5crypt(key + time, newsalt)``; commands and answers are
AES-256 in ECB mode under SHA-256 of the key, padded with zeros. That is MicroBT's protocol: it proves the password, it
does not hide anything. The maker lets nothing be switched while the password is still the one from the factory; nothing
here opens that door in another way.
"""

import base64
import binascii
import hashlib
import json
import re
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from hosting.clients import cgminer
from hosting.clients.adapter import SwitchResult, Target
from hosting.clients.limits import ExchangeFailed, Limits, Trouble
from hosting.clients.switching import NotSent, asked, guarded, of_reply
from hosting.engine.machines.cgminer import Reply, Row, parse_reply
from hosting.engine.machines.md5crypt import md5crypt

_BLOCK = 16
_SALT = re.compile(r"[./0-9A-Za-z]{1,16}")
_TIME_LETTERS = 4


async def pause(target: Target, limits: Limits) -> SwitchResult:
    """Power off the boards; the machine answers before it does."""
    return await guarded(target, limits, lambda: _command(target, limits, {"cmd": "power_off", "respbefore": "true"}))


async def resume(target: Target, limits: Limits) -> SwitchResult:
    """Power on the boards."""
    return await guarded(target, limits, lambda: _command(target, limits, {"cmd": "power_on"}))


async def set_power_target(target: Target, watts: float, limits: Limits) -> SwitchResult:
    """The upper limit of power; mining begins anew when it changes."""
    command = {"cmd": "adjust_power_limit", "power_limit": str(int(watts))}
    return await guarded(target, limits, lambda: _command(target, limits, command))


def key_and_signature(password: str, message: Row) -> tuple[str, str]:
    """Of the answer to ``get_token``."""
    salt, new_salt, moment = (message.get(name) for name in ("salt", "newsalt", "time"))
    if not (isinstance(salt, str) and isinstance(new_salt, str) and isinstance(moment, str)):
        raise NotSent("the token has not the parts it should have")
    if not (_SALT.fullmatch(salt) and _SALT.fullmatch(new_salt) and moment):
        raise NotSent("the token has not the form it should have")
    key = md5crypt(password, salt)
    return key, md5crypt(key + moment[-_TIME_LETTERS:], new_salt)


def _cipher(key: str) -> Cipher[modes.ECB]:
    return Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.ECB())  # noqa: S305  (the maker's choice)


def sealed(key: str, command: dict[str, Any]) -> bytes:
    """The bytes of an encrypted command."""
    text = json.dumps(command, separators=(",", ":")).encode()
    text += b"\0" * (-len(text) % _BLOCK)
    encryptor = _cipher(key).encryptor()
    data = base64.b64encode(encryptor.update(text) + encryptor.finalize()).decode()
    return json.dumps({"enc": 1, "data": data}, separators=(",", ":")).encode()


def opened(key: str, raw: bytes) -> bytes:
    """An answer in the clear; errors come unencrypted."""
    data = parse_reply(raw).body.get("enc")
    if not isinstance(data, str):
        return raw
    try:
        sealed_text = base64.b64decode(data, validate=False)
        decryptor = _cipher(key).decryptor()
        return (decryptor.update(sealed_text) + decryptor.finalize()).rstrip(b"\0")
    except (ValueError, binascii.Error):
        raise ExchangeFailed(Trouble.GARBAGE, "the answer cannot be decrypted", sent=True) from None


async def _token(target: Target, limits: Limits) -> Reply:
    raw = await cgminer.ask(target.address, cgminer.request_of("get_token"), port=target.port, limits=limits)
    return parse_reply(raw)


async def _command(target: Target, limits: Limits, command: dict[str, str]) -> SwitchResult:
    if target.credentials is None or not target.credentials.password:
        raise NotSent("a Whatsminer is switched with its password, and none was given")
    token = await asked(_token(target, limits))
    if token.message is None:
        raise NotSent(f"no token: {token.text or 'no answer'}")
    key, signature = key_and_signature(target.credentials.password, token.message)
    request = sealed(key, {**command, "token": signature})
    raw = opened(key, await cgminer.ask(target.address, request, port=target.port, limits=limits))
    return of_reply(target, parse_reply(raw), raw)
