"""The web role: one application, every blueprint listed here."""

from importlib import import_module

from apiflask import APIFlask
from flask import Blueprint

from coordinator import config, db, dispatch, logs, presence
from coordinator.web import auth, limits, openapi, problems, requests_log, security, wire

BLUEPRINTS = (
    "alerts_api:alerts",
    "notices_api:notices",
    "feeds_api:feeds",
    "incidents_api:incidents",
    "drills_api:drills",
    "answers:pages",
    "check:check",
    "hooks:hooks",
    "reports:reports",
    "cap:cap",
    "health:health",
)
TEMPLATES = wire.PROJECT / "templates"


def create_app() -> APIFlask:
    """The front door. Raises Misconfigured (exit 78) rather than serve with an unsafe configuration."""
    settings = config.load()
    presence.enter()
    dispatch.ways()  # half an account can't send, and its callbacks can't be checked
    app = APIFlask(
        __name__,
        title="联动 Liandong",
        version="1",
        spec_path="/api/openapi.json",
        docs_path=None,
        json_errors=False,
        static_folder=None,  # type: ignore[arg-type]
        template_folder=str(TEMPLATES),
    )
    app.secret_key = settings.secret_key
    app.json = wire.Provider(app)
    app.url_map.converters["row"] = wire.Row
    logs.configure(settings.log)
    openapi.describe(app)
    requests_log.register(app)
    security.register(app)
    auth.register(app)
    limits.register(app)
    problems.register(app)
    for name in BLUEPRINTS:
        app.register_blueprint(_blueprint(name))
    import_module("coordinator.web.desk").attach(app)
    _leave_out_of_the_description(app)
    db.engine()
    return app


def _leave_out_of_the_description(app: APIFlask) -> None:
    """APIFlask asks every blueprint whether it is described; plain ones don't know the question."""
    for blueprint in app.blueprints.values():
        if not hasattr(blueprint, "enable_openapi"):
            blueprint.enable_openapi = False  # type: ignore[attr-defined]


def _blueprint(name: str) -> Blueprint:
    module, variable = name.split(":")
    found = getattr(import_module(f"coordinator.web.{module}"), variable)
    assert isinstance(found, Blueprint)
    return found
