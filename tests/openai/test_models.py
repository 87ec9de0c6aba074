"""The model list, read with the official client."""

import pytest
from openai import NotFoundError, OpenAI
from openai.types import Model


def test_the_list_has_the_one_model(client: OpenAI) -> None:
    models = client.models.list().data
    assert [model.id for model in models] == ["starter"]
    Model.model_validate(models[0].model_dump())
    assert client.models.retrieve("starter") == models[0]


def test_a_model_has_the_facts_that_other_servers_tell(client: OpenAI) -> None:
    facts = client.models.retrieve("starter").model_dump()
    assert facts["max_model_len"] == facts["meta"]["n_ctx"] > 0
    assert facts["meta"]["n_ctx_train"] == 2048
    assert facts["meta"]["n_vocab"] == 3072
    assert 5_000_000 < facts["meta"]["n_params"] < facts["meta"]["size"] < 6_000_000


def test_another_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(NotFoundError) as refused:
        client.models.retrieve("gpt-4o")
    assert (refused.value.code, refused.value.param) == ("model_not_found", "model")


def test_a_base_address_may_end_with_two_slashes(client: OpenAI) -> None:
    other = client.with_options(base_url=f"{client.base_url}/")
    assert [model.id for model in other.models.list().data] == ["starter"]
