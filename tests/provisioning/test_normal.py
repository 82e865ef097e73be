"""What is unusual for a school: tables of figures."""

from __future__ import annotations

import pytest

from provisioning.normal import unusual

USUAL = {"pupils": 800, "staff": 60, "classes": 30, "no_snils": 0.02, "findings": 0.01}
MONTHS = [USUAL | {"pupils": 800 + each, "staff": 60 + each % 3} for each in range(8)]
PEERS = [
    {"pupils": 500 + 40 * each, "staff": 45 + 3 * each, "classes": 20 + 2 * each,
     "no_snils": 0.01 * (each % 3), "findings": 0.02}
    for each in range(10)
]  # fmt: skip


def said(
    now: dict[str, float], own: list[dict[str, float]], peers: list[dict[str, float]]
) -> set[str]:
    return {f"{one.compared} {one.figure}" for one in unusual(USUAL | now, own, peers)}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ({}, set()),
        ({"pupils": 860, "staff": 65, "classes": 32, "no_snils": 0.08}, set()),
        ({"pupils": 600}, {"own pupils"}),
        ({"pupils": 1_100}, {"own pupils"}),
        ({"staff": 30}, {"own staff", "peers pupils_per_teacher"}),
        ({"classes": 12}, {"own classes", "peers pupils_per_class"}),
        ({"no_snils": 0.9}, {"own no_snils"}),
        ({"findings": 0.6}, {"own findings"}),
        # A part that did not come is not compared.
        ({"staff": 0}, set()),
    ],
)
def test_figures_outside_the_band_are_told(now: dict[str, float], expected: set[str]) -> None:
    assert said(now, MONTHS, PEERS) == expected


def test_one_odd_load_moves_nothing() -> None:
    odd = [*MONTHS, USUAL | {"pupils": 90, "no_snils": 1.0}]
    assert said({}, odd, PEERS) == set()
    assert said({"pupils": 90}, odd, []) == {"own pupils"}


def test_with_few_loads_only_much_is_told() -> None:
    assert said({"pupils": 600}, MONTHS[:1], []) == set()
    assert said({"pupils": 400}, MONTHS[:1], []) == {"own pupils"}
    small = [{"pupils": 20, "staff": 3, "classes": 2}]
    assert {
        one.figure for one in unusual({"pupils": 34, "staff": 5, "classes": 4}, small, [])
    } == set()


def test_a_first_load_is_compared_with_schools_of_its_type() -> None:
    assert said({"no_snils": 0.9, "findings": 0.9}, [], PEERS) == {
        "peers no_snils",
        "peers findings",
    }
    assert said({"no_snils": 0.9}, [], PEERS[:5]) == set()
    # What has always been so at a school is no news.
    always = [USUAL | {"no_snils": 0.9} for _ in range(5)]
    assert said({"no_snils": 0.9}, always, PEERS) == set()
