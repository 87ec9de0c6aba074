"""Invalid requests: bodies, queries, paths, methods, content types."""

from __future__ import annotations

from collections.abc import Iterator

from protocol.codec import MAX_FRAME_BYTES
from tests.hostile.attack import Attack, Http, Pairs
from tests.hostile.routes import CHAT, MESSAGE, ROUTES

GENERATE_ENDPOINTS = ("/generate", "/generate/stream", "/generations")
CONVERSATION = "/api/conversations/nobody"
TOO_LONG = b" " * (MAX_FRAME_BYTES + 1)

BODIES: list[tuple[str | bytes, int, str]] = [
    ("", 400, "bad_json"),
    ("{", 400, "bad_json"),
    ("[]", 400, "bad_json"),
    ("null", 400, "bad_json"),
    ("7", 400, "bad_json"),
    ('"Hi"', 400, "bad_json"),
    ('{"prompt":"Hi"}{"prompt":"Hi"}', 400, "bad_json"),
    ('{"prompt":"Hi"}\n{"prompt":"Hi"}', 400, "bad_json"),
    ('{"prompt":NaN}', 400, "bad_json"),
    ('{"prompt":"\\ud800"}', 400, "bad_json"),
    ('{"a":' * 100_000, 400, "bad_json"),
    ("[" * 500_000, 400, "bad_json"),
    (b'{"prompt":"\xff\xfe"}', 400, "bad_json"),
    (b'{"prompt":"\xed\xa0\x80"}', 400, "bad_json"),
    (b'\xef\xbb\xbf{"prompt":"Hi"}', 400, "bad_json"),
    ('{"prompt":"Hi"}'.encode("utf-16"), 400, "bad_json"),
    (b"\x00", 400, "bad_json"),
    (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", 400, "bad_json"),
    ("{}", 400, "missing_field"),
    ('{"promt":"Hi"}', 400, "unknown_field"),
    ('{"prompt":"Hi","__proto__":{"admin":true}}', 400, "unknown_field"),
    ('{"prompt":"Hi","chat_template":"{{7*7}}"}', 400, "unknown_field"),
    ('{"prompt":"Hi","model":"../../etc/passwd"}', 404, "unknown_model"),
    ('{"prompt":"Hi","prompt":"Ho"}', 400, "invalid_field"),
    ('{"prompt":{"$ne":1}}', 400, "invalid_field"),
    ('{"prompt":["Hi"]}', 400, "invalid_field"),
    ('{"prompt":" "}', 400, "empty_prompt"),
    ('{"type":"cancel"}', 400, "invalid_field"),
    ('{"type":"sing","prompt":"Hi"}', 400, "unknown_type"),
    ('{"prompt":"Hi","id":"../../x"}', 400, "invalid_field"),
    ('{"prompt":"Hi","id":"a\\u0000b"}', 400, "invalid_field"),
    ('{"prompt":"Hi","id":"' + "x" * 65 + '"}', 400, "invalid_field"),
    ('{"prompt":"Hi","id":"x\\n"}', 400, "invalid_field"),
    ('{"prompt":"Hi","params":{"max_tokens":1e999}}', 400, "invalid_field"),
    ('{"prompt":"Hi","params":{"max_tokens":99999999999999999999}}', 400, "invalid_field"),
    ('{"prompt":"Hi","params":{"seed":-2}}', 400, "invalid_field"),
    ('{"prompt":"Hi","params":{"grammar":"root ::= root"}}', 400, "unknown_field"),
    ('{"prompt":"Hi","on_detach_ms":1e300}', 400, "invalid_field"),
    ('{"prompt":"Hi",' + ",".join(f'"f{n}":1' for n in range(50_000)) + "}", 400, "unknown_field"),
    ('{"prompt":"' + "x" * 3000 + '","raw":true}', 400, "context_overflow"),
    ('{"prompt":"' + "x" * 1_000_000 + '","raw":true}', 400, "context_overflow"),
    ('{"conversation":"nobody","content":"Hi"}', 404, "unknown_id"),
    ('{"conversation":"a/b","content":"Hi"}', 400, "invalid_field"),
    ('{"conversation":"nobody"}', 400, "missing_field"),
    (TOO_LONG, 413, "bad_frame"),
]
"""Invalid bodies of the three endpoints that take a `generate`."""

KINDS: list[Pairs] = [
    (("content-type", "text/plain"),),
    (("content-type", "application/x-www-form-urlencoded"),),
    (("content-type", "multipart/form-data; boundary=x"),),
    (("content-type", ""),),
    (("content-type", "application/jsonx"),),
    (("content-type", "text/plain; application/json"),),
]
"""Content types that a form of any site could send."""

JSON_ENDPOINTS = [
    *(f"POST {endpoint}" for endpoint in GENERATE_ENDPOINTS),
    "POST /channel",
    "POST /channel/$CHANNEL",
    "POST /api/conversations",
    "POST /api/conversations/import",
    f"PATCH {CONVERSATION}",
    f"POST {CONVERSATION}/restore",
    f"POST {CONVERSATION}/messages/m1/restore",
    "POST /api/downloads",
    "POST /api/downloads/nobody/stop",
    "POST /api/downloads/nobody/resume",
]

CHAT_ENDPOINT = "POST /v1/chat/completions"
OPENAI_ENDPOINTS = (
    CHAT_ENDPOINT,
    "POST /v1/chat/completions/input_tokens",
    "POST /v1/completions",
    "POST /v1/responses",
    "POST /v1/messages",
    "POST /v1/messages/count_tokens",
    "POST /v1/responses/input_tokens",
    "POST /tokenize",
    "POST /detokenize",
)

_NESTED_RESULTS = '[{"type":"tool_result","content":' * 100 + '"Hi"' + "}]" * 100

OPENAI_BODIES: list[tuple[str, str | bytes, int, str]] = [
    *(
        (endpoint, body, 400, "")
        for endpoint in OPENAI_ENDPOINTS
        for body in ("", "{", "[]", "7", b"\xff", "[" * 500_000)
    ),
    *((endpoint, TOO_LONG, 413, "longer than") for endpoint in OPENAI_ENDPOINTS),
    ("POST /v1/completions", "{}", 400, '"param":"prompt"'),
    ("POST /v1/completions", '{"prompt":""}', 400, '"param":"prompt"'),
    ("POST /v1/completions", '{"prompt":[[]]}', 400, '"param":"prompt[0]"'),
    ("POST /v1/completions", '{"prompt":[true]}', 400, '"param":"prompt[0]"'),
    ("POST /v1/completions", '{"prompt":[999999999]}', 400, '"param":"prompt"'),
    ("POST /v1/completions", '{"prompt":[' + "9" * 5000 + "]}", 400, ""),
    ("POST /v1/completions", '{"prompt":[' + '"a",' * 1000 + '"a"]}', 400, '"param":"prompt"'),
    ("POST /v1/completions", '{"prompt":["a","a","a","a","a","a","a","a"],"n":16}', 400, '"param":"n"'),
    ("POST /v1/completions", '{"prompt":"' + "x" * 3000 + '"}', 400, "context_length_exceeded"),
    ("POST /v1/completions", '{"prompt":{"$ne":1}}', 400, '"param":"prompt"'),
    ("POST /v1/responses", "{}", 400, '"param":"input"'),
    ("POST /v1/responses", '{"input":{"$ne":1}}', 400, '"param":"input"'),
    ("POST /v1/responses", '{"input":[{"type":"item_reference","id":"../x"}]}', 400, '"param":"input[0].type"'),
    ("POST /v1/responses", '{"input":"Hi","previous_response_id":"resp_x"}', 400, "previous_response_not_found"),
    ("POST /v1/responses", '{"input":"Hi","previous_response_id":"../x\\n"}', 400, "previous_response_not_found"),
    ("POST /v1/responses", '{"input":"Hi","previous_response_id":7}', 400, "previous_response_id"),
    ("POST /v1/responses", '{"input":"Hi","background":true,"store":false}', 400, "background"),
    ("POST /v1/responses", '{"input":"Hi","store":"no"}', 400, "store"),
    ("POST /v1/responses/input_tokens", '{"input":[]}', 400, '"param":"input"'),
    ("POST /v1/responses/nobody/cancel", "{", 404, "not_found"),
    ("POST /v1/responses", '{"input":"' + "x" * 3000 + '"}', 400, "context_length_exceeded"),
    ("POST /v1/responses", '{"input":"Hi","stream":true,"text":{"format":{"type":"json_object"}}}', 400, "text.format"),
    ("POST /v1/messages", "{}", 400, "max_tokens: Field required"),
    ("POST /v1/messages", MESSAGE.replace("9", "0"), 400, "max_tokens"),
    ("POST /v1/messages", MESSAGE.replace("9", "9" * 5000), 400, ""),
    ("POST /v1/messages", MESSAGE.replace("user", "__proto__"), 400, "messages[0].role"),
    ("POST /v1/messages", MESSAGE.replace('"Hi"', "[" * 900 + "]" * 900), 400, ""),
    ("POST /v1/messages", MESSAGE.replace('"Hi"', _NESTED_RESULTS), 400, ""),
    ("POST /v1/messages", MESSAGE.replace("Hi", "x" * 3000), 400, "prompt is too long"),
    ("POST /v1/messages", MESSAGE[:-1] + ',"stop_sequences":[""]}', 400, "stop_sequences"),
    ("POST /v1/messages", MESSAGE[:-1] + ',"system":{"$ne":1}}', 400, "system"),
    ("POST /v1/messages", MESSAGE[:-1] + ',"tools":[{"name":"../f"}]}', 400, "tools[0].name"),
    ("POST /v1/messages", MESSAGE[:-1] + ',"tools":[' + '{"name":"f"},' * 200 + '{"name":"g"}]}', 400, "tools"),
    ("POST /v1/messages", MESSAGE[:-1] + ',"tool_choice":{"type":["any"]}}', 400, "tool_choice.type"),
    ("POST /v1/messages/count_tokens", "{}", 400, "messages"),
    ("POST /v1/messages/count_tokens", CHAT.replace('"Hi"', "{}"), 400, "messages[0].content"),
    ("POST /v1/embeddings", '{"input":"Hi"}', 400, "unsupported_endpoint"),
    ("POST /v1/chat/completions/input_tokens", "{}", 400, '"param":"messages"'),
    ("POST /tokenize", '{"content":[' + '"",' * 2000 + '""]}', 400, '"param":"content"'),
    ("POST /tokenize", '{"content":[999999999]}', 400, '"param":"content"'),
    ("POST /tokenize", '{"content":[' + "1," * 70_000 + "1]}", 400, '"param":"content"'),
    ("POST /tokenize", '{"content":"' + "x" * 70_000 + '"}', 400, '"param":"content"'),
    ("POST /detokenize", '{"tokens":[-1]}', 400, '"param":"tokens"'),
    ("POST /detokenize", '{"tokens":[true]}', 400, '"param":"tokens"'),
    ("POST /v1/responses/compact", "{", 404, "not_found"),
    ("POST /detokenize", '{"tokens":[999999999]}', 400, '"param":"tokens"'),
    ("POST /detokenize", '{"tokens":[' + "9" * 5000 + "]}", 400, ""),
]
"""Invalid bodies of the other endpoints of OpenAI's API, and of those of llama-server."""

CHAT_BODIES: list[tuple[str | bytes, int, str]] = [
    ("null", 400, "a JSON object"),
    ('{"messages":NaN}', 400, "not JSON"),
    ('{"messages":"\\ud800"}', 400, "not a character"),
    ('{"a":' * 100_000, 400, "nested too deep"),
    (b'{"messages":"\xff\xfe"}', 400, "not UTF-8"),
    ("{}", 400, '"param":"messages"'),
    ('{"messages":[]}', 400, '"param":"messages"'),
    ('{"messages":[],"messages":[]}', 400, "given twice"),
    ('{"messages":{"$ne":1}}', 400, '"param":"messages"'),
    ('{"messages":[{"role":"user"}]}', 400, '"param":"messages[0].content"'),
    ('{"messages":[{"role":"__proto__","content":"Hi"}]}', 400, '"param":"messages[0].role"'),
    (
        '{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"file:///etc/passwd"}}]}]}',
        400,
        "",
    ),
    (CHAT[:-1] + ',"max_tokens":1e999}', 400, ""),
    (CHAT[:-1] + ',"max_tokens":' + "9" * 5000 + "}", 400, ""),
    (CHAT[:-1] + ',"seed":' + "9" * 5000 + "}", 400, ""),
    (CHAT[:-1] + ',"n":1000000}', 400, '"param":"n"'),
    (CHAT[:-1] + ',"logit_bias":{"99999999":1}}', 400, '"param":"logit_bias"'),
    (CHAT[:-1] + ',"response_format":{"type":"json_object"}}', 400, '"param":"response_format"'),
    (CHAT[:-1] + ',"stream":true,"response_format":{"type":"json_object"}}', 400, '"param":"response_format"'),
    ('{"messages":[{"role":"user","content":"' + "x" * 3000 + '"}]}', 400, "context_length_exceeded"),
    ('{"messages":[{"role":"user","content":"' + "x" * 1_000_000 + '"}]}', 400, "context_length_exceeded"),
]
"""Invalid bodies of a chat. The scripted model has no grammar, so a format is refused when it is prepared."""

CONVERSATION_BODIES: list[tuple[str, str | bytes, int, str]] = [
    ("POST /api/conversations", "", 400, "bad_json"),
    ("POST /api/conversations", "[]", 400, "bad_json"),
    ("POST /api/conversations", '{"id":"a b"}', 400, "invalid_field"),
    ("POST /api/conversations", '{"id":"export"}', 400, "invalid_field"),
    ("POST /api/conversations", '{"id":"import"}', 400, "invalid_field"),
    ("POST /api/conversations", '{"id":""}', 400, "invalid_field"),
    ("POST /api/conversations", '{"id":7}', 400, "invalid_field"),
    ("POST /api/conversations", '{"title":7}', 400, "invalid_field"),
    ("POST /api/conversations", '{"title":"' + "x" * 201 + '"}', 400, "invalid_field"),
    ("POST /api/conversations", '{"principal":"alice"}', 400, "unknown_field"),
    ("POST /api/conversations", '{"title":"a","title":"b"}', 400, "invalid_field"),
    ("POST /api/conversations", '{"settings":{"system":"' + "x" * 262_145 + '"}}', 400, "invalid_field"),
    ("POST /api/conversations", '{"settings":{"params":{"temperature":3}}}', 400, "invalid_field"),
    ("POST /api/conversations", '{"settings":{"functions":[]}}', 400, "unknown_field"),
    ("POST /api/conversations", '{"settings":{"tools":[{"function":{"name":"a b"}}]}}', 400, "invalid_field"),
    ("POST /api/conversations", '{"settings":{"tools":[{"function":{"name":"f","run":"rm"}}]}}', 400, "unknown_field"),
    ("POST /api/conversations", '{"settings":{"tool_choice":"always"}}', 400, "invalid_field"),
    ("POST /api/conversations", '{"settings":{"tool_choice":{"function":{"name":"a b"}}}}', 400, "invalid_field"),
    ("POST /api/conversations", '{"settings":{"tool_choice":{"function":{"name":"f","x":1}}}}', 400, "unknown_field"),
    ("POST /api/conversations", b'{"title":"\xff"}', 400, "bad_json"),
    ("POST /api/conversations", TOO_LONG, 413, "bad_frame"),
    (f"PATCH {CONVERSATION}", "{", 400, "bad_json"),
    (f"PATCH {CONVERSATION}", '{"id":"x"}', 400, "unknown_field"),
    (f"PATCH {CONVERSATION}", '{"version":1}', 400, "unknown_field"),
    (f"PATCH {CONVERSATION}", '{"pinned":"yes"}', 400, "invalid_field"),
    (f"PATCH {CONVERSATION}", '{"leaf":"a b"}', 400, "invalid_field"),
    (f"PATCH {CONVERSATION}", '{"title":"x"}', 404, "unknown_id"),
    (f"PATCH {CONVERSATION}", TOO_LONG, 413, "bad_frame"),
    (f"POST {CONVERSATION}/restore", "{}", 404, "unknown_id"),
    (f"POST {CONVERSATION}/restore", TOO_LONG, 413, "bad_frame"),
    (f"POST {CONVERSATION}/messages/m1/restore", "{}", 404, "unknown_id"),
    (f"POST {CONVERSATION}/messages/m1/restore", TOO_LONG, 413, "bad_frame"),
    ("POST /api/conversations/import", "", 400, "bad_json"),
    ("POST /api/conversations/import", "{", 400, "bad_json"),
    ("POST /api/conversations/import", "7", 400, "bad_json"),
    ("POST /api/conversations/import", '{"format":"other"}', 200, "its format is not known"),
    ("POST /api/conversations/import", b"\xff\xfe", 400, "bad_json"),
    ("POST /api/conversations/import", "[" * 100_000, 400, "bad_json"),
    ("POST /channel", TOO_LONG, 413, "bad_frame"),
    ("POST /channel", b"\xff", 400, "bad_json"),
    ("POST /channel/nobody", "{}", 404, "unknown_id"),
]

MODEL_BODIES: list[tuple[str, str | bytes, int, str]] = [
    ("POST /api/downloads", "", 400, "bad_json"),
    ("POST /api/downloads", "[" * 100_000, 400, "bad_json"),
    ("POST /api/downloads", "{}", 400, "missing_field"),
    ("POST /api/downloads", '{"source":7}', 400, "invalid_field"),
    ("POST /api/downloads", '{"source":["a/b"]}', 400, "invalid_field"),
    ("POST /api/downloads", '{"source":"a/b","source":"c/d"}', 400, "invalid_field"),
    ("POST /api/downloads", '{"source":"a/b","path":"/etc/passwd"}', 400, "unknown_field"),
    ("POST /api/downloads", '{"source":"../.."}', 400, "invalid_field"),
    ("POST /api/downloads", '{"source":"/etc/passwd"}', 400, "invalid_field"),
    ("POST /api/downloads", '{"source":"file:///etc/x.gguf"}', 400, "invalid_field"),
    ("POST /api/downloads", '{"source":"a/b:../c"}', 400, "invalid_field"),
    ("POST /api/downloads", '{"source":"a\\u0000/b"}', 400, "invalid_field"),
    ("POST /api/downloads", '{"source":"https://x.example/' + "x" * 2000 + '"}', 400, "invalid_field"),
    ("POST /api/downloads", TOO_LONG, 413, "bad_frame"),
    ("POST /api/downloads/nobody/stop", "{}", 404, "unknown_id"),
    ("POST /api/downloads/nobody/stop", TOO_LONG, 413, "bad_frame"),
    ("POST /api/downloads/nobody/resume", "{}", 404, "unknown_id"),
    ("POST /api/downloads/nobody/resume", TOO_LONG, 413, "bad_frame"),
]

QUERIES: list[tuple[str, int, str]] = [
    ("GET /generations/nobody", 404, "unknown_id"),
    ("GET /generations/nobody?pieces=1", 404, "unknown_id"),
    ("GET /generations/nobody?pieces=yes", 400, "invalid_field"),
    ("DELETE /generations/nobody", 404, "unknown_id"),
    ("GET /generations/nobody/events", 404, "unknown_id"),
    ("GET /generations/nobody/events?after=-1", 400, "invalid_field"),
    ("GET /generations/nobody/events?after=1e3", 400, "invalid_field"),
    ("GET /generations/nobody/events?after=9007199254740992", 400, "invalid_field"),
    ("GET /generations/nobody/events?after=99999999999999999999999", 400, "invalid_field"),
    ("GET /generations/nobody/events?after=%D9%A1", 400, "invalid_field"),
    ("GET /generations/nobody/events?epoch=a%20b", 400, "invalid_field"),
    ("GET /generations/nobody/events?epoch=x%0A", 400, "invalid_field"),
    ("GET /generations/nobody/poll", 404, "unknown_id"),
    ("GET /generations/nobody/poll?wait=61", 400, "invalid_field"),
    ("GET /generations/nobody/poll?wait=-1", 400, "invalid_field"),
    ("GET /generations/nobody/poll?wait=nan", 400, "invalid_field"),
    ("GET /generations/nobody/poll?wait=inf", 400, "invalid_field"),
    ("GET /generations/nobody/poll?wait=", 400, "invalid_field"),
    ("GET /generations/nobody/poll?after=0x10", 400, "invalid_field"),
    (f"GET /generations/{'x' * 8000}", 404, "unknown_id"),
    ("GET /generations/%00", 404, "unknown_id"),
    ("GET /generations/%ff%fe", 404, "unknown_id"),
    ("GET /generations/%0d%0aset-cookie:%20a=b", 404, "unknown_id"),
    ("GET /generations/..%2f..%2fetc%2fpasswd", 404, ""),
    ("GET /channel/nobody/poll?wait=99", 400, "invalid_field"),
    ("GET /channel/nobody/poll", 404, "unknown_id"),
    ("GET /channel/nobody/poll?wait=0", 404, "unknown_id"),
    ("DELETE /channel/nobody", 404, "unknown_id"),
    ("DELETE /api/downloads/nobody", 404, "unknown_id"),
    ("DELETE /api/downloads/%00", 404, "unknown_id"),
    (f"DELETE /api/downloads/{'x' * 8000}", 404, "unknown_id"),
    ("DELETE /api/models/built-in/starter", 403, "forbidden"),
    ("DELETE /api/models/..%2f..%2fetc%2fpasswd", 404, "unknown_model"),
    ("DELETE /api/models//etc/passwd", 404, "unknown_model"),
    ("DELETE /api/models/%00", 404, "unknown_model"),
    ("GET /api/downloads?after=-1", 400, "invalid_field"),
    ("GET /api/downloads?after=%D9%A1", 400, "invalid_field"),
    ("GET /api/downloads?after=1&wait=nan", 400, "invalid_field"),
    ("GET /api/downloads?after=1&wait=61", 400, "invalid_field"),
    ("GET /api/hub", 400, "invalid_field"),
    (f"GET /api/hub?q={'x' * 201}", 400, "invalid_field"),
    ("GET /api/hub?q=x", 502, "hub_failed"),
    ("GET /api/hub/a/b", 502, "hub_failed"),
    ("GET /api/hub/%2e%2e/x", 400, "invalid_field"),
    ("GET /api/hub/a/b%00", 400, "invalid_field"),
    ("GET /api/hub/a/b:c", 400, "invalid_field"),
    ("GET /v1/models/nothing", 404, "model_not_found"),
    ("GET /v1/models/%00", 404, "model_not_found"),
    ("GET /v1/models/..%2f..%2fetc%2fpasswd", 404, "model_not_found"),
    (f"GET /v1/models/{'x' * 8000}", 404, "model_not_found"),
    ("GET /v1/responses/nobody", 404, "not_found"),
    ("GET /v1/responses/nobody?stream=true&starting_after=0", 404, "not_found"),
    ("GET /v1/responses/nobody/input_items?limit=0", 404, "not_found"),
    ("GET /v1/responses/%00", 404, "not_found"),
    ("GET /v1/responses/%ff%fe", 404, "not_found"),
    ("GET /v1/responses/..%2f..%2fetc%2fpasswd", 404, ""),
    (f"GET /v1/responses/{'x' * 8000}", 404, "not_found"),
    ("DELETE /v1/responses/nobody", 404, "not_found"),
    ("POST /v1/responses/nobody/cancel", 404, "not_found"),
    ("POST /v1/responses/bob%2fresp_1/cancel", 404, ""),
    ("GET /v1/nothing", 404, "not found"),
    ("GET /v1", 404, "not found"),
    ("GET /api/conversations?limit=0", 400, "invalid_field"),
    ("GET /api/conversations?limit=201", 400, "invalid_field"),
    ("GET /api/conversations?limit=-1", 400, "invalid_field"),
    ("GET /api/conversations?limit=1.5", 400, "invalid_field"),
    ("GET /api/conversations?limit=%D9%A3", 400, "invalid_field"),
    ("GET /api/conversations?limit=", 400, "invalid_field"),
    ("GET /api/conversations?before=rubbish", 400, "invalid_field"),
    ("GET /api/conversations?before=", 400, "invalid_field"),
    ("GET /api/conversations?before=1.9999999999999999999999.x", 400, "invalid_field"),
    (f"GET /api/conversations?q={'x' * 1001}", 400, "invalid_field"),
    (f"GET {CONVERSATION}", 404, "unknown_id"),
    (f"GET {CONVERSATION}'%20OR%201=1--", 404, "unknown_id"),
    ("GET /api/conversations/%00", 404, "unknown_id"),
    (f"DELETE {CONVERSATION}", 404, "unknown_id"),
    (f"DELETE {CONVERSATION}/messages/m1", 404, "unknown_id"),
    (f"GET {CONVERSATION}/export", 404, "unknown_id"),
    (f"GET {CONVERSATION}/export?format=../../x", 400, "invalid_field"),
    (f"GET {CONVERSATION}/export?format=", 400, "invalid_field"),
]

TRAVERSAL = [
    "/static/../server/app.py",
    "/static/..%2fserver/app.py",
    "/static/%2e%2e/server/app.py",
    "/static/%2e%2e%2fserver%2fapp.py",
    "/static/..%252fserver/app.py",
    "/static/..%5cserver%5capp.py",
    "/static/....//server/app.py",
    "/static//etc/passwd",
    "/static/%2fetc%2fpasswd",
    "/static/app.js/../../pyproject.toml",
    "/static/app.js%00.css",
    "/static/%00",
    "/static/",
    "/static/styles",
    "/static/styles/",
    "/static/nothing.js",
    f"/static/{'x' * 4000}",
    f"/static/{'x/' * 3000}x",
    "/static/file:///etc/passwd",
    "/static/vendor/../../pyproject.toml",
    "/static/vendor/..%2f..%2fpyproject.toml",
    "/static/vendor/%2e%2e/%2e%2e/package.json",
    "/static/vendor/%2fetc%2fpasswd",
    "/static/vendor/",
    "/static/vendor/nothing.js",
    "/static/bundle/",
    "/static/bundle/bundle.json",
    "/static/bundle/../../pyproject.toml",
    "/static/bundle/..%2f..%2f..%2fpyproject.toml",
    "/static/bundle/0123456789ab/app.js",
    "/static/bundle/0123456789ab/..%2fbundle.json",
    "/static/bundle/%00/app.js",
    "/static/sources/0123456789ab/../../../pyproject.toml",
    "/static/sources/0123456789ab/..%2f..%2fpyproject.toml",
    "/static/sources/%2e%2e/pyproject.toml",
    "/static/sources//etc/passwd",
    "/static/%ff",
    "/static/app.js::$DATA",
]

PATHS = [
    "/nowhere",
    "//generate",
    "/GENERATE",
    "/generations/a/b",
    "/api",
    "/api/conversations/a/b/c/d",
    "/openapi.json",
    "/docs",
    "/.env",
    "/.git/config",
    "/login/x",
    "/ws/x",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/../../etc/passwd",
    "/healthz/x",
]

METHODS = ("PUT", "TRACE", "PROPFIND", "OPTIONS", "FOO", "get")

RANGES: list[tuple[str, int, str]] = [
    ("bytes=5-2", 400, ""),
    ("bytes=999999999-", 416, ""),
    ("bytes=-", 400, ""),
    ("bytes=a-b", 400, ""),
    ("lines=0-1", 400, ""),
    (f"bytes={'9' * 500}-", 416, ""),
    (f"bytes={','.join('0-0' for _ in range(1500))}", 200, ""),
    (f"bytes={','.join(f'{n}-{n + 1}' for n in range(0, 3000, 4))}", 200, ""),
]

FORM: Pairs = (("content-type", "application/x-www-form-urlencoded"),)


def attacks() -> Iterator[Attack]:
    for endpoint in GENERATE_ENDPOINTS:
        yield from (Http("body", f"POST {endpoint}", status, told, body) for body, status, told in BODIES)
    for endpoint in JSON_ENDPOINTS:
        told, status = ("unknown_id", 404) if "CHANNEL" in endpoint else ("bad_frame", 415)
        yield from (Http("kind", endpoint, status, told, "{}", headers=kind) for kind in KINDS)
    for endpoint in OPENAI_ENDPOINTS:
        yield from (Http("kind", endpoint, 415, "content type", "{}", headers=kind) for kind in KINDS)
    yield from (Http("body", sent, status, told, body) for sent, body, status, told in OPENAI_BODIES)
    yield from (Http("body", CHAT_ENDPOINT, status, told, body) for body, status, told in CHAT_BODIES)
    yield from (Http("body", sent, status, told, body) for sent, body, status, told in CONVERSATION_BODIES)
    yield from (Http("body", sent, status, told, body) for sent, body, status, told in MODEL_BODIES)
    yield from (Http("query", sent, status, told) for sent, status, told in QUERIES)
    yield from _last_event_ids()
    yield from (Http("traversal", f"GET {path}", 404) for path in TRAVERSAL)
    yield from (Http("path", f"GET {path}", 404) for path in PATHS)
    yield from (Http("path", f"GET {path}", 401, "unauthorized", at="locked") for path in PATHS)
    yield from _methods()
    yield from (Http("range", "GET /static/app.js", s, t, headers=(("range", r),)) for r, s, t in RANGES)
    yield from _logins()


def _last_event_ids() -> Iterator[Attack]:
    for value in ("x", "e:", ":1", "e:-1", "e:1:2", "e:99999999999999999", "a b:1", "e:١"):
        headers = (("last-event-id", value),)
        yield Http("last-event-id", "GET /generations/nobody/events", 400, "invalid_field", headers=headers)


def _methods() -> Iterator[Attack]:
    """Every method that a route doesn't allow. A streaming endpoint has no HEAD either."""
    paths = {entry.path for (method, _), entry in ROUTES.items() if method != "WEBSOCKET"}
    for path in sorted(paths):
        yield from (Http("method", f"{method} {path}", 405) for method in METHODS)


def _logins() -> Iterator[Attack]:
    """Bad logins, each from its own address, since attempts are counted."""
    rubbish: list[tuple[str | bytes, Pairs]] = [
        ("", FORM),
        ("token=", FORM),
        ("token=sui_wrong", FORM),
        ("token=$REVOKED", FORM),
        ("token=$ALICE", (("content-type", "text/plain"),)),
        ('{"token":"$ALICE"}', (("content-type", "application/json"),)),
        ("user=alice&password=x", FORM),
        ("&".join(f"a{n}=1" for n in range(1000)) + "&token=$ALICE", FORM),
        ("token=" + "x" * 20_000, FORM),
        (b"token=\xff\xfe", FORM),
        ("token=%ff%00", FORM),
        ("token=x&token=$ALICE", FORM),
    ]
    for n, (body, kind) in enumerate(rubbish):
        headers = (*kind, ("x-forwarded-for", f"198.51.100.{n}"))
        yield Http("login", "POST /login", 403, "That token isn", body, "locked", headers=headers)
