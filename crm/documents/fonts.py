"""The fonts documents are set in, all out of pinned packages: no font of the machine is ever used.

Inter (it comes with the admin's theme) sets Latin, Greek and Cyrillic. Only a text that needs more loads the
wide set: FiraGO for Arabic, Hebrew, Thai, Devanagari and Georgian, Noto Sans CJK for Chinese, Japanese and
Korean. PDF/A forbids missing glyphs, so what no font can draw becomes a visible box before layout.
"""

import re
import unicodedata
from functools import cache
from importlib import import_module
from importlib.resources import files
from io import BytesIO

from fontTools.ttLib import TTFont

SCHEME = "document-font:"
REPLACEMENT = "\u25a1"
INTER_FILES = ("Inter-Regular.woff2", "Inter-Medium.woff2", "Inter-SemiBold.woff2", "Inter-Bold.woff2")
FIRA_MODULES = ("FiraGO_Regular", "FiraGO_Bold")
CJK_FILE = "NotoSansCJK-Regular.ttc"
CJK_FACE = 2  # simplified Chinese; all faces of the collection cover the same characters

# What nearly every text consists of; Inter has all of it, so the font need not be opened to know.
_COMMON = re.compile("[\n\x20-\x7e\xa0-\xac\xae-\u0148\u014a-\u017f\u2010-\u2027\u20ac]*")
_JOINERS = "\u200c\u200d"
# Categories without a shape of their own: control, format, surrogate, private use, unassigned, separators.
_SHAPELESS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class UnknownFont(LookupError):
    """A stylesheet asked for a font that is not one of ours."""


def font_bytes(url: str) -> bytes:
    """The font file behind one of our ``document-font:`` addresses."""
    name = url.removeprefix(SCHEME)
    if name in INTER_FILES:
        return files("unfold").joinpath("static/unfold/fonts/inter", name).read_bytes()
    if name in FIRA_MODULES:
        return bytes(import_module(f"pymupdf_fonts.{name}").fontbuffer)
    if name == CJK_FILE:
        return files("noto_cjk_sans_otc").joinpath(name).read_bytes()
    raise UnknownFont(url)


def printable(text: str) -> str:
    """``text`` as our fonts can draw it: composed, one kind of line break, a box for what has no glyph.

    Characters without any shape (variation selectors, direction marks and overrides) are left out: on paper
    they change nothing but the order of reading, and nobody may turn the digits of an amount around.
    """
    if _COMMON.fullmatch(text):
        return text
    text = re.sub(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]", "\n", text).replace("\t", " ")
    text = unicodedata.normalize("NFC", text)
    shown: list[str] = []
    for character in text:
        if character == "\n" or _is_covered(character):
            shown.append(character)
        elif character in _JOINERS:
            if shown and ord(shown[-1][0]) in fira_coverage():
                shown.append(character)
        elif not _belongs_to_box(character, shown) and not _is_invisible(character):
            shown.append(REPLACEMENT)
    return "".join(shown)


def needs_wide_fonts(text: str) -> bool:
    """Whether a printable text holds a character that Inter lacks."""
    if _COMMON.fullmatch(text):
        return False
    return any(character != "\n" and ord(character) not in inter_coverage() for character in text)


def _is_covered(character: str) -> bool:
    if unicodedata.category(character) in _SHAPELESS:
        return False
    point = ord(character)
    return point in inter_coverage() or point in fira_coverage() or point in cjk_coverage()


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) == "Cf" or "VARIATION SELECTOR" in unicodedata.name(character, "")


def _belongs_to_box(character: str, shown: list[str]) -> bool:
    """Whether this is an accent or a skin tone on a character that already became a box."""
    if not shown or shown[-1] != REPLACEMENT:
        return False
    return unicodedata.category(character) in {"Mn", "Me"} or "\U0001f3fb" <= character <= "\U0001f3ff"


@cache
def inter_coverage() -> frozenset[int]:
    """Code points every weight of Inter draws."""
    return frozenset.intersection(*(_coverage(font_bytes(name)) for name in INTER_FILES))


@cache
def fira_coverage() -> frozenset[int]:
    """Code points both weights of FiraGO draw."""
    return frozenset.intersection(*(_coverage(font_bytes(name)) for name in FIRA_MODULES))


@cache
def cjk_coverage() -> frozenset[int]:
    """Code points of Noto Sans CJK."""
    return _coverage(font_bytes(CJK_FILE), face=CJK_FACE)


def _coverage(content: bytes, face: int = -1) -> frozenset[int]:
    with TTFont(BytesIO(content), fontNumber=face, lazy=True) as font:
        return frozenset(font.getBestCmap())
