import re
import signal
import subprocess
import sys
import urllib.request
from functools import partial

import pytest
from speech_sets import listening_test, write_speech

from espnet_mtl.bin import listen
from espnet_mtl.listening.answers import save_answer


def test_serves_where_it_says_until_interrupted(tmp_path):
    directory = write_speech(tmp_path / "multi")
    options = ["--test", "mos", "--system", f"multi={directory}", "--output", tmp_path / "answers", "--port", "0"]
    command = [sys.executable, "-m", "espnet_mtl.bin.listen", *map(str, options), "--n", "4", "--listener", "ann"]
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # else ignored where the tests run in the background
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True, preexec_fn=heard) as process:
        url = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
        with urllib.request.urlopen(url) as page:
            assert "1 of 4" in page.read().decode()
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20)[1] == ""
    assert process.returncode == 130


def test_analyzes(tmp_path, capsys):
    test = listening_test(tmp_path, "mos", n=4)
    for trial in range(1, 5):
        save_answer(test, "ann", trial, "4")
    listen.main(["--test", "mos", "--output", str(test.output), "--analyze"])
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == ["multi", "2", "4.00"]
    assert (test.output / "analysis_mos.json").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--system: the mos test needs 1 or more, got 0"),
        (["--system", "{root}/none"], "run stage 3 or 6 first: {root}/none/wav.scp is missing"),
        (["--system", "{root}/multi", "--listener", "../x"], "listener '../x': expected 1 to 64 of"),
        (["--system", "{root}/multi", "--port", "99999"], "--port: expected a whole number from 0 to 65535, got 99999"),
        (["--system", "{root}/multi", "--host", "203.0.113.1"], "--host 203.0.113.1"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, monkeypatch, capsys, options, message):
    write_speech(tmp_path / "multi")
    options = [option.format(root=tmp_path) for option in options]
    monkeypatch.setattr(sys, "argv", ["listen", "--test", "mos", "--output", str(tmp_path / "answers"), *options])
    with pytest.raises(SystemExit) as stopped:
        listen.cli()
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {message.format(root=tmp_path)}")
