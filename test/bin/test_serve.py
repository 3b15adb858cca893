"""The command that serves synthesis."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from functools import partial

import httpx
import pytest

from espnet_mtl.bin import serve
from espnet_mtl.errors import UserError
from espnet_mtl.server.options import is_open, read_token
from espnet_mtl.system.imports import extras

TEXT = "Good morning. " * 30


@contextmanager
def started(model, *options, **variables):
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # else ignored where the tests run in the background
    line = [sys.executable, "-m", "espnet_mtl.bin.serve", "--model", str(model), "--port", "0", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(line, **pipes, env={**os.environ, **variables}, preexec_fn=heard) as process:
        try:
            yield process, re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
        finally:
            process.kill()


@pytest.fixture
def model(make_tts, tmp_path):
    """The directory of a tiny model."""
    make_tts()
    (tmp_path / "model.pth").rename(tmp_path / "latest.pth")
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_has_begun_is_sent_to_its_end(model, number):
    with started(model, "--workers", "1", ESPNET_MTL_TOKEN="right") as (process, address):
        headers = {"Authorization": "Bearer right"}
        (served,) = httpx.get(f"{address}/v1/models", headers=headers).json()["data"]
        assert served["id"] == model.name
        sent = {"input": TEXT, "response_format": "pcm"}
        with httpx.stream("POST", f"{address}/v1/audio/speech", json=sent, headers=headers, timeout=60) as answer:
            pieces = answer.iter_raw()
            size = len(next(pieces))
            process.send_signal(number)
            size += sum(map(len, pieces))
        _, log = process.communicate(timeout=30)
    assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGTERM)
    lines = [json.loads(line) for line in log.splitlines()]
    (asked,) = [line for line in lines if line.get("route") == "/v1/audio/speech"]
    assert asked["outcome"] == "answered"
    assert size == pytest.approx(2 * 24000 * asked["audio_s"], rel=1e-3)


def test_a_port_in_use_is_told_at_once(tmp_path, monkeypatch, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        monkeypatch.setattr(sys, "argv", ["serve", "--model", "none.zip", "--port", port])
        with pytest.raises(SystemExit, match="2"):
            serve.cli()
    assert re.match(rf"error: --host 127.0.0.1 --port {port}: .*; --port 0 takes any free one", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "none.zip"], "none.zip"),
        (["--workers", "0"], "--workers: expected a whole number of at least 1, got 0"),
        (["--visual_seconds", "0"], "--visual_seconds: expected a number from 0.1 to 3600"),
        (["--page", "maybe"], "--page: invalid choice: 'maybe'"),
        (["--seconds", "0"], "--seconds: expected a number from 0.1 to 3600"),
        (["--token", "none.txt"], "none.txt"),
        (["--token", "{root}/empty"], "--token {root}/empty: expected a token of letters"),
        (["--token", "{root}/two"], "--token {root}/two: expected a token of letters"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, monkeypatch, capsys, options, message):
    (tmp_path / "empty").touch()
    (tmp_path / "two").write_text("two words")
    options = [option.format(root=tmp_path) for option in options]
    monkeypatch.setattr(sys, "argv", ["serve", "--model", "none.zip", "--port", "0", *options])
    with pytest.raises(SystemExit, match="2"):
        serve.cli()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message.format(root=tmp_path) in line


@pytest.mark.parametrize(
    ("wanted", "token", "installed", "has_page"),
    [
        (None, "", True, True),
        (None, "", False, False),
        (None, "right", True, False),
        ("false", "", True, False),
        ("true", "", True, True),
        ("true", "right", True, "--page true: a browser cannot send the token"),
        ("true", "", False, r"gradio is not installed: pip install 'espnet_mtl\[page\]'"),
    ],
)
def test_whether_there_is_a_page(monkeypatch, wanted, token, installed, has_page):
    monkeypatch.setattr(extras, "find_spec", lambda package: object() if installed else None)
    monkeypatch.setenv("ESPNET_MTL_TOKEN", token)
    line = ["--model", "exp/train", *(["--page", wanted] if wanted else [])]
    args = serve._parser().parse_args(line)
    if isinstance(has_page, str):
        with pytest.raises(UserError, match=has_page):
            serve._options(args)
    else:
        assert serve._options(args).page == has_page
    assert serve._options(serve._parser().parse_args([*line[:2], "--page", "false"])).model == "exp/train"


def test_the_address_of_the_page_is_printed(model):
    with started(model, "--page", "true") as (process, address):
        page = httpx.get(address, follow_redirects=True)
        assert str(page.url) == f"{address}/page/"
        assert page.status_code == 200
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert all(json.loads(line) for line in log.splitlines())


def test_tokens(tmp_path, monkeypatch):
    monkeypatch.delenv("ESPNET_MTL_TOKEN", raising=False)
    assert read_token(None) == ""
    monkeypatch.setenv("ESPNET_MTL_TOKEN", "of the environment")
    with pytest.raises(Exception, match="ESPNET_MTL_TOKEN: expected a token"):
        read_token(None)
    monkeypatch.setenv("ESPNET_MTL_TOKEN", "of_the_environment")
    assert read_token(None) == "of_the_environment"
    (tmp_path / "token").write_text("of_the_file\n")
    assert read_token(tmp_path / "token") == "of_the_file"


def test_a_server_that_is_open_to_all_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["serve", "--model", "none.zip", "--host", "0.0.0.0", "--port", "0"])
    with pytest.raises(SystemExit, match="2"):
        serve.cli()
    assert "warning: whoever reaches 0.0.0.0 may use this server" in capsys.readouterr().err
    assert [is_open(host) for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "::", "speech.example")] == [
        *[False] * 3,
        *[True] * 3,
    ]


@pytest.mark.parametrize(
    ("model", "name"),
    [("exp/train/train.zip", "train"), ("exp/train/", "train"), ("user/repo", "repo"), ("/", "espnet_mtl")],
)
def test_what_a_model_is_called(model, name):
    assert serve.served_name(model) == name
