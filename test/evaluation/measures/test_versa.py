import numpy as np
import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.evaluate import evaluate_experiments
from espnet_mtl.evaluation.report.table import rows

SCORER = """
import argparse, json
parser = argparse.ArgumentParser()
for name in ("score_config", "io", "pred", "gt", "text", "output_file"):
    parser.add_argument("--" + name, required=True)
args = parser.parse_args()
table = lambda path: dict(line.split(maxsplit=1) for line in open(path))
pred, gt, text = table(args.pred), table(args.gt), table(args.text)
broken = open(args.score_config).read()
assert broken != "early", "no such metric"
assert args.io == "soundfile" and set(pred) == set(gt) == set(text)
with open(args.output_file, "w") as file:
    for key, path in pred.items():
        row = {"key": key, "utmos": 4.0 if path == gt[key] else 3.0, "whisper_hyp_text": text[key].strip()}
        assert broken != "late", "no such metric"
        file.write(json.dumps(row if key != "a_low_11" else {"key": key}) + "\\n")
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / "score.yaml").write_text("- name: pseudo_mos\n")
    return tmp_path / "score.yaml"


@pytest.fixture
def versa(tmp_path, monkeypatch):
    """A package that is called as VERSA is."""
    package = tmp_path / "packages/versa/bin"
    package.mkdir(parents=True)
    for directory in (package.parent, package):
        (directory / "__init__.py").write_text("")
    (package / "scorer.py").write_text(SCORER)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))


def test_its_figures_are_rows_of_the_table(corpus, experiment, config, versa):
    exp, single = experiment("multi"), experiment("single")
    evaluation = evaluate_experiments([exp], corpus / "dump/raw", corpus / "decode.yaml", single, versa=config)
    assert [scores.values.get("versa_utmos", np.zeros(12)).tolist()[1:3] for scores in evaluation.all] == [
        [4, 4],
        [0, 0],
        [3, 3],
        [3, 3],
    ]
    assert np.isnan(evaluation.systems[0].values["versa_utmos"]).sum() == 1
    row = rows(evaluation)[-1]
    assert (row.title, [cell.value for cell in row.cells]) == ("utmos", ["4.00", "–", "3.00", "3.00", "+0.00"])
    assert evaluation.json()["systems"]["multi"]["metrics"]["versa_utmos"]["value"] == 3


@pytest.mark.parametrize("when", ["early", "late"])
def test_what_it_says_when_it_fails_is_shown(corpus, experiment, config, versa, when):
    config.write_text(when)
    with pytest.raises(UserError, match=r"score\.yaml: VERSA failed: AssertionError: no such metric"):
        evaluate_experiments([experiment("multi")], corpus / "dump/raw", corpus / "decode.yaml", versa=config)


def test_it_must_be_installed_and_configured(corpus, experiment, config, tmp_path, monkeypatch):
    exp = experiment("multi")
    with pytest.raises(UserError, match=r"VERSA is not installed: pip install git"):
        evaluate_experiments([exp], corpus / "dump/raw", corpus / "decode.yaml", versa=config)
    monkeypatch.setattr("espnet_mtl.evaluation.measures.versa.find_spec", lambda name: True)
    with pytest.raises(UserError, match=r"gone\.yaml: no such score_config"):
        evaluate_experiments([exp], corpus / "dump/raw", corpus / "decode.yaml", versa=tmp_path / "gone.yaml")
