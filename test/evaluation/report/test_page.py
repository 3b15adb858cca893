import re

import numpy as np
import pytest
from torch.utils.tensorboard import SummaryWriter

from espnet_mtl.data.kaldi import write_table
from espnet_mtl.evaluation.evaluate import evaluate_experiments
from espnet_mtl.evaluation.report import page as report
from espnet_mtl.evaluation.report.curves import ending, read_curves
from espnet_mtl.evaluation.report.faces import face_cards
from espnet_mtl.evaluation.report.page import write_report
from espnet_mtl.evaluation.report.players import Players
from espnet_mtl.evaluation.report.table import rows, text_table


@pytest.fixture
def evaluation(corpus, experiment, voice):
    baseline = experiment("single<b>", lambda who, emotion, text: voice(who, "calm", text))
    return evaluate_experiments([experiment("multi")], corpus / "dump/raw", corpus / "decode.yaml", baseline)


def test_table_has_a_row_a_metric_and_a_column_a_system(evaluation):
    lines = text_table(evaluation, 1000).splitlines()
    assert re.split(" {2,}", lines[0].strip()) == [
        *("natural", "natural vocoded", "single<b>", "multi"),
        "multi − single<b>",
    ]
    assert [line for line in lines if line.isupper() and " " not in line] == [
        "SPECTRUM",
        "PROSODY",
        "EMOTION",
        "SPEAKER",
        "INTELLIGIBILITY",
    ]
    assert lines[2].split()[:4] == ["MCD", "dB", "↓", "0.00"]
    assert max(map(len, text_table(evaluation, 80).splitlines())) < max(map(len, lines))
    assert "[" not in text_table(evaluation, 80)
    table = {(row.metric.group, row.title): row.cells for row in rows(evaluation)}
    assert [cell.value[0] for cell in table["Emotion", "accuracy ↑"]] == ["1", "1", "0", "1", "+"]
    assert table["Emotion", "accuracy ↑"][-1].verdict == "better"
    assert table["Spectrum", "global variance → 1"][-1].verdict == ""


def test_page_is_whole_and_self_contained(evaluation, tmp_path):
    page = write_report(tmp_path / "report", evaluation)
    html = page.read_text(encoding="utf-8")
    assert [path.name for path in page.parent.iterdir()] == ["index.html"]
    assert not re.search(r'(src|href)="(?!data:|#)', html)
    assert "single<b>" not in html
    assert "single&lt;b&gt;" in html
    assert html.count("<audio") == 2 * 6 * 3 + 8 * 3
    assert "surely better in " in html
    assert html.count("not in training") == 2
    assert html.count('src="data:image/png') == 3
    for name in (
        "Summary",
        "By emotion",
        "By speaker",
        "Listen",
        "Spectrograms",
        "Farthest from natural",
        "What the fig",
    ):
        assert name in html


def test_audio_stays_within_its_limit(evaluation, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "AUDIO_BYTES", 30_000)
    html = write_report(tmp_path / "report", evaluation).read_text(encoding="utf-8")
    assert 0 < html.count("<audio") < 5


def test_audio_may_lie_beside_the_page(evaluation, tmp_path):
    page = write_report(tmp_path / "report", evaluation, audio_beside=True)
    sources = re.findall(r'<audio[^>]* src="([^"]+)"', page.read_text(encoding="utf-8"))
    assert len(sources) == 2 * 6 * 3 + 8 * 3
    assert all((page.parent / source).stat().st_size > 100 for source in sources)


def test_training_curves_are_read_back(tmp_path):
    for part in ("train", "valid"):
        writer = SummaryWriter(tmp_path / "exp/tensorboard" / part)
        for step in (10, 20):
            writer.add_scalar("l1_loss", 1 / step, step)
            writer.add_scalar("emotion_acc", 0.5, step)
        writer.add_scalar("l1_loss", 7, 20)
        writer.close()
    curves = read_curves(tmp_path / "exp")
    np.testing.assert_allclose(curves["valid"]["l1_loss"], [[10, 0.1], [20, 0.05]])
    assert list(ending(curves["train"], "_acc")) == ["emotion"]
    assert read_curves(tmp_path) == {}


def test_what_a_training_logged_is_drawn(tmp_path, monkeypatch):
    names = ("l1_loss", "tts_loss", "a_loss", "a_acc", "a_weight", "mel_a_norm", "mel_tts_a_cos", "mel_a_share")
    names += ("game_d", "game_real", "game_fake", "game_g", "game_fm")
    for part in ("train", "valid"):
        writer = SummaryWriter(tmp_path / "exp/tensorboard" / part)
        for name in names:
            writer.add_scalar(name, 0.5, 10)
        writer.close()
    drawn = {}
    monkeypatch.setattr(report, "curves_plot", lambda panels, logarithmic: drawn.update(panels) or b"png")
    (shown,) = report._curves([tmp_path / "exp", tmp_path / "nothing_logged"])
    assert shown["title"] == "exp"
    assert shown["image"].startswith("data:image/png")
    panels = {title: sorted(curves) for title, curves in drawn.items()}
    assert panels.pop("spectrogram and whole TTS loss") == ["l1 train", "l1 valid", "tts train", "tts valid"]
    assert panels.pop("task losses, validation") == ["a", "l1", "tts"]
    figures = panels.pop("discriminators, validation")
    assert figures == ["game_d", "game_fake", "game_fm", "game_g", "game_real"]
    assert sorted(panels.values()) == sorted([["a"], ["a"], ["mel_a"], ["mel_tts_a"], ["mel_a"]])


def test_faces_stand_beside_the_speech_that_they_gave_the_emotion(corpus, experiment, tmp_path):
    test = corpus / "dump/raw/test"
    utts = [line.split()[0] for line in (test / "utt2spk").read_text().splitlines()]
    random = np.random.default_rng(0)
    for number, utt in enumerate(utts):
        # Of the first, an embedding: it is no picture
        faces = {"embedding": np.ones(8)} if number == 0 else {"crops": random.integers(0, 255, (3, 48, 48), np.uint8)}
        np.savez(tmp_path / f"{utt}.npz", **faces)
    write_table(test / "media.scp", {utt: tmp_path / f"{utt}.npz" for utt in utts})
    write_table(test / "visual.scp", dict.fromkeys(utts[:-1], "visual.ark:1"))
    own = experiment("multi")
    evaluation = evaluate_experiments([own], corpus / "dump/raw", corpus / "decode.yaml")
    players = Players(10**6)
    cards = list(face_cards(evaluation, evaluation.systems[0], [own], players))
    emotions = sorted(set(evaluation.systems[0].speech.emotions))
    assert [card.title.split(", ")[1] for card in cards] == emotions
    assert all(card.picture.startswith("data:image/png") and card.players for card in cards)
    assert len({card.picture for card in cards}) == len(cards)
    html = write_report(tmp_path / "report", evaluation).read_text(encoding="utf-8")
    assert html.count('class="face"') == len(cards)

    # Where faces gave the emotion, it is theirs; here one face gave all
    decoded = evaluation.systems[0].speech.directory
    write_table(decoded / "style_sources", dict.fromkeys(evaluation.systems[0].speech.utts, utts[1]))
    cards = list(face_cards(evaluation, evaluation.systems[0], [own], players))
    assert len({card.picture for card in cards}) == 1
    assert len(cards) == len(emotions)
