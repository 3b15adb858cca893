"""Labels that people give: saved at once, in place of the machine's."""

import pytest

from espnet_mtl.data.kaldi import read_table
from espnet_mtl.errors import UserError
from espnet_mtl.labelling.manual import ManualLabels
from espnet_mtl.system.files import write_text


def test_a_label_is_on_disk_at_once_and_the_next_is_the_least_certain(labelled):
    data, output, utts = labelled
    work = ManualLabels(data, output)
    assert work.queue == [utts[2], utts[0], utts[1]]
    assert work.emotions == ["calm", "happy", "sad"]
    work.save(utts[2], "sad")
    assert read_table(output / "utt2emo_by_hand") == {utts[2]: "sad"}
    assert read_table(output / "utt2emo")[utts[2]] == "sad"
    assert read_table(output / "utt2emo")[utts[0]] == "happy:0.60,sad:0.40"
    again = ManualLabels(data, output)
    assert (again.next(), again.next(2)) == (1, 2)
    again.save(utts[2], "calm")
    again.save(utts[0], "happy")
    again.save(utts[1], "happy")
    assert again.next() == 3
    assert again.labels() == {utts[2]: "calm", utts[0]: "happy", utts[1]: "happy"}


def test_refuses_what_there_is_not(labelled):
    data, output, utts = labelled
    work = ManualLabels(data, output)
    with pytest.raises(UserError, match=r"'joy'.*calm, happy, sad"):
        work.save(utts[0], "joy")
    with pytest.raises(UserError, match="'nobody'"):
        work.save("nobody", "happy")
    assert not (output / "utt2emo_by_hand").exists()
    write_text(output / "least_certain", "gone 0.3\n")
    with pytest.raises(UserError, match="gone is not in"):
        ManualLabels(data, output)
    with pytest.raises(UserError, match=r"run espnet_mtl\.bin.label without --listen first"):
        ManualLabels(data, output / "nowhere")
