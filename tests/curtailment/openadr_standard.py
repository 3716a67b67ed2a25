"""The official OpenAPI description of OpenADR 3, where it can be had, as a judge of messages.

It is looked for in the folder that ``HASHINSIGHT_OPENADR`` names, else in ``openadr`` beside the other sample data:
``3.0.1/openadr3.yaml`` and ``3.1.0/openadr3.yaml`` as the alliance publishes them (Apache 2.0). None of it is kept.
"""

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft4Validator

SAMPLES = Path(os.environ.get("HASHINSIGHT_SAMPLE_DATA") or Path(__file__).parents[3] / "shared" / "data")
FOLDER = Path(os.environ.get("HASHINSIGHT_OPENADR") or SAMPLES / "openadr")
VERSIONS = {True: "3.1.0", False: "3.0.1"}


@lru_cache
def standard(*, newer: bool) -> dict[str, Any]:
    """The description of a version. Skips the test, loudly, where there is none."""
    path = FOLDER / VERSIONS[newer] / "openadr3.yaml"
    if not path.is_file():
        pytest.skip(f"no official description of OpenADR {VERSIONS[newer]} at {path}: messages are not held against it")
    found: dict[str, Any] = _as_json_schema(yaml.safe_load(path.read_text(encoding="utf-8")))
    return found


def _as_json_schema(value: Any) -> Any:
    """OpenAPI 3.0 says ``nullable`` where JSON Schema says null."""
    if isinstance(value, list):
        return [_as_json_schema(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _as_json_schema(inner) for name, inner in value.items()}
    if kept.pop("nullable", False) is True and isinstance(kept.get("type"), str):
        kept["type"] = [kept["type"], "null"]
    return kept


def wrong(message: Any, schema: Any, *, newer: bool) -> list[str]:
    """What the standard has against a message."""
    description = standard(newer=newer)
    judge = Draft4Validator({**schema, "components": description["components"]})
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in judge.iter_errors(message)]


def operation(method: str, path: str, *, newer: bool) -> dict[str, Any]:
    """The operation behind a path such as ``/events/event-1``. Raises KeyError for one the standard does not have."""
    for template, methods in standard(newer=newer)["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path) and method.lower() in methods:
            found: dict[str, Any] = methods[method.lower()]
            return found
    raise KeyError(f"{method} {path}")


def schema_of_body(one: dict[str, Any]) -> Any:
    """Of what is sent."""
    return next(iter(one["requestBody"]["content"].values()))["schema"]


def schema_of_answer(one: dict[str, Any], status: int) -> Any:
    """Of what comes back."""
    answer = one["responses"][str(status)]
    if "$ref" in answer:
        return {"$ref": "#/components/schemas/problem"}
    return next(iter(answer["content"].values()))["schema"]
