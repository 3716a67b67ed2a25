"""Pausing, resuming and setting power: each machine is first obeyed by clients of others, then by ours.

``pyasic`` (0.79) and ``pyasic_rs`` (0.8.6) share no line with us; what our machines of the tests accept from them is
the protocol, and what our drivers do must then have the same effect.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from hosting.clients import whatsminer
from hosting.clients.adapter import ADJUSTABLE, READ_ONLY, SWITCHABLE, Credentials, Outcome, SwitchResult, Target
from hosting.clients.limits import Limits
from hosting.clients.machines import Machines
from hosting.clients.own import OwnAdapter, capabilities_of
from hosting.clients.pyasic_machines import PREFIX, PyasicAdapter
from hosting.engine.machines.cgminer import parse_reply
from tests.hosting.machines import peers
from tests.hosting.machines.fakes import answering, listening, own_address, pages
from tests.hosting.machines.switchable import Avalon, LuxOs, Whatsminer

LIMITS = Limits(connect_s=2, silence_s=2, total_s=5)
SECRET = Credentials("admin", "correct horse")
OWN = OwnAdapter()


@contextlib.asynccontextmanager
async def at_usual_port(fake: Any) -> AsyncIterator[str]:
    async with listening(answering(fake.talk), own_address(), 4028) as (address, _):
        yield address


def switched(
    fake: Any, dialect: str, work: Callable[[Target], Awaitable[SwitchResult]], credentials: Credentials | None = None
) -> SwitchResult:
    async def run() -> SwitchResult:
        async with listening(answering(fake.talk)) as (address, port):
            return await work(Target(address, port=port, http_port=1, dialect=dialect, credentials=credentials))

    return asyncio.run(run())


def pause(target: Target) -> Awaitable[SwitchResult]:
    return OWN.pause(target, limits=LIMITS)


def resume(target: Target) -> Awaitable[SwitchResult]:
    return OWN.resume(target, limits=LIMITS)


def set_watts(watts: float) -> Callable[[Target], Awaitable[SwitchResult]]:
    return lambda target: OWN.set_power_target(target, watts, limits=LIMITS)


# LuxOS


def test_luxos_of_the_tests_obeys_two_clients_of_others() -> None:
    fake = LuxOs()

    async def run() -> list[tuple[bool, bool]]:
        found = []
        async with at_usual_port(fake) as address:
            theirs = peers.LUXMinerRPCAPI(address)
            await theirs.send_privileged_command("curtail", "sleep")
            found.append(("pyasic", fake.asleep))
            await theirs.send_privileged_command("curtail", "wakeup")
            found.append(("pyasic", fake.asleep))
            fake.session = ""
            rust = await peers.handle(address)
            await rust.pause()
            found.append(("pyasic_rs", fake.asleep))
            await rust.resume()
            found.append(("pyasic_rs", fake.asleep))
        return found

    assert asyncio.run(run()) == [("pyasic", True), ("pyasic", False), ("pyasic_rs", True), ("pyasic_rs", False)]


def test_luxos_is_paused_and_resumed_and_its_session_given_back() -> None:
    fake = LuxOs()
    result = switched(fake, "luxos", pause)
    assert (result.outcome, result.sent, result.detail) == (Outcome.ACCEPTED, True, "Curtail sleep")
    assert (fake.asleep, fake.session, fake.heard) == (True, "", ["logon", "curtail", "logoff"])
    assert switched(fake, "luxos", resume).outcome is Outcome.ACCEPTED
    assert not fake.asleep
    assert "mEw9CXtB" not in result.raw


@pytest.mark.parametrize(("watts", "profile"), [(3500, "high"), (3499, "default"), (1500, "eco")])
def test_luxos_takes_the_strongest_profile_within_the_watts(watts: float, profile: str) -> None:
    fake = LuxOs(profiles=(("eco", 1500), ("broken", "nan"), ("default", 2900), ("high", 3500), ("free", None)))
    assert switched(fake, "luxos", set_watts(watts)).outcome is Outcome.ACCEPTED
    assert fake.profile == profile


def test_luxos_is_not_told_what_no_profile_can_do() -> None:
    fake = LuxOs()
    result = switched(fake, "luxos", set_watts(1000))
    assert (result.outcome, result.sent, result.detail) == (Outcome.REFUSED, False, "no profile takes 1000 W or less")
    assert fake.heard == ["profiles"]


def test_a_session_of_others_is_not_taken_over() -> None:
    fake = LuxOs(foreign=True, session="theirs")
    result = switched(fake, "luxos", pause)
    assert (result.outcome, result.sent, fake.asleep) == (Outcome.REFUSED, False, False)
    assert "Another session is active" in result.detail


# Whatsminer


@pytest.mark.filterwarnings("ignore:passing settings to:DeprecationWarning")  # pyasic calls passlib the old way
def test_whatsminer_of_the_tests_obeys_two_clients_of_others() -> None:
    fake = Whatsminer(SECRET.password)

    async def run() -> list[tuple[str, bool]]:
        found = []
        async with at_usual_port(fake) as address:
            theirs = peers.BTMinerRPCAPI(address)
            theirs.pwd = SECRET.password
            await theirs.send_privileged_command("power_off", respbefore="true")
            found.append(("pyasic", fake.off))
            await theirs.send_privileged_command("power_on")
            found.append(("pyasic", fake.off))
            rust = await peers.handle(address, SECRET.username, SECRET.password)
            await rust.pause()
            found.append(("pyasic_rs", fake.off))
            await rust.resume()
            found.append(("pyasic_rs", fake.off))
            await rust.set_power_limit(3100.0)
        return found

    assert asyncio.run(run()) == [("pyasic", True), ("pyasic", False), ("pyasic_rs", True), ("pyasic_rs", False)]
    assert fake.power_limit == "3100"


def test_whatsminer_is_paused_resumed_and_limited() -> None:
    fake = Whatsminer(SECRET.password)
    result = switched(fake, "whatsminer", pause, SECRET)
    assert (result.outcome, result.sent, result.detail) == (Outcome.ACCEPTED, True, "API command OK")
    assert fake.off
    assert switched(fake, "whatsminer", resume, SECRET).outcome is Outcome.ACCEPTED
    assert not fake.off
    assert switched(fake, "whatsminer", set_watts(3250.9), SECRET).outcome is Outcome.ACCEPTED
    assert fake.heard == [
        {"cmd": "power_off", "respbefore": "true"},
        {"cmd": "power_on"},
        {"cmd": "adjust_power_limit", "power_limit": "3250"},
    ]


def test_the_sealed_bytes_are_those_pyasic_makes() -> None:
    from pyasic.rpc.btminer import TokenData, create_privileged_cmd

    message = {"time": "5626", "salt": "BQ5hoXV9", "newsalt": "jbzkfQls"}
    key, signature = whatsminer.key_and_signature(SECRET.password, message)
    theirs = create_privileged_cmd(TokenData(host_sign=signature, host_passwd_md5=key), {"cmd": "power_on"})
    answer = whatsminer.opened(key, json.dumps({"enc": json.loads(theirs)["data"]}).encode())
    assert json.loads(answer) == {"cmd": "power_on", "token": signature}
    ours = json.loads(whatsminer.sealed(key, {"cmd": "power_on", "token": signature}))
    assert json.loads(whatsminer.opened(key, json.dumps({"enc": ours["data"]}).encode())) == json.loads(answer)


def test_no_password_is_ever_guessed() -> None:
    fake = Whatsminer("admin")
    for credentials in (None, Credentials("admin", "")):
        result = switched(fake, "whatsminer", pause, credentials)
        assert (result.outcome, result.sent, fake.off) == (Outcome.REFUSED, False, False)
    assert fake.heard == []


def test_a_wrong_password_is_refused_by_the_machine() -> None:
    fake = Whatsminer("something else")
    result = switched(fake, "whatsminer", pause, SECRET)
    assert (result.outcome, fake.off) == (Outcome.REFUSED, False)
    assert result.detail in ("json format error", "check token error")


def test_a_locked_machine_stays_locked() -> None:
    """``pyasic_rs`` would open the write access by a back door; we say what the machine said."""
    fake = Whatsminer(SECRET.password, locked=True)
    result = switched(fake, "whatsminer", pause, SECRET)
    assert (result.outcome, result.detail, fake.off) == (Outcome.REFUSED, "can't access write cmd", False)


def test_the_library_says_yes_to_a_refused_pause_so_it_is_not_asked() -> None:
    fake = Whatsminer("not what is given", locked=True)

    async def run() -> tuple[bool, SwitchResult]:
        async with at_usual_port(fake) as address:
            rust = await peers.handle(address, SECRET.username, SECRET.password)
            said = await rust.pause()
            target = Target(address, dialect=PREFIX + "whatsminer", credentials=SECRET)
            return said, await Machines().pause(target, limits=LIMITS)

    said, result = asyncio.run(run())
    assert (said, fake.off) == (True, False)  # why it must not be believed
    assert (result.outcome, result.sent) == (Outcome.UNSUPPORTED, False)


@pytest.mark.parametrize(
    "token",
    [
        b'{"STATUS":"E","When":1,"Code":136,"Msg":"over max connect","Description":""}',
        b'{"STATUS":"S","Msg":{"time":"1","salt":"$$$","newsalt":"x"}}',
        b'{"STATUS":"S","Msg":{"time":1,"salt":"x","newsalt":"x"}}',
        b"garbage",
        b"",
    ],
)
def test_a_bad_token_sends_nothing(token: bytes) -> None:
    class Bad:
        heard: list[dict[str, Any]] = []

        def talk(self, request: dict[str, Any]) -> bytes:
            self.heard.append(request)
            return token

    fake = Bad()
    fake.heard = []
    result = switched(fake, "whatsminer", pause, SECRET)
    assert (result.outcome, result.sent) == (Outcome.REFUSED, False)
    assert [request.get("command") for request in fake.heard] == ["get_token"]


# Avalon and Braiins


def test_avalon_sleeps_and_wakes() -> None:
    fake = Avalon()
    assert (switched(fake, "avalon", pause).outcome, fake.asleep) == (Outcome.ACCEPTED, True)
    assert (switched(fake, "avalon", resume).outcome, fake.asleep) == (Outcome.ACCEPTED, False)
    assert switched(fake, "avalon", set_watts(800)).outcome is Outcome.UNSUPPORTED


def test_an_avalon_that_does_not_know_the_word_has_refused() -> None:
    result = switched(Avalon(knows=False), "avalon", pause)
    assert (result.outcome, result.sent) == (Outcome.REFUSED, True)


BRAIINS_PAGES = {
    "POST /api/v1/auth/login": b'{"token": "abc123", "timeout_s": 3600}',
    "PUT /api/v1/actions/pause": b"false",
    "PUT /api/v1/actions/resume": b"true",
    "PUT /api/v1/performance/power-target": b'{"watt": 2500}',
}


def on_braiins(
    work: Callable[[Target], Awaitable[SwitchResult]],
    by_path: dict[str, bytes],
    credentials: Credentials | None = SECRET,
) -> tuple[SwitchResult, list[tuple[str, str, bytes]]]:
    heard: list[tuple[str, str, bytes]] = []

    async def run() -> SwitchResult:
        async with listening(pages(by_path, heard=heard)) as (address, port):
            return await work(Target(address, port=1, http_port=port, dialect="braiins", credentials=credentials))

    return asyncio.run(run()), heard


def test_braiins_is_switched_after_a_login() -> None:
    result, heard = on_braiins(pause, BRAIINS_PAGES)
    assert (result.outcome, [(method, path) for method, path, _ in heard]) == (
        Outcome.ACCEPTED,
        [("POST", "/api/v1/auth/login"), ("PUT", "/api/v1/actions/pause")],
    )
    assert json.loads(heard[0][2]) == {"username": "admin", "password": "correct horse"}
    assert on_braiins(resume, BRAIINS_PAGES)[0].outcome is Outcome.ACCEPTED
    result, heard = on_braiins(set_watts(2500), BRAIINS_PAGES)
    assert (result.outcome, json.loads(heard[1][2])) == (Outcome.ACCEPTED, {"watt": 2500})


def test_braiins_without_a_login_is_left_alone() -> None:
    result, heard = on_braiins(pause, BRAIINS_PAGES, None)
    assert (result.outcome, result.sent, heard) == (Outcome.UNKNOWN, False, [])
    result, heard = on_braiins(pause, {})
    assert (result.sent, [path for _, path, _ in heard]) == (False, ["/api/v1/auth/login"])


# All


def test_an_answer_that_is_lost_leaves_the_outcome_unknown() -> None:
    class Mute(LuxOs):
        def talk(self, request: dict[str, Any]) -> bytes:
            return b"" if request["command"] == "curtail" else super().talk(request)

    result = switched(Mute(), "luxos", pause)
    assert (result.outcome, result.sent) == (Outcome.UNKNOWN, True)


def test_nobody_there_means_nothing_was_sent() -> None:
    target = Target(own_address(), port=9, http_port=9, dialect="luxos")
    result = asyncio.run(OWN.pause(target, limits=LIMITS))
    assert (result.outcome, result.sent) == (Outcome.UNKNOWN, False)


@pytest.mark.parametrize("dialect", ["", "unknown", "antminer", "cgminer", "axeos", "never heard of"])
def test_what_is_not_known_is_not_switched(dialect: str) -> None:
    target = Target("127.0.0.1", port=9, dialect=dialect)
    for work in (pause(target), resume(target), OWN.set_power_target(target, 1000)):
        result = asyncio.run(_run(work))
        assert (result.outcome, result.sent) == (Outcome.UNSUPPORTED, False)


async def _run(work: Awaitable[SwitchResult]) -> SwitchResult:
    return await work


def test_capabilities_are_what_can_be_done() -> None:
    assert [capabilities_of(name) for name in ("luxos", "whatsminer", "braiins")] == [ADJUSTABLE] * 3
    assert capabilities_of("avalon") == SWITCHABLE
    assert [capabilities_of(name) for name in ("antminer", "cgminer", "axeos", "unknown")] == [READ_ONLY] * 4


def test_credentials_do_not_show() -> None:
    assert "correct horse" not in repr(Target("127.0.0.1", credentials=SECRET))


def test_the_library_is_not_asked_at_other_ports() -> None:
    """It would look at its own port, and take whoever is there for the machine that was meant."""

    async def run(port: int) -> bool:
        async with at_usual_port(LuxOs()) as address:
            return (await PyasicAdapter().identify(Target(address, port=port), limits=LIMITS)).is_machine

    assert [asyncio.run(run(port)) for port in (4028, 5000)] == [True, False]


@pytest.mark.parametrize("dialect", ["luxos", "whatsminer", "braiins"])
def test_a_machine_silent_before_the_command_was_not_told_it(dialect: str) -> None:
    """The session, token or login was asked for in vain; the command was never sent."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    async def run() -> SwitchResult:
        async with listening(silent) as (address, port):
            target = Target(address, port=port, http_port=port, dialect=dialect, credentials=SECRET)
            return await OWN.pause(target, limits=Limits(connect_s=2, silence_s=0.3, total_s=5))

    result = asyncio.run(run())
    assert (result.outcome, result.sent) == (Outcome.UNKNOWN, False)


def test_a_refusal_is_told_from_a_warning() -> None:
    from hosting.clients.switching import of_reply

    target = Target("127.0.0.1")
    outcomes = [
        of_reply(target, parse_reply(b'{"STATUS":[{"STATUS":"%s","Msg":"x"}]}' % status), b"").outcome
        for status in (b"S", b"I", b"E", b"F", b"W")
    ]
    assert outcomes == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.REFUSED, Outcome.REFUSED, Outcome.UNKNOWN]
