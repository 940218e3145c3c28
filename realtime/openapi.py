"""/api/openapi.json, built from the routes themselves, so that it can't name one that is not served."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal, TypeVar

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from realtime.schemas import JOB_ID, QUEUE_NAME, SCHEMAS, Schema, not_null, ref

F = TypeVar("F", bound=Callable[..., Any])

# the callers of an operation; the answer to `anybody` may still depend on the caller
Caller = Literal["world", "anybody", "owner", "reader", "overseer", "operator"]

COOKIE = "headway_00000000"  # stands for the session cookie's name, which depends on where a request goes to
SCHEMES: Mapping[str, Schema] = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "A browser's. A page or a submit begins it; a login makes it an operator's or a viewer's",
    },
    "operator": {"type": "http", "scheme": "bearer", "description": "HEADWAY_OPERATOR_TOKEN"},
    "viewer": {"type": "http", "scheme": "bearer", "description": "HEADWAY_VIEWER_TOKEN: sees all, changes nothing"},
    "embedder": {
        "type": "http",
        "scheme": "bearer",
        "description": "From POST /api/tokens: for the jobs that it names, and where it says so to submit with notify",
    },
}
MAY: Mapping[Caller, tuple[str, ...]] = {
    "world": (),
    "anybody": ("", "session", "operator", "viewer", "embedder"),
    "owner": ("session", "operator", "embedder"),
    "reader": ("session", "operator", "viewer"),
    "overseer": ("operator", "viewer", "session"),
    "operator": ("operator", "session"),
}
# what the server may say before it knows the route, or where it can do nothing for anybody
EVERYWHERE = (400, 408, 413, 414, 415, 421, 429, 431, 501, 503, 505)
CHALLENGE = {401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"}
HEADERS: Mapping[str, Schema] = {
    "Location": {"description": "The path of the job", "required": True, "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds", "required": True, "schema": {"type": "integer", "minimum": 1}},
    "WWW-Authenticate": {"description": "Bearer …", "required": True, "schema": {"type": "string"}},
    "Allow": {"description": "The methods of this path", "required": True, "schema": {"type": "string"}},
}
IN_PATH: Mapping[str, Schema] = {"id": JOB_ID, "queue": QUEUE_NAME}
ABOUT = """Live progress of background jobs. All errors have one shape: see the schema ErrorAnswer. A path that there is
answers 405 to other methods, with Allow. Bodies are JSON, whatever their Content-Type says."""


REFERENCE = "#/components/schemas/{model}"


class Untitled(GenerateJsonSchema):
    """Gives fields no titles: generators of clients would name what they make by them."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class Body(Untitled):
    """Says in words what is meant where a field is left out: generators take a field with a default for required."""

    def default_schema(self, schema: Any) -> dict[str, Any]:
        made = self.generate_inner(schema["schema"])
        default = schema.get("default")
        return {**made, "description": f"{default} where it is left out"} if default else made


@dataclass(frozen=True)
class Description:
    answer: str  # a name in SCHEMAS
    status: int
    body: type[BaseModel] | None
    body_required: bool
    query: type[BaseModel] | None
    caller: Caller
    errors: tuple[int, ...]
    text: bool
    location: bool
    conditional: bool
    idempotency_key: bool


def describe(
    *,
    answer: str,
    status: int = 200,
    body: type[BaseModel] | None = None,
    body_required: bool = True,
    query: type[BaseModel] | None = None,
    caller: Caller = "anybody",
    errors: tuple[int, ...] = (),
    text: bool = False,
    location: bool = False,
    conditional: bool = False,
    idempotency_key: bool = False,
) -> Callable[[F], F]:
    """Say of a view what it takes and answers.

    `errors` are the statuses that don't follow from the rest; `text`: it may answer with text/plain; `location`: with
    a Location; `conditional`: with 304.
    """

    def mark(view: F) -> F:
        view.openapi = Description(  # type: ignore[attr-defined]
            answer, status, body, body_required, query, caller, errors, text, location, conditional, idempotency_key
        )
        return view

    return mark


def document(app: Flask) -> dict[str, Any]:
    """OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0) of every described route of `app`."""
    paths: dict[str, dict[str, Any]] = {}
    models: list[type[BaseModel]] = []
    errors: set[int] = {405}
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        description = getattr(view, "openapi", None)
        if not isinstance(description, Description):
            continue
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        if description.body is not None:
            models.append(description.body)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            operation = _operation(method, path, view, description)
            operation["operationId"] = rule.endpoint.rpartition(".")[2]
            paths.setdefault(path, {})[method.lower()] = operation
            errors |= _errors(method, path, description)
    links = _link(paths)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Headway", "version": "1", "description": " ".join(ABOUT.split())},
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {**SCHEMAS, **_bodies(models)},
            "responses": {_name(status): _error(status) for status in sorted(errors)},
            "headers": HEADERS,
            "links": links,
            "securitySchemes": SCHEMES,
        },
    }


def _operation(method: str, path: str, view: Callable[..., Any], description: Description) -> dict[str, Any]:
    good: dict[str, Any] = {"description": description.answer, "content": _json(description.answer)}
    if description.text:
        good["content"]["text/plain"] = {"schema": {"type": "string"}}
    if description.location:
        good["headers"] = {"Location": {"$ref": "#/components/headers/Location"}}
    responses = {str(description.status): good}
    if description.conditional:
        responses["304"] = {"description": "It is as If-None-Match says"}
    for status in sorted(_errors(method, path, description)):
        responses[str(status)] = {"$ref": f"#/components/responses/{_name(status)}"}
    operation: dict[str, Any] = {
        "summary": (inspect.getdoc(view) or "").partition("\n")[0],
        "parameters": list(_parameters(path, description)),
        "responses": responses,
    }
    if description.body is not None:
        content = _json(description.body.__name__)
        operation["requestBody"] = {"required": description.body_required, "content": content}
    if may := MAY[description.caller]:
        operation["security"] = [{name: []} if name else {} for name in may]
    return operation


def _link(paths: Mapping[str, Mapping[str, dict[str, Any]]]) -> dict[str, Any]:
    """Have what makes something lead to what is done with it, by its id; returns the links by their names."""
    links: dict[str, Any] = {}
    for made, root in (("State", "/api/jobs/{id}"), ("Action", "/api/actions/{id}")):
        names = [one["operationId"] for path in sorted(paths) if path.startswith(root) for one in paths[path].values()]
        links |= {name: {"operationId": name, "parameters": {"id": "$response.body#/id"}} for name in names}
        for methods in paths.values():
            for operation in methods.values():
                good = operation["responses"].get("202")
                if good is not None and good["description"] == made:
                    good["links"] = {name: {"$ref": f"#/components/links/{name}"} for name in names}
    return links


def _errors(method: str, path: str, description: Description) -> set[int]:
    """The statuses of all errors that an operation may answer with."""
    found = {*EVERYWHERE, *description.errors}
    if method != "GET":
        found.add(403)  # to a page of a foreign origin, and where the installation is read-only
    if description.caller != "world":
        found.add(401)  # to a bearer that names nobody
    if description.caller not in ("world", "anybody"):
        found.add(403)
    if "{id}" in path:
        found.add(404)
    return found


def _parameters(path: str, description: Description) -> Iterable[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", path):
        schema = (
            IN_PATH["queue" if path.startswith("/api/queues/") else name] if name in IN_PATH else {"type": "string"}
        )
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    if description.query is not None:
        query = description.query.model_json_schema(ref_template=REFERENCE, schema_generator=Untitled)
        for name, given in query["properties"].items():
            yield {
                "name": name,
                "in": "query",
                "required": name in query.get("required", ()),
                "schema": not_null(given),
            }
    if description.idempotency_key:
        key = {"type": "string", "minLength": 1, "maxLength": 255}
        yield {"name": "Idempotency-Key", "in": "header", "required": False, "schema": key}


def _bodies(models: Iterable[type[BaseModel]]) -> dict[str, Schema]:
    """The schemas of bodies and what they are made of, by their names."""
    wanted = [(model, "validation") for model in dict.fromkeys(models)]
    _, schema = models_json_schema(
        wanted,  # type: ignore[arg-type]
        ref_template=REFERENCE,
        schema_generator=Body,
    )
    made: dict[str, Schema] = schema.get("$defs", {})
    return {name: body for name, body in made.items() if name not in SCHEMAS}


def _error(status: int) -> dict[str, Any]:
    said: dict[str, Any] = {"description": HTTPStatus(status).phrase, "content": _json("ErrorAnswer")}
    if status in CHALLENGE:
        header = CHALLENGE[status]
        said["headers"] = {header: {"$ref": f"#/components/headers/{header}"}}
    return said


def _name(status: int) -> str:
    return f"Error{status}"  # not by their phrases: Python's own differ from one release to the next


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": ref(name)}}
