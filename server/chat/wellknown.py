"""Well-known chat formats, for model files whose own template is missing or broken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from server.chat.rendering import MAX_SOURCE
from server.chat.sandbox import ChatTemplateError

Origin = Literal["gguf", "chatml", "chosen"]
"""Origin of a template: the model file, ChatML in place of a missing one, or the operator."""


@dataclass(frozen=True, slots=True)
class TemplateChoice:
    """A template, its origin, and the stop strings of its format."""

    source: str
    origin: Origin = "gguf"
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """A chat format: the text before and after a message of each role, and the text that begins the answer.

    ``stop`` ends an answer when the model writes it as text because its vocabulary has no such token. ``inside``: a
    system message is placed inside the next user message.
    """

    system: tuple[str, str]
    user: tuple[str, str]
    assistant: tuple[str, str]
    answer: str
    stop: tuple[str, ...] = ()
    inside: bool = False

    @property
    def source(self) -> str:
        """The format as a chat template."""
        system = _wrapped(self.system, "message.content")
        if self.inside:
            before, after = self.system
            system = f"{{% set ns.before = ns.before + {before!r} + message.content + {after!r} %}}"
        return (
            "{% set ns = namespace(before='') %}{% for message in messages %}"
            f"{{% if message.role == 'system' %}}{system}"
            f"{{% elif message.role == 'user' %}}{_wrapped(self.user, 'ns.before + message.content')}"
            "{% set ns.before = '' %}"
            f"{{% else %}}{_wrapped(self.assistant, 'message.content')}{{% endif %}}"
            f"{{% endfor %}}{{% if add_generation_prompt %}}{{{{ {self.answer!r} }}}}{{% endif %}}"
        )


def _wrapped(around: tuple[str, str], value: str) -> str:
    before, after = around
    return f"{{{{ {before!r} }}}}{{{{ {value} }}}}{{{{ {after!r} }}}}"


def _same_marks(before: str, after: str, answer: str, *stop: str, assistant: str = "assistant") -> Form:
    """Build a format whose roles have the same marks; ``before`` has ROLE in place of the role's name."""
    system, user, own = (before.replace("ROLE", role) for role in ("system", "user", assistant))
    return Form((system, after), (user, after), (own, after), answer, stop)


CHATML: Final = _same_marks("<|im_start|>ROLE\n", "<|im_end|>\n", "<|im_start|>assistant\n", "<|im_end|>")

WELL_KNOWN: Final[dict[str, Form]] = {
    "chatml": CHATML,
    "command-r": Form(
        ("<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>", "<|END_OF_TURN_TOKEN|>"),
        ("<|START_OF_TURN_TOKEN|><|USER_TOKEN|>", "<|END_OF_TURN_TOKEN|>"),
        ("<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>", "<|END_OF_TURN_TOKEN|>"),
        "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
        ("<|END_OF_TURN_TOKEN|>",),
    ),
    "deepseek2": Form(
        ("", "\n\n"),
        ("User: ", "\n\n"),
        ("Assistant: ", "<｜end▁of▁sentence｜>"),
        "Assistant:",
        ("<｜end▁of▁sentence｜>",),
    ),
    "deepseek3": Form(
        ("", "\n\n"),
        ("<｜User｜>", ""),
        ("<｜Assistant｜>", "<｜end▁of▁sentence｜>"),
        "<｜Assistant｜>",
        ("<｜end▁of▁sentence｜>",),
    ),
    "exaone3": Form(
        ("[|system|]", "[|endofturn|]\n"),
        ("[|user|]", "\n"),
        ("[|assistant|]", "[|endofturn|]\n"),
        "[|assistant|]",
        ("[|endofturn|]",),
    ),
    "falcon3": _same_marks("<|ROLE|>\n", "\n", "<|assistant|>\n", "<|user|>", "<|endoftext|>"),
    "gemma": Form(
        ("", "\n\n"),
        ("<start_of_turn>user\n", "<end_of_turn>\n"),
        ("<start_of_turn>model\n", "<end_of_turn>\n"),
        "<start_of_turn>model\n",
        ("<end_of_turn>",),
        inside=True,
    ),
    "granite": _same_marks(
        "<|start_of_role|>ROLE<|end_of_role|>",
        "<|end_of_text|>\n",
        "<|start_of_role|>assistant<|end_of_role|>",
        "<|end_of_text|>",
    ),
    "llama2": Form(
        ("<<SYS>>\n", "\n<</SYS>>\n\n"), ("[INST] ", " [/INST]"), (" ", " </s>"), "", ("</s>",), inside=True
    ),
    "llama3": _same_marks(
        "<|start_header_id|>ROLE<|end_header_id|>\n\n",
        "<|eot_id|>",
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "<|eot_id|>",
    ),
    "llama4": _same_marks(
        "<|header_start|>ROLE<|header_end|>\n\n",
        "<|eot|>",
        "<|header_start|>assistant<|header_end|>\n\n",
        "<|eot|>",
    ),
    "mistral-v1": Form(("", "\n\n"), (" [INST] ", " [/INST]"), (" ", "</s>"), "", ("</s>",), inside=True),
    "mistral-v3": Form(("", "\n\n"), ("[INST] ", "[/INST]"), (" ", "</s>"), "", ("</s>",), inside=True),
    "mistral-v3-tekken": Form(("", "\n\n"), ("[INST]", "[/INST]"), ("", "</s>"), "", ("</s>",), inside=True),
    "mistral-v7": Form(("[SYSTEM_PROMPT] ", "[/SYSTEM_PROMPT]"), ("[INST] ", "[/INST]"), (" ", "</s>"), "", ("</s>",)),
    "mistral-v7-tekken": Form(
        ("[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"), ("[INST]", "[/INST]"), ("", "</s>"), "", ("</s>",)
    ),
    "openchat": Form(
        ("", "<|end_of_turn|>"),
        ("GPT4 Correct User: ", "<|end_of_turn|>"),
        ("GPT4 Correct Assistant: ", "<|end_of_turn|>"),
        "GPT4 Correct Assistant:",
        ("<|end_of_turn|>",),
    ),
    "phi3": _same_marks("<|ROLE|>\n", "<|end|>\n", "<|assistant|>\n", "<|end|>"),
    "phi4": _same_marks("<|im_start|>ROLE<|im_sep|>", "<|im_end|>", "<|im_start|>assistant<|im_sep|>", "<|im_end|>"),
    "vicuna": Form(("", "\n\n"), ("USER: ", "\n"), ("ASSISTANT: ", "</s>\n"), "ASSISTANT:", ("USER:", "</s>")),
    "zephyr": _same_marks("<|ROLE|>\n", "</s>\n", "<|assistant|>\n", "</s>"),
}
"""Formats by their names in llama.cpp. None writes a BOS: it is put before the tokens if the model wants one."""


def chosen(text: str) -> TemplateChoice:
    """Return the template for ``--chat-template``: a name in WELL_KNOWN, or a file. Raises ChatTemplateError."""
    if text in WELL_KNOWN:
        return TemplateChoice(WELL_KNOWN[text].source, "chosen", WELL_KNOWN[text].stop)
    try:
        with Path(text).open(encoding="utf-8-sig") as file:
            source = file.read(MAX_SOURCE + 1)
    except FileNotFoundError:
        names = ", ".join(WELL_KNOWN)
        raise ChatTemplateError(
            f"--chat-template {text}: there is no such file, and no template of this name; the names are {names}"
        ) from None
    except UnicodeDecodeError:
        raise ChatTemplateError(f"--chat-template {text}: the file is not UTF-8 text") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ChatTemplateError(f"--chat-template {text}: the file can't be read: {reason}") from None
    return TemplateChoice(source, "chosen")
