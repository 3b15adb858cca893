"""Two processes with half a batch each choose from the faces and voices of the whole."""

import pytest
import torch
from two_processes import match, match_in_two


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    return match_in_two(tmp_path_factory.mktemp("processes"))


@pytest.mark.parametrize(("kind", "without"), [("all", ()), ("some", (0, 4))])
def test_they_find_what_one_process_finds(halves, kind, without):
    alone, found = match(without=without), [half[kind] for half in halves]
    for figure in ("loss", "recall"):
        torch.testing.assert_close(sum(half[figure] for half in found) / 2, alone[figure])
    for side in ("faces", "voices"):
        # The loss is the mean over the processes
        torch.testing.assert_close(torch.cat([half[side] for half in found]) / 2, alone[side])


def test_a_process_without_faces(halves):
    found = [half["half"] for half in halves]
    alone = match(without=(0, 1, 2))
    assert found[0]["loss"] == 0
    torch.testing.assert_close(found[1]["loss"], alone["loss"])
    torch.testing.assert_close(torch.cat([half["faces"] for half in found]), alone["faces"])
