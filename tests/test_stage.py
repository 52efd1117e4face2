"""A step's folder: reused, gone on with, emptied, or refused."""

from __future__ import annotations

import pytest

from menura import MenuraError
from menura.stage import Stage


def test_a_stage_is_finished_for_its_inputs_alone(tmp_path):
    stage = Stage(tmp_path / "step", ["inputs"])
    assert not stage.finished
    stage.begin()
    assert not stage.finished
    stage.finish()
    assert stage.finished
    assert Stage(tmp_path / "step", ["inputs"]).finished
    assert not Stage(tmp_path / "step", ["others"]).finished


def test_what_was_cut_short_is_kept_and_what_is_stale_is_not(tmp_path):
    stage = Stage(tmp_path / "step", ["inputs"])
    stage.begin()
    (stage.folder / "half").write_text("done")
    Stage(tmp_path / "step", ["inputs"]).begin()
    assert (stage.folder / "half").exists()
    Stage(tmp_path / "step", ["others"]).begin()
    assert not (stage.folder / "half").exists()


def test_other_peoples_files_are_never_removed(tmp_path):
    (tmp_path / "step").mkdir()
    (tmp_path / "step" / "thesis.tex").write_text("three years of work")
    with pytest.raises(MenuraError, match="holds files that are not ours"):
        Stage(tmp_path / "step", []).begin()
    assert (tmp_path / "step" / "thesis.tex").exists()
