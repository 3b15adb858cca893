import csv
import json

import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.listening.analysis import analyze
from espnet_mtl.listening.answers import COLUMNS


def write(directory, kind, listener, answers):
    """Writes answers given as (sentence, emotion, system, system_b, answer)."""
    with (directory / f"{kind}_{listener}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="x")
        writer.writeheader()
        for text, emotion, system, system_b, answer in answers:
            row = {"text": text, "emotion": emotion, "system": system, "system_b": system_b, "answer": answer}
            writer.writerow({**row, "listener": listener, "test": kind})


def read(directory, kind):
    return json.loads((directory / f"analysis_{kind}.json").read_text(encoding="utf-8"))


def test_mean_opinion_scores_over_all_listeners(tmp_path):
    good, bad = (5, 5, 4, 4, 5), (2, 1, 1, 2, 2)
    for listener, more in {"ann": 0, "bob": -1}.items():
        answers = [(f"{i}", "", "multi", "", str(score + more)) for i, score in enumerate(good)]
        answers += [(f"{i}", "", "single", "", str(max(1, score + more))) for i, score in enumerate(bad)]
        write(tmp_path, "mos", listener, answers)
    table = analyze("mos", tmp_path)
    head, multi, single = table.splitlines()
    assert head.split() == ["system", "answers", "MOS", "95", "%"]
    assert multi.split()[:3] == ["multi", "10", "4.10"]
    assert head.index("answers") == multi.index("10") == single.index("10")
    content = read(tmp_path, "mos")
    assert content["listeners"] == 2
    first, second = content["systems"]
    assert first["mos"]["value"] == pytest.approx(4.1)
    assert first["mos"]["low"] < 4.1 < first["mos"]["high"]
    assert first["mos"]["low"] > second["mos"]["high"]
    assert "p" not in first


def test_preferences_count_ties_half_and_leave_them_out_of_the_sign_test(tmp_path):
    answers = [(f"{i}", "", "multi", "single", "a") for i in range(5)]
    answers += [(f"{i}", "", "single", "multi", "b") for i in range(5, 9)]
    answers += [("9", "", "single", "multi", "a"), ("10", "", "multi", "single", "none")]
    write(tmp_path, "ab", "ann", answers)
    table = analyze("ab", tmp_path)
    multi, single = read(tmp_path, "ab")["systems"]
    assert (multi["system"], multi["against"], multi["answers"]) == ("multi", "single", 11)
    assert multi["preference"]["value"] == pytest.approx(9.5 / 11, abs=1e-5)
    assert single["preference"]["value"] == pytest.approx(1.5 / 11, abs=1e-5)
    assert multi["p"] == single["p"] == pytest.approx(2 * (1 + 10) / 2**10)
    assert table.splitlines()[1].split()[:4] == ["multi", "single", "11", "0.86"]
    assert table.splitlines()[1].endswith("0.0215")


def test_only_ties_decide_nothing(tmp_path):
    write(tmp_path, "ab", "ann", [("1", "", "multi", "single", "none")])
    analyze("ab", tmp_path)
    multi, _ = read(tmp_path, "ab")["systems"]
    assert (multi["preference"]["value"], multi["p"]) == (0.5, 1.0)


def test_emotion_accuracy(tmp_path):
    heard = ["happy", "happy", "none of these", "sad"]
    write(tmp_path, "emotion", "ann", [(f"{i}", "happy", "multi", "", answer) for i, answer in enumerate(heard)])
    analyze("emotion", tmp_path)
    (multi,) = read(tmp_path, "emotion")["systems"]
    assert multi["accuracy"]["value"] == 0.5


def test_other_tests_do_not_count(tmp_path):
    write(tmp_path, "mos", "ann", [("1", "", "multi", "", "5")])
    with pytest.raises(UserError, match=rf"no answers in {tmp_path}/ab_\*.csv; run this command without --analyze"):
        analyze("ab", tmp_path)


def test_an_impossible_answer_is_named_with_its_line(tmp_path):
    write(tmp_path, "mos", "ann", [("1", "", "multi", "", "5"), ("2", "", "multi", "", "6")])
    with pytest.raises(UserError, match=r"mos_ann.csv:3: answer '6': expected one of 1, 2, 3, 4, 5"):
        analyze("mos", tmp_path)
