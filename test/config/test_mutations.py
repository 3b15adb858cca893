"""A wrong value of any key is told before stage 1, or a network can be built and trained with it."""

import random
from math import isfinite

import mutations
import pytest
from tiny_backbones import TINY

from espnet_mtl.config.load import checked
from espnet_mtl.errors import UserError

SAMPLE = 60
"""Mutations of each shipped configuration; those that pass are trained, which takes a tenth of a second each."""


@pytest.mark.parametrize("name", TINY)
def test_a_configuration_that_passes_can_be_trained(name, tmp_path):
    generator = random.Random(1)
    config, places = mutations.base_config(name), mutations.all_places(name)
    broken = {}
    for _ in range(SAMPLE):
        place = generator.choice(places)
        value = generator.choice(mutations.VALUES)
        try:
            full = checked(mutations.mutated(config, place, value))
        except UserError:
            continue
        # Whatever is raised now comes after hours of preparation
        try:
            loss = mutations.train_step(full, tmp_path)
        except Exception as error:
            broken[".".join(place), str(value)] = f"{type(error).__name__}: {error}"
            continue
        if not isfinite(loss):
            broken[".".join(place), str(value)] = f"loss {loss}"
    assert broken == {}


@pytest.mark.parametrize("name", TINY)
def test_a_wrong_value_of_any_key_is_a_mistake_of_one_line(name):
    generator = random.Random(2)
    config, places = mutations.base_config(name), mutations.all_places(name)
    messages = []
    for _ in range(400):
        try:
            checked(mutations.mutated(config, generator.choice(places), generator.choice(mutations.VALUES)))
        except UserError as error:
            messages.append(str(error))
    assert len(messages) > 300
    assert not [message for message in messages if "\n" in message]
