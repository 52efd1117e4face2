"""The journal: what was told is kept, through kills and torn writes, and enters the key once."""

from __future__ import annotations

import numpy as np
import pytest

from counting import CORPUS, PAIRS, QUERIES
from menura import MenuraError
from menura.answer_key import AnswerKey, WantedPairs
from menura.answer_key.live import Journal, settle

WANTED = WantedPairs.of(PAIRS, QUERIES, CORPUS)
LOGITS = np.arange(len(PAIRS), dtype=np.float32)


def write(journal, start, end, run="run"):
    journal.append("teacher", *WANTED.pairs.hashes(np.arange(start, end)), LOGITS[start:end], run=run)


@pytest.fixture
def key(tmp_path):
    return AnswerKey(tmp_path / "key")


def known(key):
    return key.logits("teacher", WANTED.pairs)


def test_it_enters_the_key_in_one_piece_a_run(key, tmp_path):
    journal = Journal(tmp_path / "journal")
    for start in range(0, 24, 3):
        write(journal, start, start + 3, run="first" if start < 12 else "second")
    journal.close()
    assert settle(tmp_path / "journal", key) == 24
    assert known(key).tolist() == LOGITS.tolist()
    assert len(key.scores.file_uris()) == 2
    assert list((tmp_path / "journal").iterdir()) == []
    assert settle(tmp_path / "journal", key) == settle(tmp_path / "nowhere", key) == 0


def test_a_journal_at_work_is_left_alone(key, tmp_path):
    journal = Journal(tmp_path)
    write(journal, 0, 3)
    assert settle(tmp_path, key) == 0
    write(journal, 3, 5)
    journal.close()
    assert settle(tmp_path, key) == 5


def test_whatever_a_kill_cuts_off_whole_batches_are_kept(key, tmp_path):
    journal = Journal(tmp_path)
    (path,) = tmp_path.glob("*.arrows")
    write(journal, 0, 4)
    after_one = path.stat().st_size
    write(journal, 4, 9)
    content = path.read_bytes()
    journal.close()
    path.unlink()
    for length in {0, 1, 40, after_one - 1, after_one, after_one + 1, after_one + 100, len(content) - 1, len(content)}:
        folder = tmp_path / str(length)
        folder.mkdir()
        (folder / "torn.arrows").write_bytes(content[:length])
        assert settle(folder, key) == (0 if length < after_one else 4 if length < len(content) else 9), length
    assert np.flatnonzero(~np.isnan(known(key))).tolist() == list(range(9))


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MenuraError, match=r"^\[answer_key\] cannot write .*What was scored before is kept\.$"):
        Journal(tmp_path / "file")
