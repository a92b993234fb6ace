"""A command that is killed, as by kill -9, the moment it enters a step of the move. Not a setting of the program."""

import os
import signal
import sys
from typing import Any

from coordinator import cli, moving


def die(*words: Any, **named: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


step = sys.argv[1]
if step.startswith("table:"):
    carried = moving._sent

    def until_table(source: Any, target: Any, table: Any, seen: Any) -> Any:
        return die() if table.name == step.partition(":")[2] else carried(source, target, table, seen)

    moving._sent = until_table
else:
    setattr(moving, step, die)

cli.main(sys.argv[2:])
