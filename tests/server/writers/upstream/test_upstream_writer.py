"""The upstream writer against a scripted upstream of each kind."""

import json
from typing import Any, Literal

import pytest

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Generate
from server.engine.base import Finished, FinishReason, Limit, Phase, Piece, Prefill
from server.writers.upstream.kinds import KINDS
from tests.server.writers.upstream.scripted import Scripted
from tests.server.writers.upstream.scripted_events import held
from tests.server.writers.upstream.scripted_reply import ANSWER, PROMPT_TOKENS, THOUGHT, Reply, Seen, words
from tests.server.writers.upstream.writing import Writing, writing

CONTINUING = [name for name, kind in KINDS.items() if kind.continues]
TOKENS = len(words(ANSWER))


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_of_each_kind_is_found_out_and_written(kind: str) -> None:
    with Scripted(kind) as scripted, writing(scripted) as desk:
        assert desk.writer.known.kind().name == kind
        desk.ask("a", params={"temperature": 0, "max_tokens": 100})
        ended = desk.news.finished("a")
        assert (desk.news.text("a"), ended.reason, ended.phase) == (ANSWER, FinishReason.STOP, Phase.DECODE)
        usage = ended.usage
        assert (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens) == (PROMPT_TOKENS, 4, TOKENS)
        assert not usage.counted
        (seen,) = scripted.answers
        assert seen.headers["authorization"] == "Bearer sk-secret-key"
        assert (seen.body["temperature"], seen.body["max_tokens"]) == (0, 100)


@pytest.mark.parametrize("kind", CONTINUING)
def test_an_answer_that_is_cut_at_any_byte_goes_on_without_a_gap_or_a_repetition(kind: str) -> None:
    with Scripted(kind) as scripted, writing(scripted, slots=64) as desk:
        desk.ask("whole", params={"seed": 0})
        desk.news.finished("whole")
        length = _length(scripted)
        scripted.plan = lambda seen: Reply(cut=None if seen.before else seen.body["seed"])
        cuts = range(1, length, 1 if kind == "vllm" else 7)
        for first in range(0, len(cuts), 64):
            for cut in cuts[first : first + 64]:
                desk.ask(f"cut-{cut}", params={"seed": cut})
            desk.news.finished(f"cut-{cuts[first]}")
        for cut in cuts:
            ended = desk.news.finished(f"cut-{cut}")
            assert desk.news.text(f"cut-{cut}") == ANSWER, cut
            assert ended.reason is FinishReason.STOP
            assert (ended.usage.prompt_tokens, ended.usage.completion_tokens) in _counts(ended), cut


def _length(scripted: Scripted) -> int:
    seen = Seen(scripted.answers[-1].path, {}, scripted.answers[-1].body, 0)
    return len(b"".join(held(seen, Reply())))


def _counts(ended: Finished) -> list[tuple[int, int]]:
    """Valid counts: without a prompt only where the usage was cut off."""
    return [(PROMPT_TOKENS, TOKENS)] + ([(0, TOKENS)] if ended.usage.counted else [])


def test_a_kind_that_cannot_continue_keeps_its_text_and_fails() -> None:
    with Scripted("openai") as scripted, writing(scripted) as desk:
        scripted.plan = lambda seen: Reply(hold=3, error="overloaded")
        desk.ask("a")
        ended = desk.news.finished("a")
        assert desk.news.text("a") == "One  two\n\nthree"
        assert (ended.reason, ended.error) == (FinishReason.FAILED, "the model's server broke off: overloaded")
        assert len(scripted.answers) == 1


def test_a_kind_that_cannot_continue_is_asked_again_before_its_first_text() -> None:
    with Scripted("openai") as scripted, writing(scripted) as desk:
        scripted.plan = lambda seen: Reply() if len(scripted.answers) > 1 else Reply(cut=20)
        desk.ask("a")
        desk.news.finished("a")
        assert desk.news.text("a") == ANSWER


@pytest.mark.parametrize("place", ["own", "last", "choice", "every", "none"])
def test_usage_is_read_in_every_place_and_counted_where_there_is_none(
    place: Literal["own", "last", "choice", "every", "none"],
) -> None:
    with Scripted("vllm") as scripted, writing(scripted) as desk:
        scripted.plan = lambda seen: Reply(usage=place, bytewise=True)
        desk.ask("a")
        usage = desk.news.finished("a").usage
        assert (usage.completion_tokens, usage.counted) == (TOKENS, place == "none")
        assert usage.prompt_tokens == (0 if place == "none" else PROMPT_TOKENS)


@pytest.mark.parametrize("kind", [name for name in CONTINUING if KINDS[name].echoes])
def test_a_text_that_comes_again_is_dropped(kind: str) -> None:
    with Scripted(kind) as scripted, writing(scripted) as desk:
        scripted.plan = lambda seen: Reply(echo=True) if seen.before else Reply(hold=2, error={"message": "restarting"})
        desk.ask("a", params={"seed": 1})
        desk.news.finished("a")
        assert desk.news.text("a") == ANSWER


def test_the_progress_of_the_prompt_is_reported(desk: Writing) -> None:
    desk.ask("a")
    desk.news.finished("a")
    assert [each for each in desk.news.of("a") if isinstance(each, Prefill)] == [
        Prefill("a", 0, 0),
        Prefill("a", 4, PROMPT_TOKENS),
        Prefill("a", PROMPT_TOKENS, PROMPT_TOKENS),
    ]


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_is_text_between_marks(field: Literal["reasoning", "reasoning_content"]) -> None:
    with Scripted("vllm", lambda seen: Reply(thought=field)) as scripted, writing(scripted) as desk:
        desk.ask("a")
        desk.news.finished("a")
        assert desk.news.text("a") == f"<think>\n{THOUGHT}\n</think>\n\n{ANSWER}"


@pytest.mark.parametrize("cut", [False, True])
def test_logprobs_come_with_their_text_in_both_of_llama_servers_forms(
    cut: bool, llama: Scripted, desk: Writing
) -> None:
    llama.plan = lambda seen: Reply(logprobs=True, hold=2 if cut and not seen.before else None, error={"code": 500})
    if not cut:
        llama.plan = lambda seen: Reply(logprobs=True)
    desk.ask("a", params={"seed": 1}, top_logprobs=1)
    desk.news.finished("a")
    choices = [choice for piece in desk.news.pieces("a") for choice in piece.choices]
    assert "".join(choice.chosen.piece.decode() for choice in choices) == ANSWER
    assert {len(choice.top) for choice in choices} == {1}


def test_the_limit_of_tokens_holds_over_all_requests(llama: Scripted, desk: Writing) -> None:
    llama.plan = lambda seen: Reply() if seen.before else Reply(hold=2, error={"code": 500})
    desk.ask("a", params={"seed": 1, "max_tokens": 5})
    ended = desk.news.finished("a")
    assert desk.news.text("a") == "".join(words(ANSWER)[:5])
    assert (ended.reason, ended.limit, ended.usage.completion_tokens) == (FinishReason.LENGTH, Limit.MAX_TOKENS, 5)


def test_an_answer_of_an_earlier_server_goes_on(desk: Writing, llama: Scripted) -> None:
    desk.ask("a", text=words(ANSWER)[:3])
    ended = desk.news.finished("a")
    assert desk.news.text("a") == "".join(words(ANSWER)[3:])
    assert (ended.usage.prompt_tokens, ended.usage.completion_tokens) == (PROMPT_TOKENS, TOKENS)
    assert llama.answers[0].body["prompt"].endswith("three")


def test_an_ended_answer_is_extended(desk: Writing, llama: Scripted) -> None:
    desk.ask("a", written="One  two\n\n")
    desk.news.finished("a")
    assert desk.news.text("a") == ANSWER.removeprefix("One  two\n\n")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_upstream_is_asked_again(status: int, llama: Scripted, desk: Writing) -> None:
    llama.plan = lambda seen: Reply() if len(llama.answers) > 3 else Reply(status=status, body=b'{"error": "loading"}')
    desk.ask("a")
    assert desk.news.finished("a").reason is FinishReason.STOP
    assert len(llama.answers) == 4


def test_one_that_asks_for_more_time_than_there_is_fails_at_once(llama: Scripted, desk: Writing) -> None:
    llama.plan = lambda seen: Reply(status=429, headers={"Retry-After": "3000"}, body=b'{"error": {"message": "slow"}}')
    desk.ask("a")
    assert desk.news.finished("a").error == "the model's server can't be used: it answers 429: slow"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(status=400, body=b'{"error": {"message": "too long"}}'), "it answers 400: too long"),
        (Reply(status=401, body=b'{"error": "wrong key sk-secret-key"}'), "STREAMUI_UPSTREAM_KEY"),
        (Reply(status=404, body=b"<html>"), "--upstream-model"),
        (Reply(status=307, headers={"Location": "http://x/?sk-secret-key"}, body=b""), "redirects to http://x/?***"),
        (Reply(body=b'{"choices": []}'), "the model's server refuses"),
        (Reply(raw=b"data: {oops\n\n"), "no answer of this API"),
        (Reply(raw=b'data: {"choices": 7}\n\n'), "no answer of this API"),
        (Reply(raw=b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n'), "no answer of this API"),
        (Reply(raw=b"data: " + b"x" * (2 << 20)), "lines of more than 1 MiB"),
        (Reply(raw=b'data: {"error": {"code": 400, "message": "no"}}\n\n'), "refuses: no"),
        (Reply(finish="content_filter"), "content filter"),
    ],
)
def test_a_refusal_or_nonsense_ends_the_answer_with_its_sentence_and_without_the_key(reply: Reply, said: str) -> None:
    with Scripted("vllm", lambda seen: reply) as scripted, writing(scripted) as desk:
        desk.ask("a")
        ended = desk.news.finished("a")
        assert ended.reason is FinishReason.FAILED
        assert ended.error is not None and said in ended.error
        assert ended.code is None
        assert "sk-secret-key" not in json.dumps([str(each) for each in desk.news.of("a")])
        assert len(scripted.answers) == 1


OVERFLOWS = [
    {"code": 400, "message": "request (3030 tokens) exceeds", "type": "exceed_context_size_error", "n_ctx": 2048},
    {"code": "context_length_exceeded", "message": "Your input is too long.", "type": "invalid_request_error"},
    {"code": 400, "message": "This model's maximum context length is 2048 tokens.", "type": "BadRequestError"},
]


@pytest.mark.parametrize("error", OVERFLOWS)
@pytest.mark.parametrize("is_chunk", [False, True])
def test_a_prompt_that_is_too_long_for_the_upstream_ends_as_overflow(error: dict[str, Any], is_chunk: bool) -> None:
    body = json.dumps({"error": error}).encode()
    reply = Reply(raw=b"data: " + body + b"\n\n") if is_chunk else Reply(status=400, body=body)
    with Scripted("openai", lambda seen: reply) as scripted, writing(scripted) as desk:
        desk.ask("a")
        ended = desk.news.finished("a")
        assert ended.code == "context_overflow"
        assert ended.error is not None and ended.error.endswith(error["message"])
        assert len(scripted.answers) == 1


def test_an_upstream_that_is_gone_for_longer_than_the_patience_fails_the_answer() -> None:
    with Scripted("vllm") as scripted, writing(scripted, patience=0) as desk:
        scripted.plan = lambda seen: Reply(cut=0)
        desk.ask("a")
        error = desk.news.finished("a").error
        assert error is not None and error.startswith("the model's server can't be used: ")


def test_silence_in_an_answer_is_a_cut(llama: Scripted) -> None:
    llama.plan = lambda seen: Reply() if seen.before else Reply(hold=2)
    with writing(llama, silence=0.05) as desk:
        desk.ask("a", params={"seed": 1})
        desk.news.finished("a")
        assert desk.news.text("a") == ANSWER
        assert len(llama.answers) >= 2


def test_silence_before_the_first_text_is_waited_for(llama: Scripted) -> None:
    """The second answer ends only after a silence as long as the limit, and that began later than the first one's."""
    llama.plan = lambda seen: Reply(hold=0) if "seed" not in seen.body else Reply(hold=None if seen.before else 2)
    with writing(llama, silence=0.2) as desk:
        desk.ask("a")
        desk.news.prefills("a", 1)
        desk.ask("b", params={"seed": 1})
        assert desk.news.finished("b").reason is FinishReason.STOP
        assert sum("seed" not in each.body for each in llama.answers) == 1
        llama.release()
        assert desk.news.finished("a").reason is FinishReason.STOP
        assert desk.news.text("a") == ANSWER


@pytest.mark.parametrize(
    ("kind", "fields", "named"),
    [
        ("openai", {"params": {"top_k": 3}}, "params.top_k"),
        ("vllm", {"params": {"dry_multiplier": 0.5}}, "params.dry_multiplier"),
        ("ollama", {"top_logprobs": 3}, "top_logprobs"),
        ("openai", {"written": "One"}, "can't continue"),
        ("openai", {"chat_template_kwargs": {"a": 1}}, "chat_template_kwargs: "),
    ],
)
def test_what_a_kind_cannot_do_is_refused(kind: str, fields: dict[str, Any], named: str) -> None:
    with Scripted(kind) as scripted, writing(scripted) as desk:
        with pytest.raises(RemoteProtocolError, match=named) as raised:
            desk.ask("a", **fields)
        assert raised.value.code is ErrorCode.UNSUPPORTED


def test_an_answer_of_an_upstream_is_not_steered(desk: Writing) -> None:
    model = desk.writer.models[0].name
    with pytest.raises(RemoteProtocolError, match="takes no instruction") as raised:
        desk.writer.instruction(model, Generate(prompt="Hi"), "shorter")
    assert raised.value.code is ErrorCode.UNSUPPORTED


def test_pieces_and_counts_grow_together(desk: Writing) -> None:
    desk.ask("a")
    desk.news.finished("a")
    pieces = [each for each in desk.news.of("a") if isinstance(each, Piece)]
    assert [piece.completion_tokens for piece in pieces] == list(range(1, TOKENS + 1))
