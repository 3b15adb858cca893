"""A hub that answers wrongly, or breaks off: one line, and nothing half that a second call takes for whole."""

import hashlib
import http.server
import json
import socket
import struct
import threading
from pathlib import Path

import pytest
from huggingface_hub import constants
from packed_model import members

from espnet_mtl.errors import UserError
from espnet_mtl.zoo.archive import resolve

COMMIT = "a" * 40
WEIGHTS = "exp/train/m.pth"


class Hub(http.server.BaseHTTPRequestHandler):
    """Gives user/repo as Hugging Face does.

    Attributes:
        wrong: What it answers instead where a path ends so.
        broken: Path of a file after whose first bytes it hangs up.
    """

    wrong: dict[str, tuple[int, bytes]] = {}  # noqa: RUF012
    broken = ""

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.partition("?")[0]
        found = [answer for ending, answer in self.wrong.items() if path.endswith(ending)]
        if found:
            self.answer(*found[0])
        elif "/tree/" in path:
            files = [{"type": "file", "path": name, **facts(data)} for name, data in members().items()]
            self.answer(200, json.dumps(files).encode())
        elif "/resolve/" in path:
            name = path.partition(f"{COMMIT}/")[2]
            self.answer(200, members()[name], name == self.broken)
        else:
            self.answer(200, json.dumps({"id": "user/repo", "sha": COMMIT, "siblings": []}).encode())

    def answer(self, code, body, breaks=False):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", facts(body)["oid"])
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET" and breaks:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.wfile.write(body[:3])
            self.connection.close()  # as it lingers for no time: reset
        elif self.command == "GET":
            self.wfile.write(body)


def facts(data):
    return {"size": len(data), "oid": hashlib.sha1(data).hexdigest()}


@pytest.fixture
def hub(monkeypatch):
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{running.server_port}"
        monkeypatch.setattr(constants, "ENDPOINT", url)
        template = url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield
        running.shutdown()
        thread.join()


def test_a_download_that_breaks_off_is_gone_on_with(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(Hub, "broken", WEIGHTS)
    with pytest.raises(UserError, match=r"^user/repo is neither a file here nor found on Hugging Face: ReadError: "):
        resolve("user/repo", tmp_path)
    monkeypatch.setattr(Hub, "wrong", {"main": (500, b"out of order")})
    with pytest.raises(UserError, match=rf"incomplete: 1 file\(s\) are missing \({WEIGHTS}\)"):
        resolve("user/repo", tmp_path)
    monkeypatch.setattr(Hub, "wrong", {})
    monkeypatch.setattr(Hub, "broken", "")
    assert Path(resolve("user/repo", tmp_path)["model_file"]).read_bytes() == members()[WEIGHTS]


@pytest.mark.parametrize(
    ("ending", "code", "body", "said"),
    [
        ("main", 404, b"<html>\nnothing here\n</html>", "404"),
        ("main", 500, b"out of order", "500 Internal Server Error"),
        ("main", 200, b"<html>log in</html>", "Expecting value"),
        ("main", 200, b"[]", "TypeError"),
        ("main", 200, b"{}", "KeyError: 'id'"),
        ("main", 200, b'{"id": "user/repo"}', "AssertionError"),
        (COMMIT, 200, b'{"error": "none"}', "TypeError"),
    ],
)
def test_an_answer_that_is_none_is_told_in_a_line(hub, tmp_path, monkeypatch, ending, code, body, said):
    monkeypatch.setattr(Hub, "wrong", {ending: (code, body)})
    with pytest.raises(UserError, match=f"^user/repo is neither a file here .*{said}") as raised:
        resolve("user/repo", tmp_path)
    assert "\n" not in str(raised.value)
    monkeypatch.setattr(Hub, "wrong", {})
    assert Path(resolve("user/repo", tmp_path)["model_file"]).read_bytes() == members()[WEIGHTS]
