"""Masked-word prediction beside distillation (Devlin et al. 2019, arXiv 1810.04805)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from menura.losses.encoded import Encoded
from menura.losses.labels import weighted_mean
from menura.losses.objective import Objective
from menura.losses.texts.columns import COLUMNS, Texts, tokens_of
from menura.losses.texts.masking import mask_words
from menura.losses.weighing import Weight

__all__ = ["MaskedWords"]


class MaskedWords(Objective[Encoded]):
    """The mean cross-entropy of masked tokens of a batch's texts; zero where none was chosen.

    One more forward, of the masked texts. Logits `[M,V]` exist for the M chosen tokens only. Special tokens are never
    chosen nor drawn.

    Args:
        language_model: a masked LM that shares its encoder with the student, as a SPLADE's own; see
            `menura.students.masked_language_model`.
        share: how many of the tokens are chosen; see `mask_words`.
        texts: whose.

    Raises:
        ValueError: the tokenizer has no mask, or `share` is not above 0 and at most 1.
    """

    encodes_again = True

    special: Tensor
    words: Tensor

    def __init__(
        self,
        language_model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        share: float = 0.15,
        texts: Texts = "passages",
        weight: Weight = 1.0,
    ) -> None:
        super().__init__("masked_words", weight=weight)
        if tokenizer.mask_token_id is None:
            raise ValueError("[masked_words] the student's tokenizer has no mask token; leave masked_words out.")
        if not 0 < share <= 1:
            raise ValueError(f"[masked_words] share must be above 0 and at most 1; got {share}.")
        self.language_model = language_model
        self.mask_id = tokenizer.mask_token_id
        self.share = share
        self.texts = texts
        special = set(tokenizer.all_special_ids)
        words = sorted(set(tokenizer.get_vocab().values()) - special)
        self.register_buffer("special", torch.tensor(sorted(special)), persistent=False)
        self.register_buffer("words", torch.tensor(words), persistent=False)

    def forward(self, encoded: Encoded) -> Tensor:
        ids, mask = tokens_of(encoded.features[COLUMNS[self.texts]])
        maskable = mask & ~torch.isin(ids, self.special)
        read, chosen = mask_words(ids, maskable, share=self.share, mask_id=self.mask_id, words=self.words)
        logits = self._logits(read, mask, chosen)
        return weighted_mean(cross_entropy(logits.float(), ids[chosen], reduction="none"), None)

    def get_config_dict(self) -> dict[str, Any]:
        return {**super().get_config_dict(), "share": self.share, "texts": self.texts}

    def _logits(self, ids: Tensor, mask: Tensor, chosen: Tensor) -> Tensor:
        """`[M,V]`: the vocabulary projection sees the chosen tokens alone."""
        decoder = self.language_model.get_output_embeddings()
        hook = decoder.register_forward_pre_hook(lambda _, inputs: (inputs[0][chosen],))
        try:
            logits: Tensor = self.language_model(input_ids=ids, attention_mask=mask.long()).logits
        finally:
            hook.remove()
        return logits
