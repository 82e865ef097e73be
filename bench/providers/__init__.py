"""Sign-ins a second: our provider beside two others, each on the same one core in turn.

Same client, same machine, same run. Ours is the whole service with its database and Redis as
``schoolbridge serve`` starts it; both others keep everything in memory. The password hash is left
out: it is slow on purpose, and ``login`` gives its share.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import psutil

from bench.flows import Side, signed_in_flows, whole_sign_ins
from bench.measuring import Figure, in_turns
from bench.providers.others import mock_provider, npm_provider
from bench.providers.ours import our_service

WARM_UP = 200
"""Flows before anything is measured: the reference compiles its code while it runs."""


def figures(folder: Path, *, flows: int, rounds: int) -> list[Figure]:
    cores = psutil.Process().cpu_affinity() or [0]
    core, others = cores[-1], cores[:-1] or cores
    psutil.Process().cpu_affinity(others)
    try:
        return list(_measure(folder, core=core, flows=flows, rounds=rounds))
    finally:
        psutil.Process().cpu_affinity(cores)


def _measure(folder: Path, *, core: int, flows: int, rounds: int) -> list[Figure]:
    found = []
    with ExitStack() as stack:
        ours = stack.enter_context(our_service(folder / "ours", core))
        sides = {
            "npm oidc-provider": stack.enter_context(npm_provider(folder / "npm", core)),
            "oidc-provider-mock": stack.enter_context(mock_provider(folder / "mock", core)),
        }
        for kind, run in (("sign-in", whole_sign_ins), ("code flow, signed in", signed_in_flows)):
            for name, reference in sides.items():
                found.append(_compare(kind, run, ours, name, reference, flows, rounds))
    return found


def _compare(
    kind: str,
    run: Callable[..., float],
    ours: Side,
    name: str,
    reference: Side | None,
    flows: int,
    rounds: int,
) -> Figure:
    if reference is None:
        return Figure(name=f"{kind} / {name}", ours="", reference="skipped: not to be installed")
    spent: dict[int, list[float]] = {ours.port: [], reference.port: []}

    def measured(side: Side) -> None:
        before = side.cpu_seconds()
        run(side, number=flows)
        spent[side.port].append((side.cpu_seconds() - before) / flows)

    def told(side: Side, seconds: float) -> str:
        cpu = median(spent[side.port]) * 1000
        return f"{flows / seconds:.0f} a second, {cpu:.1f} ms CPU"

    for side in (ours, reference):
        run(side, number=WARM_UP)
    mine, theirs = in_turns(rounds, lambda: measured(ours), lambda: measured(reference))
    return Figure(
        name=f"{kind}, hash excluded / {name}",
        ours=told(ours, mine),
        reference=told(reference, theirs),
        ratio=mine / theirs,
    )
