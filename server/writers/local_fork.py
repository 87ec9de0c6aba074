"""The request of a fork: an answer that continues from a place of another one (PROTOCOL 6.12)."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Final

from msgspec.structs import replace as replaced

from protocol.errors import ErrorCode
from protocol.messages import Generate, Params, Tune
from server.chat.template import ChatTemplate
from server.engine.base import RANDOM_SEED, Engine, GenerationRequest, SamplingParams
from server.engine.detokenizer import Detokenizer
from server.writers.local_tuning import make_tuning
from server.writers.request_errors import refusal
from server.writers.writer_port import Forked

_OF_THE_PROMPT: Final = {
    "id": None,
    "messages": None,
    "conversation": None,
    "content": None,
    "results": None,
    "parent": Generate().parent,
    "message_id": None,
    "from_": None,
}
"""Fields of a `generate` that its prompt was made of: an answer's form doesn't depend on them."""


def make_fork(
    body: Generate, form: Generate, taken: GenerationRequest, tuned: Params, engine: Engine, template: ChatTemplate
) -> Forked:
    """Return the request of a fork, which the client asked for with ``body``.

    ``taken``: the other answer up to the place, with its first sampling parameters; its ``id``, ``principal`` and
    ``received`` are those of the fork. ``form``: the `generate` that the other answer has its form from. ``tuned``:
    parameters that were tuned, or changed by other forks, up to the place. Run it on a worker thread. Raises
    EngineDeadError and RemoteProtocolError.
    """
    _refuse_other_forms(body, form, taken)
    before = _tuned(taken.sampling, form, tuned, engine, template)
    sampling = replace(_tuned(before, form, body.params, engine, template), top_logprobs=body.top_logprobs)
    is_random = all(params.seed in (None, RANDOM_SEED) for params in (form.params, tuned, body.params))
    if is_random:
        sampling = replace(sampling, seed=secrets.randbits(32))
    asked = body.from_.text if body.from_ else None
    tokens = () if asked is None else tuple(engine.continuation(asked))
    text = None if asked is None else _text(body, taken, before.stop, tokens, engine)
    written = (*taken.written, *tokens)
    request = replace(
        taken,
        sampling=sampling,
        written=written,
        earlier_stops=_stops(len(written), before.stop, given=asked is not None),
        forked=bool(written),
        temporary=body.temporary,
        repeatable=not is_random,
    )
    _refuse_full(body, request, engine.facts.context)
    return Forked(request, _form(body, form), text, tokens)


def _refuse_other_forms(body: Generate, form: Generate, taken: GenerationRequest) -> None:
    """Raise RemoteProtocolError if the form of the whole answer depends on its beginning."""
    if form.tools and form.tool_choice != "none":
        reason = "it may call functions"
    elif taken.sampling.grammar is not None:
        reason = "it is written under a schema"
    else:
        return
    text = f"from: this answer can't be forked, because {reason}, and its form depends on its beginning; ask anew"
    raise refusal(body, ErrorCode.UNSUPPORTED, text, field="from")


def _refuse_full(body: Generate, request: GenerationRequest, context: int) -> None:
    read = sum(len(instruction.tokens) for _, instruction in request.instructions)
    if (tokens := len(request.prompt) + read + len(request.written)) >= context:
        text = (
            f"from: up to there the answer has {tokens} tokens with its prompt, and the context holds {context}: no "
            "room is left for another one; fork it at an earlier place"
        )
        raise refusal(body, ErrorCode.CONTEXT_OVERFLOW, text, field="from")


def _tuned(
    sampling: SamplingParams, form: Generate, params: Params, engine: Engine, template: ChatTemplate
) -> SamplingParams:
    """Return ``sampling`` with other ``params``."""
    tuning = make_tuning(form, Tune(id="fork", params=params), engine, template)
    return replace(sampling, **tuning.changes)  # type: ignore[arg-type]


def _text(
    body: Generate, taken: GenerationRequest, stop: tuple[str, ...], tokens: tuple[int, ...], engine: Engine
) -> str:
    """Return the text of ``tokens`` as the answer has it after what was taken over: with what was held back there."""
    begun, opened = 0, taken.opened
    for begun, instruction in taken.instructions:  # noqa: B007  # the newest one counts
        opened = instruction.opened
    *before, last = engine.texts(taken.written[begun:]) or [b""]
    detokenizer = Detokenizer()
    for piece in before:
        detokenizer.push(piece)
    detokenizer.change_stop(stop)
    detokenizer.push(last)
    if detokenizer.stopped:
        text = "from.seq: the answer ended there with a stop string, and nothing can follow it; fork it before that"
        raise refusal(body, ErrorCode.INVALID_FIELD, text, field="from.seq")
    detokenizer.change_stop(())
    text = "".join(map(detokenizer.push, engine.texts(tokens)))
    if not text:
        words = "from.text: this model has no token for it; give another text"
        raise refusal(body, ErrorCode.UNSUPPORTED, words, field="from.text")
    return text if taken.written[begun:] else opened + text


def _stops(tokens: int, stop: tuple[str, ...], *, given: bool) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Return the stop strings for the ``tokens`` that the fork begins with; see GenerationRequest.earlier_stops.

    Text that was sent, and text that the client gives, is not searched. What the last token that was taken over holds
    back may become a stop string of the other answer.
    """
    if given or not tokens:
        return ((tokens, ()),) if tokens else ()
    return (((tokens - 1, ()),) if tokens > 1 else ()) + ((tokens, stop),)


def _form(body: Generate, form: Generate) -> Generate:
    """Return the form of the fork: fields of ``form`` that later instructions, changes and forks depend on."""
    prompt = None if form.prompt is None else ""
    return replaced(form, **_OF_THE_PROMPT, prompt=prompt, top_logprobs=body.top_logprobs)
