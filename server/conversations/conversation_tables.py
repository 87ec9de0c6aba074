"""The tables of the conversations, as migrations from one version to the next."""

from __future__ import annotations

import logging
import sqlite3
from typing import Final

from server.conversations.search_text import indexed

logger = logging.getLogger(__name__)

MIGRATIONS: Final = (
    """
    CREATE TABLE conversations (
        key        INTEGER PRIMARY KEY,
        principal  TEXT NOT NULL,
        id         TEXT NOT NULL,
        title      TEXT NOT NULL DEFAULT '',    -- what is shown
        named      INTEGER NOT NULL DEFAULT 0,  -- whether somebody chose the title
        created_at INTEGER NOT NULL,            -- all times in milliseconds since the Unix epoch
        updated_at INTEGER NOT NULL,
        pinned     INTEGER NOT NULL DEFAULT 0,
        version    INTEGER NOT NULL DEFAULT 1,
        leaf       TEXT,
        settings   TEXT NOT NULL,               -- JSON
        deleted_at INTEGER,
        UNIQUE (principal, id)
    );
    CREATE INDEX conversations_listed ON conversations (principal, pinned, updated_at, key);
    CREATE TABLE messages (
        key          INTEGER PRIMARY KEY,       -- in the order in which they were written
        conversation INTEGER NOT NULL REFERENCES conversations (key) ON DELETE CASCADE,
        id           TEXT NOT NULL,
        parent       TEXT,
        role         TEXT NOT NULL,
        content      TEXT NOT NULL,
        created_at   INTEGER NOT NULL,
        state        TEXT NOT NULL,
        generation   TEXT,
        about        TEXT NOT NULL DEFAULT '{}', -- JSON
        deleted_with TEXT,                       -- the message that was deleted, this one or one above it
        deleted_at   INTEGER,
        UNIQUE (conversation, id)
    );
    CREATE INDEX messages_writing ON messages (conversation, generation) WHERE state = 'writing';
    CREATE INDEX messages_deleted ON messages (deleted_at) WHERE deleted_at IS NOT NULL;

    CREATE VIRTUAL TABLE title_words USING fts5 (
        title, content = 'conversations', content_rowid = 'key', tokenize = 'unicode61 remove_diacritics 2'
    );
    CREATE TRIGGER titles_in AFTER INSERT ON conversations BEGIN
        INSERT INTO title_words (rowid, title) VALUES (new.key, new.title);
    END;
    CREATE TRIGGER titles_out AFTER DELETE ON conversations BEGIN
        INSERT INTO title_words (title_words, rowid, title) VALUES ('delete', old.key, old.title);
    END;
    CREATE TRIGGER titles_changed AFTER UPDATE OF title ON conversations BEGIN
        INSERT INTO title_words (title_words, rowid, title) VALUES ('delete', old.key, old.title);
        INSERT INTO title_words (rowid, title) VALUES (new.key, new.title);
    END;
    CREATE VIRTUAL TABLE message_words USING fts5 (
        content, content = 'messages', content_rowid = 'key', tokenize = 'unicode61 remove_diacritics 2'
    );
    -- No trigger for what is inserted: it would cost five times as much when a whole conversation is.
    CREATE TRIGGER messages_out AFTER DELETE ON messages BEGIN
        INSERT INTO message_words (message_words, rowid, content) VALUES ('delete', old.key, old.content);
    END;
    CREATE TRIGGER messages_changed AFTER UPDATE OF content ON messages BEGIN
        INSERT INTO message_words (message_words, rowid, content) VALUES ('delete', old.key, old.content);
        INSERT INTO message_words (rowid, content) VALUES (new.key, new.content);
    END;
    """,
    # Rebuild both indexes from the output of `indexed`, so that scripts without spaces are found too. The indexes store
    # no text: to remove an entry they need its original text, which `indexed` reproduces.
    """
    DROP TRIGGER titles_in;
    DROP TRIGGER titles_out;
    DROP TRIGGER titles_changed;
    DROP TRIGGER messages_out;
    DROP TRIGGER messages_changed;
    DROP TABLE title_words;
    DROP TABLE message_words;
    CREATE VIRTUAL TABLE title_words USING fts5 (
        title, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
    );
    CREATE VIRTUAL TABLE message_words USING fts5 (
        content, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
    );
    INSERT INTO title_words (rowid, title) SELECT key, indexed(title) FROM conversations;
    INSERT INTO message_words (rowid, content) SELECT key, indexed(content) FROM messages;
    CREATE TRIGGER titles_in AFTER INSERT ON conversations BEGIN
        INSERT INTO title_words (rowid, title) VALUES (new.key, indexed(new.title));
    END;
    CREATE TRIGGER titles_out AFTER DELETE ON conversations BEGIN
        INSERT INTO title_words (title_words, rowid, title) VALUES ('delete', old.key, indexed(old.title));
    END;
    CREATE TRIGGER titles_changed AFTER UPDATE OF title ON conversations BEGIN
        INSERT INTO title_words (title_words, rowid, title) VALUES ('delete', old.key, indexed(old.title));
        INSERT INTO title_words (rowid, title) VALUES (new.key, indexed(new.title));
    END;
    CREATE TRIGGER messages_out AFTER DELETE ON messages BEGIN
        INSERT INTO message_words (message_words, rowid, content) VALUES ('delete', old.key, indexed(old.content));
    END;
    CREATE TRIGGER messages_changed AFTER UPDATE OF content ON messages BEGIN
        INSERT INTO message_words (message_words, rowid, content) VALUES ('delete', old.key, indexed(old.content));
        INSERT INTO message_words (rowid, content) VALUES (new.key, indexed(new.content));
    END;
    """,
)
"""Migrations in order. A released one never changes: new ones are appended. ``PRAGMA user_version`` counts the
applied ones."""


def add_functions(db: sqlite3.Connection) -> None:
    """Give the connection what the triggers call."""
    db.execute("PRAGMA trusted_schema = ON")  # otherwise triggers may not call a function of this program
    db.create_function("indexed", 1, indexed, deterministic=True)


def log_step(number: int) -> None:
    """Log that a step may take several seconds."""
    if number:
        logger.info("the search index is built again, which takes about 15 s for 100,000 messages")
