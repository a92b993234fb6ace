"""What a hint does when it arrives: it wakes this process's dispatcher, nothing else."""

import threading

WAKE = threading.Event()


def wake(reason: str) -> None:
    """Run by RQ inside the worker process. The work itself is found in the database."""
    WAKE.set()
