import csv
import io
import re
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient
from speech_sets import EMOTIONS, listening_test

from espnet_mtl.listening.app import build_app
from espnet_mtl.listening.trials import TESTS

BASE = "http://127.0.0.1:7860"


def client(test):
    return TestClient(build_app(test), base_url=BASE)


def send(to, trial, answer, listener="ann", **headers):
    return to.post("/answer", json={"listener": listener, "trial": trial, "answer": answer}, headers=headers)


def saved(test, listener="ann"):
    path = test.output / f"{test.kind}_{listener}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["trial"], row["answer"]) for row in csv.DictReader(file)]


def test_the_page_asks_who_listens(tmp_path):
    test = listening_test(tmp_path, "mos")
    with client(test) as browser:
        assert '<input id="listener"' in browser.get("/").text
        wrong = browser.get("/", params={"listener": "../<b>"})
        assert wrong.status_code == 400
        assert "expected 1 to 64 of" in wrong.text
        assert "<b>" not in wrong.text
        assert "1 of 12" in browser.get("/", params={"listener": "ann"}).text
    with client(replace(test, listener="bob")) as browser:
        assert "1 of 12" in browser.get("/").text
        assert send(browser, 1, "5", listener="ann").status_code == 204
    assert saved(test, "bob") == [("1", "5")]


def test_the_page_says_that_a_full_disk_took_no_answer(tmp_path, full_disk):
    test = listening_test(tmp_path, "mos")
    with client(test) as browser:
        assert send(browser, 1, "5").status_code == 204
        with full_disk():
            refused = send(browser, 2, "4")
        assert refused.status_code == 507
        assert "mos_ann.csv: no space left on device" in refused.json()["detail"]
        assert saved(test) == [("1", "5")]
        assert send(browser, 2, "4").status_code == 204
    assert saved(test) == [("1", "5"), ("2", "4")]


@pytest.mark.parametrize("kind", TESTS)
def test_nothing_tells_what_is_heard(tmp_path, kind):
    test = listening_test(tmp_path, kind, ("multi", "secret"), n=3)
    with client(test) as browser:
        page = browser.get("/", params={"listener": "ann"})
        sides = "ab" if kind == "ab" else "a"
        replies = [page, *(browser.get(f"/audio/1/{side}", params={"listener": "ann"}) for side in sides)]
        assert all(reply.status_code == 200 for reply in replies)
        hidden = ["multi", "secret", "spk1", "Sentence", str(tmp_path), *(EMOTIONS if kind != "emotion" else [])]
        shown = "".join(f"{reply.headers} {reply.content}" for reply in replies)
        assert [word for word in hidden if word.lower() in shown.lower()] == []
        if kind == "emotion":
            assert all(page.text.lower().count(name) == 2 for name in EMOTIONS)
    assert not re.search(r'(src|href)="(?!data:)', page.text)
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_audio_is_that_of_the_trial_without_its_format(tmp_path):
    test = listening_test(tmp_path, "ab")
    trial = test.trials("ann")[3]
    with client(test) as browser:
        for side, wav in zip("ab", trial.wavs, strict=True):
            reply = browser.get(f"/audio/4/{side}", params={"listener": "ann"})
            assert soundfile.info(io.BytesIO(reply.content)).subtype == "PCM_16"
            np.testing.assert_allclose(soundfile.read(io.BytesIO(reply.content))[0], soundfile.read(wav)[0], atol=1e-4)
            assert reply.headers["content-type"] == "audio/wav"
            assert reply.headers["cache-control"] == "no-store"
        for path in ("0/a", "7/a", "1/c", "1/ab", "1/.."):
            assert browser.get(f"/audio/{path}", params={"listener": "ann"}).status_code == 404


def test_goes_on_at_the_first_trial_without_an_answer(tmp_path):
    test = listening_test(tmp_path, "mos", n=3)
    with client(test) as browser:
        assert [send(browser, trial, "4").status_code for trial in (1, 1, 3)] == [204, 204, 204]
        assert "2 of 3" in browser.get("/", params={"listener": "ann"}).text
    assert saved(test) == [("1", "4"), ("3", "4")]
    with client(listening_test(tmp_path, "mos", n=3)) as restarted:
        assert "2 of 3" in restarted.get("/", params={"listener": "ann"}).text
        send(restarted, 2, "5")
        assert "Thank you, ann!" in restarted.get("/", params={"listener": "ann"}).text


def test_only_its_own_page_may_answer(tmp_path):
    test = listening_test(tmp_path, "mos")
    with client(test) as browser:
        for origin in ("http://evil.example", "null", "http://127.0.0.1:8000"):
            assert send(browser, 1, "5", Origin=origin).status_code == 403
        assert not test.output.exists()
        assert send(browser, 1, "5", Origin=BASE).status_code == 204
    assert saved(test) == [("1", "5")]


def test_a_wrong_answer_says_what_is_right(tmp_path):
    with client(listening_test(tmp_path, "mos")) as browser:
        reply = send(browser, 1, "6")
        assert (reply.status_code, reply.json()["detail"]) == (400, "answer '6': expected one of 1, 2, 3, 4, 5")
        assert send(browser, 1, "5", listener="../x").status_code == 400


def test_answers_to_other_trials_are_an_error_on_the_page(tmp_path):
    test = listening_test(tmp_path, "mos")
    with client(test) as browser:
        for trial in range(1, 7):
            send(browser, trial, "5")
    with client(replace(test, seed=1)) as browser:
        page = browser.get("/", params={"listener": "ann"})
        assert page.status_code == 409
        assert "belongs to other trials" in page.text
        assert send(browser, 7, "5").status_code == 400


def test_no_page_of_the_framework_is_served(tmp_path):
    with client(listening_test(tmp_path, "mos")) as browser:
        assert {browser.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")} == {404}


def test_a_recording_that_cannot_be_read_is_no_secret_told(tmp_path, capsys):
    test = listening_test(tmp_path, "mos", ("secret", "natural"))
    with client(test) as browser:
        for path in tmp_path.rglob("*.wav"):
            path.write_bytes(b"no audio")
        reply = browser.get("/audio/1/a", params={"listener": "ann"})
    assert reply.status_code == 500
    assert reply.json() == {"detail": "the recording of this trial cannot be read"}
    assert "cannot be read as audio" in capsys.readouterr().err
