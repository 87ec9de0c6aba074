"""Table of the kinds of upstreams: what each understands, and under which name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from protocol.parameter_table import PARAMETERS

SCHEMA: Final = "json_schema"
"""Parameter that every kind takes as OpenAI's ``response_format``."""


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of upstream.

    ``parameters``: for each parameter that it has, the name in its API; others are refused. ``fields``: added to each
    chat request; ``continue_fields``: added when the last message is the beginning of the answer. ``continues``: it can
    continue a text. ``echoes``: it may send that text again first. ``native``: it has llama-server's `/completion`,
    `/apply-template`, `/slots` and `/tokenize`. ``template_variables``: it takes `chat_template_kwargs`.
    ``answers_aside``: it answers other requests while it reads a prompt, as not every server of OpenAI's API does.
    """

    name: str
    title: str
    parameters: Mapping[str, str]
    fields: Mapping[str, Any] = field(default_factory=_nothing)
    continue_fields: Mapping[str, Any] = field(default_factory=_nothing)
    continues: bool = True
    echoes: bool = False
    native: bool = False
    logprobs: bool = True
    template_variables: bool = False
    answers_aside: bool = True


def _same(*names: str, **others: str) -> Mapping[str, str]:
    """Return the parameters of OpenAI's API and ``names`` under their own names, and ``others`` under another one."""
    openai = [each.name for each in PARAMETERS if each.openai]
    return MappingProxyType({**{name: name for name in (*openai, *names)}, **others})


_NO_BIAS: Final = MappingProxyType({name: name for name in _same() if name != "logit_bias"})

_CONTINUE: Final = MappingProxyType({"add_generation_prompt": False, "continue_final_message": True})

KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind(
                name="llama-server",
                title="llama-server",
                parameters=MappingProxyType({each.name: each.name for each in PARAMETERS}),
                fields=MappingProxyType({"return_progress": True}),
                native=True,
                template_variables=True,
            ),
            Kind(
                name="vllm",
                title="vLLM",
                parameters=_same("top_k", "min_p", repeat_penalty="repetition_penalty"),
                continue_fields=_CONTINUE,
                template_variables=True,
            ),
            Kind(
                name="sglang",
                title="SGLang",
                parameters=_same("top_k", "min_p", repeat_penalty="repetition_penalty"),
                continue_fields=MappingProxyType({"continue_final_message": True}),
                template_variables=True,
            ),
            Kind(name="ollama", title="Ollama", parameters=_NO_BIAS, logprobs=False),
            Kind(
                name="lmstudio",
                title="LM Studio",
                parameters=_same("top_k", "repeat_penalty"),
                echoes=True,
                logprobs=False,
            ),
            Kind(name="openai", title="an OpenAI API", parameters=_same(), continues=False, answers_aside=False),
        )
    }
)
"""All kinds, by their names in ``--upstream-kind``."""

AUTO: Final = "auto"
