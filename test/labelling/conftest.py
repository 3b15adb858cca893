"""A set with pseudo-labels."""

import pytest
from speech_sets import write_speech

from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.system.files import write_text


@pytest.fixture
def labelled(tmp_path):
    """Recordings, and what espnet_mtl.bin.label writes for three of them."""
    data = write_speech(tmp_path / "data")
    utts = sorted(read_table(data / "wav.scp"))
    write_table(tmp_path / "out/utt2emo", dict.fromkeys(utts, "happy:0.60,sad:0.40") | {utts[5]: "calm"})
    write_text(tmp_path / "out/least_certain", f"{utts[2]} 0.3\n{utts[0]} 0.5\n{utts[1]} 0.6\n")
    return data, tmp_path / "out", utts
