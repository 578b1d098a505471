"""The description of the interface (OpenAPI 3.1), generated from the table of routes and its shapes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from acdcore.control.errors import ErrorAnswer
from acdcore.control.route import JSON, Route
from acdcore.control.schemas import Nothing

Json: TypeAlias = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None
Role: TypeAlias = Literal["parameters", "body", "answer"]

REF = "#/components/schemas/{model}"
IF_MATCH = "The version that the change was made from, in quotes."
LAST_EVENT_ID = "The last event seen; the stream continues after it."


class Description:
    """Builds the document once; the shapes are shared between routes under `components`."""

    def __init__(self, routes: Iterable[Route], version: str) -> None:
        self._routes = tuple(routes)
        self._version = version
        self._shapes, self._definitions = schemas_of(self._routes)

    def document(self) -> dict[str, Json]:
        paths: dict[str, dict[str, Json]] = {}
        for number, route in enumerate(self._routes):
            paths.setdefault(route.spec.path, {})[route.spec.method.lower()] = self._operation(number, route)
        bearer = {"type": "http", "scheme": "bearer"}
        header = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
        return {
            "openapi": "3.1.0",
            "info": {"title": "acdcore", "version": self._version, "description": "The control plane of the ACD."},
            "paths": paths,
            "components": {
                "schemas": self._definitions,
                "securitySchemes": {"bearer": bearer, "key": header},
            },
        }

    def _operation(self, number: int, route: Route) -> Json:
        spec = route.spec
        operation: dict[str, Json] = {
            "operationId": f"{spec.method.lower()}{spec.path.translate(str.maketrans('/-', '__', '{}'))}",
            "summary": spec.summary,
            "parameters": [*self._parameters(number, route), *headers_of(route)],
            "responses": {
                str(int(spec.status)): {"description": "Done", "content": self._content(number, route)},
                "default": {
                    "description": "Refused; the message says why and what to do",
                    "content": {JSON: {"schema": {"$ref": REF.format(model="ErrorAnswer")}}},
                },
            },
            "security": [] if spec.right is None else [{"bearer": []}, {"key": []}],
        }
        if route.body is not Nothing:
            content = {JSON: {"schema": self._shapes[number, "body"]}}
            operation["requestBody"] = {"required": True, "content": content}
        return operation

    def _parameters(self, number: int, route: Route) -> list[Json]:
        """The fields of the route's parameters, those in the path's braces first."""
        shape = self._resolved(self._shapes[number, "parameters"])
        fields, required = shape.get("properties", {}), shape.get("required", ())
        assert isinstance(fields, Mapping) and isinstance(required, Sequence)
        found: list[Json] = []
        for name, schema in fields.items():
            is_in_path = "{" + name + "}" in route.spec.path
            place = "path" if is_in_path else "query"
            parameter: dict[str, Json] = {"name": name, "in": place, "required": name in required, "schema": schema}
            if isinstance(schema, Mapping) and schema.get("type") == "array":
                parameter |= {"style": "form", "explode": False}
            found.append(parameter)
        return found

    def _content(self, number: int, route: Route) -> Json:
        is_json = route.spec.answer is not bytes
        schema = self._shapes[number, "answer"] if is_json else {"type": "string", "format": "binary"}
        return {route.spec.media_type: {"schema": schema}}

    def _resolved(self, schema: Mapping[str, Json]) -> Mapping[str, Json]:
        """The schema itself where `schema` refers to a shared one."""
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        shared = self._definitions[reference.rpartition("/")[2]]
        assert isinstance(shared, Mapping)
        return shared


def headers_of(route: Route) -> list[Json]:
    """The request headers that mean something to a route beyond HTTP's own."""
    headers: list[Json] = []
    if route.spec.is_conditional:
        headers.append(header_named("If-Match", IF_MATCH, is_required=True))
    if route.spec.media_type == "text/event-stream":
        headers.append(header_named("Last-Event-ID", LAST_EVENT_ID, is_required=False))
    return headers


def header_named(name: str, description: str, *, is_required: bool) -> Json:
    """A request header as a parameter."""
    schema = {"type": "string"}
    return {"name": name, "in": "header", "required": is_required, "description": description, "schema": schema}


def schemas_of(routes: Sequence[Route]) -> tuple[dict[tuple[int, Role], dict[str, Json]], dict[str, Json]]:
    """The schema of each route's shapes, and the shared ones by name."""
    inputs: list[tuple[tuple[int, Role], JsonSchemaMode, TypeAdapter[object]]] = []
    for number, route in enumerate(routes):
        inputs.append(((number, "parameters"), "validation", TypeAdapter(route.parameters)))
        inputs.append(((number, "body"), "validation", TypeAdapter(route.body)))
        inputs.append(((number, "answer"), "serialization", TypeAdapter(route.spec.answer)))
    inputs.append(((len(routes), "answer"), "serialization", TypeAdapter(ErrorAnswer)))
    schemas, shared = TypeAdapter.json_schemas(inputs, ref_template=REF)
    return {(number, role): schema for ((number, role), _), schema in schemas.items()}, shared.get("$defs", {})
