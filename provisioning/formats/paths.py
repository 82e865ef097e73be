"""A layout's paths made ready for one file: from an element to the texts of its fields."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from provisioning.formats.layout import FieldSpec, Kind, Layout, RecordSpec

_MANY = "group_ids"


@dataclass(kw_only=True, slots=True)
class Row:
    """One record of a file as text, in our field names; empty texts are left out."""

    kind: Kind
    line: int
    values: dict[str, str]
    group_ids: tuple[str, ...] = ()
    too_long: str = ""
    """A field whose text is longer than the limit; it is left out."""


@dataclass(kw_only=True, slots=True)
class _Deep:
    """A path that is neither a child nor an attribute of the record."""

    name: str
    levels_up: int
    path: str
    attribute: str

    def text(self, element: etree._Element) -> str | None:
        start = self._start(element)
        found = start.find(self.path) if start is not None and self.path else start
        if found is None:
            return None
        return found.get(self.attribute) if self.attribute else found.text

    def texts(self, element: etree._Element) -> list[str]:
        start = self._start(element)
        return [found.text or "" for found in start.findall(self.path)] if start is not None else []

    def _start(self, element: etree._Element) -> etree._Element | None:
        start: etree._Element | None = element
        for _ in range(self.levels_up):
            start = start.getparent() if start is not None else None
        return start


@dataclass(kw_only=True, slots=True)
class RecordPaths:
    """One RecordSpec with its names in the file's namespace."""

    spec: RecordSpec
    tag: str
    parents: tuple[str, ...]
    """Tags from the record's parent up to the root."""
    where: _Deep | None
    children: dict[str, tuple[str, ...]] = field(default_factory=dict)
    attributes: list[tuple[str, str]] = field(default_factory=list)
    deep: list[_Deep] = field(default_factory=list)
    many: _Deep | None = None
    adjusted: list[tuple[str, FieldSpec]] = field(default_factory=list)

    def matches(self, element: etree._Element) -> bool:
        """Is the element at this record's place, with the text its ``where`` asks for?"""
        parent = element.getparent()
        for tag in self.parents:
            if parent is None or parent.tag != tag:
                return False
            parent = parent.getparent()
        if parent is not None:
            return False
        if self.where is None:
            return True
        return (self.where.text(element) or "").strip().casefold() in self.spec.where_values

    def row(self, element: etree._Element, line: int, max_text: int) -> Row:
        values: dict[str, str] = {}
        names_of = self.children.get
        for child in element:
            names = names_of(child.tag)
            if names is not None and (text := child.text):
                for name in names:
                    values.setdefault(name, text)
        for name, attribute in self.attributes:
            if text := element.get(attribute):
                values[name] = text
        for path in self.deep:
            if text := path.text(element):
                values[path.name] = text
        row = Row(kind=self.spec.kind, line=line, values=values)
        if values and max(map(len, values.values())) > max_text:
            row.too_long = next(name for name, text in values.items() if len(text) > max_text)
            row.values = values = {n: text for n, text in values.items() if len(text) <= max_text}
        for name, field_spec in self.adjusted:
            if name in values or field_spec.default:
                values[name] = field_spec.adjust(values.get(name, ""))
        if self.many:
            prefix = self.spec.fields[_MANY].prefix
            texts = (text.strip() for text in self.many.texts(element))
            row.group_ids = tuple(prefix + text for text in texts if text and len(text) <= max_text)
        return row


def record_paths(layout: Layout, namespace: str) -> list[RecordPaths]:
    """The layout's records for a file whose root element is in ``namespace`` (may be empty)."""
    return [_record_paths(spec, layout.root, namespace) for spec in layout.records]


def kept_tags(records: list[RecordPaths]) -> frozenset[str]:
    """Elements beside a record that its ``../`` paths read: they must outlive their own end."""
    return frozenset(
        deep.path.split("/")[0]
        for record in records
        for deep in record.deep
        if deep.levels_up and deep.path
    )


def _record_paths(spec: RecordSpec, root: str, namespace: str) -> RecordPaths:
    tags = [_qualified(step, namespace) for step in (root, *spec.path)]
    paths = RecordPaths(
        spec=spec,
        tag=tags[-1],
        parents=tuple(reversed(tags[:-1])),
        where=_deep("", spec.where_path, namespace) if spec.where_path else None,
        adjusted=[
            (name, entry)
            for name, entry in spec.fields.items()
            if entry.changes_text and name != _MANY
        ],
    )
    for name, entry in spec.fields.items():
        if name == _MANY:
            paths.many = _deep(name, entry.path, namespace)
        elif entry.path.startswith("@"):
            paths.attributes.append((name, entry.path[1:]))
        elif "/" in entry.path or "[" in entry.path or entry.path == ".":
            paths.deep.append(_deep(name, entry.path, namespace))
        else:
            tag = _qualified(entry.path, namespace)
            paths.children[tag] = (*paths.children.get(tag, ()), name)
    return paths


def _deep(name: str, path: str, namespace: str) -> _Deep:
    steps = path.split("/")
    levels_up = steps.count("..")
    steps = [step for step in steps[levels_up:] if step != "."]
    attribute = steps.pop()[1:] if steps and steps[-1].startswith("@") else ""
    path = "/".join(_qualified(step, namespace) for step in steps)
    return _Deep(name=name, levels_up=levels_up, path=path, attribute=attribute)


def _qualified(step: str, namespace: str) -> str:
    return f"{{{namespace}}}{step}" if namespace else step
