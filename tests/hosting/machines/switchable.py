"""Machines that can be switched, written from the makers' documents and judged by clients nobody here wrote."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.hosting.machines.peers import their_hash


def _reply(status: str, message: Any, code: int, **tables: Any) -> bytes:
    head = [{"STATUS": status, "When": 1, "Code": code, "Msg": message, "Description": "LUXminer 2025.4.8"}]
    return json.dumps({"STATUS": head, "id": 1} | tables).encode() + b"\0"


@dataclass
class LuxOs:
    """One session at a time; commands with its id, or none."""

    session: str = ""
    asleep: bool = False
    profile: str = "default"
    foreign: bool = False  # somebody else is logged on
    profiles: tuple[tuple[str, object], ...] = (("eco", 1500), ("default", 2900), ("high", 3500))
    heard: list[str] = field(default_factory=list)

    def talk(self, request: dict[str, Any]) -> bytes:
        command, parameter = str(request["command"]), str(request.get("parameter", ""))
        self.heard.append(command)
        if command in ("version", "config", "profiles", "session"):
            return self._asked(command)
        if command == "logon":
            if self.foreign:
                return _reply("E", "Another session is active", 402)
            self.session = "mEw9CXtB"
            return _reply("S", "Session created", 315, SESSION=[{"SessionID": self.session}])
        session, _, argument = parameter.partition(",")
        if not self.session or session != self.session:
            return _reply("E", "Invalid session id", 403)
        return self._told(command, argument)

    def _asked(self, command: str) -> bytes:
        if command == "version":
            row = {"API": "3.7", "LUXminer": "2025.4.8", "Miner": "2025.4.8", "Type": "Antminer S19j Pro"}
            return _reply("S", "LUXminer versions", 22, VERSION=[row])
        if command == "session":
            return _reply("S", "Session", 316, SESSION=[{"SessionID": self.session}])
        if command == "config":
            return _reply(
                "S", "config", 33, CONFIG=[{"CurtailMode": "Sleep" if self.asleep else "None", "Profile": self.profile}]
            )
        rows = [
            {"Profile Name": name, "Watts": watts, "Frequency": 1, "Hashrate": 1, "Voltage": 1}
            for name, watts in self.profiles
        ]
        return _reply("S", "profiles", 333, PROFILES=rows)

    def _told(self, command: str, argument: str) -> bytes:
        if command == "curtail" and argument in ("sleep", "wakeup"):
            self.asleep = argument == "sleep"
            return _reply("S", f"Curtail {argument}", 318)
        if command == "profileset" and argument in [name for name, _ in self.profiles]:
            self.profile = argument
            return _reply("S", "Profile set", 334)
        if command == "logoff":
            self.session = ""
            return _reply("S", "Session killed", 317)
        return _reply("E", "Invalid parameter", 15)


@dataclass
class Whatsminer:
    """API version 2: a token, and what is encrypted with the password."""

    password: str
    off: bool = False
    power_limit: str = ""
    locked: bool = False  # the write access was never opened
    salt: str = "BQ5hoXV9"
    new_salt: str = "jbzkfQls"
    moment: str = "5626"
    heard: list[dict[str, Any]] = field(default_factory=list)

    def _flat(self, status: str, code: int, message: Any) -> bytes:
        return json.dumps({"STATUS": status, "When": 1, "Code": code, "Msg": message, "Description": ""}).encode()

    def talk(self, request: dict[str, Any]) -> bytes:
        command = request.get("command") or request.get("cmd")
        if command == "get_token":
            return self._flat("S", 134, {"time": self.moment, "salt": self.salt, "newsalt": self.new_salt})
        if command == "get_version":
            return self._flat("S", 131, {"api_ver": "2.0.5", "fw_ver": "20230803.11.REL", "platform": "H616"})
        if command == "devdetails":
            head = [{"STATUS": "S", "When": 1, "Code": 69, "Msg": "Device Details", "Description": "btminer"}]
            return json.dumps(
                {"STATUS": head, "DEVDETAILS": [{"DEVDETAILS": 0, "Driver": "bitmicro", "Model": "M30S+_VE40"}]}
            ).encode()
        if command == "version":
            head = [{"STATUS": "S", "When": 1, "Code": 22, "Msg": "CGMiner versions", "Description": "btminer"}]
            return json.dumps({"STATUS": head, "VERSION": [{"API": "3.7"}]}).encode()
        if request.get("enc") == 1:
            return self._sealed(str(request["data"]))
        return self._flat("E", 14, "invalid cmd")

    def _sealed(self, data: str) -> bytes:
        key = their_hash(self.password, self.salt)
        cipher = Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.ECB())
        opener = cipher.decryptor()
        text = (opener.update(base64.b64decode(data)) + opener.finalize()).rstrip(b"\0")
        try:
            command = json.loads(text)
        except ValueError:
            return self._flat("E", 23, "json format error")
        if command.get("token") != their_hash(key + self.moment, self.new_salt):
            return self._flat("E", 135, "check token error")
        if self.locked:
            return self._flat("E", 45, "can't access write cmd")
        self.heard.append({name: value for name, value in command.items() if name != "token"})
        answer = self._obey(command)
        sealer = cipher.encryptor()
        padded = answer + b"\0" * (-len(answer) % 16)
        return json.dumps({"enc": base64.b64encode(sealer.update(padded) + sealer.finalize()).decode()}).encode()

    def _obey(self, command: dict[str, Any]) -> bytes:
        name = command.get("cmd") or command.get("command")
        if name in ("power_off", "power_on"):
            self.off = name == "power_off"
        elif name == "adjust_power_limit":
            self.power_limit = command["power_limit"]
        else:
            return self._flat("E", 14, "invalid cmd")
        return self._flat("S", 131, "API command OK")


@dataclass
class Avalon:
    """Soft off and soft on at a moment."""

    asleep: bool = False
    knows: bool = True

    def talk(self, request: dict[str, Any]) -> bytes:
        what = str(request.get("parameter", "")).split(",")
        head = {"STATUS": "I", "When": 1, "Code": 118, "Description": "cgminer 4.11.1"}
        if request["command"] == "ascset" and len(what) == 3 and what[1] in ("softoff", "softon") and self.knows:
            self.asleep = what[1] == "softoff"
            moment = what[2].split(":")[1]
            return (
                json.dumps(
                    {"STATUS": [head | {"Msg": f"ASC 0 set info: success {what[1]}:{moment}"}], "id": 1}
                ).encode()
                + b"\0"
            )
        return (
            json.dumps({"STATUS": [head | {"Msg": "ASC 0 set info: help|voltage|fan-spd|reboot|"}], "id": 1}).encode()
            + b"\0"
        )
