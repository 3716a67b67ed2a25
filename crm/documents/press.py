"""What a process keeps between documents: our fonts, known to Pango, and the parsed stylesheet.

Pango's font maps are not made for several threads: callers hold :data:`lock` while they lay out a document.
"""

import atexit
import fcntl
import gc
import os
import shutil
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from django.conf import settings
from django.template.loader import render_to_string

from crm.documents.fonts import SCHEME, font_bytes

if TYPE_CHECKING:
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration

STYLESHEET = "crm/documents/invoice.css"
BASE_STYLESHEET = "crm/documents/base.css"
FONTCONFIG_FILE = Path(__file__).parent / "assets" / "fonts.conf"
FOLDER_PREFIX = "hashinsight-fonts-"
LOCK_NAME = "in-use"

lock = threading.RLock()
_presses: dict[tuple[int, bool], "Press"] = {}


class RenderError(RuntimeError):
    """The document could not be made; nothing of it may be stored."""


@dataclass(frozen=True, slots=True)
class Press:
    """Everything a document needs that is the same for all documents."""

    fonts: "FontConfiguration"
    base: "CSS"
    stylesheet: "CSS"


def press(*, wide: bool) -> Press:
    """This process's press; a child forked after its parent printed builds its own.

    What a process has loaded by then stays loaded, so the garbage collector is told not to look at it again:
    otherwise it walks over all of Django several times for each document, a quarter of the whole time.
    """
    key = (os.getpid(), wide)
    if key not in _presses:
        with _own_fontconfig():
            fonts = font_configuration_class()()
            base = _css(render_to_string(BASE_STYLESHEET), fonts)
            _presses[key] = Press(fonts, base, _css(stylesheet_text(wide=wide), fonts))
        gc.collect()
        gc.freeze()
    return _presses[key]


def stylesheet_text(*, wide: bool) -> str:
    """The stylesheet as WeasyPrint reads it."""
    return render_to_string(STYLESHEET, {"wide": wide, "font": SCHEME})


def _css(text: str, fonts: "FontConfiguration") -> "CSS":
    from weasyprint import CSS  # noqa: PLC0415 - slow import, 1 s

    with refusals_are_errors():
        return CSS(string=text, font_config=fonts, url_fetcher=fetcher())


@cache
def font_configuration_class() -> type["FontConfiguration"]:
    """WeasyPrint's font configuration, its folder safe from forked children that end before their parent."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a machine without any font is fine, we bring ours
        from weasyprint.text.fonts import FontConfiguration  # noqa: PLC0415 - slow import, 1 s

    class KeptFontConfiguration(FontConfiguration):
        def __init__(self) -> None:
            super().__init__()
            self._folder = _new_folder()

        def __del__(self) -> None:
            """Leave the folder: a child that only inherited the object would take its parent's fonts."""

    return KeptFontConfiguration


def _new_folder() -> Path:
    """A folder for unpacked fonts, removed when the process ends; those of killed processes go now.

    WeasyPrint removes its folder with the object, worker children however leave without tidying up. A lock
    that dies with its process tells a folder in use from one left behind.
    """
    base = _shelf()
    for other in base.glob(f"{FOLDER_PREFIX}{os.getuid()}-*"):
        _remove_if_unused(other)
    hidden = Path(tempfile.mkdtemp(prefix=".hashinsight-", dir=base))
    held_until_exit = os.open(hidden / LOCK_NAME, os.O_CREAT | os.O_RDWR)
    fcntl.flock(held_until_exit, fcntl.LOCK_EX)
    folder = hidden.rename(base / f"{FOLDER_PREFIX}{os.getuid()}-{hidden.name.rpartition('-')[2]}")
    atexit.register(_remove_own, folder, os.getpid())
    return folder


def _shelf() -> Path:
    """Beside our other state where that can be written; a server with read-only state uses the system's place."""
    shelf = Path(settings.VAR_DIR) / "fonts"
    with suppress(OSError):
        shelf.mkdir(parents=True, exist_ok=True)
    return shelf if os.access(shelf, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


def _remove_if_unused(folder: Path) -> None:
    with suppress(OSError), (folder / LOCK_NAME).open() as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)


def _remove_own(folder: Path, pid: int) -> None:
    if pid == os.getpid():
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _own_fontconfig() -> Iterator[None]:
    """Let fontconfig read our empty set-up; the machine's would decide about hints and fall-backs."""
    before = os.environ.get("FONTCONFIG_FILE")
    os.environ["FONTCONFIG_FILE"] = str(FONTCONFIG_FILE)
    try:
        yield
    finally:
        if before is None:
            del os.environ["FONTCONFIG_FILE"]
        else:
            os.environ["FONTCONFIG_FILE"] = before


@cache
def fetcher() -> Any:
    """What a document may load: pictures inside itself and our own fonts. Anything else stops it."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse  # noqa: PLC0415 - slow import, 1 s

    class OwnFilesOnly(URLFetcher):
        def fetch(self, url: str, headers: Any = None) -> Any:
            if url.startswith(SCHEME):
                return URLFetcherResponse(url, font_bytes(url))
            return super().fetch(url, headers)

    return OwnFilesOnly(allowed_protocols=("data",), allow_redirects=False, fail_on_errors=True)


@contextmanager
def refusals_are_errors() -> Iterator[None]:
    """WeasyPrint stops with a BaseException, which would end a worker; make it, and bad markup, an ordinary error."""
    from weasyprint.urls import FatalURLFetchingError  # noqa: PLC0415 - slow import, 1 s

    try:
        yield
    except (FatalURLFetchingError, ElementTree.ParseError) as error:
        raise RenderError(str(error)) from error


@cache
def page_class() -> Any:
    """WeasyPrint's HTML, spared two things our own well-formed pages do not need.

    A parser for the tag soup of the web, and a style sheet for all of HTML with rules that match every element.
    """
    from cssselect2 import ElementWrapper  # noqa: PLC0415 - comes with the slow import below
    from weasyprint import HTML  # noqa: PLC0415 - slow import, 1 s

    class Page(HTML):
        def __init__(self, markup: str, base: "CSS") -> None:
            self.base_url = None
            self.url_fetcher = fetcher()
            self.media_type = "print"
            self.base_stylesheet = base
            root = ElementTree.fromstring(markup)  # noqa: S314 - our own template, everything in it escaped
            self.wrapper_element = ElementWrapper.from_html_root(root, content_language=None)
            self.etree_element = self.wrapper_element.etree_element

        def _ua_stylesheets(self, forms: bool = False) -> "list[CSS]":
            return [self.base_stylesheet]

    return Page
