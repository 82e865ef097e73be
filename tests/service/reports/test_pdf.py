"""The print view as a PDF file: pages, numbers, titles on each, Cyrillic."""

from __future__ import annotations

import ctypes.util
import os
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from service.pdf import NoPdf, make_pdf
from service.reports.printing import to_pdf
from service.words.problems import sentence
from tests.language import in_language
from tests.service.reports.test_export import make_report

needs_pango = pytest.mark.skipif(
    not ctypes.util.find_library("pangoft2-1.0"), reason="no Pango in this system"
)


def pages(pdf: bytes) -> int:
    """How many pages the file has, in whichever form its objects are stored."""
    text = pdf
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            text += zlib.decompress(stream)
        except zlib.error:
            continue
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", text))


@needs_pango
def test_a_long_report_is_a_file_of_several_pages(tmp_path: Path) -> None:
    names = [f"Школа № {number}" for number in range(100)]
    with in_language("ru"):
        pdf = to_pdf(make_report(*names, title="Охват школ"))
    assert pdf.startswith(b"%PDF-")
    assert pages(pdf) >= 3
    if not shutil.which("pdftotext"):
        return
    (tmp_path / "report.pdf").write_bytes(pdf)
    command = ["pdftotext", "-layout", tmp_path / "report.pdf", "-"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    sheets = text.rstrip("\f\n").split("\f")
    assert all("Signed in" in sheet for sheet in sheets), "the title row is on each page"
    assert "Школа № 99" in text
    assert f"{len(sheets)}/{len(sheets)}" in sheets[-1].replace(" ", "")


def test_without_the_library_one_line_says_what_is_missing(tmp_path: Path) -> None:
    broken = tmp_path / "weasyprint.py"
    broken.write_text("raise OSError('cannot load library libpango')\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
        with pytest.raises(NoPdf) as caught:
            make_pdf("<p>text", "")
    assert "apt-get install" in sentence(caught.value)


@needs_pango
def test_nothing_named_in_a_page_is_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret.svg"
    secret.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    plain = make_pdf("<p>text", "")
    assert len(make_pdf(f'<p>text<img src="{secret.as_uri()}">', "")) - len(plain) < 200
