"""The habits of firmware that writes JSON by hand, one by one; and what is not the protocol at all."""

import json
import random
import string
import time

import pytest

from hosting.engine.machines import bounds
from hosting.engine.machines.cgminer import MOST_BYTES, ReplyKind, parse_joined, parse_reply
from hosting.engine.machines.draft import MOST_NOTES, Draft
from hosting.engine.machines.md5crypt import md5crypt
from hosting.engine.machines.numbers import NotANumber, read_number
from hosting.engine.machines.redact import kept
from tests.hosting.machines.peers import their_hash

STATUS = '"STATUS":[{"STATUS":"S","When":1,"Code":11,"Msg":"Summary","Description":"x"}]'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{%s,"SUMMARY":[{"A":1}],"id":1}\0', 1),
        ('{%s,"SUMMARY":[{"A":1}]"id":1}', 1),
        ('{%s,"SUMMARY":[,{"A":1}],"id":1}', 1),
        ('{%s,"SUMMARY":[{"A":1}{"B":2}],"id":1}', 1),
        ('{%s,"SUMMARY":[{"A":1,}],}', 1),
        ('{%s,"SUMMARY":[{"A":1,,"B":2}]}', 1),
        ('{%s,"SUMMARY":[{"A":"1\n2"}]}', "1\n2"),
        ('{%s,"SUMMARY":[{"A":"}{ ,] nan"}{"B":nan}]}', "}{ ,] nan"),
        ('{%s,"SUMMARY":[{"A":1}],"id":1}{"more":1}', 1),
        ('\ufeff {%s,"SUMMARY":[{"A":1}],"id":1}\r\n\0\0', 1),
    ],
)
def test_each_known_habit_is_read(text: str, value: object) -> None:
    reply = parse_reply((text % STATUS).encode())
    assert (reply.kind, reply.succeeded, reply.code) == (ReplyKind.JSON, True, 11)
    assert reply.first("SUMMARY")["A"] == value


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", ReplyKind.EMPTY),
        (b"\0\0 \r\n", ReplyKind.EMPTY),
        (b"<html><body>{}</body></html>", ReplyKind.HTML),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ReplyKind.HTTP),
        (b"SSH-2.0-dropbear_2019.78\r\n", ReplyKind.UNREADABLE),
        (b'{"STATUS":[{"STATUS":"S","Wh', ReplyKind.UNREADABLE),
        (b"[" * 100_000, ReplyKind.UNREADABLE),
        (b'{"a":' * 50_000, ReplyKind.UNREADABLE),
        (b'{"SUMMARY":[{"A":1}]}' + b" " * MOST_BYTES, ReplyKind.UNREADABLE),
        (b"\xff\xfe\x00\x01", ReplyKind.UNREADABLE),
    ],
)
def test_what_is_no_reply_says_what_it_is(raw: bytes, kind: ReplyKind) -> None:
    reply = parse_reply(raw)
    assert (reply.kind, reply.sections) == (kind, {})


@pytest.mark.parametrize("unit", [b'"\\"', b'\\"', b"}", b"[,", b",", b"\\", b'{"', b"nan", b"}\t", b"STATUS=,|\\"])
def test_no_input_makes_the_parser_slow(unit: bytes) -> None:
    """128 KB of the worst for a pattern that looks twice; quadratic work would take minutes."""
    size = MOST_BYTES // 8
    for head in (b"{", b"STATUS=S,Code="):
        raw = (head + unit * (size // len(unit)))[:size]
        begin = time.process_time()
        parse_reply(raw)
        assert time.process_time() - begin < 1.5


def test_a_name_given_twice_with_two_values_is_not_believed() -> None:
    row = parse_reply(b'{"SUMMARY":[{"A":1,"A":2,"B":3,"B":3}]}').first("SUMMARY")
    draft = Draft("x")
    assert (draft.number("a", row["A"], bounds.COUNT), draft.number("b", row["B"], bounds.COUNT)) == (None, 3.0)
    assert [(note.field, note.reason) for note in draft.notes] == [("a", "not a number")]


def test_the_text_protocol_gives_the_same_as_json() -> None:
    text = (
        b"STATUS=S,When=5,Code=11,Msg=Summary,Description=cgminer 4.11.1|SUMMARY,Elapsed=7,MHS av=1.5,Odd=a\\,b\\|c|\0"
    )
    reply = parse_reply(text)
    assert (reply.kind, reply.code, reply.succeeded, reply.description) == (ReplyKind.TEXT, 11, True, "cgminer 4.11.1")
    assert dict(reply.first("SUMMARY")) == {"Elapsed": "7", "MHS av": "1.5", "Odd": "a,b|c"}
    pools = parse_reply(b"STATUS=S,Code=7|POOL=0,URL=stratum+tcp://a:1|POOL=1,URL=stratum+tcp://b:2|")
    assert [row["URL"] for row in pools.rows("POOLS")] == ["stratum+tcp://a:1", "stratum+tcp://b:2"]


def test_joined_commands_come_apart() -> None:
    one = json.loads("{" + STATUS + ',"SUMMARY":[{"A":1}]}')
    raw = json.dumps({"summary": [one], "pools": [{"STATUS": [{"STATUS": "E", "Code": 8}]}], "id": 1}).encode()
    found = parse_joined(raw, ("summary", "pools", "devs"))
    assert (found["summary"].first("SUMMARY"), found["pools"].succeeded, sorted(found)) == (
        {"A": 1}, False, ["pools", "summary"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("13.5 TH/s", 13.5), ("13500 GH/s", 13.5), ("13.5TH", 13.5), ("1.35e1 TH/s", 13.5), ("0.0135 PH/s", 13.5),
        ("13,500 GHS", 13.5), ("13500", 13.5), (13500, 13.5), ("'13500.0'", 13.5), ("13500000 Mh/s", 13.5),
        ("", None), ("N/A", None), (None, None), ("-", None),
    ],
)  # fmt: skip
def test_rates_as_they_are_written(value: object, expected: float | None) -> None:
    """The field is in GH/s; a unit in the text outranks it."""
    draft = Draft("x")
    found = draft.hashrate("rate", value, "GH")
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-12))
    assert draft.notes == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "not finite"), (float("inf"), "not finite"), ("nan", "not finite"), ("-Infinity", "not finite"),
        ("1e999", "not finite"), (10**400, "not finite"), ("9" * 400, "too long for a number"), (True, "not a number"),
        ("12 parsecs", "unknown unit of hashrate"), ({"a": 1}, "not a number"), ([1], "not a number"),
        ("1.2.3", "not a number"), ("0x10", "not a number"),
        (-1, "outside 0 to 5000 TH/s"), (1e12, "outside 0 to 5000 TH/s"),
        ("\u0661\u0662", "not a number"),
    ],
)  # fmt: skip
def test_nonsense_is_unknown_and_leaves_a_reason(value: object, reason: str) -> None:
    draft = Draft("x")
    assert draft.hashrate("rate", value, "GH") is None
    assert [note.reason for note in draft.notes] == [reason]


def test_temperatures_of_no_sensor_are_unknown() -> None:
    draft = Draft("x")
    values = (0, "0", "0.0", "73", "73 C", "73.5\u00b0C", -273, 300, "150 F")
    assert [draft.temperature("t", value) for value in values] == [
        None, None, None, 73.0, 73.0, 73.5, None, None, None,
    ]  # fmt: skip
    assert len(draft.notes) == 3


def test_counts_are_whole() -> None:
    draft = Draft("x")
    assert [draft.whole("n", value) for value in (5, "5", 5.0, 5.5, -1, 2**70, 10**30)] == [
        5,
        5,
        5,
        None,
        None,
        None,
        None,
    ]


def test_a_hostile_answer_leaves_few_notes() -> None:
    draft = Draft("x")
    for _ in range(10_000):
        draft.number("n", "x" * 50, bounds.COUNT)
    assert len(draft.notes) == MOST_NOTES
    assert all(len(note.value) <= 40 for note in draft.notes)


@pytest.mark.parametrize("text", ["02:55:97:22:3M:72", "", "00:00:00:00:00:00", "AABBCCDDEE", "x" * 100])
def test_an_address_that_is_none_is_unknown(text: str) -> None:
    assert Draft("x").mac(text) is None


def test_addresses_are_written_alike() -> None:
    assert {
        Draft("x").mac(text) for text in ("aabbccddeeff", "AA-BB-CC-DD-EE-FF", "aa:bb:cc:dd:ee:ff", "aabb.ccdd.eeff")
    } == {"AA:BB:CC:DD:EE:FF"}


def test_numbers_never_raise_anything_else() -> None:
    for value in (object(), b"1", 1 + 2j, (1,), {1}, "1" * 65, "e5", ".", "+", "5 " + "x" * 200, "1,23", "1_000"):
        with pytest.raises(NotANumber):
            read_number(value)


def test_no_secret_is_kept_of_a_reply() -> None:
    raw = b'{"URL":"stratum+tcp://me:hush@pool:1","Password":"hush","pass":"hush","token":"hush","n":{"passwd":hush}}|Pass=hush,x=1|'
    assert "hush" not in kept(raw)
    assert '"URL":"stratum+tcp://***@pool:1"' in kept(raw)
    assert len(kept(b"x" * 10**6)) <= 16 * 1024


def md5crypt_cases() -> list[tuple[str, str]]:
    rng = random.Random(20261129)
    letters = string.ascii_letters + string.digits + "./"
    return [
        (
            "".join(rng.choices(string.printable[:94] + "äß", k=rng.randint(0, 40))),
            "".join(rng.choices(letters, k=length)),
        )
        for length in range(1, 9)
        for _ in range(4)
    ]


def test_the_hash_is_the_one_others_compute() -> None:
    assert [md5crypt(*case) for case in md5crypt_cases()] == [their_hash(*case) for case in md5crypt_cases()]
