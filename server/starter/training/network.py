"""A llama-architecture network in PyTorch, small enough to train on two cores."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class NetworkShape:
    """Dimensions of the network."""

    vocabulary: int = 3072
    width: int = 256
    layers: int = 6
    heads: int = 4
    kv_heads: int = 2
    feed_forward: int = 768
    context: int = 2048
    rope_theta: float = 10_000.0
    epsilon: float = 1e-5

    @property
    def head_size(self) -> int:
        return self.width // self.heads


def rotation(shape: NetworkShape) -> tuple[Tensor, Tensor]:
    """Return the cosines and sines for every position and pair, each (context, head_size / 2)."""
    pairs = torch.arange(0, shape.head_size, 2, dtype=torch.float32) / shape.head_size
    angles = torch.outer(torch.arange(shape.context, dtype=torch.float32), shape.rope_theta**-pairs)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Apply rotary positions to adjacent pairs, the order that llama.cpp uses for this architecture."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), dim=-1).flatten(-2)


class Norm(nn.Module):
    """RMSNorm in the input's precision."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape.width))
        self.epsilon = shape.epsilon

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.epsilon)


class Attention(nn.Module):
    """Causal attention with shared key and value heads. Plain products are the fastest here on a CPU."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        kv_width = shape.kv_heads * shape.head_size
        self.q = nn.Linear(shape.width, shape.width, bias=False)
        self.k = nn.Linear(shape.width, kv_width, bias=False)
        self.v = nn.Linear(shape.width, kv_width, bias=False)
        self.out = nn.Linear(shape.width, shape.width, bias=False)

    def heads(self, x: Tensor, count: int) -> Tensor:
        return x.view(x.shape[0], x.shape[1], count, self.shape.head_size).transpose(1, 2)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor, mask: Tensor) -> Tensor:
        shape, (batch, length, _) = self.shape, x.shape
        q = rotate(self.heads(self.q(x), shape.heads), cosine, sine).to(x.dtype) * shape.head_size**-0.5
        k = rotate(self.heads(self.k(x), shape.kv_heads), cosine, sine).to(x.dtype)
        v = self.heads(self.v(x), shape.kv_heads)
        grouped = q.reshape(batch, shape.kv_heads, -1, shape.head_size)
        scores = (grouped @ k.transpose(-1, -2)).view(batch, shape.kv_heads, -1, length, length) + mask
        with torch.autocast("cpu", enabled=False):
            shares = torch.softmax(scores, dim=-1).view(batch, shape.kv_heads, -1, length)
        mixed = (shares @ v).view(batch, shape.heads, length, shape.head_size)
        return self.out(mixed.transpose(1, 2).flatten(-2))


class Layer(nn.Module):
    """One layer: attention, then a gated feed-forward network, each on a normalized input."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.attention_norm = Norm(shape)
        self.attention = Attention(shape)
        self.feed_norm = Norm(shape)
        self.gate = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.up = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.down = nn.Linear(shape.feed_forward, shape.width, bias=False)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor, mask: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cosine, sine, mask)
        inner = self.feed_norm(x)
        return x + self.down(functional.silu(self.gate(inner)) * self.up(inner))


class Llama(nn.Module):
    """The complete network. Its output matrix is the embedding."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = Norm(shape)
        cosine, sine = rotation(shape)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)
        for weight in self.parameters():
            if weight.ndim == 2:
                nn.init.normal_(weight, std=0.02)

    def hidden(self, tokens: Tensor) -> Tensor:
        """Return the normalized last states of (batch, length) tokens."""
        length = tokens.shape[1]
        x = self.embedding(tokens)
        x = x.to(torch.get_autocast_dtype("cpu")) if torch.is_autocast_enabled("cpu") else x
        mask = torch.full((length, length), float("-inf"), dtype=x.dtype).triu(1)
        for block in self.blocks:
            x = block(x, self.cosine[:length], self.sine[:length], mask)
        return self.norm(x)

    def forward(self, tokens: Tensor) -> Tensor:
        return functional.linear(self.hidden(tokens), self.embedding.weight)
