"""python -m coordinator.cli …: how the supervisor starts the roles."""

from coordinator.cli import main

main()
