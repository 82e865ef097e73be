"""Streaming XML: head and records of one file in flat memory, with limits and true line numbers."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, cast

from lxml import etree

from provisioning.formats.layout import Kind, Layout, RecordSpec
from provisioning.formats.paths import Names, RecordPaths, kept_names, record_paths, searched
from provisioning.formats.problems import FileProblem
from provisioning.formats.records import Lookups, Row
from provisioning.settings import ReadLimits

CHUNK = 1 << 16
"""Bytes given to the parser at a time; the tree never holds much more than one chunk."""

_HEAD_BYTES = 1 << 20
"""A header must have ended by here."""

_MAX_CHILDREN = 100_000
"""The most children of one element that is still open: a record this wide is no record."""

_LINE_CAP = 65_535
"""libxml2 keeps 16 bits of an element's line, and the true line in its text nodes."""

_PREMATURE_END = 77
"""libxml2 xmlParserErrors: XML_ERR_TAG_NOT_FINISHED. A cut inside a tag has many other numbers."""

_RULES = {
    4: "xml.not_xml",
    5: "xml.second_root",
    **dict.fromkeys((8, 9, 81), "xml.character"),
    **dict.fromkeys((23, 26, 68), "xml.ampersand"),
    38: "xml.less_than",
    **dict.fromkeys((39, 41, 65), "xml.attribute"),
    42: "xml.attribute_twice",
    64: "xml.declaration",
    **dict.fromkeys((73, 76), "xml.tag_mismatch"),
    114: "xml.too_deep_or_long",
}
"""libxml2 xmlParserErrors in an operator's words (findings.toml); others are xml.malformed."""


_Event = tuple[str, etree._Element]


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """What the beginning of a file says."""

    layout: Layout
    row: Row
    """The header record."""


def read_head(chunks: Iterable[bytes], layouts: Iterable[Layout], limits: ReadLimits) -> Head:
    """Recognise the layout and read the header; raises FileProblem."""
    parser = _parser(("start", "end"))
    layout: Layout | None = None
    header: RecordPaths | None = None
    root: etree._Element | None = None
    fed, whole = 0, False
    for events, size in _batches(parser, chunks):
        for event, element in events:
            if layout is None or header is None:
                root = element
                layout = _recognise(element, layouts)
                header = next(p for p in record_paths(layout) if p.spec.kind is Kind.HEADER)
            at_place = event == "end" if header.spec.path else header.is_at_start
            if at_place and header.matches(element):
                row = header.row(element, line_of(element), limits.text_length)
                return Head(layout=layout, row=row)
        fed += size
        if layout and header and root is not None and not header.spec.path:
            # Texts of a header that is the root itself may stand anywhere near the beginning. One
            # that has begun in this chunk has ended in the next.
            if whole or not size or fed > _HEAD_BYTES:
                row = header.row(root, line_of(root), limits.text_length)
                return Head(layout=layout, row=row)
            whole = header.recipe.paths <= header.texts(root).keys()
        if fed > _HEAD_BYTES:
            break
    if layout is None or header is None:
        raise FileProblem("header.missing", layout="", paths="")
    where = f"{layout.root}/{header.spec.shown}"
    raise FileProblem("header.missing", layout=layout.name, paths=where)


def read_rows(
    chunks: Iterable[bytes],
    head: Head,
    limits: ReadLimits,
    lookups: Lookups | None = None,
) -> Iterator[Row]:
    """Every record of the layout in file order, the header too; raises FileProblem on the way."""
    kinds = frozenset(Kind) - {Kind.LOOKUP}
    for paths, element, line in _records(chunks, head.layout, limits, kinds):
        yield paths.row(element, line, limits.text_length, lookups)


def lookup_rows(
    chunks: Iterable[bytes], head: Head, limits: ReadLimits
) -> Iterator[tuple[RecordSpec, Row]]:
    """Every lookup record, as it stands; raises FileProblem on the way."""
    for paths, element, line in _records(chunks, head.layout, limits, {Kind.LOOKUP}):
        yield paths.spec, paths.row(element, line, limits.text_length)


def _records(
    chunks: Iterable[bytes], layout: Layout, limits: ReadLimits, kinds: Container[Kind]
) -> Iterator[tuple[RecordPaths, etree._Element, int]]:
    """Each record of these kinds with its line; an element may be several."""
    records = [paths for paths in record_paths(layout) if paths.spec.kind in kinds]
    inner = [paths for paths in records if paths.spec.path]
    at_root = [paths for paths in records if not paths.spec.path]
    record_names = Names({paths.name for paths in inner}, layout.namespaces)
    kept = kept_names(records, layout)
    by_tag: dict[str, list[RecordPaths]] = {}
    tags = {searched(paths.name, layout.namespaces) for paths in inner}
    parser = _parser(("end",), sorted(tags) or ["*"])
    too_deep = etree.XPath("boolean(" + "/".join(["*"] * limits.depth) + ")")
    root: etree._Element | None = None
    count, line = 0, 0
    for events, _ in _batches(parser, chunks):
        for _event, element in events:
            if root is None:
                root = element.getroottree().getroot()
            tag = element.tag
            found = by_tag.get(tag)
            if found is None:
                found = by_tag[tag] = [paths for paths in inner if paths.is_named(tag)]
            counted = False
            for paths in found if element is not root else at_root:
                if not paths.matches(element):
                    continue
                if not counted:
                    counted, count = True, count + 1
                    if count > limits.records:
                        raise FileProblem("file.too_many_records", limit=str(limits.records))
                    _check_attributes(element, limits.attribute_length)
                    line = max(line, line_of(element))
                yield paths, element, line
        if root is not None:
            if too_deep(root):
                raise FileProblem("xml.too_deep_or_long", line=line or None)
            _prune(root, record_names, kept)


def element_ends(
    chunks: Iterable[bytes], limits: ReadLimits
) -> Iterator[tuple[list[str], etree._Element]]:
    """Every element of any XML with the names from the root down to it; raises FileProblem."""
    names: list[str] = []
    root: etree._Element | None = None
    for events, _ in _batches(_parser(("start", "end")), chunks):
        for event, element in events:
            if event == "start":
                root = element if root is None else root
                names.append(etree.QName(element).localname)
                if len(names) > limits.depth:
                    raise FileProblem("xml.too_deep_or_long", line=line_of(element))
            else:
                yield names, element
                names.pop()
        if root is not None:
            _prune(root, (), ())


def line_of(element: etree._Element) -> int:
    """The line of an element's start tag, beyond 65,535 too.

    Above that libxml2 answers with the line where the nearest text node ends, so the line breaks
    of that text are taken off again.
    """
    line = cast("int | None", element.sourceline) or 0
    if line < _LINE_CAP:
        return line
    node = element
    while True:
        if node.text:
            return line - node.text.count("\n")
        if len(node) == 0:
            break
        node = node[0]
    return line - (element.tail or "").count("\n")


def _parser(
    events: tuple[Literal["start", "end"], ...], tags: list[str] | None = None
) -> etree.XMLPullParser:
    return etree.XMLPullParser(
        events=events,
        tag=tags,
        encoding="utf-8",
        # Nothing can be declared without a DOCTYPE; an undefined entity is then an error with its
        # line, where ``False`` would silently end the text.
        resolve_entities="internal",  # type: ignore[arg-type]
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _batches(
    parser: etree.XMLPullParser, chunks: Iterable[bytes]
) -> Iterator[tuple[list[_Event], int]]:
    """The parser's events chunk by chunk, with the bytes that made them.

    A DOCTYPE is refused before its text reaches the parser, so nothing can be declared in it.
    """
    seen_root = False
    before = b""
    for chunk in chunks:
        if not seen_root and b"<!DOCTYPE" in before + chunk:
            raise FileProblem("xml.doctype")
        before = chunk[-64:] or before
        try:
            parser.feed(chunk)
        except etree.XMLSyntaxError as error:
            raise _syntax_problem(error, cut=False) from error
        events = cast("list[_Event]", list(parser.read_events()))
        seen_root = seen_root or bool(events)
        yield events, len(chunk)
    try:
        parser.close()
    except etree.XMLSyntaxError as error:
        cut = _code(error) == _PREMATURE_END or not before.rstrip().endswith(b">")
        raise _syntax_problem(error, cut=cut) from error
    yield cast("list[_Event]", list(parser.read_events())), 0


def _code(error: etree.XMLSyntaxError) -> int:
    """libxml2's number of the error; the type stubs do not know it."""
    return int(getattr(error, "code", 0) or 0)


def _syntax_problem(error: etree.XMLSyntaxError, *, cut: bool) -> FileProblem:
    return FileProblem(
        "xml.truncated" if cut else _RULES.get(_code(error), "xml.malformed"),
        line=error.lineno or None,
        column=str(error.position[1] or ""),
        cause=str(error.msg)[:200],
    )


def _recognise(root: etree._Element, layouts: Iterable[Layout]) -> Layout:
    name, namespace = etree.QName(root).localname, etree.QName(root).namespace
    for layout in layouts:
        version = root.get(layout.version_path, "") if layout.version_path else ""
        if layout.root != name or not (namespace or "").startswith(layout.root_namespace):
            continue
        if not layout.version_values or version.strip() in layout.version_values:
            return layout
    attributes = " ".join(f'{key!s}="{value!s:.20}"' for key, value in root.attrib.items())
    raise FileProblem(
        "layout.unknown",
        line=line_of(root),
        value=f"<{name} {attributes}>"[:200].replace(" >", ">"),
        paths=", ".join(_paths(root)),
    )


def _paths(root: etree._Element, most: int = 20) -> list[str]:
    """Element paths in what has been parsed so far: names only, no values."""
    found: dict[str, None] = {}

    def visit(element: etree._Element, path: str) -> None:
        found.setdefault(path)
        for child in element.iterchildren("*"):
            if len(found) < most:
                visit(child, f"{path}/{etree.QName(child).localname}")

    visit(root, etree.QName(root).localname)
    return list(found)


def _check_attributes(element: etree._Element, longest: int) -> None:
    for value in element.attrib.values():
        if len(value) > longest:
            raise FileProblem("xml.too_deep_or_long", line=line_of(element))


def _prune(root: etree._Element, record_names: Container[str], kept: Container[str]) -> None:
    """Free every finished element; an open record, or one beside it, keeps all it has."""
    node, inside = root, False
    while len(node):
        if len(node) > _MAX_CHILDREN:
            raise FileProblem("xml.too_deep_or_long", line=line_of(node))
        inside = inside or (node is not root and (node.tag in record_names or node.tag in kept))
        if not inside:
            for child in list(node)[:-1]:
                if child.tag not in kept:
                    node.remove(child)
        node = node[-1]
