"""The judge on human recordings (docs/results/recordings.md), where they are on this machine."""

import csv
import os
import random
from pathlib import Path

import numpy as np
import pytest

from espnet_mtl.evaluation.analysis import Recording, analyze_all
from espnet_mtl.evaluation.probes.trained import functionals_probes

DATA = Path(os.environ.get("REAL_SPEECH", Path(__file__).parents[3] / "shared/data"))


@pytest.mark.parametrize(("corpus", "n_test", "least"), [("nemo_pl", 9, 0.75), ("emodb_2s_de", 3, 0.75)])
def test_emotion_is_heard_in_sentences_that_the_probe_never_heard(corpus, n_test, least):
    if not (DATA / corpus).is_dir():
        pytest.skip(f"{DATA / corpus} is absent (REAL_SPEECH names its directory)")
    with open(DATA / corpus / "metadata.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    sentences = sorted({row["sentence_id"] for row in rows})
    random.Random(0).shuffle(sentences)
    test = np.array([row["sentence_id"] in sentences[:n_test] for row in rows])
    recordings = [Recording(str(DATA / corpus / row["path"])) for row in rows]
    functionals = np.stack([speech.functionals for speech in analyze_all(recordings, 2, corpus, full=False)])
    speakers, emotions, texts = (np.array([row[key] for row in rows]) for key in ("speaker", "emotion", "text"))

    probe = functionals_probes(functionals[~test], emotions[~test], texts[~test], speakers[~test])
    heard = probe.classes[probe.posteriors(functionals[test], speakers[test]).argmax(1)]
    recall = [(heard == emotions[test])[emotions[test] == emotion].mean() for emotion in probe.classes]
    assert np.mean(recall) >= least
    assert probe.held_out["ece"] <= 0.08
