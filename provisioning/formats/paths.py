"""A layout's paths made ready for XML: from an element to the texts of its record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from provisioning.formats.layout import Layout, RecordSpec
from provisioning.formats.records import Lookups, Recipe, Row, condition_holds

_PREDICATE = re.compile(r"\[(?:(\d+)|(@?[^=\]]+?)(?:(=)'([^']*)')?)\]")


class Names:
    """Names of a layout, asked for by the tags of a file.

    A name with a prefix stands for one namespace, a name without for any that has no prefix.
    """

    def __init__(self, names: Iterable[str], namespaces: Mapping[str, str]) -> None:
        self._exact: set[str] = set()
        self._anywhere: set[str] = set()
        self._prefixed = frozenset(namespaces.values())
        self._known: dict[str, bool] = {}
        for name in names:
            prefix, _, local = name.rpartition(":")
            if prefix:
                self._exact.add(f"{{{namespaces[prefix]}}}{local}")
            else:
                self._anywhere.add(local)

    def __contains__(self, tag: object) -> bool:
        if not isinstance(tag, str):
            return False
        known = self._known.get(tag)
        if known is None:
            namespace, local = _parted(tag)
            in_any = local in self._anywhere and namespace not in self._prefixed
            known = self._known[tag] = in_any or tag in self._exact
        return known


def _parted(tag: str) -> tuple[str, str]:
    """The namespace and the local name of a tag."""
    if tag[:1] == "{":
        namespace, _, local = tag[1:].partition("}")
        return namespace, local
    return "", tag


def searched(name: str, namespaces: Mapping[str, str]) -> str:
    """The name as lxml searches for it; what is found must be ``in`` its Names too."""
    prefix, _, local = name.rpartition(":")
    return f"{{{namespaces[prefix]}}}{local}" if prefix else f"{{*}}{local}"


def _attribute(name: str, namespaces: Mapping[str, str]) -> str:
    prefix, _, local = name.rpartition(":")
    return f"{{{namespaces[prefix]}}}{local}" if prefix else local


class _Step:
    """One name of a path, perhaps with predicates."""

    def __init__(self, text: str, namespaces: Mapping[str, str]) -> None:
        self.name, bracket, rest = text.partition("[")
        self._names = Names([self.name], namespaces)
        self._tag = searched(self.name, namespaces)
        self._position = 0
        self._tests: list[tuple[Deep, str | None]] = []
        for number, path, equals, value in _PREDICATE.findall(bracket + rest):
            if number:
                self._position = int(number)
            else:
                self._tests.append((Deep(path, namespaces), value if equals else None))

    def among(self, parent: etree._Element) -> Iterator[etree._Element]:
        """The children that the step leads to."""
        place = 0
        for child in parent.iterchildren(self._tag):
            if child.tag in self._names and all(
                (test.text(child) or "").strip() == expected
                if expected is not None
                else test.text(child) is not None
                for test, expected in self._tests
            ):
                place += 1
                if not self._position or place == self._position:
                    yield child


class Deep:
    """Any path of a layout: up, down through steps, to a text or an attribute."""

    def __init__(self, path: str, namespaces: Mapping[str, str]) -> None:
        self.path = path
        steps = split_path(path)
        self.levels_up = steps.count("..")
        steps = [step for step in steps[self.levels_up :] if step != "."]
        last = steps.pop() if steps and steps[-1].startswith("@") else ""
        self._attribute = _attribute(last[1:], namespaces) if last else ""
        self._steps = tuple(_Step(step, namespaces) for step in steps)

    @property
    def beside(self) -> str:
        """The name of the element beside the record in which the path looks, if it does."""
        return self._steps[0].name if self.levels_up and self._steps else ""

    def text(self, element: etree._Element) -> str | None:
        """The first text there is; None when nothing is at the path."""
        found: str | None = None
        for text in self.texts(element):
            if text:
                return text
            found = text
        return found

    def texts(self, element: etree._Element) -> Iterator[str]:
        start: etree._Element | None = element
        for _ in range(self.levels_up):
            start = start.getparent() if start is not None else None
        if start is None:
            return
        for found in self._walk(start, 0):
            text = found.get(self._attribute) if self._attribute else found.text or ""
            if text is not None:
                yield text

    def _walk(self, start: etree._Element, number: int) -> Iterator[etree._Element]:
        if number == len(self._steps):
            yield start
            return
        for child in self._steps[number].among(start):
            yield from self._walk(child, number + 1)


def split_path(path: str) -> list[str]:
    """The steps of a path; a slash inside a predicate does not count."""
    return re.findall(r"(?:[^/\[]|\[[^\]]*\])+", path)


@dataclass(kw_only=True, slots=True)
class _Children:
    """The paths that are plain names of children, by the tags of the file."""

    names: list[tuple[str, Names]]
    known: dict[str, tuple[str, ...]]

    def paths(self, tag: str) -> tuple[str, ...]:
        paths = self.known.get(tag)
        if paths is None:
            paths = tuple(path for path, names in self.names if tag in names)
            self.known[tag] = paths
        return paths


class RecordPaths:
    """One RecordSpec made ready for elements."""

    def __init__(self, spec: RecordSpec, layout: Layout) -> None:
        spaces = layout.namespaces
        self.spec = spec
        self.recipe = Recipe(spec)
        self.name = spec.path[-1] if spec.path else ""
        """Of the record's own element; empty for the root."""
        self._own = Names([self.name], spaces) if spec.path else None
        self._parents = [Names([step], spaces) for step in reversed(spec.path[:-1])]
        self._where = [Deep(one.path, spaces) for one in spec.where]
        self._attributes: list[tuple[str, str]] = []
        self._deep: list[Deep] = []
        self._children = _Children(names=[], known={})
        for path in sorted(self.recipe.paths):
            if path.startswith("@"):
                self._attributes.append((path, _attribute(path[1:], spaces)))
            elif "/" in path or "[" in path or path == ".":
                self._deep.append(Deep(path, spaces))
            else:
                self._children.names.append((path, Names([path], spaces)))
        self._many = [Deep(path, spaces) for path in self.recipe.many_paths]

    @property
    def is_at_start(self) -> bool:
        """Whether the record is whole when the start tag of its element has been read."""
        return not (self._children.names or self._deep)

    def is_named(self, tag: str) -> bool:
        return self._own is not None and tag in self._own

    def matches(self, element: etree._Element) -> bool:
        """Is the element at this record's place, with what its ``where`` asks for?"""
        if self._own is None:
            return element.getparent() is None
        if element.tag not in self._own:
            return False
        parent = element.getparent()
        for names in self._parents:
            if parent is None or parent.tag not in names:
                return False
            parent = parent.getparent()
        if parent is None or parent.getparent() is not None:
            return False
        if not self._where:
            return True
        texts = {one.path: one.text(element) or "" for one in self._where}
        return condition_holds(self.spec, texts)

    def row(
        self, element: etree._Element, line: int, max_text: int, lookups: Lookups | None = None
    ) -> Row:
        texts = self.texts(element)
        many = [text for deep in self._many for text in deep.texts(element)]
        return self.recipe.row(texts, many, line=line, max_text=max_text, lookups=lookups)

    def texts(self, element: etree._Element) -> dict[str, str]:
        """The texts under the record's paths that are not empty."""
        texts: dict[str, str] = {}
        if self._children.names:
            paths_of = self._children.paths
            for child in element:
                if (paths := paths_of(child.tag)) and (text := child.text):
                    for path in paths:
                        texts.setdefault(path, text)
        for path, attribute in self._attributes:
            if text := element.get(attribute):
                texts[path] = text
        for deep in self._deep:
            if text := deep.text(element):
                texts[deep.path] = text
        return texts

    @property
    def beside(self) -> set[str]:
        """Names of elements beside the record in which its paths look."""
        return {one.beside for one in (*self._deep, *self._many, *self._where)} - {""}


def record_paths(layout: Layout) -> list[RecordPaths]:
    return [RecordPaths(spec, layout) for spec in layout.records]


def kept_names(records: Iterable[RecordPaths], layout: Layout) -> Names:
    """Elements beside a record that its ``../`` paths read: they must outlive their own end."""
    return Names({name for record in records for name in record.beside}, layout.namespaces)
