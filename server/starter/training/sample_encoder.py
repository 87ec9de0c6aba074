"""The vocabulary (sentencepiece BPE with byte fallback), and the conversion of dialogues to tokens."""

from __future__ import annotations

import io
import random
from collections.abc import Iterable
from dataclasses import dataclass

import sentencepiece

from server.starter.training.corpus.dialogues import Dialogue

SYSTEM, USER, ASSISTANT, END = "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"
BEGIN = "<s>"


def train_tokenizer(sentences: Iterable[str], size: int) -> bytes:
    """Train a sentencepiece model. Text is kept unchanged: no normalization, no space added before it."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        model_type="bpe",
        vocab_size=size,
        byte_fallback=True,
        character_coverage=0.9998,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        split_digits=True,
        user_defined_symbols=["\n\n", "\n"],
        control_symbols=[SYSTEM, USER, ASSISTANT],
        unk_id=0,
        bos_id=1,
        bos_piece=BEGIN,
        eos_id=2,
        eos_piece=END,
        pad_id=-1,
        num_threads=2,
        minloglevel=1,
    )
    return model.getvalue()


@dataclass(frozen=True)
class Sample:
    """A dialogue's tokens, with the weight of predicting each."""

    tokens: tuple[int, ...]
    weights: tuple[float, ...]


def weight(index: int) -> float:
    """Return the weight of a token of an answer: the first ones decide what is said, the rest follows from them."""
    return 5.0 if index < 4 else 2.5 if index < 12 else 1.0


class Encoder:
    """Converts dialogues to samples. Questions are sometimes split differently, to handle odd spellings."""

    def __init__(self, model: bytes, rng: random.Random) -> None:
        self.pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
        self.rng = rng
        self.system, self.user, self.assistant, self.end = (
            self.pieces.piece_to_id(piece) for piece in (SYSTEM, USER, ASSISTANT, END)
        )
        self.begin = self.pieces.bos_id()

    def question(self, text: str) -> list[int]:
        if self.rng.random() < 0.25:
            return list(self.pieces.encode(text, enable_sampling=True, alpha=0.1, nbest_size=-1))
        return list(self.pieces.encode(text))

    def sample(self, dialogue: Dialogue, limit: int) -> Sample:
        """Encode the dialogue up to its last exchange that fits. See `weight`."""
        tokens, weights = [self.begin], [0.0]

        def add(ids: list[int], counts: list[float]) -> None:
            tokens.extend(ids)
            weights.extend(counts)

        if dialogue.system:
            ids = [self.system, *self.pieces.encode(dialogue.system), self.end]
            add(ids, [0.0] * len(ids))
        for exchange in dialogue.exchanges:
            asked = [self.user, *self.question(exchange.question.strip()), self.end, self.assistant]
            answer = [*self.pieces.encode(exchange.answer), self.end]
            if len(tokens) + len(asked) + len(answer) > limit:
                break
            add(asked, [0.0] * len(asked))
            add(answer, [weight(index) for index in range(len(answer))])
        return Sample(tuple(tokens), tuple(weights))
