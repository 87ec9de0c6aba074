"""Tokens on the endpoints of OpenAI's and Anthropic's APIs."""

import json

from tests.server.guard.conftest import Keys, bearer
from tests.server.transports import test_anthropic_messages as anthropic
from tests.server.transports.running import RunningServer
from tests.server.transports.test_openai_chat import CHAT, body, error_of


async def test_a_token_is_needed_and_may_be_an_api_key(locked: RunningServer, keys: Keys) -> None:
    for headers in ({}, bearer("sui_wrong"), {"x-api-key": "sui_wrong"}):
        reply = await locked.ask("GET", "/v1/models", headers=headers)
        assert (reply.status, error_of(reply)["code"]) == (401, "invalid_api_key")
        assert reply.headers["www-authenticate"]
    for headers in (bearer(keys.alice), {"x-api-key": keys.alice}):
        assert (await locked.ask("GET", "/v1/models", headers=headers)).status == 200
    assert (await locked.ask("GET", "/metrics", headers={"x-api-key": keys.alice})).status == 401


async def test_a_revoked_token_ends_its_stream(locked: RunningServer, keys: Keys) -> None:
    locked.model.gate.close()
    async with locked.listen("POST", CHAT, body(stream=True), bearer(keys.alice)) as listener:
        assert await listener.next()
        keys.revoke("alice")
        last = (await listener.rest())[-1]
    assert json.loads(last.data)["error"]["code"] == "invalid_api_key"
    await locked.until(lambda: locked.registry.active == [])


async def test_anthropics_key_is_a_token(locked: RunningServer, keys: Keys) -> None:
    for headers in ({}, {"x-api-key": "sui_wrong"}, bearer("sui_wrong")):
        reply = await locked.ask("POST", anthropic.MESSAGES, anthropic.body(), headers)
        assert (reply.status, anthropic.error_of(reply)["type"]) == (401, "authentication_error")
    for headers in ({"x-api-key": keys.alice, "anthropic-version": "2023-06-01"}, bearer(keys.alice)):
        assert (await locked.ask("POST", anthropic.MESSAGES, anthropic.body(), headers)).status == 200
