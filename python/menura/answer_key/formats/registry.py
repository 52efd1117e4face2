"""All formats by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from menura.answer_key.formats import (
    colbert,
    flag_embedding,
    id_tables,
    light_splade,
    lighton,
    mined_negatives,
    opensearch,
    pair_tables,
    score_maps,
    tevatron,
    text_columns,
    trec,
    triples,
)
from menura.answer_key.formats.judged import Judged
from menura.answer_key.formats.texts import Texts
from menura.errors import MenuraError

__all__ = ["FORMATS", "Format", "format_named"]


@dataclass(frozen=True)
class Format:
    """How files of one kind are read, and written if `write` is there.

    `identifies`: whether the records that `read` gives name their queries and passages by ids or hold their texts.
    `holds`: what the files say of a passage: the teacher's scores, margins between two scores, or no more than that it
    is listed. Some formats have their scores optional.
    `write` takes records that name ids, and their texts.
    """

    name: str
    identifies: Literal["ids", "texts"]
    holds: Literal["scores", "margins", "lists"]
    description: str
    read: Callable[[Path], Iterator[Judged]]
    write: Callable[[Iterable[Judged], Path, Texts], None] | None = None


FORMATS = {
    entry.name: entry
    for entry in (
        Format(
            "lighton",
            "ids",
            "scores",
            "LightOn and PyLate: folder of train {query_id, document_ids, scores}, queries, documents",
            lighton.read_three_tables,
            lighton.write_three_tables,
        ),
        Format(
            "sbert-columns",
            "texts",
            "scores",
            "sentence-transformers: columns query, positive, negative_1, ..., scores; Parquet or JSON lines",
            text_columns.read_text_columns,
            text_columns.write_text_columns,
        ),
        Format(
            "sbert-negatives",
            "ids",
            "scores",
            'sentence-transformers: JSON lines {"qid", "pos", "neg": {miner: [...]}}, with "ce-score" or without',
            mined_negatives.read_mined_negatives,
            mined_negatives.write_mined_negatives,
        ),
        Format(
            "sbert-lists",
            "ids",
            "lists",
            "sentence-transformers: query_id, doc_ids, labels (0 or 1); Parquet or JSON lines",
            id_tables.read_labelled_lists,
            id_tables.write_labelled_lists,
        ),
        Format(
            "sbert-margins",
            "ids",
            "margins",
            "sentence-transformers: query_id, positive_id, negative_id, score; Parquet or JSON lines",
            id_tables.read_margins,
            id_tables.write_margins,
        ),
        Format(
            "score-map",
            "ids",
            "scores",
            "pickled {query: {passage: score}}, .pkl or .pkl.gz; read without unpickling",
            score_maps.read_score_map,
        ),
        Format(
            "colbert",
            "ids",
            "scores",
            "Stanford ColBERT, PLAID-X: JSON lines [query, [passage, score], ...]; whole numbers as ids",
            colbert.read_colbert,
            colbert.write_colbert,
        ),
        Format(
            "hofstatter",
            "ids",
            "scores",
            "Hofstätter's scores: lines of pos_score, neg_score, query, positive, negative; tabs between",
            triples.read_hofstatter,
            triples.write_hofstatter,
        ),
        Format(
            "hofstatter-texts",
            "texts",
            "scores",
            "the same with texts in place of ids",
            triples.read_hofstatter,
            triples.write_hofstatter_texts,
        ),
        Format(
            "gpl",
            "ids",
            "margins",
            "GPL: lines of query, positive, negative, margin; tabs between",
            triples.read_gpl,
            triples.write_gpl,
        ),
        Format(
            "trec-run",
            "ids",
            "scores",
            "TREC: lines of query, Q0, passage, rank, score, tag",
            trec.read_run,
            trec.write_run,
        ),
        Format(
            "rank-distillm",
            "ids",
            "scores",
            "one pair a row: qid, docno, rank, score (or query_id, passage_id, score); Parquet or JSON lines",
            pair_tables.read_pairs,
            pair_tables.write_pairs,
        ),
        Format(
            "light-splade",
            "ids",
            "scores",
            'light-splade: JSON lines {"qid", "scores": {passage: score}}; whole numbers as ids',
            light_splade.read_light_splade,
            light_splade.write_light_splade,
        ),
        Format(
            "flagembedding",
            "texts",
            "scores",
            'FlagEmbedding: JSON lines {"query", "pos", "neg", "pos_scores", "neg_scores"}',
            flag_embedding.read_flag_embedding,
            flag_embedding.write_flag_embedding,
        ),
        Format(
            "tevatron",
            "texts",
            "scores",
            'Tevatron retrievers: JSON lines with "score" inside positive_passages and negative_passages',
            tevatron.read_retriever,
            tevatron.write_retriever,
        ),
        Format(
            "tevatron-reranker",
            "texts",
            "scores",
            'Tevatron rerankers: JSON lines {"query_id", "query", "passages", "scores"}',
            tevatron.read_reranker,
            tevatron.write_reranker,
        ),
        Format(
            "opensearch",
            "texts",
            "scores",
            'OpenSearch: JSON lines {"query", "docs", "scores"}, or {"query", "pos", "negs"}',
            opensearch.read_opensearch,
            opensearch.write_opensearch,
        ),
    )
}


def format_named(name: str) -> Format:
    """The format `name`.

    Raises:
        MenuraError: there is none.
    """
    if name not in FORMATS:
        raise MenuraError(f"[formats] there is no format {name!r}; there are: {', '.join(FORMATS)}.")
    return FORMATS[name]
