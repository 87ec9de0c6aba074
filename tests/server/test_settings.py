"""Source of an option's value: the command line, else the environment, else the default."""

import argparse
from collections.abc import Mapping
from pathlib import Path

import pytest

from server.generations.restoring import OnRestart
from server.option_table import ADDRESSES, add_options, options
from server.settings import Settings, settings_from
from server.starter import MODEL_PATH
from tests.hostile.routes import ROUTES

NOTHING: Mapping[str, str] = {"HOME": "/home/someone"}


def read(arguments: list[str], environ: Mapping[str, str] = NOTHING) -> Settings:
    parser = argparse.ArgumentParser()
    add_options(parser, environ)
    return settings_from(parser.parse_args(arguments))


def test_the_defaults() -> None:
    assert read([]) == Settings(
        host="127.0.0.1",
        port=8000,
        model=MODEL_PATH,
        chat_template=None,
        data=Path("/home/someone/.local/share/streamui"),
        models_dir=None,
        models_file=None,
        model_memory=None,
        offline="off",
        who_may_get_models="owner",
        context=None,
        parallel=None,
        upstream=None,
        upstream_kind="auto",
        upstream_model=None,
        upstream_patience=30,
        threads=None,
        kv_tokens=None,
        cache_ram=1024,
        cache_disk=2048,
        context_shift="off",
        draft_ahead="on",
        speculative="auto",
        draft_model=None,
        queue=256,
        journal="on",
        on_restart="continue",
        drain=0,
        auth="off",
        allow_host="",
        allow_origin="",
        root_path="",
        max_sockets=2048,
        max_messages=1000,
        max_active=None,
        log_format="text",
        log_level="warning",
    )


GIVEN = {
    "host": ("::1", "0.0.0.0"),
    "port": ("0", "65535"),
    "model": ("a.gguf", "b.gguf"),
    "chat_template": ("chatml", "a.jinja"),
    "data": ("one", "two"),
    "models_dir": ("one", "two"),
    "models_file": ("one", "two"),
    "model_memory": ("0", "16777216"),
    "offline": ("on", "off"),
    "who_may_get_models": ("all", "nobody"),
    "context": ("16", "4096"),
    "parallel": ("1", "256"),
    "upstream": ("http://gpu:8000", "two=https://gpu"),
    "upstream_kind": ("vllm", "openai"),
    "upstream_model": ("a", "b"),
    "upstream_patience": ("0", "60"),
    "threads": ("1", "1024"),
    "kv_tokens": ("16", "65536"),
    "cache_ram": ("0", "4096"),
    "cache_disk": ("0", "4096"),
    "context_shift": ("on", "off"),
    "draft_ahead": ("off", "on"),
    "speculative": ("all", "off"),
    "draft_model": ("a.gguf", "b.gguf"),
    "queue": ("0", "1000"),
    "journal": ("on", "off"),
    "on_restart": ("continue", "interrupt"),
    "drain": ("0", "86400"),
    "auth": ("token", "off"),
    "allow_host": ("chat.example", "chat.example,::1"),
    "allow_origin": ("https://chat.example", "https://chat.example,http://localhost:3000"),
    "root_path": ("/chat", "/a/b"),
    "max_sockets": ("1", "100"),
    "max_messages": ("1", "100"),
    "max_active": ("1", "100"),
    "log_format": ("json", "text"),
    "log_level": ("debug", "error"),
}


def test_a_repeated_model_adds_one_and_the_first_is_the_default() -> None:
    environ = {**NOTHING, "STREAMUI_MODEL": "c.gguf"}
    assert read([], environ).models == (Path("c.gguf"),)
    assert read(["--model", "a.gguf"], environ).models == (Path("a.gguf"),)
    three = read(["--model", "a.gguf", "--model", "b.gguf", "--model", "c.gguf"], environ)
    assert three.models == (Path("a.gguf"), Path("b.gguf"), Path("c.gguf"))
    assert three.model == Path("a.gguf")


def test_beside_an_upstream_only_a_model_that_was_given_is_of_this_machine() -> None:
    upstream = ["--upstream", "http://gpu:8000"]
    assert read(upstream).models == ()
    assert read([*upstream, "--model", str(MODEL_PATH)]).models == (MODEL_PATH,)
    assert read(upstream, {**NOTHING, "STREAMUI_MODEL": str(MODEL_PATH)}).models == (MODEL_PATH,)
    assert read([*upstream, "--model", "a.gguf"]).models == (Path("a.gguf"),)


def test_on_restart_has_a_name_for_each_choice() -> None:
    assert [read([f"--on-restart={choice}"]).on_restart for choice in OnRestart] == ["continue", "interrupt"]


def test_the_table_knows_every_option() -> None:
    assert list(GIVEN) == [option.name for option in options(NOTHING)]


@pytest.mark.parametrize("name", GIVEN)
def test_the_command_line_wins_over_the_environment_and_that_over_the_default(name: str) -> None:
    typed, exported = GIVEN[name]
    flag = f"--{name.replace('_', '-')}"
    environ = {**NOTHING, f"STREAMUI_{name.upper()}": exported}
    assert str(getattr(read([], environ), name)) == exported
    assert str(getattr(read([flag, typed], environ), name)) == typed
    assert type(getattr(read([], environ), name)) is type(getattr(read([flag, typed]), name))


@pytest.mark.parametrize("name", GIVEN)
def test_an_empty_variable_is_none(name: str) -> None:
    assert read([], {**NOTHING, f"STREAMUI_{name.upper()}": ""}) == read([])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "-1"),
        ("port", "65536"),
        ("port", "80.5"),
        ("port", "http"),
        ("context", "15"),
        ("context", str(2**24 + 1)),
        ("parallel", "0"),
        ("parallel", "257"),
        ("threads", "0"),
        ("threads", "1025"),
    ],
)
def test_values_out_of_range_are_refused_from_every_source(
    name: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sources: list[tuple[list[str], Mapping[str, str]]] = [
        ([f"--{name}={value}"], NOTHING),
        ([], {**NOTHING, f"STREAMUI_{name.upper()}": value}),
    ]
    for arguments, environ in sources:
        with pytest.raises(SystemExit) as ended:
            read(arguments, environ)
        assert ended.value.code == 2
        told = capsys.readouterr().err
        assert f"--{name}" in told
        assert f"'{value}' is not a whole number from" in told


@pytest.mark.parametrize(
    ("given", "meant"),
    [("/chat", "/chat"), ("/chat/", "/chat"), ("/a/b-c/d_e.f~g", "/a/b-c/d_e.f~g"), ("/", ""), ("/chats", "/chats")],
)
def test_a_root_path_has_no_slash_at_its_end(given: str, meant: str) -> None:
    assert read(["--root-path", given]).root_path == meant


@pytest.mark.parametrize(
    "given",
    [
        "chat",
        "//chat",
        "/a//b",
        "/..",
        "/a/../b",
        "/.",
        "/a b",
        "/a?b",
        "/a#b",
        "/%2e",
        "/é",
        "http://a/chat",
        "\\chat",
    ],
)
def test_a_root_path_that_is_none_is_refused(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read(["--root-path", given])
    assert "is not a path such as /chat" in capsys.readouterr().err


def test_a_root_path_that_begins_like_an_address_of_the_server_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    firsts = {path.split("/")[1] for _, path in ROUTES} - {""}
    assert firsts == set(ADDRESSES)
    for first in firsts:
        for path in (f"/{first}", f"/{first}/chat"):
            with pytest.raises(SystemExit):
                read(["--root-path", path])
            assert "begins like one of the server's own paths" in capsys.readouterr().err


def test_data_goes_where_the_desktop_wants_it() -> None:
    assert read([], {"XDG_DATA_HOME": "/data", "HOME": "/home/someone"}).data == Path("/data/streamui")
