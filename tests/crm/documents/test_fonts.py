"""Every text becomes one our fonts can draw, and nothing visible is lost on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.documents import fonts
from crm.documents.fonts import REPLACEMENT, UnknownFont, font_bytes, needs_wide_fonts, printable


def test_inter_has_what_is_taken_for_granted() -> None:
    granted = {point for point in range(0x20, 0x3000) if fonts._COMMON.fullmatch(chr(point))}

    assert granted - fonts.inter_coverage() == set()
    assert ord(REPLACEMENT) in fonts.inter_coverage()


@pytest.mark.parametrize("text", ["Grüße, łódź, Ž – 5 €", "ΑΩ αω", "Жук Їжак", "₿ ₹ ₺", "a\nb"])
def test_european_text_is_printed_as_it_is_with_inter_alone(text: str) -> None:
    assert printable(text) == text
    assert not needs_wide_fonts(text)


@pytest.mark.parametrize("text", ["中文", "한국", "ビット", "شركة", "חברה", "บริษัท", "कंपनी"])
def test_other_scripts_are_printed_as_they_are_with_the_wide_set(text: str) -> None:
    assert printable(text) == text
    assert needs_wide_fonts(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a😀b", "a□b"),
        ("👍🏽!", "□!"),
        ("👩\u200d🚀", "□□"),
        ("x\ufe0f", "x"),
        ("a\x00b\x07", "a□b□"),
        ("\ud800x", "□x"),
        ("\ue000", "□"),
        ("Z\u030c", "Ž"),
        ("a\tb\r\nc\rd\u2028e", "a b\nc\nd\ne"),
        ("12\u202e34\u202c", "1234"),
        ("\ufeffx\u00ady", "xy"),
    ],
)
def test_what_no_font_draws_becomes_a_visible_box(text: str, expected: str) -> None:
    assert printable(text) == expected


@given(st.text(alphabet=st.characters()))
def test_any_text_becomes_drawable_and_stays_so(text: str) -> None:
    shown = printable(text)
    drawable = fonts.inter_coverage() | fonts.fira_coverage() | fonts.cjk_coverage() | {0x0A, 0x200C, 0x200D}

    assert {ord(character) for character in shown} <= drawable
    assert printable(shown) == shown


def test_only_our_own_fonts_are_handed_out() -> None:
    assert font_bytes("document-font:Inter-Regular.woff2")[:4] == b"wOF2"
    with pytest.raises(UnknownFont):
        font_bytes("document-font:../../../settings.py")
