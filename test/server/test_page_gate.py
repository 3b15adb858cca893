"""What anybody reaches of the page's application, and what nobody does."""

import base64
import json

import numpy as np
import pytest
from fastapi.testclient import TestClient

from espnet_mtl.server.app import create_app
from espnet_mtl.server.options import CHARACTERS, ServerOptions

CALL = "/page/gradio_api/run/predict"
MOST = 100


@pytest.fixture
def client(tts):
    app = create_app(tts, ServerOptions(page=True, characters=MOST))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=True) as client:
        yield client


@pytest.fixture
def speak(client):
    return speaking_button(client)


def speaking_button(client):
    """The call of the button that speaks, as the page sends it: its number, and a value for each component."""
    config = client.get("/page/config").json()
    components = {one["id"]: one for one in config["components"]}
    calls = [one for one in config["dependencies"] if one["backend_fn"]]
    call = max(calls, key=lambda one: len(one["inputs"]))
    values = {}
    for number in call["inputs"]:
        props = components[number]["props"]
        values[props.get("label") or "browser"] = props.get("value") or ("" if props.get("lines") else 0)
    values["browser"] = "{}"
    values["Set the length of pauses"] = False
    values["mixed with"] = ""
    return call["id"], values


def call(client, speak, **changed):
    number, values = speak
    data = [changed.get(name, value) for name, value in values.items()]
    return client.post(CALL, json={"fn_index": number, "data": data, "session_hash": "a"})


def test_the_page_and_what_it_loads(client):
    assert "Speech with emotion" in client.get("/page/").text
    assert client.get("/page/theme.css").status_code == 200
    config = client.get("/page/config", headers={"X-Forwarded-Host": "evil.example"})
    assert "evil.example" not in config.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/page/gradio_api/file=/etc/passwd"),
        ("GET", "/page/gradio_api/file/etc/passwd"),
        ("GET", "/page/gradio_api/deep_link?session_hash=a"),
        ("GET", "/page/gradio_api/proxy=http://127.0.0.1"),
        ("GET", "/page/gradio_api/heartbeat/a"),
        ("GET", "/page/gradio_api/dev/reload"),
        ("GET", "/page/gradio_api/queue/data?session_hash=a"),
        ("GET", "/page/gradio_api/upload_progress?upload_id=a"),
        ("GET", "/page/gradio_api/info"),
        ("GET", "/page/monitoring"),
        ("GET", "/page/assets/../../../../etc/passwd"),
        ("POST", "/page/gradio_api/upload"),
        ("POST", "/page/gradio_api/queue/join"),
        ("POST", "/page/gradio_api/call/speak"),
        ("POST", "/page/gradio_api/api/predict"),
        ("POST", "/page/gradio_api/run/predict/"),
        ("POST", "/page/gradio_api/vibe-edit"),
        ("POST", "/page/gradio_api/reset"),
        ("POST", "/page/"),
        ("DELETE", "/page/config"),
    ],
)
def test_nothing_else_of_gradio_is_reached(client, method, path):
    answer = client.request(method, f"http://127.0.0.1{path}", json={} if method == "POST" else None)
    assert answer.status_code in (404, 405)
    assert "root:" not in answer.text


def test_a_link_to_a_state_is_no_page_of_its_own(client):
    assert client.get("/page/?deep_link=..%2F..%2Fetc").text == client.get("/page/").text


def test_the_button_that_speaks(client, speak):
    answer = call(client, speak, Text="Good morning.")
    assert answer.status_code == 200
    assert len(answer.json()["data"]) == 5


FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("Text", FILE),
        ("Text", [FILE]),
        ("Text", "a" * (CHARACTERS + 1)),
        ("Text", None),
        ("browser", FILE),
        ("browser", 5),
        ("SSML", {"url": "http://127.0.0.1/"}),
        ("Rate (×)", None),
        ("Rate (×)", "1"),
        ("Rate (×)", 99),
        ("Rate (×)", True),
        ("Rate (×)", float("nan")),
        ("Rate (×)", 10**400),
        ("Voice", "nobody"),
        ("Voice", ["f1"]),
        ("Set the length of pauses", 1),
    ],
)
def test_values_that_nobody_can_set_are_refused(client, speak, label, value):
    assert label in speak[1]
    number, values = speak
    data = [value if name == label else own for name, own in values.items()]
    sent = json.dumps({"fn_index": number, "data": data})
    answer = client.post(CALL, content=sent, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert "that it cannot have" in answer.json()["error"]["message"] or "in JSON" in answer.json()["error"]["message"]


@pytest.mark.parametrize("number", [-1, 999, "0", None, True, 0.5, [0]])
def test_there_is_no_such_button(client, speak, number):
    answer = client.post(CALL, json={"fn_index": number, "data": list(speak[1].values())})
    assert answer.status_code == 400


@pytest.mark.parametrize("body", [b"", b"[]", b"5", b"{", b"[" * 100_000, b'{"fn_index": 0}', b"\xff"])
def test_what_is_no_call(client, body):
    answer = client.post(CALL, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "state",
    [
        "abc",
        "5",
        "[" * 100_000,
        '{"weights": [1, 2]}',
        '{"weights": {"happy": "abc"}}',
        '{"weights": {"happy": null}}',
        '{"weights": {"happy": NaN}}',
        '{"weights": {"happy": 1' + "0" * 400 + "}}",
        '{"recording": "a"}',
        '{"recording": {"name": "a.wav"}}',
        '{"recording": {"name": "a.wav", "content": "%%"}}',
        '{"face": "/etc/passwd"}',
        '{"face": {"content": "AAAA"}}',
        '{"face": {"name": "a.png", "content": ["AAAA"]}}',
        '{"face": {"name": "a.png", "content": "/etc/passwd"}}',
        '{"face": {"name": "/etc/passwd", "content": "AAAA"}}',
        '{"face": {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}}',
        '{"visual": "/etc/passwd", "tab": [], "edits": {}}',
        '{"tab": [], "edits": {}}',
    ],
)
def test_a_state_that_no_script_sends_is_answered_on_the_page(client, speak, state):
    answer = call(client, speak, browser=state, Text="Good.")
    assert answer.status_code == 200
    assert "warning" in answer.json()["data"][0] or "tab" in state


def test_a_face_is_bytes_and_never_a_name(make_seeing, tmp_path):
    """Not even that of a face that is there."""
    path = tmp_path / "face.npy"
    np.save(path, np.zeros(6))
    app = create_app(make_seeing(), ServerOptions(page=True))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        button = speaking_button(client)
        for content in (str(path), f"file://{path}", "http://127.0.0.1/face.npy", "=", "", None):
            state = json.dumps({"face": {"name": str(path), "content": content}})
            answer = call(client, button, browser=state, Text="Good.")
            assert answer.status_code == 200
            message = answer.json()["data"][0]
            assert "visual: " in message or "load it again" in message
        content = base64.b64encode(path.read_bytes()).decode()
        state = json.dumps({"face": {"name": "face.npy", "content": content}})
        answer = call(client, button, browser=state, Text="Good.")
        assert "The emotion of the face: " in answer.json()["data"][0]


def test_sessions_are_not_kept(client, speak):
    for number in range(3):
        client.post(CALL, json={"fn_index": speak[0], "data": list(speak[1].values()), "session_hash": f"s{number}"})
    (mounted,) = [route.app for route in client.app.routes if getattr(route, "path", "") == "/page"]
    assert len(mounted.state_holder.session_data) == 0
