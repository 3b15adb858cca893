import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.model.backbones import BACKBONES
from espnet_mtl.model.heads import HEADS
from espnet_mtl.model.weighting import WEIGHTINGS
from espnet_mtl.registry import Registry, constructor_arguments


@pytest.mark.parametrize("registry", [BACKBONES, HEADS, WEIGHTINGS], ids=lambda registry: registry.kind)
def test_every_entry_loads_and_has_a_documented_class(registry):
    for name in registry:
        assert registry.load(name).__doc__


def test_unknown_name_lists_the_valid_ones():
    with pytest.raises(UserError, match=r"unknown fruit 'aple': did you mean apple.*apple, pear"):
        Registry("fruit", {"pear": "a:b", "apple": "a:c"})["aple"]


def test_arguments_are_read_from_the_source():
    assert constructor_arguments("espnet_mtl.registry:Registry") == ("kind", "entries", "open")
