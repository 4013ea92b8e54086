"""What every endpoint has in common, on the vendor's examples and on bodies with every field."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from mh_preflight.errors import JobError
from mh_preflight.jobs import ENDPOINTS, job, model_of
from mh_preflight.jobs.base import Part

HERE = Path(__file__).parent
EXAMPLES: dict[str, Any] = json.loads((HERE / "examples.json").read_text())
EVERY_FIELD: dict[str, Any] = json.loads((HERE / "every_field.json").read_text())
BODIES = [*EXAMPLES.items(), *EVERY_FIELD.items()]


def same(sent: object, body: object) -> bool:
    """Tell whether two bodies print alike, so that 1 is not 1.0."""
    return json.dumps(sent, sort_keys=True) == json.dumps(body, sort_keys=True)


def test_every_endpoint_has_an_example() -> None:
    assert set(EXAMPLES) == set(ENDPOINTS)
    assert set(EVERY_FIELD) == set(ENDPOINTS[2:])


def test_the_endpoints_stand_in_order() -> None:
    assert ENDPOINTS[:2] == ("lip-sync", "ai-talking-photo")
    assert list(ENDPOINTS[2:]) == sorted(ENDPOINTS[2:])
    assert all(model_of(endpoint).endpoint == endpoint for endpoint in ENDPOINTS)


@pytest.mark.parametrize(("endpoint", "body"), BODIES)
def test_a_body_comes_back_unchanged(endpoint: str, body: dict[str, Any]) -> None:
    built = job(endpoint, **body)
    assert same(built.wire_body(), body)
    assert type(built).from_json(json.dumps(body)) == built
    assert json.loads(built.model_dump_json(exclude_unset=True, by_alias=True)) == body
    assert pickle.loads(pickle.dumps(built)) == built
    assert built.model_copy() == built


@pytest.mark.parametrize(("endpoint", "body"), BODIES)
def test_a_change_changes_only_what_it_names(endpoint: str, body: dict[str, Any]) -> None:
    built = job(endpoint, **body)
    assert same(built.changed({}).wire_body(), body)
    for name, value in body.items():
        assert same(built.changed({name: value}).wire_body(), body)


@pytest.mark.parametrize("field", ["surprise", "self", "endpoint", "model_config"])
@pytest.mark.parametrize(("endpoint", "body"), EXAMPLES.items())
def test_a_field_that_the_api_does_not_have_is_refused(
    endpoint: str, body: dict[str, Any], field: str
) -> None:
    with pytest.raises(JobError, match=f"{field}: {endpoint} has no such field"):
        job(endpoint, **body, **{field: 1})
    with pytest.raises(JobError, match=f"{field}: {endpoint} has no such field"):
        model_of(endpoint).from_json(json.dumps({**body, field: 1}))


@pytest.mark.parametrize(("endpoint", "body"), EVERY_FIELD.items())
def test_the_body_with_every_field_has_every_field(endpoint: str, body: dict[str, Any]) -> None:
    _compare(model_of(endpoint), body)


def _compare(model: type[Part], body: dict[str, Any]) -> None:
    held = model(**body)
    assert {field.alias or name for name, field in model.model_fields.items()} == set(body)
    for name in model.model_fields:
        value = getattr(held, name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Part):
                _compare(type(each), each.model_dump(exclude_unset=True))


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_what_is_cut_is_one_of_the_files(endpoint: str) -> None:
    model = model_of(endpoint)
    assert model.trimmed is None or model.trimmed in model.asset_kinds.values()
    assets = model.model_fields.get("assets")
    names = set(getattr(assets.annotation, "model_fields", {})) if assets else set()
    files = {name for name in names if name.endswith(("_path", "_paths", "_url", "_mappings"))}
    assert {name.partition(".")[0] for name in model.asset_kinds} == files


@pytest.mark.parametrize(("endpoint", "body"), BODIES)
def test_every_file_of_a_body_has_a_kind(endpoint: str, body: dict[str, Any]) -> None:
    built = job(endpoint, **body)
    for name, path in built.sources().items():
        assert built.kind_of(name) in {"video", "audio", "image"}
        assert isinstance(path, str)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_the_schema_names_the_fields_of_the_body(endpoint: str) -> None:
    schema = model_of(endpoint).model_json_schema()
    assert set(EXAMPLES[endpoint]) <= set(schema["properties"])
    assert set(schema["required"]) <= set(EXAMPLES[endpoint])


def test_the_apis_own_word_is_what_was_meant() -> None:
    body = {**EXAMPLES["ai-meme-generator"]}
    body["style"] = {**body["style"], "searchweb": True}
    with pytest.raises(JobError, match=r"style\.searchweb: .* did you mean searchWeb\?"):
        job("ai-meme-generator", **body)


def test_a_large_body_with_a_field_twice_is_refused_at_once() -> None:
    fields = ", ".join(f'"a{number}": 0' for number in range(60_000))
    with pytest.raises(JobError, match="a59999: stands twice"):
        model_of("lip-sync").from_json(f'{{"assets": {{{fields}, "a59999": 1}}}}')
