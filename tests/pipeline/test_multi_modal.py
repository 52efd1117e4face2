"""A teacher that sees images, another that does not, and students that read text: the whole path on tiny models."""

from __future__ import annotations

import base64
import json

import pytest

from menura import MenuraError
from menura.answer_key import AnswerKey
from menura.pipeline import Pipeline, evaluate
from menura.recipe import Recipe
from tiny import tiny_beir, tiny_cross_encoder, tiny_dual_encoder, tiny_encoder, tiny_images

TRAINER = {"max_steps": 2, "batch_size": 4}


@pytest.fixture
def collection(tmp_path):
    folder = tiny_beir(tmp_path / "beir")
    tiny_images(folder / "images", 40)
    rows = [json.loads(line) for line in (folder / "corpus.jsonl").read_text().splitlines()]
    lines = [json.dumps({**row, "image": f"images/{number}.png"}) for number, row in enumerate(rows)]
    (folder / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def settings(tmp_path, collection):
    return {
        "name": "multi_modal",
        "collection": {"source": str(collection)},
        "mining": {"miners": ["bm25"], "depth": 10, "negatives": 3},
        "teachers": {
            "seeing": {"model": tiny_dual_encoder(tmp_path / "clip"), "dual_encoder": {"image_share": 0.7}},
            "reading": {"model": tiny_cross_encoder(tmp_path / "teacher"), "max_length": 64},
        },
        "view": {"scale": "z_score", "combine": "mean"},
        "students": {"colbert": {"model": tiny_encoder(tmp_path / "encoder"), "dimension": 8, "trainer": TRAINER}},
        "evaluation": {"rerank_depth": 3},
    }


@pytest.fixture
def alone(settings):
    """The teacher that sees images, without the other."""
    return {**settings, "teacher": settings["teachers"]["seeing"], "teachers": {}, "view": None}


def as_bytes(collection):
    """The images stand in the corpus itself."""
    path = collection / "corpus.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        content = (collection / row["image"]).read_bytes()
        row["image"] = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def pipeline(settings, tmp_path):
    return Pipeline(Recipe.model_validate(settings), tmp_path / "out")


def test_from_images_to_a_student_that_reads(settings, collection, tmp_path):
    first = pipeline(settings, tmp_path)
    report = evaluate(first)
    systems = [row.system for row in report.rows]
    assert {"Teacher seeing on BM25 top 3", "Teacher reading on BM25 top 3", "ColBERT distilled"} <= set(systems)
    pairs = first.candidates.pairs()
    scores = {name: first.panel.scores(pairs, name) for name in ("seeing", "reading")}
    trained = (tmp_path / "out" / "colbert" / "model.safetensors").stat().st_mtime_ns

    again = pipeline(settings, tmp_path)
    assert again.annotate().scored == 0
    again.train("colbert")
    assert (tmp_path / "out" / "colbert" / "model.safetensors").stat().st_mtime_ns == trained

    # Another image under an old name: who sees it is asked again, who reads is not, and students learn anew.
    pair = pairs[0]
    number = int(pair[1].removeprefix("p"))
    images = collection / "images"
    (images / f"{number}.png").write_bytes((images / f"{(number + 1) % 40}.png").read_bytes())
    later = pipeline(settings, tmp_path)
    affected = len({query for query, passage in pairs if passage == pair[1]})
    assert later.annotate().scored == affected
    assert later.panel.scores([pair], "reading")[pair] == scores["reading"][pair]
    assert later.panel.scores([pair], "seeing")[pair] != scores["seeing"][pair]
    later.train("colbert")
    assert (tmp_path / "out" / "colbert" / "model.safetensors").stat().st_mtime_ns != trained


@pytest.mark.parametrize(("worker", "stored"), [("process", "files"), ("process", "bytes"), ("thread", "files")])
def test_a_teacher_in_the_loop_sees_images(alone, collection, tmp_path, worker, stored):
    if stored == "bytes":
        as_bytes(collection)
    offline = Pipeline(Recipe.model_validate(alone), tmp_path / "offline")
    wanted = offline.annotate().scored
    pairs = offline.candidates.pairs()
    pipeline({**alone, "online": {"ahead": 2, "worker": worker}}, tmp_path).train("colbert")
    later = pipeline(alone, tmp_path)
    assert 0 < later.annotate().scored < wanted
    assert later.panel.scores(pairs) == pytest.approx(offline.panel.scores(pairs), abs=1e-4)


def test_an_image_that_another_process_cannot_decode(alone, collection, tmp_path):
    for path in (collection / "images").iterdir():
        path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(MenuraError, match=r"^\[teachers\] cannot decode .*\.png: .*truncated.*\.$"):
        pipeline({**alone, "online": {"worker": "process"}}, tmp_path).train("colbert")


def test_a_text_teacher_shares_its_answers_with_collections_without_images(settings, tmp_path):
    settings = {**settings, "answer_key": str(tmp_path / "key")}
    pipeline(settings, tmp_path).annotate()
    alone = {**settings, "teacher": settings["teachers"]["reading"], "teachers": {}, "view": None}
    blind = Pipeline(Recipe.model_validate(alone), tmp_path / "blind")
    assert blind.collection.images == {}
    assert blind.annotate().scored == 0
    assert len(AnswerKey(tmp_path / "key").teachers()) == 2
