"""The command ``streamui token``."""

import argparse
import stat
import time
from pathlib import Path

import pytest

from server.guard.token_command import add_options, run
from server.guard.token_store import FILE, TokenFileError, TokenStore, hash_of
from server.guard.tokens import PREFIX, SESSION_SECONDS, Tokens


def typed(folder: Path, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_options(parser, {"STREAMUI_DATA": str(folder)})
    return run(parser.parse_args(arguments))


def test_a_token_is_shown_once_and_kept_as_its_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(tmp_path, "add", "alice") == 0
    token = capsys.readouterr().out.strip()
    assert token.startswith(PREFIX)
    assert len(token) == len(PREFIX) + 43  # 256 bits
    assert token.encode() not in (tmp_path / FILE).read_bytes()
    assert hash_of(token).encode() in (tmp_path / FILE).read_bytes()
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert typed(tmp_path, "list") == 0
    listed = capsys.readouterr().out
    assert "alice" in listed
    assert "last used never" in listed
    assert token not in listed


def test_a_name_has_one_token(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed(tmp_path, "add", "alice")
    assert typed(tmp_path, "add", "alice") == 2
    assert "streamui token revoke alice" in capsys.readouterr().err
    assert typed(tmp_path, "revoke", "alice") == 0
    assert typed(tmp_path, "revoke", "alice") == 2
    assert "no valid token" in capsys.readouterr().err
    assert typed(tmp_path, "add", "alice") == 0
    typed(tmp_path, "list")
    assert "revoked" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 65, "local", "ä", "../x"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        typed(tmp_path, "add", name)
    assert ended.value.code == 2
    assert "name" in capsys.readouterr().err


def test_a_list_of_none_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(tmp_path, "list") == 0
    assert "streamui token add NAME" in capsys.readouterr().out


def test_a_file_that_is_none_is_reported(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("no database" * 100)
    with pytest.raises(TokenFileError, match="choose another --data"):
        typed(tmp_path, "list")


def test_last_use_of_a_token_is_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed(tmp_path, "add", "alice")
    token = capsys.readouterr().out.strip()
    tokens = Tokens(TokenStore(tmp_path))
    shown = tokens.admit(token)
    assert shown is not None
    assert shown.principal == "alice"
    assert tokens.admit(token + "x") is None
    assert tokens.admit("") is None
    tokens.close()
    typed(tmp_path, "list")
    assert "never" not in capsys.readouterr().out


def test_a_session_ends_with_its_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed(tmp_path, "add", "alice")
    tokens = Tokens(TokenStore(tmp_path))
    shown = tokens.admit(capsys.readouterr().out.strip())
    assert shown is not None
    cookie = tokens.open_session(shown)
    session = tokens.resume(cookie)
    assert session is not None
    assert tokens.is_valid(session)
    with pytest.MonkeyPatch.context() as patch:
        later = time.time() + SESSION_SECONDS + 1
        patch.setattr(time, "time", lambda: later)
        assert tokens.resume(cookie) is None
        assert not tokens.is_valid(session)
    again = Tokens(TokenStore(tmp_path))
    assert again.resume(cookie) == session
