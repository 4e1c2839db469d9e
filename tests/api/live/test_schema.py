"""The API against its own description, with every check that schemathesis has."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
import schemathesis
from schemathesis import BaseSchema, Case, GenerationMode
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import NonFatalError, ScenarioFinished

from snapshots.api.operations import ROOT
from tests.api.conftest import JUDGED, PROBLEMS, Script
from tests.views.snapshots.conftest import snapshot_id

Tell = Callable[..., None]
Served = tuple[str, Script]
# Real parts of addresses, so that most is answered with 200; wrong ones are tried in `test_tokens`.
OWN = {"service_code": "compute-on", "environment_name": "prod", "team": "acme", "snapshot_id": snapshot_id(1)} | {
    "month": "2026-11"
}
EXAMPLES = 12
SEED = 20261124
CHECKS = {
    "allow_header_conformance",
    "content_type_conformance",
    "ensure_resource_availability",
    "ignored_auth",
    "missing_required_header",
    "negative_data_rejection",
    "not_a_server_error",
    "object_level_authorization",
    "positive_data_acceptance",
    "response_headers_conformance",
    "response_schema_conformance",
    "status_code_conformance",
    "unsupported_method",
    "use_after_free",
}


@pytest.mark.proof
@pytest.mark.usefixtures("right_cursors")
def test_it_keeps_to_its_own_description(served: Served, figures: Tell) -> None:
    schema = described(*served, EXAMPLES)
    cases, run, failures = 0, [], []
    for event in from_schema(schema).execute():
        if isinstance(event, NonFatalError):
            failures.append(str(event.value))
        if isinstance(event, ScenarioFinished):
            cases += len(event.recorder.cases)
            run += [check.name for checks in event.recorder.checks.values() for check in checks]
            failures += failed(event)
    figures("schemathesis", cases=cases, checks=len(run), failures=len(failures))
    assert failures == []
    assert set(run) == CHECKS
    assert cases > 300


def described(url: str, script: Script, examples: int) -> BaseSchema:
    generation = GenerationConfig(max_examples=examples, deterministic=True, no_shrink=True)
    parts = {f"path.{name}": value for name, value in OWN.items()}
    project = ProjectConfig(
        headers={"MC-Api-Key": script.token, "Connection": "close"},
        generation=generation,
        parameters=parts,
        continue_on_failure=True,
    )
    config = SchemathesisConfig(seed=SEED, projects=ProjectsConfig(default=project))
    return schemathesis.openapi.from_url(f"{url}{ROOT}/openapi.json", config=config)


@pytest.fixture
def right_cursors(served: Served) -> Iterator[None]:
    """A description cannot tell a valid cursor from other texts, so a valid one is made here."""

    def before_call(context: object, case: Case[Any], kwargs: object) -> None:
        is_right = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
        if is_right and "cursor" in (case.query or {}):
            path = PROBLEMS if case.path.endswith("/problems") else JUDGED
            case.query["cursor"] = first_cursor(*served, path, str(case.query.get("sort", "")))

    schemathesis.hook(before_call)
    yield
    schemathesis.hooks.unregister(before_call)


def first_cursor(url: str, script: Script, path: str, sort: str) -> str:
    query = f"?limit=1&sort={quote(sort)}" if sort else "?limit=1"
    request = Request(f"{url}{path}{query}", headers={"MC-Api-Key": script.token})
    with urlopen(request, timeout=60) as answer:
        return str(json.load(answer)["metadata"]["nextCursor"])


def failed(event: ScenarioFinished) -> Iterator[str]:
    for id, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info:
                said = check.failure_info.failure
                yield f"{check.name}: {said}: {event.recorder.cases[id].value.as_curl_command()}"
