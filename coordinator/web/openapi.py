"""The description at /api/openapi.json: what APIFlask finds, completed with what holds for every call."""

from typing import Any

from apiflask import APIFlask

Spec = dict[str, Any]
BEARER = {"type": "http", "scheme": "bearer", "description": "liandong token create --officer ID"}
ONCE = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "the same key with the same request is answered the same and has one effect",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "current": {"type": "object", "description": "409: how it stands now"},
        "difference": {"type": "object", "description": "409: what changed since the revision you saw"},
        "errors": {"type": "object", "description": "400: what is wrong, by field"},
    },
}
ALWAYS = {
    "400": "What was sent can't be used; the detail says what, where and how to mend it",
    "401": "No token, or one that is not valid",
    "403": "This person may not do this",
    "404": "There is no such thing",
    "409": "It changed in the meantime, or is in another state",
    "413": "Too large",
    "415": "Not JSON",
    "422": "Understood, but not possible",
    "429": "Too often",
    "503": "A server we need is away; try again later",
}


def describe(app: APIFlask) -> None:
    app.info = {"description": "重污染天气区域应急联动与突发环境事件:研判、签发、派发、签收。"}
    app.config.update(
        SECURITY_SCHEMES={"bearer": BEARER},
        OPENAPI_VERSION="3.1.0",
        AUTO_SERVERS=False,
        AUTO_OPERATION_ID=True,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_404_RESPONSE=False,
        VALIDATION_ERROR_STATUS_CODE=400,
        VALIDATION_ERROR_DESCRIPTION="Bad request",
    )
    app.spec_processor(complete)  # type: ignore[arg-type]


def complete(spec: Spec) -> Spec:
    """Security, problems, path ids, required bodies and the Idempotency-Key, for each call alike."""
    spec.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    spec["paths"] = {path: calls for path, calls in spec["paths"].items() if path.startswith("/api/v1")}
    for path, calls in spec["paths"].items():
        for method, call in calls.items():
            _complete(call, path, method)
    return spec


def _complete(call: Spec, path: str, method: str) -> None:
    call["security"] = [{"bearer": []}]
    for parameter in call["parameters"]:
        if parameter["in"] == "path" and parameter["name"].endswith("_id"):
            parameter["schema"] = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
        if parameter["in"] == "path":
            parameter["required"] = True
        if parameter["in"] == "query":  # left out, not null
            parameter["schema"] = next(iter(parameter["schema"].get("anyOf", [parameter["schema"]])))
    if method == "post":
        call["parameters"].append(ONCE)
    if "requestBody" in call:
        call["requestBody"]["required"] = True
    for status, words in ALWAYS.items():
        call["responses"][status] = {
            "description": words,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    for status, response in call["responses"].items():
        if status.startswith("2"):
            response["content"] = {"application/json": {"schema": {"type": "object"}}}
