"""Which layout reads which tables: told by titles of columns, wherever the row of titles is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from provisioning.findings import Finding
from provisioning.formats.cleaning import title_key
from provisioning.formats.layout import Layout, RecordSpec
from provisioning.formats.problems import FileProblem
from provisioning.formats.records import Recipe
from provisioning.formats.tables import Line, Table

_TITLES_WITHIN = 30
"""Rows from the top in which the row of titles is looked for: above it may be a heading."""
_SHOWN_TITLES = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownTable:
    """A table with the layout that reads it."""

    table: Table
    layout: Layout
    titles_row: int
    """Number of the row of titles."""
    places: Mapping[str, int]
    """Path of the layout (a title) -> place of its column, from 0."""
    titles: tuple[str, ...]
    """As they stand there."""

    @property
    def records(self) -> tuple[RecordSpec, ...]:
        """Those of the layout that are in this table."""
        return tuple(spec for spec in self.layout.records if self._is_at(spec.path))

    def _is_at(self, path: tuple[str, ...]) -> bool:
        return not path or title_key(path[0]) == title_key(self.table.name)

    def lines(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Each row below the titles: its number, and its texts by path.

        Rows with nothing in the columns that tell the layout are passed over (a line of totals),
        and so are titles that are repeated on each page.
        """
        telling = [
            self.places[one] for one in self.layout.recognised_columns if one in self.places
        ] or list(self.places.values())
        for number, cells in self.table.read():
            if number <= self.titles_row or tuple(cells) == self.titles:
                continue
            if not any(place < len(cells) and cells[place] for place in telling):
                continue
            yield (
                number,
                {
                    path: text
                    for path, place in self.places.items()
                    if place < len(cells) and (text := cells[place])
                },
            )


def recognise(
    tables: Iterable[Table], layouts: Sequence[Layout]
) -> tuple[list[list[KnownTable]], list[Finding]]:
    """The tables that lie together, by the layouts that read them: a list for each set of tables
    that belong to each other. What nobody reads is a finding."""
    waiting = list(tables)
    found: list[list[KnownTable]] = []
    findings: list[Finding] = []
    for layout in layouts:
        wanted = title_key(layout.recognised_table)
        telling = next((one for one in waiting if title_key(one.name) == wanted), None)
        if not wanted or telling is None or _known(telling, layout) is None:
            continue
        named = {title_key(path) for spec in layout.records for path in spec.path}
        mine = [one for one in waiting if title_key(one.name) in named]
        found.append(_each_known(mine, layout, findings))
        unneeded = layout.unneeded_tables
        unused = [one for one in waiting if one not in mine and title_key(one.name) not in unneeded]
        waiting = []
        if unused:
            names = ", ".join(sorted(one.name for one in unused)[:_SHOWN_TITLES])
            problem = FileProblem("table.not_used", value=names, layout=layout.name)
            findings.append(problem.finding(telling.source.folder))
        break
    alone = [layout for layout in layouts if not layout.recognised_table]
    unknown: list[Table] = []
    for table in waiting:
        try:
            known = [one for layout in alone if (one := _known(table, layout))]
        except FileProblem as problem:
            findings.append(problem.finding(table.source.name))
            continue
        if known:
            # Of several the one that asks for most.
            found.append([max(known, key=lambda one: len(one.layout.recognised_columns))])
        else:
            unknown.append(table)
    for table in unknown:
        findings.append(_unknown(table, a_sheet=any(_same_book(table, one[0]) for one in found)))
    return found, findings


def _same_book(table: Table, known: KnownTable) -> bool:
    """Whether both are sheets of one workbook: of these not every one must be a list."""
    return table.source.path == known.table.source.path and (
        table.source.member == known.table.source.member
    )


def _each_known(
    tables: Iterable[Table], layout: Layout, findings: list[Finding]
) -> list[KnownTable]:
    known: list[KnownTable] = []
    for table in tables:
        try:
            one = _bound(table, layout, ())
        except FileProblem as problem:
            findings.append(problem.finding(table.source.name))
            continue
        if one is not None:
            known.append(one)
    return known


def _known(table: Table, layout: Layout) -> KnownTable | None:
    return _bound(table, layout, layout.recognised_columns)


def _bound(table: Table, layout: Layout, wanted: Sequence[str]) -> KnownTable | None:
    """The table under the layout, if a row of titles has all that are wanted; with none wanted the
    first row is that of the titles. Raises FileProblem for a column that is there twice."""
    table = table.in_encoding(layout.encoding)
    keys = {title_key(one) for one in wanted}
    above: list[str] = []
    for number, cells in table.first(_TITLES_WITHIN):
        for titles in ([[cell] for cell in cells], _of_two_rows(above, cells)):
            own = [[_own_title(layout, one) for one in each] for each in titles]
            if titles and keys <= {title_key(one) for each in own for one in each}:
                return KnownTable(
                    table=table,
                    layout=layout,
                    titles_row=number,
                    places=_places(layout, own, number),
                    titles=tuple(cells),
                )
        above = cells
    return None


def _of_two_rows(above: Sequence[str], cells: Sequence[str]) -> list[list[str]]:
    """Return what each column may be called where the titles stand in two rows: the upper title,
    which may stretch over several columns, and the lower one; then one of both alone."""
    found: list[list[str]] = []
    stretching = ""
    for place in range(max(len(above), len(cells)) if above else 0):
        upper = above[place] if place < len(above) else ""
        lower = cells[place] if place < len(cells) else ""
        stretching = upper or stretching
        alone = lower or upper
        both = f"{stretching} {lower}" if lower and title_key(lower) != title_key(upper) else ""
        found.append([one for one in (both, alone) if one])
    return found


def _own_title(layout: Layout, cell: str) -> str:
    return layout.titles.get(title_key(cell), cell)


def _places(layout: Layout, titles: Sequence[Sequence[str]], number: int) -> dict[str, int]:
    """Return the column of each path; of the names of a column the first that the layout knows."""
    paths = {path for spec in layout.records for path in _paths_of(spec)}
    by_key = {title_key(path): path for path in (*layout.recognised_columns, *paths)}
    places: dict[str, int] = {}
    for place, names in enumerate(titles):
        known = (by_key.get(title_key(one)) for one in names if one)
        path = next(filter(None, known), None)
        if path is None:
            continue
        if path in places:
            raise FileProblem("table.column_twice", line=number, value=path)
        places[path] = place
    return places


def _paths_of(spec: RecordSpec) -> set[str]:
    recipe = Recipe(spec)
    return {*recipe.paths, *recipe.many_paths, *(one.path for one in spec.where)}


def _unknown(table: Table, *, a_sheet: bool) -> Finding:
    """The finding about a table that no layout reads, with what may be its titles: the first row
    without digits."""
    first: list[Line] = table.first(_TITLES_WITHIN)
    rows = [cells for _number, cells in first if not any(map(_has_digit, cells))]
    titles = max(rows, key=lambda cells: sum(map(bool, cells)), default=[])
    shown = ", ".join(filter(None, titles[:_SHOWN_TITLES]))
    if a_sheet:
        return FileProblem("table.sheet_not_used", value=table.name).finding(table.source.name)
    return FileProblem("table.unknown", value=shown[:200]).finding(table.source.name)


def _has_digit(text: str) -> bool:
    return any(sign.isdigit() for sign in text)
