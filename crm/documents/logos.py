"""A company's logo, checked before it is kept: it may draw shapes and do nothing else.

An SVG can load files, other pages and fonts, and a small picture can unpack to gigabytes. So an SVG is taken
only when every element and attribute is on a short list, and a raster picture only within bounds.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from xml.etree import ElementTree

from django.utils.translation import gettext as _
from PIL import Image, ImageFile

MAX_BYTES = 1024 * 1024
MAX_PIXELS = 4_000_000
MAX_ELEMENTS = 2_000
MIME_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg"}
SVG_MIME = "image/svg+xml"

_SVG = "{http://www.w3.org/2000/svg}"
_XML_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_ELEMENTS = frozenset(
    {"svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "title", "desc", "defs"}
    | {"linearGradient", "radialGradient", "stop"}
)
_ATTRIBUTES = frozenset(
    {"version", "viewBox", "width", "height", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry"}
    | {"fx", "fy", "d", "points", "transform", "id", "class", "role", "style", "color", "opacity", "offset"}
    | {"fill", "fill-opacity", "fill-rule", "clip-rule", "stop-color", "stop-opacity", "gradientUnits"}
    | {"gradientTransform", "spreadMethod", "preserveAspectRatio", "aria-label", "focusable", "baseProfile"}
    | {"stroke", "stroke-width", "stroke-opacity", "stroke-linecap", "stroke-linejoin", "stroke-miterlimit"}
    | {"stroke-dasharray", "stroke-dashoffset", "enable-background", "data-name"}
)
_LOCAL_REFERENCE = re.compile(r"url\(\s*#[A-Za-z_][\w.-]*\s*\)")


class LogoRefused(ValueError):
    """The picture is not one we print; the message says why."""


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that passed :func:`check_logo`; there is no way to hold one that did not."""

    content: bytes
    mime: str

    def __post_init__(self) -> None:
        check_logo(self.content, self.mime)


def check_logo(content: bytes, mime: str) -> None:
    """Refuse what is no PNG, JPEG or harmless SVG of decent size. Forms call this before storing it."""
    if not content:
        raise LogoRefused(_("The logo is empty."))
    if len(content) > MAX_BYTES:
        raise LogoRefused(_("The logo is larger than 1 MB."))
    if mime == SVG_MIME:
        _check_svg(content)
    elif mime in MIME_TYPES.values():
        _check_raster(content, mime)
    else:
        raise LogoRefused(_("The logo must be a PNG, JPEG or SVG file."))


def _check_raster(content: bytes, mime: str) -> None:
    try:
        with warnings.catch_warnings(), _whole_pictures_only():
            warnings.simplefilter("error")
            with Image.open(BytesIO(content), formats=tuple(MIME_TYPES)) as picture:
                if MIME_TYPES[picture.format or ""] != mime:
                    raise LogoRefused(_("The logo is of another type than its name says."))
                if picture.width * picture.height > MAX_PIXELS:
                    raise LogoRefused(_("The logo has more than 4 million pixels."))
                if picture.mode not in {"1", "L", "LA", "P", "PA", "RGB", "RGBA"}:
                    raise LogoRefused(_("The logo must use RGB or grey colours."))
                picture.load()
    except LogoRefused:
        raise
    except Exception as error:  # Pillow raises many kinds for broken files
        raise LogoRefused(_("The logo is not a readable picture.")) from error


@contextmanager
def _whole_pictures_only() -> Iterator[None]:
    """WeasyPrint tells Pillow to accept files that end too early; here they are refused again."""
    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _check_svg(content: bytes) -> None:
    lowered = content.lower()
    if b"<!" in lowered.replace(b"<!--", b"") or b"\x00" in content:
        raise LogoRefused(_("An SVG logo must not declare a document type or entities."))
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - without a DTD there is nothing to expand
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise LogoRefused(_("The logo is not a readable SVG file.")) from error
    if root.tag != f"{_SVG}svg":
        raise LogoRefused(_("The logo is not an SVG file."))
    if not root.get("viewBox"):
        raise LogoRefused(_("An SVG logo needs a viewBox."))
    for count, element in enumerate(root.iter()):
        if count >= MAX_ELEMENTS:
            raise LogoRefused(_("The SVG logo has too many shapes."))
        _check_element(element)


def _check_element(element: ElementTree.Element) -> None:
    name = element.tag.removeprefix(_SVG) if isinstance(element.tag, str) else "?"
    if name not in _ELEMENTS or element.tag != f"{_SVG}{name}":
        raise LogoRefused(_("The SVG logo contains “%(name)s”; only plain shapes are printed.") % {"name": name[:40]})
    for attribute, value in element.attrib.items():
        if attribute not in _ATTRIBUTES and attribute != _XML_SPACE:
            raise LogoRefused(
                _("The SVG logo uses the attribute “%(name)s”, which is not printed.") % {"name": attribute[:40]}
            )
        rest = _LOCAL_REFERENCE.sub("", value).lower()
        if "url" in rest or "\\" in rest or "@" in rest:
            raise LogoRefused(_("The SVG logo refers to something outside itself."))
