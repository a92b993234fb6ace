"""The front door: app = create_app(), nothing else."""

from coordinator.web import create_app

app = create_app()
