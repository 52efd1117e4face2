"""What a language model is asked about a pair, as tokens; too long a prompt loses the end of its passage."""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase

from menura.errors import MenuraError
from menura.teachers.encoding import Pair

__all__ = ["Prompt"]


class Prompt:
    """A template, filled in with pairs and tokenized as a whole, so that tokens at its seams are the usual ones.

    Args:
        template: text with ``{query}`` and ``{passage}``, once each, and ``{instruction}`` where there is one.
        tokenizer: one that knows which characters a token stands for.
        max_length: tokens of a prompt.
        instruction: the same for all pairs.
        chat: the template is what the user says in the tokenizer's chat template; the answer is about to begin.

    Raises:
        MenuraError: the template lacks a placeholder or has one too many, or the tokenizer cannot do what it must.
    """

    def __init__(
        self,
        template: str,
        tokenizer: PreTrainedTokenizerBase,
        *,
        max_length: int,
        instruction: str | None = None,
        chat: bool = False,
    ) -> None:
        if ("{instruction}" in template) != (instruction is not None):
            lacking = "an instruction" if instruction is None else "{instruction} in its template"
            raise MenuraError(f"[teachers] the prompt lacks {lacking}; give both or neither.")
        if not tokenizer.is_fast:
            raise MenuraError(
                f"[teachers] {type(tokenizer).__name__} does not say where in the text its tokens stand; "
                "a language model needs a fast tokenizer (tokenizer.json)."
            )
        text = template.replace("{instruction}", instruction or "")
        self.text = _as_chat(text, tokenizer) if chat else text
        for placeholder in ("{query}", "{passage}"):
            if (times := self.text.count(placeholder)) != 1:
                raise MenuraError(f"[teachers] a prompt needs {placeholder} once; this one has it {times} times.")
        self.max_length = max_length
        # A chat template writes out its special tokens itself.
        self._opening = [] if chat else _opening(tokenizer)
        self._tokenizer = tokenizer

    def tokens(self, pairs: list[Pair]) -> list[list[int]]:
        """The token ids of each pair's prompt.

        Raises:
            MenuraError: the template and a query leave the passage no token.
        """
        filled = [self._fill(*pair) for pair in pairs]
        encoded = self._tokenizer(
            [text for text, _, _ in filled],
            add_special_tokens=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
            verbose=False,
        )
        rows = zip(encoded["input_ids"], encoded["offset_mapping"], filled, strict=True)
        prompts = [self._cut(ids, offsets, start, end) for ids, offsets, (_, start, end) in rows]
        for (query, _), prompt in zip(pairs, prompts, strict=True):
            if len(prompt) > self.max_length:
                raise MenuraError(
                    f"[teachers] a query of {len(query.split())} words, {query[:40]!r}, leaves no room for a passage "
                    f"within {self.max_length} tokens; raise teacher.max_length."
                )
        return prompts

    def _fill(self, query: str, passage: str) -> tuple[str, int, int]:
        """The text of a prompt, and where in it the passage begins and ends."""
        before, after = (part.replace("{query}", query) for part in self.text.split("{passage}"))
        return before + passage + after, len(before), len(before) + len(passage)

    def _cut(self, ids: list[int], offsets: list[tuple[int, int]], start: int, end: int) -> list[int]:
        """At most `max_length` tokens, if the passage can keep one of those that hold nothing but its characters."""
        prompt = self._opening + ids
        excess = len(prompt) - self.max_length
        if excess <= 0:
            return prompt
        passage = [index for index, (first, last) in enumerate(offsets) if start <= first and last <= end]
        if excess >= len(passage):
            return prompt
        stop = len(self._opening) + passage[-1] + 1
        return prompt[: stop - excess] + prompt[stop:]


def _opening(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The special tokens that begin a text. Those that end it would stand where the answer is read."""
    plain = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    return next((whole[:start] for start in range(len(whole)) if whole[start : start + len(plain)] == plain), [])


def _as_chat(template: str, tokenizer: PreTrainedTokenizerBase) -> str:
    if tokenizer.chat_template is None:
        raise MenuraError("[teachers] the tokenizer has no chat template; write the whole prompt as the template.")
    if "strftime_now" in str(tokenizer.chat_template):
        raise MenuraError(
            "[teachers] the chat template writes today's date, and tomorrow it would be another teacher; write the "
            "whole prompt as the template."
        )
    chat = [{"role": "user", "content": template}]
    return str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True))
