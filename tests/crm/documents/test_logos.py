"""A logo draws shapes and does nothing else."""

from io import BytesIO

import pytest
import weasyprint  # noqa: F401 - tells Pillow to accept broken files, which must not reach us
from PIL import Image

from crm.documents.logos import SVG_MIME, Logo, LogoRefused, check_logo
from tests.crm.documents.samples import DEMO_LOGO


def picture(kind: str, mode: str = "RGB", size: tuple[int, int] = (40, 20)) -> bytes:
    buffer = BytesIO()
    Image.new(mode, size).save(buffer, kind)
    return buffer.getvalue()


def svg(body: str, attributes: str = 'viewBox="0 0 9 9"') -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{body}</svg>'.encode()


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (DEMO_LOGO, SVG_MIME),
        (svg('<g style="fill:#fff"><path d="M0 0h9v9z" fill="url(#a)"/></g>'), SVG_MIME),
        (picture("PNG"), "image/png"),
        (picture("PNG", "RGBA"), "image/png"),
        (picture("JPEG"), "image/jpeg"),
    ],
)
def test_ordinary_logos_are_taken(content: bytes, mime: str) -> None:
    assert Logo(content, mime).content == content


@pytest.mark.parametrize(
    "body",
    [
        '<image href="http://127.0.0.1:9/x.png"/>',
        '<image href="file:///etc/passwd"/>',
        '<use href="#a"/>',
        "<script>alert(1)</script>",
        "<style>@font-face{font-family:Document;src:url(http://127.0.0.1:9/f)}</style>",
        "<foreignObject/>",
        "<text>x</text>",
        '<a href="http://127.0.0.1:9/"><path d=""/></a>',
        '<path d="" onload="x()"/>',
        '<path fill="url(http://127.0.0.1:9/)"/>',
        '<path style="fill:url( file:///etc/passwd )"/>',
        "<path style=\"@import 'x'\"/>",
        '<path style="fill:\\75rl(x)"/>',
        '<svg xmlns="urn:other"/>',
        '<path xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="#a"/>',
        "<g/>" * 2000,
    ],
)
def test_an_svg_that_does_more_than_draw_is_refused(body: str) -> None:
    with pytest.raises(LogoRefused):
        check_logo(svg(body), SVG_MIME)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg",
        b"<html/>",
        b"\xff\xfe\x00",
        svg("", ""),
        b'<!DOCTYPE svg [<!ENTITY a "x">]>' + svg("&a;"),
        b'<?xml version="1.0" encoding="utf-7"?>' + svg(""),
    ],
)
def test_what_is_no_svg_is_refused(content: bytes) -> None:
    with pytest.raises(LogoRefused):
        check_logo(content, SVG_MIME)


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (b"GIF89a", "image/png"),
        (picture("PNG"), "image/jpeg"),
        (picture("GIF", "P"), "image/png"),
        (picture("PNG")[:60], "image/png"),
        (picture("JPEG")[:-40], "image/jpeg"),
        (picture("JPEG", "CMYK"), "image/jpeg"),
        (picture("PNG", "L", (2001, 2000)), "image/png"),
        (picture("PNG"), "image/gif"),
        (b"x" * (1024 * 1024 + 1), "image/png"),
    ],
)
def test_broken_disguised_or_huge_pictures_are_refused(content: bytes, mime: str) -> None:
    with pytest.raises(LogoRefused):
        Logo(content, mime)
