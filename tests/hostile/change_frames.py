"""Invalid changes of a running answer, each with the code of its refusal."""

from __future__ import annotations

from typing import Final

CHANGES: Final[dict[str, list[tuple[str, str]]]] = {
    "steer": [
        ('{"type":"steer"}', "missing_field"),
        ('{"type":"steer","id":"nobody"}', "missing_field"),
        ('{"type":"steer","content":"shorter"}', "missing_field"),
        ('{"type":"steer","id":"nobody","content":"shorter"}', "unknown_id"),
        ('{"type":"steer","id":"a b","content":"shorter"}', "invalid_field"),
        ('{"type":"steer","id":"nobody","content":7}', "invalid_field"),
        ('{"type":"steer","id":"nobody","content":""}', "invalid_field"),
        ('{"type":"steer","id":"nobody","content":"shorter","role":"system"}', "unknown_field"),
    ],
    "alternatives": [
        ('{"type":"alternatives"}', "missing_field"),
        ('{"type":"alternatives","id":"nobody"}', "missing_field"),
        ('{"type":"alternatives","seq":1}', "missing_field"),
        ('{"type":"alternatives","id":"nobody","seq":1}', "unknown_id"),
        ('{"type":"alternatives","id":"nobody","seq":0}', "invalid_field"),
        ('{"type":"alternatives","id":"nobody","seq":-1}', "invalid_field"),
        ('{"type":"alternatives","id":"nobody","seq":1.5}', "invalid_field"),
        ('{"type":"alternatives","id":"nobody","seq":99999999999999999999}', "invalid_field"),
        ('{"type":"alternatives","id":"nobody","seq":1,"count":0}', "invalid_field"),
        ('{"type":"alternatives","id":"nobody","seq":1,"count":21}', "invalid_field"),
        ('{"type":"alternatives","id":"a b","seq":1}', "invalid_field"),
        ('{"type":"alternatives","id":"nobody","seq":1,"principal":"alice"}', "unknown_field"),
    ],
    "tune": [
        ('{"type":"tune"}', "missing_field"),
        ('{"type":"tune","id":"nobody"}', "missing_field"),
        ('{"type":"tune","id":"nobody","params":{}}', "missing_field"),
        ('{"type":"tune","params":{"temperature":1}}', "missing_field"),
        ('{"type":"tune","id":"nobody","params":{"temperature":1}}', "unknown_id"),
        ('{"type":"tune","id":"a b","params":{"temperature":1}}', "invalid_field"),
        ('{"type":"tune","id":"nobody","params":[]}', "invalid_field"),
        ('{"type":"tune","id":"nobody","params":{"temperature":"1"}}', "invalid_field"),
        ('{"type":"tune","id":"nobody","params":{"temperature":1e999}}', "invalid_field"),
        ('{"type":"tune","id":"nobody","params":{"max_tokens":0}}', "invalid_field"),
        ('{"type":"tune","id":"nobody","params":{"stop":[]}}', "invalid_field"),
        ('{"type":"tune","id":"nobody","params":{"grammar":"root ::= x"}}', "unknown_field"),
        ('{"type":"tune","id":"nobody","params":{"json_schema":{}}}', "unsupported"),
        ('{"type":"tune","id":"nobody","messages":[{"role":"system","content":"x"}]}', "unknown_field"),
        ('{"type":"tune","id":"nobody","on_detach_ms":-1}', "invalid_field"),
        ('{"type":"tune","id":"nobody","on_detach_ms":1,"principal":"alice"}', "unknown_field"),
    ],
}

FORKS: Final[list[tuple[str, str]]] = [
    ('{"type":"generate","from":{}}', "missing_field"),
    ('{"type":"generate","from":{"id":"nobody"}}', "missing_field"),
    ('{"type":"generate","from":{"id":"nobody","seq":1}}', "unknown_id"),
    ('{"type":"generate","from":{"id":"nobody","seq":0}}', "invalid_field"),
    ('{"type":"generate","from":{"id":"a b","seq":1}}', "invalid_field"),
    ('{"type":"generate","from":"nobody"}', "invalid_field"),
    ('{"type":"generate","from":{"id":"nobody","seq":1,"text":""}}', "invalid_field"),
    ('{"type":"generate","from":{"id":"nobody","seq":1,"text":7}}', "invalid_field"),
    ('{"type":"generate","from":{"id":"nobody","seq":1,"epoch":"x"}}', "unknown_field"),
    ('{"type":"generate","from":{"id":"nobody","seq":1},"prompt":"Hi"}', "invalid_field"),
    ('{"type":"generate","from":{"id":"nobody","seq":1},"raw":true}', "invalid_field"),
    ('{"type":"generate","from":{"id":"nobody","seq":1},"parent":null}', "invalid_field"),
    ('{"type":"generate","from":{"id":"nobody","seq":1},"conversation":"nobody"}', "unknown_id"),
    ('{"type":"generate","from":{"id":"nobody","seq":1},"params":{"json_schema":{}}}', "unsupported"),
]
"""Invalid places to continue from."""
