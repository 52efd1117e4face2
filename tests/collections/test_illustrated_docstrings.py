"""Docstrings of functions that name one image of their package."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from menura import MenuraError
from menura.collections import Image, open_collection, read_collection
from menura.recipe import CollectionSettings, load_recipe
from tiny import tiny_images

SOURCE = '''
"""Pictures of the package.

They lie in the folder data."""

raise RuntimeError("parsed, never imported")

class Album:
    """All of them.

    A class is no function."""

    def cat(self):
        """Chelsea the cat.

        She looks away from the camera.
        """
        return load("data/0.png", grey=True)

def moon():
    """Surface of the moon.

    Low in contrast.
    """
    return load("data/1.png")

def coins():
    """Greek coins.

    From Pompeii.
    """
    return load("data/2.png")

def pair():
    """Two at once.

    One for each eye.
    """
    return load("data/0.png"), load("data/1.png")

def eagle():
    """A golden eagle.

    To be downloaded.
    """
    return load("data/eagle.png")

def brick():
    """Brick.

    A wall of brick.
    """
    return load("data/2.png")

def page():
    """Says no more of a page."""
    return load("data/1.png")
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "pictured"
    tiny_images(folder / "data", 3)
    (folder / "__init__.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_a_sentence_asks_for_the_rest_and_the_image(package):
    collection = read_collection("illustrated:pictured", images=True)
    files = {"pictured:Album.cat": "0.png", "pictured:moon": "1.png", "pictured:coins": "2.png"}
    assert collection.images == {name: Image(package / "data" / file) for name, file in files.items()}
    assert collection.queries["pictured:Album.cat"] == "Chelsea the cat."
    assert collection.corpus["pictured:Album.cat"] == "She looks away from the camera."
    assert [len(collection.qrels[split]) for split in ("train", "test")] == [2, 1]
    assert collection == read_collection("illustrated:pictured", images=True)
    assert "pictured" not in sys.modules
    blind = open_collection(CollectionSettings(source="illustrated:pictured"), seed=0)
    assert (blind.corpus, blind.images) == (collection.corpus, {})


def test_what_has_no_images(package):
    for name in ("nowhere", "nowhere.deeper", "string", ""):
        with pytest.raises(MenuraError, match="there is no installed package"):
            read_collection(f"illustrated:{name}")
    (package / "data" / "1.png").write_bytes(b"none")
    with pytest.raises(MenuraError, match=r"pictured:moon: .*1.png is no image that Pillow can read"):
        read_collection("illustrated:pictured", images=True)
    for path in (package / "data").iterdir():
        path.unlink()
    with pytest.raises(MenuraError, match="no function of 'pictured' names an image") as raised:
        read_collection("illustrated:pictured")
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(importlib.util.find_spec("skimage") is None, reason="no scikit-image")
def test_the_shipped_recipe_finds_its_photographs():
    collection = open_collection(load_recipe("multi_modal").collection, seed=0, images=True)
    assert collection.images.keys() == collection.corpus.keys()
    assert len(collection.qrels["train"]) >= 10
    astronaut = next(name for name in collection.corpus if name.endswith(":astronaut"))
    assert "Eileen Collins" in collection.queries[astronaut]
    assert collection.images[astronaut].open().size == (512, 512)
