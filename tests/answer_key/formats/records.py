"""Records to write, and what is left of them to compare in each format."""

from __future__ import annotations

from menura.answer_key.formats import FORMATS, Judged, Texts

WRITTEN = [name for name, form in FORMATS.items() if form.write is not None]
COUPLES = {"hofstatter", "hofstatter-texts", "gpl", "sbert-margins"}
TABLES = {"sbert-columns", "sbert-lists", "sbert-margins", "rank-distillm"}
# Which keep the labels of positives.
LABELLED = {"lighton", "sbert-negatives", "sbert-lists", "flagembedding", "tevatron"}

TEXTS = Texts(
    {str(number): f'query "{number}" — été' for number in range(4)},
    {str(number): f"passage {number}, \\n and 'quotes' ✓" for number in range(30)},
)
RECORDS = [
    Judged(
        "candidates",
        str(query),
        [str((query * 7 + place) % 30) for place in range(6)],
        [place * 1.7 - query / 3 for place in range(6)],
        relevant=[True, True, False, False, False, False],
        origins=["positive", "positive", "bm25", "dense", "bm25", "dense"],
    )
    for query in range(4)
]


def target_of(name, folder):
    """Where to write the format `name` under `folder`."""
    if name == "lighton":
        return folder / name
    return folder / (f"{name}.parquet" if name in TABLES else f"{name}.txt")


def scores_of(records, texts=None):
    """(query, passage) -> score, by text where `texts` are given."""
    return {pair: score for record in records for pair, score in zip(_pairs(record, texts), record.scores, strict=True)}


def margins_of(records):
    """(query, positive, negative) -> margin, of records with scores or with margins."""
    found = {}
    for record in records:
        if record.margins is not None:
            for negative, margin in zip(record.passages[1:], record.margins, strict=True):
                found[record.query, record.passages[0], negative] = margin
            continue
        for first, positive in enumerate(record.passages):
            for second, negative in enumerate(record.passages):
                if record.relevant[first] and not record.relevant[second]:
                    margin = record.scores[first] - record.scores[second]
                    found[record.query, positive, negative] = margin
    return found


def positives_of(records, texts=None):
    """The (query, passage) that are labelled as positives."""
    return {
        pair
        for record in records
        for pair, relevant in zip(_pairs(record, texts), record.relevant, strict=True)
        if relevant
    }


def _pairs(record, texts):
    for passage in record.passages:
        if texts is None:
            yield record.query, passage
        else:
            yield texts.query(record.query, ""), texts.passage(passage, "")
