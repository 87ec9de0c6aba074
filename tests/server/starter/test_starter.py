"""The shipped model in the project's own engine, and its training corpus."""

import random
from collections.abc import Iterator
from itertools import islice

import pytest

from server.starter import MODEL_PATH
from server.starter.training.corpus.dialogues import dialogue, normal
from server.starter.training.evaluate import Scores, evaluate, fault, forbidden, questions, repeats
from server.starter.training.score import EngineAnswers


@pytest.fixture(scope="module")
def answers() -> Iterator[EngineAnswers]:
    answers = EngineAnswers(MODEL_PATH)
    yield answers
    answers.close()


@pytest.fixture(scope="module")
def scores(answers: EngineAnswers) -> Scores:
    return evaluate(answers, seed=1)


def test_a_sample_of_the_questions_is_answered(answers: EngineAnswers, monkeypatch: pytest.MonkeyPatch) -> None:
    """The short form of the evaluation: every sixth question, with bounds for so few."""
    sample = {name: asked[::6] if isinstance(asked, list) else asked for name, asked in questions().items()}
    monkeypatch.setattr("server.starter.training.evaluate.questions", lambda: sample)
    scores = evaluate(answers, seed=1)
    assert scores.on_topic.value >= 0.5, scores.report()
    assert scores.well_formed.value >= 0.8, scores.report()
    assert scores.declined.value >= 0.6, scores.report()


def test_the_file_is_small() -> None:
    assert MODEL_PATH.stat().st_size <= 8_000_000


@pytest.mark.slow
def test_most_questions_are_answered_on_their_topic(scores: Scores) -> None:
    assert scores.on_topic.value >= 0.65, scores.report()


@pytest.mark.slow
def test_answers_are_whole_and_well_formed(scores: Scores) -> None:
    assert scores.well_formed.value >= 0.9, scores.report()


@pytest.mark.slow
def test_unknowable_questions_are_declined(scores: Scores) -> None:
    assert scores.declined.value >= 0.8, scores.report()


@pytest.mark.slow
def test_stories_are_written_and_long_answers_are_long(scores: Scores) -> None:
    assert scores.stories.value >= 0.8, scores.report()
    assert scores.long.value >= 0.8, scores.report()


@pytest.mark.slow
def test_most_stories_and_long_answers_do_not_loop(scores: Scores) -> None:
    assert scores.without_loops.value >= 0.8, scores.report()


def test_two_stories_differ(answers: EngineAnswers) -> None:
    wish = [{"role": "user", "content": "Tell me a story"}]
    assert answers(wish, seed=1, max_tokens=300) != answers(wish, seed=2, max_tokens=300)


def test_a_system_message_is_tolerated(answers: EngineAnswers) -> None:
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello!"}]
    assert fault(answers(messages, seed=1, max_tokens=200), "") == ""


def test_there_are_enough_questions() -> None:
    data = questions()
    assert len(data["questions"]) >= 110
    assert len(data["unknowable"]) >= 30
    assert len(forbidden()) >= 150


def test_the_generator_never_asks_a_question_of_the_evaluation() -> None:
    rng = random.Random(7)
    asked = {normal(exchange.question) for _ in range(2_000) for exchange in dialogue(rng, forbidden()).exchanges}
    assert not (asked & forbidden()) - {""}


def test_the_same_seed_writes_the_same_dialogues() -> None:
    def drawn() -> list[object]:
        rng = random.Random(3)
        return list(islice((dialogue(rng, frozenset()) for _ in iter(int, 1)), 20))

    assert drawn() == drawn()


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("Hello! How can I help?", ""),
        ("Here you are:\n\n- Bread\n- Milk", ""),
        ("", "empty"),
        ("The stream is", "cut off"),
        ("Here it is:\n\n```python\nprint(1)", "unbalanced"),
        ('The server says "hello.', "unbalanced"),
        ("The strobblewonk is here.", "unknown words ['strobblewonk']"),
        ("One day the cat and the dog went home to the old house. " * 5 + "The end.", "repeats itself"),
    ],
)
def test_faults_are_found(answer: str, found: str) -> None:
    assert fault(answer, "") == found


def test_repeats_counts_runs_of_words() -> None:
    assert repeats("one two three four five six seven eight nine ten") == 0
    assert repeats("one two three four five six seven eight " * 4) > 0.5
