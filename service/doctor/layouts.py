"""The doctor's look at the layouts of this installation (docs/new-layout.md)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from provisioning.formats import Layout, LayoutError, layout_files, layouts, read_layout
from service.application import Application
from service.doctor.check import About, Check
from service.i18n import gettext as _


def examine_layouts(application: Application) -> Iterator[Check]:
    """Read every layout of the folders that the settings name, each for itself."""
    about = About(_("Layouts"))
    remedy = _("Correct the layout (docs/new-layout.md). Until then no file at all is read.")
    own: dict[str, Layout] = {}
    whole = True
    for folder in application.settings.reading.layout_dirs:
        try:
            files = layout_files(folder)
        except LayoutError:
            whole = False
            yield about.problem(
                _("there is no folder {folder}", folder=folder),
                _("Correct [reading] layout_dirs, or make the folder."),
            )
            continue
        for file in files:
            try:
                layout = read_layout(file)
            except LayoutError as error:
                whole = False
                yield about.problem(str(error), remedy)
                continue
            if layout.name in own:
                yield about.warning(
                    _("{name} is there twice; the one in {file} counts",
                      name=layout.name, file=file.name),
                    _("Give each layout a name of its own."),
                )  # fmt: skip
            own[layout.name] = layout
    yield from _read_the_same(about, own)
    if whole:
        names = ", ".join(own) or _("those that come with schoolbridge")
        yield about.ok(names)


def _read_the_same(about: About, own: dict[str, Layout]) -> Iterator[Check]:
    """Warn of layouts that recognise the same files: only one of them is ever used."""
    every = {**layouts(), **own}
    for one, other in combinations(every.values(), 2):
        if {one.name, other.name} & own.keys() and one.reads_the_files_of(other):
            yield about.warning(
                _("{one} and {other} recognise the same files, by {sign}",
                  one=one.name, other=other.name,
                  sign=one.root or ", ".join(one.recognised_columns)),
                _("Tell them apart in [recognise], or take one of them away."),
            )  # fmt: skip
