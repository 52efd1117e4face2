"""Tiny models with random weights and a tiny collection: all that the tests of the pipeline need."""

from __future__ import annotations

import json
import random
import string
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertModel,
    BertTokenizer,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipProcessor,
)

WORDS = """
read write open close file folder path line text word number list table row column key value sort order search find
index query passage score model train test loss step batch token weight vector sparse dense answer teacher student
margin positive negative corpus split hash store append delete update copy move name type size count first last red
green blue black white small large fast slow new old left right up down
""".split()
VOCABULARY = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *string.punctuation,
    *string.ascii_lowercase,
    *(f"##{letter}" for letter in string.ascii_lowercase),
    *string.digits,
    *WORDS,
]
_SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def tiny_tokenizer_folder(folder: Path) -> str:
    """The lower-casing WordPiece tokenizer of all the models here, without a model."""
    tiny_tokenizer(folder).save_pretrained(folder)
    return str(folder)


def tiny_tokenizer(folder: Path) -> BertTokenizer:
    """The same, with its vocabulary in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    return BertTokenizer(vocab=str(folder / "vocab.txt"), model_max_length=128)


def tiny_encoder(folder: Path, *, layers: int = 2) -> str:
    """A BERT encoder of 32 dimensions."""
    return _save(BertModel(_config(layers)), folder)


def tiny_masked_lm(folder: Path) -> str:
    """The same as a masked LM; about half of its terms are active for any text."""
    return _save(BertForMaskedLM(_config(2)), folder)


def tiny_cross_encoder(folder: Path, *, labels: int = 1) -> str:
    """The same as a cross-encoder."""
    return _save(BertForSequenceClassification(_config(2, num_labels=labels)), folder)


def tiny_causal_lm(folder: Path) -> str:
    """A Llama of 32 dimensions. Its tokenizer is the same, so a [CLS] comes first."""
    config = LlamaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    return _save(LlamaForCausalLM(config), folder)


def tiny_dual_encoder(folder: Path, *, siglip: bool = False) -> str:
    """A CLIP of 32 dimensions, for images of 16 x 16 pixels and texts of 16 tokens; or a SigLIP."""
    text = {"vocab_size": len(VOCABULARY), "max_position_embeddings": 16, **_SMALL}
    vision = {"image_size": 16, "patch_size": 8, **_SMALL}
    if siglip:
        model = SiglipModel(SiglipConfig(text_config={**text, "projection_size": 32}, vision_config=vision))
        processor = SiglipProcessor(SiglipImageProcessor(size={"height": 16, "width": 16}), tiny_tokenizer(folder))
    else:
        end = VOCABULARY.index("[SEP]")
        model = CLIPModel(
            CLIPConfig(text_config={**text, "eos_token_id": end}, vision_config=vision, projection_dim=16)
        )
        size = {"height": 16, "width": 16}
        processor = CLIPProcessor(
            CLIPImageProcessor(size={"shortest_edge": 16}, crop_size=size), tiny_tokenizer(folder)
        )
    saved = _save(model, folder)
    processor.save_pretrained(folder)
    return saved


def tiny_images(folder: Path, count: int) -> list[Path]:
    """PNG files of 20 x 18 random pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    paths = [folder / f"{number}.png" for number in range(count)]
    for path in paths:
        Image.fromarray(generator.integers(0, 256, (18, 20, 3), np.uint8)).save(path)
    return paths


def tiny_beir(folder: Path, *, passages: int = 40, queries: int = 12) -> Path:
    """A BEIR folder: each query's words stand in its passage. Half of the queries are for training."""
    generator = random.Random(0)
    texts = {f"p{i}": " ".join(generator.choices(WORDS, k=12)) for i in range(passages)}
    asked = {f"q{i}": " ".join(generator.sample(texts[f"p{i}"].split(), 4)) for i in range(queries)}
    (folder / "qrels").mkdir(parents=True)
    for name, rows in (("corpus", texts), ("queries", asked)):
        lines = [json.dumps({"_id": identifier, "text": text}) for identifier, text in rows.items()]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    for split, chosen in (("train", range(queries // 2)), ("test", range(queries // 2, queries))):
        lines = ["query-id\tcorpus-id\tscore", *(f"q{i}\tp{i}\t1" for i in chosen)]
        (folder / "qrels" / f"{split}.tsv").write_text("\n".join(lines) + "\n")
    return folder


def _config(layers: int, **options: int) -> BertConfig:
    return BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        initializer_range=0.2,
        **options,
    )


def _save(model: PreTrainedModel, folder: Path) -> str:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.2, generator=generator)
    tiny_tokenizer_folder(folder)
    model.save_pretrained(folder)
    return str(folder)
