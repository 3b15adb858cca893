"""Files of ESPnet's trainer are whole at any time."""

import io
import re

import pytest
import torch

from espnet_mtl.errors import no_room
from espnet_mtl.model.checkpoint import load_state
from espnet_mtl.tasks.saving import CHECKPOINT, PREVIOUS, whole_saves


def state(number):
    return {"weight": torch.full((1000,), float(number))}


def test_every_checkpoint_leaves_the_one_before(tmp_path):
    original = torch.save
    with whole_saves():
        for number in (1, 2, 3):
            torch.save(state(number), tmp_path / CHECKPOINT)
            torch.save(state(number), str(tmp_path / f"{number}epoch.pth"))
    assert torch.save is original
    assert {path.name for path in tmp_path.iterdir()} == {
        *(CHECKPOINT, PREVIOUS),
        *(f"{number}epoch.pth" for number in (1, 2, 3)),
    }
    torch.testing.assert_close(load_state(tmp_path / CHECKPOINT), state(3))
    torch.testing.assert_close(load_state(tmp_path / PREVIOUS), state(2))


def test_what_is_no_path_is_written_to(tmp_path):
    file = io.BytesIO()
    with whole_saves():
        torch.save(state(1), file)
    assert file.getvalue()


@pytest.mark.parametrize("name", [CHECKPOINT, "1epoch.pth"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, full_disk, name):
    torch.save(state(1), tmp_path / name)

    with full_disk(), whole_saves(), pytest.raises(OSError, match=re.escape(name)) as raised:
        torch.save(state(2), tmp_path / name)
    assert no_room(raised.value)
    torch.testing.assert_close(load_state(tmp_path / name), state(1))
    assert {path.name for path in tmp_path.iterdir()} <= {name, PREVIOUS}
