"""`python -m server.starter.training.train`: writes the dialogues, trains tokenizer and network, and exports the model.

Needs requirements.txt in this folder. All randomness follows from one seed; sums over threads may still differ slightly
between runs.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from server.starter import MODEL_PATH
from server.starter.training import evaluate
from server.starter.training.corpus.dialogues import Dialogue, dialogue
from server.starter.training.export import export
from server.starter.training.network import Llama, NetworkShape
from server.starter.training.sample_encoder import Encoder, Sample, train_tokenizer

MALLOC = {-8: 1, -4: 0, -1: 2**31 - 1, -2: 2**28}
"""mallopt: M_ARENA_MAX, M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD."""


@dataclass(frozen=True)
class TrainingStage:
    """One part of the run, with its own dialogues. ``peak``: factor on the recipe's rates, which reach zero at step
    ``zero``."""

    steps: int
    peak: float
    zero: int


@dataclass(frozen=True)
class Recipe:
    """Parameters of the training run. In a stage, rates fall linearly from the share ``decay_from`` of it to zero."""

    seed: int = 2
    stages: tuple[TrainingStage, ...] = (
        TrainingStage(1400, 1.0, 1400),
        TrainingStage(375, 0.4, 550),
        TrainingStage(64, 0.22, 64),
        TrainingStage(400, 0.3, 400),
    )
    batch_tokens: int = 6_000
    pool: int = 32
    warmup: int = 20
    decay_from: float = 0.35
    matrix_rate: float = 0.02
    other_rate: float = 0.003
    text_dialogues: int = 12_000


def tokenizer_text(recipe: Recipe, forbidden: frozenset[str]) -> Iterator[str]:
    """Yield the questions and answers from which the vocabulary is built."""
    rng = random.Random(recipe.seed)
    for _ in range(recipe.text_dialogues):
        for exchange in dialogue(rng, forbidden).exchanges:
            yield exchange.question
            yield from exchange.answer.split("\n")


def dialogues(seed: int, forbidden: frozenset[str]) -> Iterator[Dialogue]:
    rng = random.Random(seed)
    while True:
        yield dialogue(rng, forbidden)


def grouped(samples: list[Sample], budget: int) -> list[list[Sample]]:
    """Group samples of similar length into batches of at most `budget` tokens, padding included."""
    batches: list[list[Sample]] = [[]]
    for sample in sorted(samples, key=lambda sample: len(sample.tokens)):
        if batches[-1] and len(sample.tokens) * (len(batches[-1]) + 1) > budget:
            batches.append([])
        batches[-1].append(sample)
    return batches


def batches(recipe: Recipe, number: int, model: bytes, forbidden: frozenset[str], limit: int) -> Iterator[list[Sample]]:
    """Yield endless batches for one stage: a pool is filled, cut into batches, and drawn in random order."""
    seed = recipe.seed + 100 * number
    encoder, stream = Encoder(model, random.Random(seed)), dialogues(seed + 1, forbidden)
    while True:
        pool: list[Sample] = []
        while sum(len(sample.tokens) for sample in pool) < recipe.pool * recipe.batch_tokens:
            pool.extend(encoder.sample(next(stream), limit) for _ in range(50))
        found = grouped(pool, recipe.batch_tokens)
        encoder.rng.shuffle(found)
        yield from found


def tensors(batch: list[Sample]) -> tuple[Tensor, Tensor, Tensor]:
    """Return inputs, targets and weights of a batch, each (samples, length)."""
    length = max(len(sample.tokens) for sample in batch)
    tokens = torch.zeros(len(batch), length, dtype=torch.long)
    weights = torch.zeros(len(batch), length)
    for row, sample in enumerate(batch):
        tokens[row, : len(sample.tokens)] = torch.tensor(sample.tokens)
        weights[row, : len(sample.tokens)] = torch.tensor(sample.weights)
    return tokens[:, :-1], tokens[:, 1:], weights[:, 1:]


def loss_of(network: Llama, batch: list[Sample]) -> Tensor:
    """Return the mean loss over the answers' tokens; only those are projected to the vocabulary."""
    inputs, targets, weights = tensors(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        chosen = weights > 0
        logits = functional.linear(network.hidden(inputs)[chosen], network.embedding.weight)
    losses = functional.cross_entropy(logits.float(), targets[chosen], reduction="none")
    return (losses * weights[chosen]).sum() / weights.sum()


def optimisers(network: Llama, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Return the optimisers: Muon for the layers' matrices, AdamW for the embedding and the norms."""
    matrices = [weight for weight in network.blocks.parameters() if weight.ndim == 2]
    others: list[nn.Parameter] = [network.embedding.weight]
    others += [weight for weight in network.parameters() if weight.ndim == 1]
    return [
        torch.optim.Muon(matrices, lr=recipe.matrix_rate, momentum=0.95, weight_decay=0.01),
        torch.optim.AdamW(others, lr=recipe.other_rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def rate(step: int, stage: TrainingStage, recipe: Recipe) -> float:
    """Return the share of the full learning rate at a step."""
    start = recipe.decay_from * stage.zero
    return stage.peak * min(1.0, (step + 1) / recipe.warmup, (stage.zero - step) / (stage.zero - start))


def fit(network: Llama, stream: Iterator[list[Sample]], stage: TrainingStage, recipe: Recipe, checkpoint: Path) -> None:
    """Train in place and report the progress every 25 steps."""
    chosen = optimisers(network, recipe)
    began, mean = time.monotonic(), 0.0
    for step in range(stage.steps):
        for optimiser in chosen:
            for group in optimiser.param_groups:
                group["lr"] = group.setdefault("full", group["lr"]) * rate(step, stage, recipe)
        loss = loss_of(network, next(stream))
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        for optimiser in chosen:
            optimiser.step()
            optimiser.zero_grad()
        mean += (loss.item() - mean) * max(0.04, 1 / (step + 1))
        if step % 25 == 24 or step + 1 == stage.steps:
            print(f"step {step + 1}/{stage.steps} loss {mean:.3f} {time.monotonic() - began:.0f} s", flush=True)
            torch.save(network.state_dict(), checkpoint)


def keep_memory() -> None:
    """Make glibc keep freed memory: new pages for every tensor made a step four times as slow."""
    with contextlib.suppress(AttributeError):
        for option, value in MALLOC.items():
            ctypes.CDLL(None).mallopt(option, value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=MODEL_PATH, help="the GGUF to write")
    parser.add_argument("--work", type=Path, default=Path("build/starter"), help="folder for tokenizer and checkpoint")
    parser.add_argument("--stage", type=int, default=0, help="begin with this stage, from the last one's checkpoint")
    options = parser.parse_args()
    recipe = Recipe()
    keep_memory()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    shape = NetworkShape()
    forbidden = evaluate.forbidden()
    vocabulary, checkpoint = options.work / "tokenizer.model", options.work / "network.pt"
    network = Llama(shape)
    print(f"{sum(weight.numel() for weight in network.parameters()):,} parameters", flush=True)
    if options.stage:
        network.load_state_dict(torch.load(checkpoint, weights_only=True))
    else:
        vocabulary.write_bytes(train_tokenizer(tokenizer_text(recipe, forbidden), shape.vocabulary))
    model = vocabulary.read_bytes()
    for number, stage in list(enumerate(recipe.stages))[options.stage :]:
        fit(network, batches(recipe, number, model, forbidden, shape.context), stage, recipe, checkpoint)
    export(network, model, options.output)
    print(f"wrote {options.output}: {options.output.stat().st_size:,} bytes", flush=True)


if __name__ == "__main__":
    main()
