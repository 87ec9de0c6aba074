"""Requests of ``/v1/completions``, decoded and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from protocol.messages import Generate
from protocol.params import Params
from server.openai.chat_request import MAX_CHOICES, Stream, read_stream
from server.openai.errors import RefusedError
from server.openai.facts import AnswerFacts
from server.openai.fields import Fields, flag, read_fields, refuse_unsupported, whole
from server.openai.formats import own_schema
from server.openai.sampling import read_params, seeded
from server.openai.tokens import is_token

DEFAULT_MAX_TOKENS: Final = 16
MAX_LOGPROBS: Final = 5
MAX_PROMPTS: Final = 128

REFUSED: Final = {
    "suffix": "this model can't write text before a given end",
    "grammar": "this server reads no GBNF; use json_schema",
}

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """One request. Its choices are ``choices`` for each prompt, in order; ``top_logprobs`` None: without logprobs."""

    model: Any
    prompts: tuple[str | Tokens, ...]
    params: Params
    choices: int
    top_logprobs: int | None
    echo: bool
    form: Stream

    @property
    def count(self) -> int:
        """Number of choices of all prompts."""
        return len(self.prompts) * self.choices

    def generate(self, prompts: Sequence[str], facts: AnswerFacts, index: int) -> Generate:
        """Return the generation of the choice ``index``; ``prompts`` as text. It ends when its client leaves."""
        return Generate(
            id=facts.choice_id(index),
            model=facts.served,
            prompt=prompts[index // self.choices],
            raw=True,
            params=seeded(self.params, index % self.choices),
            top_logprobs=self.top_logprobs,
            on_detach_ms=0,
        )


def read_completion(body: str) -> CompletionRequest:
    """Decode the body of a request. Raises RemoteProtocolError."""
    fields = read_fields(body)
    refuse_unsupported(fields, REFUSED)
    prompts, choices = _prompts(fields), whole(fields, "n", 1, MAX_CHOICES, 1) or 1
    best_of = whole(fields, "best_of", 1, MAX_CHOICES)
    if best_of is not None and best_of > choices:
        text = f"best_of: this server returns every answer that it computes, so it can't be above n, which is {choices}"
        raise RefusedError(text, param="best_of", code="unsupported_parameter")
    top_logprobs, echo = whole(fields, "logprobs", 0, MAX_LOGPROBS), flag(fields, "echo")
    if echo and top_logprobs is not None:
        text = "echo: there are no logprobs of a prompt; leave echo or logprobs out"
        raise RefusedError(text, param="echo", code="unsupported_parameter")
    return CompletionRequest(
        model=fields.get("model"),
        prompts=prompts,
        params=read_params(fields, own_schema(fields), max_tokens=DEFAULT_MAX_TOKENS),
        choices=choices,
        top_logprobs=top_logprobs,
        echo=echo,
        form=read_stream(fields),
    )


def _prompts(fields: Fields) -> tuple[str | Tokens, ...]:
    """Return the prompts: one text or list of tokens, or a list of either."""
    given = fields.get("prompt")
    if given is None:
        text = "prompt must be a text, a list of tokens, or a list of either"
        raise RefusedError(text, param="prompt", code="missing_required_parameter")
    prompts = given if isinstance(given, list) and given and not is_token(given[0]) else [given]
    if len(prompts) > MAX_PROMPTS:
        raise RefusedError(f"prompt may have up to {MAX_PROMPTS} prompts, not {len(prompts)}", param="prompt")
    paths = [f"prompt[{place}]" if prompts is given else "prompt" for place in range(len(prompts))]
    return tuple(map(_prompt, prompts, paths))


def _prompt(given: Any, path: str) -> str | Tokens:
    if isinstance(given, str) and given:
        return given
    if isinstance(given, list) and given and all(map(is_token, given)):
        return tuple(given)
    raise RefusedError(f"{path} must be a text or a list of tokens, and not empty", param=path)
