"""The journal's tables, as migrations from one version to the next."""

from __future__ import annotations

from typing import Final

MIGRATIONS: Final = (
    """
    CREATE TABLE generations (
        key       INTEGER PRIMARY KEY,  -- in the order in which they were accepted
        id        TEXT NOT NULL UNIQUE,
        epoch     TEXT NOT NULL,
        principal TEXT NOT NULL,
        body      TEXT NOT NULL,        -- the `generate`, JSON
        sampling  TEXT NOT NULL,        -- what was made of its params, the seed included, JSON
        prompt    BLOB NOT NULL,        -- tokens, 32 bits each
        model     TEXT NOT NULL,        -- whose tokens they are
        created   REAL NOT NULL,        -- Unix time
        cancelled INTEGER NOT NULL DEFAULT 0,
        finished  REAL,                 -- Unix time; the next two are there when this is
        ending    TEXT,                 -- the engine's last update, JSON
        pieces    TEXT                  -- [[text, [logprobs, ...]], ...], JSON
    );
    CREATE TABLE steps (
        number INTEGER PRIMARY KEY,
        pieces TEXT NOT NULL            -- [[generations.key, text, [token, ...], [logprobs, ...]], ...], JSON
    );
    """,
    """
    -- What the prompt ends with and the text begins with.
    ALTER TABLE generations ADD COLUMN opened TEXT NOT NULL DEFAULT '';
    """,
    """
    -- The name of the model, for clients; `model` identifies it.
    ALTER TABLE generations ADD COLUMN model_name TEXT NOT NULL DEFAULT '';
    """,
    """
    -- What its starter keeps with it: a stored response of OpenAI's API, JSON.
    ALTER TABLE generations ADD COLUMN note TEXT NOT NULL DEFAULT '';
    """,
    """
    -- What the prompt is made of once the model is loaded; '' where there is a prompt.
    ALTER TABLE generations ADD COLUMN unprepared TEXT NOT NULL DEFAULT '';
    """,
    """
    -- The request to an upstream, JSON; '' for a model of this machine.
    ALTER TABLE generations ADD COLUMN asked TEXT NOT NULL DEFAULT '';
    """,
    """
    -- A piece in `steps` may have a fifth part, the instruction that it is; one in `generations` a third.
    """,
    """
    -- The number of messages that the prompt leaves out.
    ALTER TABLE generations ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;
    """,
    """
    -- A piece in `steps` may have a sixth part, other parameters from there on; one in `generations` a fourth.
    """,
    """
    -- Of a fork: the form of its answer, and the stop strings of what it began with, JSON; '' for all others. A piece
    -- in `generations` may have a fifth part, its tokens, and a sixth, the instruction that it is with its tokens.
    ALTER TABLE generations ADD COLUMN fork TEXT NOT NULL DEFAULT '';
    """,
)
"""Migrations in order. A released one never changes: new ones are appended. ``PRAGMA user_version`` counts the
applied ones."""
