"""A wrong file in a folder of layouts is one clear line and a rejected run, never a trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.models import LoadStatus
from service.words.loads import problem_in_words
from tests.service.command_line import TRACE, run
from tests.service.trial import A, Trial, pupils, with_settings


@pytest.fixture
def layouts(tmp_path: Path) -> Path:
    folder = tmp_path / "layouts"
    folder.mkdir()
    (folder / "bad.toml").write_text("root = 'roll'\n")
    return folder


def test_a_run_ends_rejected_with_the_name_of_the_file(trial: Trial, layouts: Path) -> None:
    file = trial.write(A, pupils("a", 2))
    with_settings("reading", layout_dirs=(layouts,))(trial.application)
    load_id = trial.load(file)
    ended = trial.run(load_id)
    assert ended.status == LoadStatus.REJECTED
    assert "bad.toml" in problem_in_words(ended)
    assert "layout_dirs" in problem_in_words(ended)
    assert not ended.claimed_by


def test_check_says_it_in_one_line(layouts: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[reading]\nlayout_dirs = ["{layouts}"]\n')
    ended = run("--config", config, "check", layouts / "bad.toml", home=tmp_path / "home")
    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert "bad.toml" in ended.err
    assert TRACE not in ended.err
