"""The OpenAPI document, made of the declarations that route, check and write."""

import json
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus

import msgspec

from snapshots.api import schemas
from snapshots.api.operations import OPERATIONS, ROOT, Operation
from snapshots.api.params import Parameter

VERSION = "1"
ANSWERS = {operation.name: operation.answer for operation in OPERATIONS}
TYPES = [*dict.fromkeys(ANSWERS.values()), schemas.Errors]
REFERENCE = "#/components/schemas/{name}"
ABOUT = (
    "The mirror in the provider’s format, read-only. A team’s access token replaces the provider’s key; "
    "no request reaches the provider. X-Data-As-Of and Age say how old an answer’s data is, X-Data-Warning what is "
    "wrong with it. Any slash may be doubled and a bare ? may end an address."
)
FAILURES = {
    HTTPStatus.BAD_REQUEST: "A parameter is not valid.",
    HTTPStatus.UNAUTHORIZED: "No access token, or none that is alive.",
    HTTPStatus.FORBIDDEN: "The team asks for a second factor, and the token’s maker has none.",
    HTTPStatus.NOT_FOUND: "There is nothing at this address that the token reads.",
    HTTPStatus.METHOD_NOT_ALLOWED: "Access tokens are read-only.",
    HTTPStatus.TOO_MANY_REQUESTS: "The token asked too often in this minute.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong on our side.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Busy, or the environment has no complete list yet.",
}
CLOSED = "The same, or the provider does not show this list to the team’s key."
WHOLE = {"type": "integer", "minimum": 0}
HEADERS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "X-Data-As-Of": ("When the newest complete list was asked for.", {"type": "string", "format": "date-time"}),
    "Age": ("The same in seconds ago.", WHOLE),
    "X-Data-Warning": (
        "Why the data may not be the present state: refused, fault, incomplete, suspect, old.",
        {"type": "string"},
    ),
    "ETag": ("To be sent as If-None-Match.", {"type": "string"}),
    "RateLimit-Limit": ("Requests a minute.", WHOLE),
    "RateLimit-Remaining": ("How many remain.", WHOLE),
    "RateLimit-Reset": ("Seconds until the next minute.", WHOLE),
    "Retry-After": ("Seconds to wait.", WHOLE),
    "WWW-Authenticate": ("How to prove who asks.", {"type": "string"}),
    "Allow": ("What is answered here.", {"type": "string"}),
}
RATE = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
AGE = ("X-Data-As-Of", "Age", "X-Data-Warning")
MORE = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate",),
    HTTPStatus.METHOD_NOT_ALLOWED: ("Allow",),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After", *RATE),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After",),
}


@cache
def document() -> bytes:
    """Give the document as JSON."""
    _schemas, components = msgspec.json.schema_components(TYPES, ref_template=REFERENCE)
    described = {
        "openapi": "3.1.0",
        "info": {"title": "Snapshot dashboard", "version": VERSION, "description": ABOUT},
        "servers": [{"url": ROOT}],
        "security": [{"key": []}, {"bearer": []}],
        "paths": {operation.path: {"get": _described(operation)} for operation in OPERATIONS},
        "components": {
            "schemas": components,
            "headers": {name: {"description": about, "schema": said} for name, (about, said) in HEADERS.items()},
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "MC-Api-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }
    return json.dumps(described, ensure_ascii=False, separators=(",", ":")).encode()


def _described(operation: Operation) -> dict[str, object]:
    failures = FAILURES | ({HTTPStatus.FORBIDDEN: CLOSED} if operation.may_be_closed else {})
    answers = {str(int(status)): _failure(status, about) for status, about in failures.items()}
    answers["200"] = _success(operation)
    if operation.of_list:
        answers["304"] = {"description": "The asker has it already.", "headers": _headers("ETag", *AGE, *RATE)}
    in_path = [_parameter(each, "path") for each in operation.in_path]
    return {
        "operationId": operation.name,
        "summary": operation.about,
        "parameters": in_path + [_parameter(each, "query") for each in operation.query],
        "responses": dict(sorted(answers.items())),
    }


def _parameter(parameter: Parameter, place: str) -> dict[str, object]:
    schema: Mapping[str, object] = parameter.schema
    if parameter.many:
        schema = {"type": "array", "items": schema, "minItems": 1, "maxItems": 50}
    said = {"name": parameter.name, "in": place, "description": parameter.about, "schema": schema}
    if place == "path":
        return said | {"required": True}
    return said | ({"style": "form", "explode": True} if parameter.many else {})


def _success(operation: Operation) -> dict[str, object]:
    age = ("ETag", *AGE) if operation.of_list else ()
    return _answer(f"{operation.about}.", operation.answer, _headers(*age, *RATE))


def _failure(status: HTTPStatus, about: str) -> dict[str, object]:
    return _answer(about, schemas.Errors, _headers(*MORE.get(status, ())))


def _answer(about: str, body: type[msgspec.Struct], headers: dict[str, object]) -> dict[str, object]:
    reference = {"$ref": REFERENCE.format(name=body.__name__)}
    said: dict[str, object] = {"description": about, "content": {"application/json": {"schema": reference}}}
    return said | ({"headers": headers} if headers else {})


def _headers(*names: str) -> dict[str, object]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
