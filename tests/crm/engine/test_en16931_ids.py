"""Check digits of IBAN and Leitweg-ID; and hostile or broken XML."""

import pytest

from crm.engine.en16931.ids import is_iban, is_leitweg_id
from crm.engine.en16931_reader import UnreadableInvoice, load


@pytest.mark.parametrize(
    "value",
    ["04011000-1234512345-06", "991-01484-64", "992-90009-96", "04011000-1234512345-06".lower()],
)
def test_a_leitweg_id_with_right_check_digits_is_one(value: str) -> None:
    assert is_leitweg_id(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "04011000-1234512345-07",
        "04011000-1234512354-06",
        "4011000-1234512345-06",
        "04011000_1234512345-06",
        "04011000-1234512345-6",
        "04011000-12345-12345-06",
        "A4011000-1234512345-06",
        "04011000-1234512345-06 ",
    ],
)
def test_anything_else_is_none(value: str) -> None:
    assert not is_leitweg_id(value)


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("DE89370400440532013000", True),
        ("DE89 3704 0044 0532 0130 00", True),
        ("GB29 NWBK 6016 1331 9268 19", True),
        ("DE88370400440532013000", False),
        ("DE89370400440532031000", False),
        ("12345678", False),
        ("", False),
    ],
)
def test_the_check_digits_of_an_iban_are_computed(value: str, right: bool) -> None:
    assert is_iban(value) is right


CII = b'<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"/>'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no xml",
        b"<a>",
        b"<a/>",
        b"\xff\xfe<",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        + CII.replace(b"/>", b">&x;</rsm:CrossIndustryInvoice>"),
        b'<!DOCTYPE a [<!ENTITY a0 "aaaa"><!ENTITY a1 "&a0;&a0;&a0;">]>' + CII,
        CII + CII,
        b"<envelope>" + CII + CII + b"</envelope",
    ],
)
def test_what_is_no_invoice_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(UnreadableInvoice, match=r"\w"):
        load(content)
