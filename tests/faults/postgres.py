"""A PostgreSQL server that can be killed as a whole and started again on the same files and port."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests import services


class Server:
    def __init__(self, binaries: Path, folder: Path) -> None:
        self.binaries, self.folder, self.port = binaries, folder, services.free_port()
        self.who = {"user": "postgres"} if os.geteuid() == 0 else {}
        self.store = folder / "store"
        subprocess.run([binaries / "initdb", "-D", self.store, "-A", "trust", "-U", "postgres", "-N"], check=True,
                       capture_output=True, **self.who)  # fmt: skip
        self.start()

    @property
    def address(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        self.server = subprocess.Popen(
            [self.binaries / "postgres", "-D", self.store, "-p", str(self.port), "-k", self.folder,
             "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.who,
        )  # fmt: skip
        services._await(self.address, self.server)

    def kill(self) -> None:
        """Postmaster and children at once, as when the machine loses its memory."""
        mine = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split()
        for pid in [str(self.server.pid), *mine]:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        self.server.wait()

    def stop(self) -> None:
        if self.server.poll() is None:
            self.server.send_signal(signal.SIGQUIT)
            self.server.wait(20)


@contextmanager
def server() -> Iterator[Server]:
    binaries = services.postgresql_binaries()
    if binaries is None:
        services.missing("PostgreSQL (apt-get install postgresql)")
        return
    folder = Path(tempfile.mkdtemp(prefix="liandong-pg-"))
    folder.chmod(0o777)
    made = Server(binaries, folder)
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)
