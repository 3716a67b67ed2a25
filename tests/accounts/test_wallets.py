"""Linking a wallet: the strict message, the one signature, the nonce that counts once, and those who cheat."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from coincurve import PrivateKey
from django.test import Client
from django.utils import timezone

from accounts.domain.wallets import LIFETIME, MOST_OPEN, WalletRefused, finish_link, start_link, unlink
from accounts.engine import siwe
from accounts.engine.ethereum import SignatureInvalid, checksummed, is_checksummed, keccak256, recover
from accounts.models import User, Wallet, WalletChallenge
from tests.accounts.conftest import HOME, SignIn

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEY = PrivateKey(bytes(31) + b"\x07")


def address_of(key: PrivateKey) -> str:
    return checksummed("0x" + keccak256(key.public_key.format(compressed=False)[1:])[-20:].hex())


MINE = address_of(KEY)


def sign(message: str, key: PrivateKey = KEY) -> str:
    """What a wallet does, written on its own."""
    body = message.encode()
    digest = keccak256(b"\x19Ethereum Signed Message:\n%d" % len(body) + body)
    raw = key.sign_recoverable(digest, hasher=None)
    return "0x" + (raw[:64] + bytes([raw[64] + 27])).hex()


def link(user: User, message: str | None = None, signature: str | None = None, at: datetime = AT) -> Wallet:
    text = message if message is not None else start_link(user, address=MINE, at=at)
    return finish_link(user, message=text, signature=signature or sign(text), by=user, at=at)


# --- EIP-55, EIP-191 ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "address",
    [  # the examples of EIP-55
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
        "0xde709f2102306220921060314715629080e2fb77",
        "0x27b1fdb04752bbc536007a920d24acb045561c26",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_checksums(address: str) -> None:
    assert checksummed(address.lower()) == address
    assert is_checksummed(address)
    assert not is_checksummed(address.swapcase().replace("0X", "0x"))


def test_keccak_is_not_sha3() -> None:
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


def test_addresses_of_known_keys() -> None:
    """Key 1 is the generator itself; its address is in every book."""
    assert address_of(PrivateKey(bytes(31) + b"\x01")) == "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"


@pytest.mark.parametrize("text", ["", "x", "Ünïcode ✓", "a" * 1000, "line\nline"])
def test_recovery(text: str) -> None:
    assert recover(text, sign(text)) == MINE
    assert recover(text + ".", sign(text)) != MINE


def malleable(signature: str) -> str:
    raw = bytes.fromhex(signature[2:])
    high = ORDER - int.from_bytes(raw[32:64], "big")
    return "0x" + (raw[:32] + high.to_bytes(32, "big") + bytes([55 - raw[64]])).hex()


GOOD = sign("x")
HOSTILE_SIGNATURES = {
    "high s": malleable(GOOD),
    "empty": "",
    "short": GOOD[:-2],
    "long": GOOD + "00",
    "compact": GOOD[:130],
    "no prefix": GOOD[2:],
    "not hex": GOOD[:-1] + "g",
    "v 29": GOOD[:-2] + "1d",
    "v 35": GOOD[:-2] + "23",
    "v 255": GOOD[:-2] + "ff",
    "r 0": "0x" + "00" * 32 + GOOD[66:],
    "s 0": GOOD[:66] + "00" * 32 + GOOD[130:],
    "r too big": "0x" + "ff" * 32 + GOOD[66:],
    "s too big": GOOD[:66] + "ff" * 32 + GOOD[130:],
    "r is the order": f"0x{ORDER:064x}" + GOOD[66:],
    "newline": GOOD + "\n",
}


@pytest.mark.parametrize("name", HOSTILE_SIGNATURES)
def test_hostile_signatures_are_refused(name: str) -> None:
    with pytest.raises(SignatureInvalid):
        recover("x", HOSTILE_SIGNATURES[name])


# --- the grammar ----------------------------------------------------------------------------------------------
FULL = siwe.SignInMessage(
    domain="example.com:8443",
    address=MINE,
    uri="https://example.com/login?a=b#c",
    chain_id=1,
    nonce="32891757ab",
    issued_at=AT,
    statement="I accept the terms: https://example.com/tos",
    scheme="https",
    expiration_time=AT + timedelta(hours=1),
    not_before=AT,
    request_id="some-id",
    resources=("ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/", "https://example.com/claim.json"),
)


@pytest.mark.parametrize(
    "message",
    [
        FULL,
        replace(FULL, statement="", scheme=""),
        replace(FULL, expiration_time=None, not_before=None, request_id=None, resources=()),
        replace(FULL, request_id="", domain="[::1]:80"),
    ],
)
def test_what_is_written_is_read_back(message: siwe.SignInMessage) -> None:
    assert siwe.parse(message.text()) == message


def changed(old: str, new: str) -> str:
    text = FULL.text()
    assert old in text
    return text.replace(old, new, 1)


HOSTILE_MESSAGES = {
    "empty": "",
    "trailing newline": FULL.text() + "\n",
    "leading newline": "\n" + FULL.text(),
    "carriage returns": FULL.text().replace("\n", "\r\n"),
    "extra line": changed("Version: 1\n", "Version: 1\nAmount: 0\n"),
    "second nonce": changed("Issued At", "Nonce: zzzzzzzzzz\nIssued At"),
    "order": changed("Version: 1\nChain ID: 1\n", "Chain ID: 1\nVersion: 1\n"),
    "newline in statement": changed("I accept", "I accept\nURI: https://evil.example\n"),
    "no blank after statement": changed("tos\n\n", "tos\n"),
    "three blanks": changed("tos\n\n", "tos\n\n\n"),
    "homograph domain": changed("example.com:8443", "ex\u0430mple.com:8443"),  # a Cyrillic letter
    "full width": changed("example.com:8443", "example\uff0ecom:8443"),
    "user in domain": changed("https://example.com:8443", "https://example.com@evil.example"),
    "zero width": changed("I accept", "I\u200b accept"),
    "right to left": changed("I accept", "\u202eI accept"),
    "NUL": changed("I accept", "I\x00accept"),
    "tab": changed("URI: ", "URI:\t"),
    "version 2": changed("Version: 1", "Version: 2"),
    "lower case address": changed(MINE, MINE.lower()),
    "wrong checksum": changed(MINE, MINE.swapcase().replace("0X", "0x")),
    "short address": changed(MINE, MINE[:-1]),
    "icap": changed(MINE, "XE7338O073KYGTWWZN0F2WZ0R8PX5ZPPZS"),
    "nonce too short": changed("32891757ab", "1234567"),
    "nonce with sign": changed("32891757ab", "3289-757ab"),
    "chain 0": changed("Chain ID: 1", "Chain ID: 0"),
    "chain 01": changed("Chain ID: 1", "Chain ID: 01"),
    "chain hex": changed("Chain ID: 1", "Chain ID: 0x1"),
    "huge chain": changed("Chain ID: 1", "Chain ID: 1" + "0" * 40),
    "no such day": changed("Issued At: 2026-11-20", "Issued At: 2026-02-30"),
    "no zone": changed("Issued At: 2026-11-20T12:00:00Z", "Issued At: 2026-11-20T12:00:00"),
    "spaces in uri": changed("https://example.com/login", "https://example.com/ login"),
    "relative uri": changed("URI: https://example.com", "URI: "),
    "resource without dash": changed("- https", "https"),
    "other words": changed("wants you to sign in", "wants you to pay"),
    "huge": FULL.text() + "\n- https://example.com/" + "x" * 5000,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_MESSAGES)
def test_hostile_messages_are_refused(name: str) -> None:
    with pytest.raises(siwe.MessageInvalid):
        siwe.parse(HOSTILE_MESSAGES[name])


@pytest.mark.parametrize(
    "stamp", ["2026-11-20T12:00:00.123456789Z", "2026-11-20T13:00:00+01:00", "2026-11-20T12:00:00.1Z"]
)
def test_times_of_other_wallets_are_read(stamp: str) -> None:
    parsed = siwe.parse(changed("Issued At: 2026-11-20T12:00:00Z", f"Issued At: {stamp}"))

    assert abs(parsed.issued_at - AT) < timedelta(seconds=1)


# --- linking --------------------------------------------------------------------------------------------------
def test_a_wallet_is_linked(dora: User) -> None:
    wallet = link(dora)

    assert (wallet.user, wallet.address, wallet.chain, wallet.purpose) == (dora, MINE, "ethereum", "sign_in")
    assert wallet.verified_at == AT
    assert wallet.events.get().pgh_context.metadata["actor"] == str(dora.pk)


@pytest.mark.parametrize("spelling", [MINE, MINE.lower(), "0x" + MINE[2:].upper(), f"  {MINE} "])
def test_the_message_names_the_address_in_its_one_spelling(dora: User, spelling: str) -> None:
    assert MINE in start_link(dora, address=spelling, at=AT)


@pytest.mark.parametrize(
    "typed", ["", "0x", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", MINE + "0", MINE[2:], "0x" + "g" * 40]
)
def test_other_addresses_are_refused(dora: User, typed: str) -> None:
    with pytest.raises(WalletRefused):
        start_link(dora, address=typed, at=AT)


def test_a_wrong_checksum_is_a_typing_mistake(dora: User) -> None:
    with pytest.raises(WalletRefused) as refusal:
        start_link(dora, address=MINE.swapcase().replace("0X", "0x"), at=AT)

    assert refusal.value.code == "checksum_wrong"


def refused(user: User, message: str, signature: str | None = None, at: datetime = AT) -> str:
    with pytest.raises(WalletRefused) as refusal:
        link(user, message, signature, at)
    assert not Wallet.objects.filter(user=user).exists()
    return refusal.value.code


def test_a_replay_is_refused(dora: User) -> None:
    text = start_link(dora, address=MINE, at=AT)
    unlink(link(dora, text), by=dora)

    assert refused(dora, text) == "nonce_spent"


def test_a_message_of_somebody_else_is_refused(dora: User, root: User) -> None:
    assert refused(dora, start_link(root, address=MINE, at=AT)) == "nonce_spent"


def test_a_nonce_of_nobody_is_refused(dora: User) -> None:
    text = start_link(dora, address=MINE, at=AT)
    nonce = siwe.parse(text).nonce

    assert refused(dora, text.replace(nonce, "f" * 24)) == "nonce_spent"


def test_a_wrong_signature_spends_the_nonce(dora: User) -> None:
    text = start_link(dora, address=MINE, at=AT)
    other = sign(text, PrivateKey(bytes(31) + b"\x08"))

    assert refused(dora, text, other) == "signature_of_another"
    assert refused(dora, text) == "nonce_spent"


@pytest.mark.parametrize("name", [name for name in HOSTILE_SIGNATURES if name != "newline"])
def test_hostile_signatures_link_nothing(dora: User, name: str) -> None:
    text = start_link(dora, address=MINE, at=AT)
    bad = malleable(sign(text)) if name == "high s" else HOSTILE_SIGNATURES[name] or "0x"

    assert refused(dora, text, bad) == "signature_invalid"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("127.0.0.1:8000 wants", "evil.example wants", "other_domain"),
        ("127.0.0.1:8000 wants", "127.0.0.1 wants", "other_domain"),
        ("URI: http://127.0.0.1:8000/", "URI: http://evil.example/", "other_domain"),
        ("Chain ID: 1\n", "Chain ID: 137\n", "other_chain"),
        ("This moves no funds", "This moves all funds", "message_changed"),
        (MINE, "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", "signature_of_another"),
        ("Expiration Time: 2026-11-20T12:10:00Z", "Expiration Time: 2027-11-20T12:10:00Z", "message_changed"),
        ("\nExpiration Time: 2026-11-20T12:10:00Z", "", "message_expired"),
        ("Issued At: 2026-11-20T12:00:00Z", "Issued At: 2026-11-20T12:00:01Z", "message_too_early"),
        ("Issued At: 2026-11-20T12:00:00Z", "Issued At: 2026-11-20T11:00:00Z", "message_changed"),
        ("12:10:00Z", "12:10:00Z\nNot Before: 2026-11-20T12:05:00Z", "message_too_early"),
        ("12:10:00Z", "12:10:00Z\nRequest ID: 7", "message_changed"),
        ("12:10:00Z", "12:10:00Z\nResources:\n- https://evil.example/", "message_changed"),
        ("12:10:00Z", "12:10:00Z\nRe: x", "message_invalid"),
    ],
)
def test_a_message_that_is_not_ours_is_refused_though_signed(dora: User, old: str, new: str, code: str) -> None:
    """The wallet's owner was talked into signing it elsewhere, with a nonce of ours."""
    text = start_link(dora, address=MINE, at=AT)
    assert old in text

    assert refused(dora, text.replace(old, new, 1)) == code


def test_a_message_ends(dora: User) -> None:
    text = start_link(dora, address=MINE, at=AT)

    assert refused(dora, text, at=AT + LIFETIME) == "nonce_spent"


def test_another_site_takes_no_message_of_this_one(dora: User, settings: Any) -> None:
    text = start_link(dora, address=MINE, at=AT)
    settings.BASE_URL = "https://hashinsight.example"

    assert refused(dora, text) == "other_domain"


def test_an_address_belongs_to_one_person(dora: User, root: User) -> None:
    link(root)

    assert refused(dora, start_link(dora, address=MINE, at=AT)) == "linked_elsewhere"


def test_messages_do_not_pile_up(dora: User) -> None:
    for _one in range(MOST_OPEN):
        start_link(dora, address=MINE, at=AT)
    with pytest.raises(WalletRefused):
        start_link(dora, address=MINE, at=AT)
    start_link(dora, address=MINE, at=AT + LIFETIME)

    assert WalletChallenge.objects.count() == 1


def test_a_linked_wallet_is_no_way_in(dora: User, client: Client) -> None:
    link(dora)
    text = start_link(dora, address=MINE, at=timezone.now())
    client.post(f"{HOME}wallets/finish/", {"message": text, "signature": sign(text)})

    assert client.get(HOME).status_code == 302


# --- the page and the API -------------------------------------------------------------------------------------
def test_on_the_own_page(dora: User, sign_in: SignIn, client: Client) -> None:
    sign_in()
    started = client.post(f"{HOME}wallets/start/", {"address": MINE})
    text = started.context["message"]
    done = client.post(f"{HOME}wallets/finish/", {"message": text.replace("\n", "\r\n"), "signature": sign(text)})
    wallet = Wallet.objects.get()
    shown = client.get(HOME).content.decode()
    client.post(f"{HOME}wallets/{wallet.public_id}/unlink/")

    assert (started.status_code, done["Location"], MINE in shown) == (200, HOME, True)
    assert not Wallet.objects.exists()


def test_wallets_of_others_do_not_exist(dora: User, root: User, sign_in: SignIn, client: Client) -> None:
    wallet = link(root)
    sign_in()

    assert client.post(f"{HOME}wallets/{wallet.public_id}/unlink/").status_code == 404
    assert Wallet.objects.exists()


def test_a_refusal_is_shown(dora: User, sign_in: SignIn, client: Client) -> None:
    sign_in()
    bad = client.post(f"{HOME}wallets/start/", {"address": "x"}, follow=True).content.decode()
    replay = client.post(f"{HOME}wallets/finish/", {"message": "x", "signature": "x"}, follow=True).content.decode()

    assert "not an Ethereum address" in bad
    assert "not the message that was to be signed" in replay
    assert json.dumps(list(Wallet.objects.values())) == "[]"
