"""The lease as it travels: canonical JSON, signed with Ed25519, bound to one device, one question and one moment.

A lease says what a device may switch and until when; its *roster* names the machines, and is sent only to whoever does
not have it yet. The signature covers the lease, the lease the digest of the roster. ``challenge`` repeats what the
device made up for this very question, so nothing signed earlier answers it; ``counter`` rises with each lease.

There are two forms. The first switches machines off and on. The second also carries ``levels``: limits of power, which
machines were told, and what they had before. It is sent to devices that say they read it, and only where there is
something of that kind to say; everything else travels in the first form, as it did before there was a second.

Moments are milliseconds since 1970 by the server's clock; powers are watts.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FORM = "hashinsight lease 1"
LEVELS_FORM = "hashinsight lease 2"
FORMS = (FORM, LEVELS_FORM)
KEY_BYTES = 32
MOST_S = 86_400


class Safe(StrEnum):
    """What a machine does when the lease is over and no newer one came: the words of the contracts."""

    HOLD = "hold"  # stays as it is, for so many seconds at most; then it runs
    RUN = "run"
    CURTAIL = "curtail"  # stays off, for so many seconds at most; then it runs


class Verb(StrEnum):
    """What a machine is told."""

    PAUSE = "pause"
    RESUME = "resume"
    LIMIT = "limit"  # down to so many watts
    LIFT = "lift"  # up to so many watts, at most to what it had


SWITCHES = frozenset({Verb.PAUSE, Verb.RESUME})
LEVELS = frozenset({Verb.LIMIT, Verb.LIFT})


class Doubt(StrEnum):
    """Why a lease is not taken."""

    FORM = "not a lease"
    KEY = "signed with a key that is not pinned here"
    SIGNATURE = "the signature is wrong"
    DEVICE = "it is for another device"
    CHALLENGE = "it answers another question"
    COUNTER = "it is not newer than one seen before"
    ROSTER = "its machines are missing or others"


class LeaseRefused(Exception):
    """The lease is not taken; nothing of it counts."""

    def __init__(self, doubt: Doubt, detail: str = "") -> None:
        super().__init__(f"{doubt.value} ({detail})" if detail else doubt.value)
        self.doubt = doubt


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine of a roster. ``group``: its breaker; of higher ``rank`` are those that come back first."""

    id: str
    address: str
    port: int
    draw_w: int
    group: int
    rank: int
    safe: Safe
    safe_s: int


@dataclass(frozen=True, slots=True)
class Order:
    """One command to one machine, to be sent within its window or not at all. ``watts``: of a LIMIT or LIFT, else 0."""

    id: int
    machine: str
    verb: Verb
    not_before: int
    expires_at: int
    watts: int = 0


@dataclass(frozen=True, slots=True)
class Lowered:
    """A machine that keeps to a limit of ours: the one it was told, and the one it had before, in watts."""

    limit_w: int
    before_w: int


@dataclass(frozen=True, slots=True)
class Ramp:
    """Watts in a step: switched on, on behind one breaker, and off by the device itself."""

    up_w: int
    group_up_w: int
    down_w: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Not started above these temperatures, and off for so long at least."""

    chip_c: float
    inlet_c: float
    min_off_s: int


@dataclass(frozen=True, slots=True)
class Lease:
    """One lease, taken. ``off``: machines that ran before we switched them off, and that are ours to switch on.

    ``low``: machines that keep to a limit of ours, and that are ours to give theirs back; ``lowered``: these, and those
    whose first limit is an order of this lease. ``asks``: machines whose limit of power is to be read.
    """

    device: str
    counter: int
    now: int
    expires_at: int
    frozen: bool
    step_s: int
    poll_s: float
    roster: str
    machines: Mapping[str, Machine]
    off: frozenset[str]
    orders: tuple[Order, ...]
    ramp: Ramp
    limits: Limits
    keys: Mapping[str, bytes]
    low: Mapping[str, Lowered] = field(default_factory=dict)
    lowered: frozenset[str] = frozenset()
    asks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sealed:
    """As it stands on the wire and in the file: the text that is signed, the signature, and the roster's text."""

    text: str
    signature: str
    roster: str


def canonical(said: Any) -> bytes:
    """The one spelling of a document."""
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def digest(raw: bytes) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(raw).hexdigest()


def key_name(public: bytes) -> str:
    """How a public key is called."""
    return digest(public)[:16]


def new_key() -> tuple[bytes, bytes]:
    """A private key and its public one."""
    private = Ed25519PrivateKey.generate()
    return private.private_bytes_raw(), private.public_key().public_bytes_raw()


def _context(form: str) -> bytes:
    """Nothing else that is ever signed begins like this."""
    return form.encode() + b"\n"


def sign(said: Mapping[str, Any], private: bytes) -> tuple[str, str]:
    """Text and signature of a lease; its key is named in it. With ``levels`` it is of the second form."""
    key = Ed25519PrivateKey.from_private_bytes(private)
    form = LEVELS_FORM if "levels" in said else FORM
    text = canonical({"form": form, "key": key_name(key.public_key().public_bytes_raw()), **said})
    return text.decode(), base64.b64encode(key.sign(_context(form) + text)).decode()


def in_form(content: Mapping[str, Any], forms: Collection[str], *, frozen: bool) -> dict[str, Any]:
    """What is said to a device that reads these forms: without levels to one that knows none, under the kill switch
    without orders.
    """
    said = dict(content)
    levels = said.pop("levels", None)
    if levels is not None and LEVELS_FORM in forms:
        said["levels"] = {**levels, "orders": []} if frozen else levels
    if frozen:
        said["orders"] = []
    return said


def take(sealed: Sealed, *, keys: Mapping[str, bytes], device: str, challenge: str | None, above: int) -> Lease:
    """The lease in it, if all of it holds. ``challenge`` None: read from our own file. Raises LeaseRefused."""
    said = _verified(sealed, keys)
    if said.get("device") != device:
        raise LeaseRefused(Doubt.DEVICE)
    if challenge is not None and said.get("challenge") != challenge:
        raise LeaseRefused(Doubt.CHALLENGE)
    try:
        lease = _lease(said, sealed.roster)
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise LeaseRefused(Doubt.FORM, f"{type(error).__name__}: {error}"[:100]) from error
    if lease.counter <= above:
        raise LeaseRefused(Doubt.COUNTER, f"{lease.counter}, seen {above}")
    return lease


def _verified(sealed: Sealed, keys: Mapping[str, bytes]) -> dict[str, Any]:
    """What is said, once the signature is proved. Nothing but the name of the key is believed before."""
    try:
        said = json.loads(sealed.text)
        name, form = said["key"], said["form"]
        signature = base64.b64decode(sealed.signature, validate=True)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        raise LeaseRefused(Doubt.FORM) from error
    public = keys.get(name) if isinstance(name, str) else None
    if public is None:
        raise LeaseRefused(Doubt.KEY)
    if form not in FORMS:
        raise LeaseRefused(Doubt.FORM)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _context(form) + sealed.text.encode())
    except (InvalidSignature, ValueError) as error:
        raise LeaseRefused(Doubt.SIGNATURE) from error
    if canonical(said).decode() != sealed.text:
        raise LeaseRefused(Doubt.FORM)
    return dict(said)


def _lease(said: Mapping[str, Any], roster: str) -> Lease:
    if digest(roster.encode()) != said["roster"]:
        raise LeaseRefused(Doubt.ROSTER)
    machines = {one.id: one for one in map(_machine, json.loads(roster))}
    names = list(machines)
    levels = said["levels"] if said["form"] == LEVELS_FORM else _NO_LEVELS
    switching = [_order(one, names, SWITCHES) for one in said["orders"]]
    limiting = [_order(one, names, LEVELS) for one in levels["orders"]]
    low = {names[_whole(place)]: _lowered(limit, before) for place, limit, before in levels["low"]}
    lease = Lease(
        device=said["device"], counter=_whole(said["counter"]), now=_whole(said["now"]),
        expires_at=_whole(said["expires_at"]), frozen=bool(said["frozen"]), step_s=_whole(said["step_s"]),
        poll_s=float(said["poll_s"]), roster=said["roster"], machines=machines,
        off=frozenset(names[_whole(place)] for place in said["off"]),
        orders=(*switching, *limiting),
        ramp=Ramp(**{one.name: _whole(said["ramp"][one.name]) for one in fields(Ramp)}),
        limits=Limits(
            float(said["limits"]["chip_c"]), float(said["limits"]["inlet_c"]), _whole(said["limits"]["min_off_s"])
        ),
        keys=public_keys(said["keys"]),
        low=low, lowered=frozenset(low) | {one.machine for one in limiting if one.verb is Verb.LIMIT},
        asks=frozenset(names[_whole(place)] for place in levels["asks"]),
    )  # fmt: skip
    if not (0 < lease.step_s <= MOST_S and 0 < lease.poll_s <= MOST_S) or lease.expires_at - lease.now > MOST_S * 1000:
        raise ValueError("a lease of more than a day")
    return lease


_NO_LEVELS: Mapping[str, Any] = {"orders": (), "low": (), "asks": ()}


def _order(row: Any, names: Sequence[str], verbs: Collection[Verb]) -> Order:
    """A limit has its watts behind the rest, and there is none of zero."""
    verb = Verb(row[2])
    if verb not in verbs or len(row) != (6 if verb in LEVELS else 5):
        raise ValueError(f"no order of this form: {row!r}"[:60])
    watts = _watts(row[5]) if verb in LEVELS else 0
    return Order(_whole(row[0]), names[_whole(row[1])], verb, _whole(row[3]), _whole(row[4]), watts)


def _lowered(limit: Any, before: Any) -> Lowered:
    return Lowered(_watts(limit), _watts(before))


def _watts(value: Any) -> int:
    if _whole(value) == 0:
        raise ValueError("a limit of no watts")
    return int(value)


def public_keys(listed: Any) -> dict[str, bytes]:
    """Public keys by their names, from base64. Raises ValueError."""
    raw = [base64.b64decode(text, validate=True) for text in listed]
    if not all(len(one) == KEY_BYTES for one in raw):
        raise ValueError("an Ed25519 public key has 32 bytes")
    return {key_name(one): one for one in raw}


def roster_of(machines: list[Machine]) -> str:
    """The text of a roster."""
    return canonical(
        [[getattr(one, part.name) for part in fields(Machine)] for one in machines]
    ).decode()  # fmt: skip


def names_in(roster: str) -> list[str]:
    """The machines of a roster of our own by their ids; of an empty text none."""
    return [row[0] for row in json.loads(roster)] if roster else []


def _machine(row: Any) -> Machine:
    name, address, port, draw, group, rank, safe, safe_s = row
    return Machine(
        str(name), str(address), _whole(port), _whole(draw), _whole(group), _whole(rank), Safe(safe), _whole(safe_s)
    )


def _whole(value: Any) -> int:
    """A number that is not negative; True is none."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"no whole number: {value!r}"[:60])
    return value
