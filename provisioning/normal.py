"""What is normal for a school: its own last loads, and schools of its kind.

A load that leaves the band is told before the yes; it is no reason to stop. Medians and their
median deviation are used: one odd load among the last ones moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Any

Figures = Mapping[str, float]
"""Of one load of one school, by ``Figure``."""


class Figure(StrEnum):
    PUPILS = "pupils"
    STAFF = "staff"
    CLASSES = "classes"
    NO_SNILS = "no_snils"
    """Share of the people without СНИЛС."""
    FINDINGS = "findings"
    """Findings for each person."""
    PUPILS_PER_CLASS = "pupils_per_class"
    PUPILS_PER_TEACHER = "pupils_per_teacher"


class Compared(StrEnum):
    OWN = "own"
    """With the school's own last loads."""
    PEERS = "peers"
    """With schools of the same type."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Band:
    share: float
    """The least half width, as a share of the usual figure."""
    floor: float
    """The least half width."""


_OWN = {
    Figure.PUPILS: _Band(share=0.2, floor=15),
    Figure.STAFF: _Band(share=0.25, floor=4),
    Figure.CLASSES: _Band(share=0.25, floor=2),
    Figure.NO_SNILS: _Band(share=0.5, floor=0.10),
    Figure.FINDINGS: _Band(share=1.0, floor=0.10),
}
_PEERS = {
    Figure.PUPILS_PER_CLASS: _Band(share=0.6, floor=8),
    Figure.PUPILS_PER_TEACHER: _Band(share=1.0, floor=10),
    Figure.NO_SNILS: _Band(share=1.0, floor=0.20),
    Figure.FINDINGS: _Band(share=2.0, floor=0.20),
}
_FEW_LOADS = 3
"""With fewer of its own, a load has to differ twice as much."""
_FEW_PEERS = 8
"""Fewer schools make no rule."""
_DEVIATIONS = 4
_NORMAL = 1.4826
"""The median deviation of a normal distribution, to its standard deviation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unusual:
    figure: Figure
    compared: Compared
    value: float
    usual: float

    @property
    def facts(self) -> dict[str, Any]:
        """Return what is stored with a plan and told in words."""
        return {
            "figure": self.figure.value, "compared": self.compared.value,
            "value": round(self.value, 3), "usual": round(self.usual, 3),
        }  # fmt: skip


def with_ratios(counts: Figures) -> dict[str, float]:
    """The figures with those that let schools of different sizes be compared."""
    figures = dict(counts)
    pupils = figures.get(Figure.PUPILS, 0)
    if classes := figures.get(Figure.CLASSES, 0):
        figures[Figure.PUPILS_PER_CLASS] = pupils / classes
    if staff := figures.get(Figure.STAFF, 0):
        figures[Figure.PUPILS_PER_TEACHER] = pupils / staff
    return figures


def unusual(now: Figures, own: Sequence[Figures], peers: Sequence[Figures]) -> list[Unusual]:
    """Return what leaves the school's own band, or that of its peers if not its own.

    ``own``: its last loads that were applied. A part of the school that is in no earlier load, or
    not in this one, is not compared: files may come in parts.
    """
    found = list(_outside(now, own, _OWN, Compared.OWN))
    told = {one.figure for one in found}
    if len(peers) >= _FEW_PEERS:
        # What has always been so at this school is no news.
        is_new = not own
        found += [
            one
            for one in _outside(
                with_ratios(now), [*map(with_ratios, peers)], _PEERS, Compared.PEERS
            )
            if one.figure not in told and (is_new or not _was_so(one, own))
        ]
    return found


def _was_so(one: Unusual, own: Sequence[Figures]) -> bool:
    band = _PEERS[one.figure]
    values = [figures[one.figure] for figures in map(with_ratios, own) if one.figure in figures]
    width = max(band.floor, band.share * one.usual)
    return bool(values) and abs(one.value - median(values)) < width


def _outside(
    now: Figures, others: Sequence[Figures], bands: Mapping[Figure, _Band], compared: Compared
) -> Iterator[Unusual]:
    for figure, band in bands.items():
        value = now.get(figure, 0)
        is_count = figure in (Figure.PUPILS, Figure.STAFF, Figure.CLASSES)
        values = [one[figure] for one in others if figure in one and (one[figure] or not is_count)]
        if not values or figure not in now or (is_count and not value):
            continue
        usual = median(values)
        spread = _NORMAL * median(abs(one - usual) for one in values)
        width = max(_DEVIATIONS * spread, band.share * usual, band.floor)
        if len(values) < _FEW_LOADS:
            width *= 2
        if abs(value - usual) > width:
            yield Unusual(figure=figure, compared=compared, value=value, usual=usual)
