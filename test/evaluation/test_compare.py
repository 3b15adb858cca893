import json

import pytest

from espnet_mtl.bin import compare


@pytest.fixture
def compared(corpus, experiment, voice, tmp_path, capsys):
    exps = [
        experiment("first", lambda who, emotion, text: voice(who, "calm", text)),
        experiment("second"),
        experiment("third", lambda *key: voice(*key, factor=1.1)),
    ]
    places = ["--dump", corpus / "dump/raw", "--inference_config", corpus / "decode.yaml", "--output", tmp_path / "out"]
    compare.main([*map(str, [*exps, *places]), "--audio_beside", "--nj", "1"])
    return exps, tmp_path / "out", capsys.readouterr().out


def test_several_experiments_stand_side_by_side(compared):
    exps, output, printed = compared
    content = json.loads((output / "metrics.json").read_text(encoding="utf-8"))
    assert list(content["systems"]) == ["natural", "natural vocoded", "first", "second", "third"]
    assert content["baseline"] == "first"
    assert [name for name, one in content["systems"].items() if "difference" in one] == ["second", "third"]
    assert "third − first" in printed
    assert not (exps[1] / "decode/test/metrics.json").exists()


def test_report_names_what_each_does_better(compared):
    html = (compared[1] / "report/index.html").read_text(encoding="utf-8")
    assert html.count("surely better in emotion") + html.count("surely better in spectrum") == 2
    assert html.count("config.yaml</summary>") == 3
    assert any((compared[1] / "report/audio").iterdir())
