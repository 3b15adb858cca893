import re

import pytest

from espnet_mtl.evaluation import report
from espnet_mtl.evaluation.evaluate import evaluate
from espnet_mtl.evaluation.metrics import METRICS
from espnet_mtl.evaluation.report import write_report
from espnet_mtl.evaluation.table import rows, text_table


@pytest.fixture
def evaluation(corpus, experiment, voice):
    baseline = experiment("single<b>", lambda who, emotion, text: voice(who, "calm", text))
    return evaluate(experiment("multi"), corpus / "dump/raw", corpus / "decode.yaml", baseline)


def test_table_has_a_row_a_system_and_their_difference(evaluation):
    lines = text_table(evaluation, 1000).splitlines()
    starts = ["", "", "natural", "natural vocoded", "single<b>", "multi", "multi − single<b>"]
    assert [line[:17].strip() for line in lines] == starts
    assert "[" in lines[2]
    assert max(map(len, text_table(evaluation, 80).splitlines())) < max(map(len, lines))
    assert "[" not in text_table(evaluation, 80)
    emotion = list(METRICS).index("emotion_accuracy")
    assert [row.cells[emotion].value[0] for row in rows(evaluation)] == ["1", "1", "0", "1", "+"]


def test_page_is_whole_and_self_contained(evaluation, tmp_path):
    page = write_report(tmp_path / "report", evaluation)
    html = page.read_text(encoding="utf-8")
    assert [path.name for path in page.parent.iterdir()] == ["index.html"]
    assert not re.search(r'(src|href)="(?!data:|#)', html)
    assert "single<b>" not in html
    assert "single&lt;b&gt;" in html
    assert html.count("<audio") == 2 * 6 * 3 + 8 * 3
    assert html.count("not in training") == 2
    assert html.count('src="data:image/png') == 3
    for name in ("Summary", "Listen", "Spectrograms", "Farthest from natural"):
        assert name in html


def test_audio_stays_within_its_limit(evaluation, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "AUDIO_BYTES", 30_000)
    html = write_report(tmp_path / "report", evaluation).read_text(encoding="utf-8")
    assert 0 < html.count("<audio") < 5
