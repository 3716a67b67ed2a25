"""The official rules of EN 16931, run as their publishers compiled them (XSLT 2.0, answers in SVRL).

They are not part of this project: a test that needs them skips where their folder is absent.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from lxml import etree

SAMPLES = Path(os.environ.get("HASHINSIGHT_SAMPLE_DATA") or Path(settings.BASE_DIR).parent / "shared" / "data")
FOLDER = SAMPLES / "einvoice"
_FAILED = "{http://purl.oclc.org/dsdl/svrl}failed-assert"
_FILES = {"cii": "EN16931-CII-validation.xslt", "ubl": "EN16931-UBL-validation.xslt"}


needs_official_rules = pytest.mark.skipif(
    not (FOLDER / "validator").is_dir(),
    reason=f"NOT CHECKED: the official rules of EN 16931 are not in {FOLDER}; set HASHINSIGHT_SAMPLE_DATA",
)


def examples() -> list[Path]:
    """The published documents, in the order of their names."""
    return sorted((FOLDER / "examples").glob("*/*.[xX][mM][lL]"))


@cache
def _processor() -> Any:
    from saxonche import PySaxonProcessor

    return PySaxonProcessor(license=False)


@cache
def _stylesheet(syntax: str) -> Any:
    return (
        _processor()
        .new_xslt30_processor()
        .compile_stylesheet(stylesheet_file=str(FOLDER / "validator" / _FILES[syntax]))
    )


def failed_rules(content: bytes, syntax: str = "cii") -> list[str]:
    """The ids of all assertions that fail, in the order of the report; [] for a document without fault."""
    node = _processor().parse_xml(xml_text=content.decode("utf-8"))
    report = _stylesheet(syntax).transform_to_string(xdm_node=node)
    if report is None:
        raise ValueError("the official rules cannot read this document")
    return [found.get("id") for found in etree.fromstring(report.encode()).iter(_FAILED)]
