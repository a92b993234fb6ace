"""gunicorn around the front door, set up in one place."""

from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication


class Server(BaseApplication):  # type: ignore[misc]
    """The front door under gunicorn's threads; the application is made inside each worker, after the fork."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        from coordinator.web import create_app

        return create_app()


def serve(host: str, port: int) -> None:
    """Until SIGTERM. Two processes with many threads: pages, hooks and live streams side by side."""
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    Server(
        {
            "bind": place,
            "workers": 2,
            "worker_class": "gthread",
            "threads": 64,
            "timeout": 60,
            "graceful_timeout": 10,
            "keepalive": 30,
            "loglevel": "warning",
            "control_socket_disable": True,
        }
    ).run()
