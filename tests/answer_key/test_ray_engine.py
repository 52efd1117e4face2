"""Asking on a Ray cluster of this machine: the same table as the local engine makes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from counting import CORPUS, PAIRS, QUERIES, CountingTeacher, Identity
from menura import MenuraError
from menura.answer_key import AnswerKey, RayEngine, annotate, read_logits

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def cluster():
    here = Path(__file__).parent  # workers import from there
    # Two workers, whatever this machine has.
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=100_000_000,
        runtime_env={"env_vars": {"PYTHONPATH": f"{here}:{here.parent}"}},
    )
    yield
    ray.shutdown()


def test_the_table_is_that_of_the_local_engine(tmp_path):
    local, remote = AnswerKey(tmp_path / "local"), AnswerKey(tmp_path / "remote")
    annotate(local, CountingTeacher(), PAIRS, QUERIES, CORPUS)
    annotate(remote, CountingTeacher(), PAIRS[:7], QUERIES, CORPUS)
    engine = RayEngine(CountingTeacher, chunk_size=3)
    summary = annotate(remote, CountingTeacher(), PAIRS, QUERIES, CORPUS, engine=engine)
    assert (summary.asked, summary.known, summary.scored) == (24, 7, 17)
    assert remote.scores.count() == 24, "nothing was asked twice"
    columns = ["teacher", "query_hash", "passage_hash", "logit"]
    tables = [
        key.scores.to_pyarrow_table(columns=columns).sort_by([(name, "ascending") for name in columns[1:3]])
        for key in (AnswerKey(tmp_path / "local"), AnswerKey(tmp_path / "remote"))
    ]
    assert tables[0].equals(tables[1])
    assert read_logits(remote, "teacher", PAIRS, QUERIES, CORPUS)


def broken():
    return CountingTeacher(answers=dict.fromkeys(CORPUS.values(), np.nan))


def another():
    return CountingTeacher(Identity("another"))


@pytest.mark.parametrize(
    ("load", "message"),
    [(broken, r"\[answer_key\] the teacher answered nan to the query"), (another, "a worker's teacher is another")],
)
def test_an_error_of_a_worker_is_one_line(tmp_path, load, message):
    with pytest.raises(MenuraError, match=message) as refused:
        annotate(AnswerKey(tmp_path), CountingTeacher(), PAIRS, QUERIES, CORPUS, engine=RayEngine(load))
    assert "\n" not in str(refused.value)
