"""Servers that tests may need. What is missing skips by name; REQUIRE_SERVICES=1 turns the skip into a failure."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
import pytest

REQUIRED = os.environ.get("REQUIRE_SERVICES") == "1"


def missing(name: str) -> None:
    """Skip, saying which server was not there; or fail where it must be."""
    if REQUIRED:
        pytest.fail(f"{name} is required (REQUIRE_SERVICES=1) and not there")
    pytest.skip(f"needs {name}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@cache
def postgresql_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return found[-1] if found else None


@contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL of our own on a free port, its files in a temporary folder. As root it runs as user postgres."""
    binaries = postgresql_binaries()
    if binaries is None:
        missing("PostgreSQL (apt-get install postgresql)")
        return
    folder = Path(tempfile.mkdtemp(prefix="liandong-pg-"))
    folder.chmod(0o777)
    who = {"user": "postgres"} if os.geteuid() == 0 else {}
    store, port = folder / "store", free_port()
    subprocess.run([binaries / "initdb", "-D", store, "-A", "trust", "-U", "postgres", "-N"], check=True,
                   capture_output=True, **who)  # fmt: skip
    server = subprocess.Popen(
        [binaries / "postgres", "-D", store, "-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1",
         "-c", "max_connections=200"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **who,
    )  # fmt: skip
    address = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    try:
        _await(address, server)
        yield address
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _await(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        try:
            psycopg.connect(address, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None:
                pytest.fail("the test's own PostgreSQL did not start")
            time.sleep(0.05)
    pytest.fail("the test's own PostgreSQL did not answer in 10 s")


def new_database(server: str) -> str:
    """A database of its own on that server."""
    name = f"liandong_{uuid.uuid4().hex[:10]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.rsplit("/", 1)[0] + "/" + name


def chromium() -> str:
    """Where Chromium is."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        missing("Chromium (apt-get install chromium)")
    return str(found)
