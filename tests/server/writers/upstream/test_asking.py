"""Detection of an upstream at the start, and the one line that a person gets when that fails."""

import json
import socket
from collections.abc import Iterator

import pytest

from server.engine.base import ModelError
from server.writers.upstream import asking
from server.writers.upstream.asking import ask_upstream
from server.writers.upstream.kinds import KINDS
from server.writers.upstream.option import base_of, key_variable, read_upstream
from server.writers.upstream.upstream import Address, Upstream
from tests.server.writers.upstream.scripted import Scripted
from tests.server.writers.upstream.scripted_reply import MODEL


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which nothing listens; it stays bound, so that no other program gets it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def asked(scripted: Scripted, model: str | None = None, patience: float = 60) -> Upstream:
    return ask_upstream(Address(url=scripted.url, key="sk-secret-key", patience=patience), model=model)


def refused(scripted: Scripted, model: str | None = None, patience: float = 60) -> str:
    with pytest.raises(ModelError) as raised:
        asked(scripted, model, patience)
    text = str(raised.value)
    assert text.startswith(f"--upstream {scripted.url}: ") and "\n" not in text and "sk-secret-key" not in text
    return text


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_found_out(kind: str) -> None:
    with Scripted(kind) as scripted:
        found = asked(scripted)
        assert (found.kind.name, found.models[0].name) == (kind, MODEL)
        native = kind == "llama-server"
        assert (found.confirms_stop, found.slots) == (native, 3 if native else None)
        assert found.models[0].context == (2048 if native else 4096)


def test_one_that_loads_its_model_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PAUSE", 0.001)
    with Scripted("llama-server") as scripted:
        scripted.facts = {"/v1/models": [(503, {"error": {"message": "Loading model"}})] * 3}
        assert asked(scripted).kind.name == "llama-server"


def test_one_that_loads_for_longer_than_the_patience_is_named() -> None:
    with Scripted("vllm") as scripted:
        scripted.facts = {"/v1/models": [(503, {"error": {"message": "Loading model"}})] * 99}
        assert "it answers 503: Loading model; start it, or check the address" in refused(scripted, patience=0)


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (401, {"error": {"message": "no key sk-secret-key"}}, "set STREAMUI_UPSTREAM_KEY"),
        (403, {}, "set another STREAMUI_UPSTREAM_KEY"),
        (404, {}, "check --upstream"),
        (500, {"detail": "broken"}, "it answers 500: broken"),
        (200, "<html>", "no API; give the address of an OpenAI API"),
        (200, {"data": 7}, "no API; give the address of an OpenAI API"),
        (200, {"data": []}, "it has no models; load one there"),
        (200, {"data": [{"id": ""}, 3, {}]}, "it has no models; load one there"),
    ],
)
def test_an_address_that_is_no_api_is_named_with_a_remedy(status: int, answer: object, said: str) -> None:
    with Scripted("vllm") as scripted:
        scripted.facts = {"/v1/models": [(status, answer)]}
        assert said in refused(scripted)


def test_a_llama_server_that_wants_a_key_is_named() -> None:
    """It lists its models without one."""
    with Scripted("llama-server") as scripted:
        scripted.facts = {"/props": [(401, {"error": {"message": "Invalid API Key"}})]}
        assert "set STREAMUI_UPSTREAM_KEY" in refused(scripted)


def test_a_page_is_no_api() -> None:
    with Scripted("vllm") as scripted:
        scripted.facts = {"/v1/models": [(200, b"<!doctype html>")]}
        assert "/v1/models has a page that is no API" in refused(scripted)


def test_a_model_that_is_not_there_is_named_with_those_that_are() -> None:
    models = {"data": [{"id": f"model-{number}"} for number in range(20)]}
    with Scripted("vllm") as scripted:
        scripted.facts = {"/v1/models": [(200, models)]}
        text = refused(scripted, "model-7b")
        assert "it has no model 'model-7b'; it has model-7, " in text and "and 12 more" in text


def test_the_models_are_served_or_the_one_that_is_named() -> None:
    models = {"data": [{"id": "one"}, {"id": "/files/two.Q4.gguf"}, {"id": "one"}]}
    with Scripted("vllm") as scripted:
        scripted.facts = {"/v1/models": [(200, models)] * 2}
        assert [model.name for model in asked(scripted).models] == ["one", "two.Q4"]
        assert [model.id for model in asked(scripted, "two.Q4").models] == ["/files/two.Q4.gguf"]


def test_an_address_where_nothing_listens_is_named(closed_port: int) -> None:
    with pytest.raises(ModelError, match=r"it can't be reached \(Connection refused\); start it, or check the address"):
        ask_upstream(Address(url=f"http://127.0.0.1:{closed_port}"))


def test_tls_with_a_server_that_has_none_is_named() -> None:
    with Scripted("vllm") as scripted, pytest.raises(ModelError, match="give its http address"):
        ask_upstream(Address(url=scripted.url.replace("http:", "https:"), patience=0))


def test_hosted_openai_has_another_name_for_the_limit() -> None:
    found = asking.limit_named(KINDS["openai"], Address(url="https://api.openai.com"))
    assert found.parameters["max_tokens"] == "max_completion_tokens"


def test_a_key_is_in_no_text_of_its_address() -> None:
    assert "secret" not in repr(Address(url="http://gpu", key="secret"))
    assert "secret" not in json.dumps(str(Address(url="http://gpu", key="secret")))


@pytest.mark.parametrize(
    ("text", "name", "url"),
    [
        ("http://gpu:8000", "", "http://gpu:8000"),
        (" https://x.example/api/v1/ ", "", "https://x.example/api"),
        ("big=http://[::1]:8000/v1", "big", "http://[::1]:8000"),
    ],
)
def test_an_address_is_read_with_or_without_a_name(text: str, name: str, url: str) -> None:
    assert read_upstream(text) == (name, url)


@pytest.mark.parametrize(
    "url", ["gpu:8000", "ftp://gpu", "http://", "http://gpu:0", "http://gpu:x", "http://gpu?a=b", "http://[::1"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="it is not an address such as"):
        base_of(url)


def test_a_key_in_the_address_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValueError, match="set STREAMUI_UPSTREAM_KEY instead") as raised:
        base_of("http://user:secret@gpu")
    assert "secret" not in str(raised.value)


def test_each_named_upstream_has_a_key_of_its_own() -> None:
    assert [key_variable(name) for name in ("", "my-gpu")] == ["STREAMUI_UPSTREAM_KEY", "STREAMUI_UPSTREAM_KEY_MY_GPU"]
