"""Images beside passages: read from folders, tables and hub data sets, checked, kept apart from the texts."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from menura import MenuraError
from menura.collections import IllustratedPassage, Image, open_collection, read_beir, read_collection, write_beir
from menura.recipe import CollectionSettings
from tiny import tiny_beir, tiny_images


@pytest.fixture
def files(tmp_path):
    return tiny_images(tmp_path / "elsewhere", 2)


def with_images(folder, images):
    """A BEIR folder whose first passages have `images` in their rows."""
    path = tiny_beir(folder) / "corpus.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row, image in zip(rows, images, strict=False):
        row["image"] = image
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_paths_and_data_uris_of_a_beir_folder(tmp_path, files):
    uri = "data:image/png;base64," + base64.b64encode(files[1].read_bytes()).decode()
    folder = with_images(tmp_path / "beir", ["pictures/a.png", uri, None])
    (folder / "pictures").mkdir()
    files[0].rename(folder / "pictures" / "a.png")
    found = read_beir(folder, images=True)
    assert list(found.images) == ["p0", "p1"]
    assert found.images["p0"].source == folder / "pictures" / "a.png"
    assert found.images["p1"].content == files[1].read_bytes()
    assert found.passages(images=True)["p0"] == IllustratedPassage(found.corpus["p0"], found.images["p0"])
    assert found.passages(images=True)["p2"] == found.corpus["p2"]
    assert found.passages(images=False) is found.corpus
    assert read_beir(folder).images == {}


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("no.png", r"corpus.jsonl:1: there is no image at .*no.png; paths start at"),
        ("corpus.jsonl", r"corpus.jsonl:1: .*corpus.jsonl is no image that Pillow can read"),
        ("data:image/png;base64,!!", r"corpus.jsonl:1: the data URI .* cannot be decoded"),
        ("data:image/png,abc", r"corpus.jsonl:1: .*it is not in base64"),
        ("data:image/png;base64,YWJj", r"corpus.jsonl:1: an image of 3 bytes is no image"),
        (5, r"corpus.jsonl:1: an image must be a path, bytes or a data URI; got 5 \(int\)"),
        ("", r"an image must be a path, bytes or a data URI; got ''"),
    ],
)
def test_what_is_no_image_is_told_with_its_row(tmp_path, image, message):
    with pytest.raises(MenuraError, match=message) as raised:
        read_beir(with_images(tmp_path / "beir", [image]), images=True)
    assert "\n" not in str(raised.value)


def test_an_image_is_known_by_its_content(tmp_path, files):
    copy = tmp_path / "copy.png"
    copy.write_bytes(files[0].read_bytes())
    assert Image(copy).digest == Image(files[0]).digest == Image(files[0].read_bytes()).digest
    assert Image(files[0]).digest != Image(files[1]).digest
    copy.unlink()
    with pytest.raises(MenuraError, match=r"cannot read the image .*copy.png: No such file"):
        _ = Image(copy).digest


def test_bytes_in_tables(tmp_path, files):
    folder = tmp_path / "tables"
    folder.mkdir()
    content = [{"bytes": files[0].read_bytes(), "path": None}, {"bytes": None, "path": str(files[1])}, None]
    table = pa.table({"document_id": ["a", "b", "c"], "text": ["one", "two", "three"], "image": content})
    pq.write_table(table, folder / "documents.parquet")
    pq.write_table(pa.table({"query_id": ["q"], "text": ["one?"]}), folder / "queries.parquet")
    found = read_collection(str(folder), images=True)
    assert {name: image.content for name, image in found.images.items()} == {
        "a": files[0].read_bytes(),
        "b": files[1].read_bytes(),
    }
    assert read_collection(str(folder)).images == {}


def test_images_of_a_hub_data_set(tmp_path, files, monkeypatch):
    import datasets

    from menura.collections import hub

    corpus = datasets.Dataset.from_dict(
        {"_id": ["a", "b"], "text": ["one", "two"], "image": [str(files[0]), None]},
        features=datasets.Features(
            {"_id": datasets.Value("string"), "text": datasets.Value("string"), "image": datasets.Image()}
        ),
    )
    sets = {
        "corpus": {"corpus": corpus},
        "queries": {"queries": datasets.Dataset.from_dict({"_id": ["q"], "text": ["one?"]})},
        "qrels": {"test": datasets.Dataset.from_dict({"query-id": ["q"], "corpus-id": ["a"], "score": [1]})},
    }
    monkeypatch.setattr(hub, "_load", lambda name, configuration: sets[configuration])
    found = hub.read_hub("some/set", images=True)
    assert {name: image.content for name, image in found.images.items()} == {"a": files[0].read_bytes()}
    assert hub.read_hub("some/set").images == {}


def test_sampling_and_writing_keep_them(tmp_path, files):
    collection = read_beir(with_images(tmp_path / "beir", [str(files[0]), str(files[1]), str(files[0])]), images=True)
    sampled = collection.sample(passages=12, train_queries=1, test_queries=1, seed=0)
    assert sampled.images.keys() == collection.images.keys() & sampled.corpus.keys()
    kept = replace(collection, images={**collection.images, "p5": Image(files[1].read_bytes())})
    write_beir(kept, tmp_path / "written")
    again = read_beir(tmp_path / "written", images=True)
    assert {name: image.digest for name, image in again.images.items()} == {
        name: image.digest for name, image in kept.images.items()
    }
    assert len(list((tmp_path / "written" / "images").iterdir())) == 2


def test_a_collection_without_the_images_that_are_needed(tmp_path):
    folder = tiny_beir(tmp_path / "beir")
    with pytest.raises(MenuraError, match="no passage of beir has one"):
        open_collection(CollectionSettings(source=str(folder)), seed=0, images=True)
