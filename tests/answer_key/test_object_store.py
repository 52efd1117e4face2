"""The answer key in an object store: an S3-compatible server on this machine, where moto is installed."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress

import pytest

from counting import CORPUS, PAIRS, QUERIES, CountingTeacher
from menura import MenuraError
from menura.answer_key import AnswerKey, LocalEngine, annotate, read_logits
from menura.answer_key.overview import overview

pytest.importorskip("moto.server")


@pytest.fixture(scope="module")
def endpoint():
    """A server in a process of its own: calls into the tables' library do not let this one answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError):
            urllib.request.urlopen(address)
            break
        time.sleep(0.1)
    urllib.request.urlopen(urllib.request.Request(f"{address}/bucket", method="PUT"))
    yield address
    process.kill()
    process.wait()


@pytest.fixture
def bucket(endpoint, monkeypatch):
    """The URI of a bucket."""
    settings = {"ACCESS_KEY_ID": "id", "SECRET_ACCESS_KEY": "secret", "REGION": "us-east-1", "ALLOW_HTTP": "true"}
    for name, value in {**settings, "ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    return "s3://bucket"


def test_it_is_the_same_key(bucket, tmp_path):
    teacher = CountingTeacher()
    location = f"{bucket}/keys/one"
    with pytest.raises(MenuraError, match=f"there is no answer key at {location}"):
        AnswerKey(location, create=False)
    engine = LocalEngine(teacher, chunk_size=5)
    annotate(AnswerKey(location), teacher, PAIRS[:13], QUERIES, CORPUS, engine=engine)
    again = AnswerKey(location, create=False)
    assert annotate(again, teacher, PAIRS, QUERIES, CORPUS, engine=engine).scored == 24 - 13
    assert len(teacher.asked) == 24
    whole = AnswerKey(tmp_path)
    annotate(whole, CountingTeacher(), PAIRS, QUERIES, CORPUS)
    assert read_logits(again, "teacher", PAIRS, QUERIES, CORPUS) == read_logits(
        whole, "teacher", PAIRS, QUERIES, CORPUS
    )
    assert [(part.teacher, part.scores, part.queries) for part in overview(again)] == [("teacher", 24, 4)]


def test_a_store_that_does_not_answer(bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(MenuraError, match=r"\[answer_key\] cannot open a table at s3://bucket/key"):
        AnswerKey(f"{bucket}/key")
