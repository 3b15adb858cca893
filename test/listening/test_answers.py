import csv
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from speech_sets import listening_test

from espnet_mtl.errors import UserError
from espnet_mtl.listening.answers import answers_path, read_answers, save_answer


def rows(test, listener):
    with (test.output / f"{test.kind}_{listener}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_an_answer_is_a_line_with_all_that_was_heard(tmp_path):
    test = listening_test(tmp_path, "ab")
    trial = test.trials("ann")[1]
    save_answer(test, "ann", 2, "b")
    (row,) = rows(test, "ann")
    assert datetime.fromisoformat(row.pop("time")).utcoffset() == timedelta(0)
    assert row == {
        **{"test": "ab", "listener": "ann", "trial": "2", "utterance": trial.utterance, "text": trial.text},
        **{"speaker": "spk1", "emotion": trial.emotion, "system": trial.systems[0], "system_b": trial.systems[1]},
        "answer": "b",
    }
    assert read_answers(test, "ann") == {2: "b"}
    assert read_answers(test, "bob") == {}


def test_it_is_on_disk_before_the_call_returns(tmp_path, monkeypatch):
    test, synced = listening_test(tmp_path, "mos"), []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(os.fstat(number).st_size))
    save_answer(test, "ann", 1, "5")
    assert synced == [answers_path(test, "ann").stat().st_size]


def test_the_first_answer_to_a_trial_stays(tmp_path):
    test = listening_test(tmp_path, "mos")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: save_answer(test, "ann", 3, "4"), range(16)))
    save_answer(test, "ann", 3, "1")
    assert [row["answer"] for row in rows(test, "ann")] == ["4"]


@pytest.mark.parametrize("name", ["", "../ann", "a/b", "a b", "ann.csv", "é", "ann\n", "a" * 65])
def test_a_name_is_no_path(tmp_path, name):
    test = listening_test(tmp_path, "mos")
    for call in (lambda: read_answers(test, name), lambda: save_answer(test, name, 1, "5")):
        with pytest.raises(UserError, match="expected 1 to 64 of"):
            call()
    assert not test.output.exists()


@pytest.mark.parametrize(("number", "answer"), [(0, "5"), (13, "5"), (1, "6"), (1, "a")])
def test_what_was_not_asked_is_not_saved(tmp_path, number, answer):
    test = listening_test(tmp_path, "mos")
    with pytest.raises(UserError, match="expected"):
        save_answer(test, "ann", number, answer)
    assert not test.output.exists()


def test_answers_to_other_trials_are_not_mixed(tmp_path):
    test = listening_test(tmp_path, "mos")
    for number in range(1, 7):
        save_answer(test, "ann", number, "3")
    before = answers_path(test, "ann").read_bytes()
    for other in (replace(test, seed=1), replace(test, n=6), listening_test(tmp_path, "mos", ("multi", "single"))):
        with pytest.raises(UserError, match=r"mos_ann.csv:\d: belongs to other trials"):
            save_answer(other, "ann", 12 if other.n > 6 else 6, "3")
    assert answers_path(test, "ann").read_bytes() == before


def test_a_half_written_file_is_named_with_its_line(tmp_path):
    test = listening_test(tmp_path, "mos")
    test.output.mkdir()
    path = answers_path(test, "ann")
    path.touch()
    save_answer(test, "ann", 1, "3")
    path.write_bytes(path.read_bytes() + b"2026-01-01T00:00:00+00:00,mos,ann")
    with pytest.raises(UserError, match=r"mos_ann.csv:3: 3 values, .* names 11: .*; delete a line that is not whole"):
        read_answers(test, "ann")
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"mos_ann.csv:1: the header 'a,b' lacks time, test, "):
        read_answers(test, "ann")
