"""``./dev sbom``: what a server is made of, as CycloneDX, from the pinned packages; same pins, same bytes."""

import json
import sys
import uuid
from pathlib import Path
from typing import Any

from hashinsight.devtools.advisories import REQUIREMENTS, pins
from hashinsight.devtools.console import Refusal, announce
from hashinsight.devtools.paths import caller_dir

PARTS = ("production", "einvoice", "geoip", "kafka")
_NAMESPACE = uuid.UUID("6b0f9c0e-5a0b-5d0c-9f43-1f1d6f1f5a11")


def sbom(arguments: list[str]) -> int:
    """To standard output, or into a file; further arguments name optional parts."""
    unknown = [one for one in arguments[1:] if one not in PARTS]
    if unknown:
        raise Refusal(f"there is no part {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    text = written([REQUIREMENTS / f"{part}.txt" for part in ("production", *arguments[1:])])
    if not arguments or arguments[0] == "-":
        sys.stdout.write(text)
        return 0
    (caller_dir() / arguments[0]).write_text(text, encoding="utf-8")
    announce(f"Wrote {arguments[0]}")
    return 0


def written(files: list[Path]) -> str:
    """The document. Its serial number follows from its content, and it bears no moment."""
    components = [_component(name, version, hashes) for (name, version), hashes in sorted(pins(files).items())]
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": "hashinsight", "name": "hashinsight"}},
        "components": components,
        "dependencies": [{"ref": "hashinsight", "dependsOn": [one["bom-ref"] for one in components]}],
    }
    serial = uuid.uuid5(_NAMESPACE, json.dumps(document, sort_keys=True))
    document["serialNumber"] = f"urn:uuid:{serial}"
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _component(name: str, version: str, hashes: list[str]) -> dict[str, Any]:
    purl = f"pkg:pypi/{name}@{version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        # A release has several files; which one is installed depends on the machine.
        "externalReferences": [
            {
                "type": "distribution",
                "url": f"https://pypi.org/project/{name}/{version}/",
                "hashes": [{"alg": "SHA-256", "content": one} for one in sorted(hashes)],
            }
        ],
    }
