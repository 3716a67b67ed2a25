"""The OpenAPI file: complete, true, exampled, and safe to ask for by many at once."""

import json
import threading
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from drf_spectacular.validation import validate_schema

from hashinsight.common.api import document
from hosting.engine.ingest.wire import MEDIA_TYPE
from tests.api.client import Caller

METHODS = ("get", "post", "patch", "put", "delete")
COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    """The document as it is served."""
    made: dict[str, Any] = json.loads(document.served())
    return made


def operations(spec: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """All of them."""
    return [(path, method, spec["paths"][path][method]) for path in spec["paths"] for method in spec["paths"][path]]


def test_committed_file_is_what_the_code_says() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == document.rendered()


def test_check_fails_with_the_difference(tmp_path: Path) -> None:
    path = tmp_path / "openapi.json"
    call_command("export_schema", file=path)
    call_command("export_schema", file=path, check=True)
    path.write_text(path.read_text().replace("Win a lead", "Lose a lead"))
    with pytest.raises(CommandError, match=r"-.*Lose a lead"):
        call_command("export_schema", file=path, check=True)
    path.unlink()
    with pytest.raises(CommandError, match="out of date"):
        call_command("export_schema", file=path, check=True)


def test_it_is_openapi_3_1(spec: dict[str, Any]) -> None:
    assert spec["openapi"].startswith("3.1")
    validate_schema(spec)
    with pytest.raises(jsonschema.ValidationError):
        validate_schema({**spec, "paths": {"/x/": {"get": {"responses": 5}}}})


def test_every_operation_says_what_it_does_and_what_can_go_wrong(spec: dict[str, Any]) -> None:
    for path, method, operation in operations(spec):
        name = f"{method} {path}"
        assert len(operation["description"]) > 20, name
        if path.startswith("/api/v1/edge/"):
            assert operation["security"] == ([] if path.endswith("/enrol/") else [{"DeviceToken": []}]), name
            assert {"400", "429", *(("401",) if operation["security"] else ())} <= set(operation["responses"]), name
            continue
        if path.startswith("/api/v1/dispatches/"):
            assert operation["security"] == [{"WebhookSignature": []}], name
            assert {"400", "401", "409", "413", "422", "429"} <= set(operation["responses"]), name
            continue
        assert operation["security"] == [{"ApiKey": []}], name
        assert {"400", "401", "403", "429"} <= set(operation["responses"]), name
        headers = [parameter.get("$ref", "").rpartition("/")[2] for parameter in operation["parameters"]]
        assert ("Idempotency-Key" in headers) == (method != "get"), name
        if "{id}" in path:
            assert "404" in operation["responses"], name


def test_operation_names_are_unique(spec: dict[str, Any]) -> None:
    names = [operation["operationId"] for _path, _method, operation in operations(spec)]
    assert len(names) == len(set(names))


def test_every_json_body_has_an_example_that_fits(spec: dict[str, Any]) -> None:
    checked = 0
    for path, method, operation in operations(spec):
        contents = [operation["requestBody"]["content"]] if "requestBody" in operation else []
        contents += [answer["content"] for answer in operation["responses"].values() if "content" in answer]
        for content in contents:
            for media_type, body in content.items():
                if media_type in (
                    "application/pdf",
                    "application/xml",
                    "text/csv",
                    "application/octet-stream",
                    MEDIA_TYPE,
                ):
                    continue
                examples = [example["value"] for example in body.get("examples", {}).values()]
                assert examples, f"{method} {path} {media_type}"
                for example in examples:
                    schema = {**body["schema"], "components": spec["components"]}
                    jsonschema.Draft202012Validator(schema).validate(example)
                    checked += 1
    assert checked > 50


def test_problem_examples_fit_their_schema(spec: dict[str, Any]) -> None:
    for response in spec["components"]["responses"].values():
        for body in response.get("content", {}).values():
            schema = {**body["schema"], "components": spec["components"]}
            jsonschema.Draft202012Validator(schema).validate(body["example"])


@pytest.mark.django_db
def test_schema_and_docs_need_no_key_and_nothing_from_elsewhere(db: None) -> None:
    nobody = Caller(None)
    assert nobody.get("/schema/").json()["openapi"].startswith("3.1")
    page = nobody.get("/docs/")
    assert page.status_code == 200
    assert b"http" not in page.content
    assert nobody.post("/schema/").status_code == 405
    assert nobody.post("/docs/").status_code == 405


@pytest.mark.django_db(transaction=True)
def test_many_first_requests_at_once_all_get_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "_document", None)
    barrier = threading.Barrier(8)
    answers: list[tuple[int, bytes]] = []

    def ask() -> None:
        barrier.wait()
        answer = Client().get("/api/v1/schema/")
        answers.append((answer.status_code, answer.content))

    threads = [threading.Thread(target=ask) for _n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for status, _content in answers] == [200] * 8
    assert len({content for _status, content in answers}) == 1
