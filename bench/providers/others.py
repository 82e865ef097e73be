"""The references, installed into a folder of the run; without a package index there is none."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.flows import BACK, Side

NPM_PROVIDER = "oidc-provider@9.13.3"
MOCK = "oidc-provider-mock==0.3.4"
START_SECONDS = 30


@contextmanager
def npm_provider(folder: Path, core: int) -> Iterator[Side | None]:
    folder.mkdir()
    if not _installed(["npm", "install", "--silent", "--no-audit", NPM_PROVIDER], folder):
        yield None
        return
    shutil.copy(Path(__file__).with_name("oidc_provider.mjs"), folder)
    port = free_port()
    with pinned(["node", "oidc_provider.mjs", str(port), BACK], core, port, folder) as processes:
        yield Side(
            port=port,
            authorize="/auth",
            token="/token",
            userinfo="/me",
            typed={"login": "1234p5678", "password": "any"},
            processes=processes,
        )


@contextmanager
def mock_provider(folder: Path, core: int) -> Iterator[Side | None]:
    folder.mkdir()
    made = _installed([sys.executable, "-m", "venv", "venv"], folder)
    if not made or not _installed(["venv/bin/pip", "install", "--quiet", MOCK], folder):
        yield None
        return
    port = free_port()
    with pinned(
        ["venv/bin/oidc-provider-mock", "--port", str(port)], core, port, folder
    ) as processes:
        yield Side(
            port=port,
            authorize="/oauth2/authorize",
            token="/oauth2/token",
            userinfo="/userinfo",
            typed={"sub": "1234p5678"},
            processes=processes,
        )


def _installed(command: list[str], folder: Path) -> bool:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0


@contextmanager
def pinned(
    command: list[str], core: int, port: int, folder: Path
) -> Iterator[tuple[psutil.Process, ...]]:
    """Run a server of one process on one core until the end of the block."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *command], cwd=folder, stdout=log, stderr=log
        )
        try:
            wait_listening(port)
            yield (psutil.Process(process.pid),)
        finally:
            process.terminate()
            process.wait()


def wait_listening(port: int) -> None:
    """Raises ``RuntimeError`` when nobody listens in time."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
