"""Built-in chat templates for models whose own template is missing or broken."""

import contextlib
from pathlib import Path

import pytest

from server.chat.sandbox import ChatTemplateError, SandboxedTemplate
from server.chat.template import ChatTemplate
from server.chat.wellknown import WELL_KNOWN, chosen

DIALOGUE = [
    {"role": "system", "content": "S"},
    {"role": "user", "content": "U"},
    {"role": "assistant", "content": "A"},
    {"role": "user", "content": "V"},
]

EXPECTED = {
    "chatml": "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n"
    "<|im_start|>user\nV<|im_end|>\n<|im_start|>assistant\n",
    "command-r": "<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>S<|END_OF_TURN_TOKEN|>"
    "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>U<|END_OF_TURN_TOKEN|>"
    "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>A<|END_OF_TURN_TOKEN|>"
    "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>V<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
    "deepseek2": "S\n\nUser: U\n\nAssistant: A<｜end▁of▁sentence｜>User: V\n\nAssistant:",
    "deepseek3": "S\n\n<｜User｜>U<｜Assistant｜>A<｜end▁of▁sentence｜><｜User｜>V<｜Assistant｜>",
    "exaone3": "[|system|]S[|endofturn|]\n[|user|]U\n[|assistant|]A[|endofturn|]\n[|user|]V\n[|assistant|]",
    "falcon3": "<|system|>\nS\n<|user|>\nU\n<|assistant|>\nA\n<|user|>\nV\n<|assistant|>\n",
    "gemma": "<start_of_turn>user\nS\n\nU<end_of_turn>\n<start_of_turn>model\nA<end_of_turn>\n"
    "<start_of_turn>user\nV<end_of_turn>\n<start_of_turn>model\n",
    "granite": "<|start_of_role|>system<|end_of_role|>S<|end_of_text|>\n"
    "<|start_of_role|>user<|end_of_role|>U<|end_of_text|>\n"
    "<|start_of_role|>assistant<|end_of_role|>A<|end_of_text|>\n"
    "<|start_of_role|>user<|end_of_role|>V<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>",
    "llama2": "[INST] <<SYS>>\nS\n<</SYS>>\n\nU [/INST] A </s>[INST] V [/INST]",
    "llama3": "<|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>"
    "<|start_header_id|>user<|end_header_id|>\n\nU<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\nA<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nV<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "llama4": "<|header_start|>system<|header_end|>\n\nS<|eot|><|header_start|>user<|header_end|>\n\nU<|eot|>"
    "<|header_start|>assistant<|header_end|>\n\nA<|eot|><|header_start|>user<|header_end|>\n\nV<|eot|>"
    "<|header_start|>assistant<|header_end|>\n\n",
    "mistral-v1": " [INST] S\n\nU [/INST] A</s> [INST] V [/INST]",
    "mistral-v3": "[INST] S\n\nU[/INST] A</s>[INST] V[/INST]",
    "mistral-v3-tekken": "[INST]S\n\nU[/INST]A</s>[INST]V[/INST]",
    "mistral-v7": "[SYSTEM_PROMPT] S[/SYSTEM_PROMPT][INST] U[/INST] A</s>[INST] V[/INST]",
    "mistral-v7-tekken": "[SYSTEM_PROMPT]S[/SYSTEM_PROMPT][INST]U[/INST]A</s>[INST]V[/INST]",
    "openchat": "S<|end_of_turn|>GPT4 Correct User: U<|end_of_turn|>GPT4 Correct Assistant: A<|end_of_turn|>"
    "GPT4 Correct User: V<|end_of_turn|>GPT4 Correct Assistant:",
    "phi3": "<|system|>\nS<|end|>\n<|user|>\nU<|end|>\n<|assistant|>\nA<|end|>\n<|user|>\nV<|end|>\n<|assistant|>\n",
    "phi4": "<|im_start|>system<|im_sep|>S<|im_end|><|im_start|>user<|im_sep|>U<|im_end|>"
    "<|im_start|>assistant<|im_sep|>A<|im_end|><|im_start|>user<|im_sep|>V<|im_end|><|im_start|>assistant<|im_sep|>",
    "vicuna": "S\n\nUSER: U\nASSISTANT: A</s>\nUSER: V\nASSISTANT:",
    "zephyr": "<|system|>\nS</s>\n<|user|>\nU</s>\n<|assistant|>\nA</s>\n<|user|>\nV</s>\n<|assistant|>\n",
}
"""Expected result of each template for DIALOGUE."""


@pytest.mark.parametrize("name", WELL_KNOWN)
def test_a_form_writes_every_role(name: str) -> None:
    prompt = SandboxedTemplate(chosen(name).source).render(DIALOGUE)
    assert prompt.text == EXPECTED[name]
    assert "".join(prompt.text[start:end] for start, end in prompt.quoted) == "SUAV"


@pytest.mark.parametrize("name", WELL_KNOWN)
def test_a_form_has_the_stop_that_ends_an_answer(name: str) -> None:
    choice = chosen(name)
    assert (choice.origin, bool(choice.stop)) == ("chosen", True)
    with contextlib.closing(ChatTemplate("{% broken", choice=choice)) as template:
        assert (template.origin, template.stop) == ("chosen", choice.stop)
        assert template.render(DIALOGUE).text == EXPECTED[name]


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "own.jinja"
    path.write_bytes("\ufeff{{ messages[0].content }} é".encode())
    with contextlib.closing(ChatTemplate(None, choice=chosen(str(path)))) as template:
        assert (template.origin, template.stop) == ("chosen", ())
        assert template.render([{"role": "user", "content": "Hi"}]).text == "Hi é"


def test_an_unknown_name_is_reported_with_the_names_that_there_are() -> None:
    with pytest.raises(ChatTemplateError, match=r"--chat-template chatlm: .*chatml.*llama3.*zephyr") as told:
        chosen("chatlm")
    assert "\n" not in str(told.value)


def test_a_file_that_can_not_be_read_is_reported(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for path, why in ((tmp_path, "can't be read: Is a directory"), (tmp_path / "binary", "not UTF-8 text")):
        with pytest.raises(ChatTemplateError, match=why):
            chosen(str(path))
    with pytest.raises(ChatTemplateError, match="can't be read"):
        chosen("a\0b")
