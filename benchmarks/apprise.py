"""The second peer: PyPI's apprise, one mail a plant through the same relay, in an environment of its own."""

import subprocess
import sys
import tempfile
import time
import venv
from functools import cache
from pathlib import Path

from benchmarks.alertmanager import ORDER
from benchmarks.stand import Stand

SCRIPT = """\
import sys
from concurrent.futures import ThreadPoolExecutor
import apprise

port, count = int(sys.argv[1]), int(sys.argv[2])


def one(n):
    sender = apprise.Apprise()
    sender.add(f"mailto://smtp:sample-password@127.0.0.1:{port}?from=apprise@liandong.example&to=p{n}@example.com&mode=insecure")
    assert sender.notify(title="重污染天气橙色预警", body=sys.argv[3], body_format=apprise.NotifyFormat.TEXT)


with ThreadPoolExecutor(32) as threads:
    list(threads.map(one, range(count)))
"""


@cache
def python() -> Path | None:
    """The interpreter of an environment with apprise, or None when it can't be installed."""
    folder = Path(tempfile.mkdtemp(prefix="apprise-"))
    venv.create(folder, with_pip=True)
    made = folder / "bin" / "python"
    done = subprocess.run([made, "-m", "pip", "install", "--quiet", "apprise"], capture_output=True, check=False)
    (folder / "send.py").write_text(SCRIPT, encoding="utf-8")
    return made if done.returncode == 0 else None


def once(ground: Stand, count: int) -> float:
    """Seconds from the start of its process to the relay's last row."""
    interpreter, before = python(), ground.taken()
    assert interpreter is not None
    begun = time.monotonic()
    script = interpreter.parent.parent / "send.py"
    subprocess.run([interpreter, script, str(ground.carriers[1]), str(count), ORDER], check=True, stderr=sys.stderr)
    while ground.taken() < before + count:
        time.sleep(0.01)
    return time.monotonic() - begun
