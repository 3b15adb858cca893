from pathlib import Path

import pytest

from espnet_mtl.bin.check_config import main
from espnet_mtl.errors import UserError

CONFIG = str(Path(__file__).parents[2] / "egs2/mtl_tts/conf/train_fastspeech2.yaml")


def test_what_is_right_passes():
    main([CONFIG, "--", "--max_epoch", "5", "--tasks", "emotion.weight=1"])


def test_every_file_and_option_is_checked(tmp_path):
    (tmp_path / "bad.yaml").write_text("max_epochs: 3\n")
    with pytest.raises(UserError, match=r"bad.yaml.*max_epochs"):
        main([CONFIG, str(tmp_path / "bad.yaml")])
    with pytest.raises(UserError, match=r"training option '--max_epochs': did you mean --max_epoch"):
        main([CONFIG, "--", "--max_epochs=3"])
