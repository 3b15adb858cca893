"""What a configuration of a network that makes waveforms may say."""

import pytest
import yaml

from espnet_mtl.config.espnet import GAN_KEYS, GAN_REFUSED, espnet_keys
from espnet_mtl.config.load import load_train_config
from espnet_mtl.config.overrides import override
from espnet_mtl.errors import UserError
from espnet_mtl.system.imports.espnet import import_quietly

GAN = {"tts": "jets", "optim2": "adam", "generator_first": True, "accum_grad": 1}
SCALES = "generator_upsample_scales"


def jets(section: str, **values) -> dict:
    return {"tts_conf": {section: values}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"accum_grad": 2}, "accum_grad 2 with tts jets: .* batch_size"),
        ({"grad_noise": True}, "grad_noise True with tts jets"),
        ({"exclude_weight_decay": True}, "exclude_weight_decay True with tts jets"),
        ({"skip_discriminator_prob": 0.5}, "skip_discriminator_prob 0.5 with tts jets"),
        ({"optim2_conf": {"lr": -1}}, r"optim2_conf \(adam\).lr: a number above 0"),
        ({"scheduler2_conf": {"gamma": 0.9}}, "scheduler2_conf has no effect without a scheduler"),
        ({"tts": "fastspeech2"}, "unknown key 'generator_first'"),
        ({"tts_conf": {"plot_pred_mos": True}}, "unknown key of tts_conf 'plot_pred_mos'"),
        ({"tts_conf": {"sampling_rate": 8000}}, "tts_conf.sampling_rate has no place"),
        (jets("generator_params", spks=3), "unknown key of tts_conf.generator_params 'spks'"),
        (jets("generator_params", **{SCALES: [8, 8, 8]}), r"\[8, 8, 8\] must multiply to hop_length \(256\)"),
        (jets("generator_params", generator_nonlinear_activation="Module"), "generator_nonlinear_activation 'Module'"),
        (jets("generator_params", adim=9), r"generator_params: adim \(9\) must be even"),
        (jets("discriminator_adv_loss_params", loss_type="L1"), "loss_type 'L1'.*hinge, mse"),
        (jets("discriminator_params", period_discriminator_params={"chanels": 1}), "did you mean channels"),
        ({"tasks": {"tts": {}, "discriminator": {}}}, "a part of the TTS loss is called so"),
    ],
)
def test_mistakes_in_a_configuration_of_jets_are_named(change, words, tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump(GAN), encoding="utf-8")
    assert load_train_config(path)["optim2"] == "adam"
    path.write_text(yaml.safe_dump({**GAN, **change}), encoding="utf-8")
    with pytest.raises(UserError, match=words):
        load_train_config(path)


def test_the_keys_of_gan_training_are_espnets():
    import_quietly("espnet2.tasks.gan_tts")
    from espnet2.tasks.gan_tts import GANTTSTask

    keys = {action.dest for action in GANTTSTask.get_parser()._actions} - {"help", "config"}
    assert keys - set(espnet_keys()) == {*GAN_KEYS, *GAN_REFUSED} - set(espnet_keys())


def test_options_of_a_command_line_are_checked_like_the_file(tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump(GAN), encoding="utf-8")
    config = load_train_config(path)
    changed = override(path, config, ["--optim2_conf", "lr=0.1", "--generator_first", "false"])
    assert (changed["optim2_conf"], changed["generator_first"]) == ({"lr": 0.1}, False)
    for options in (["--accum_grad", "2"], ["--skip_discriminator_prob", "0.3"], ["--optim2_conf", "lr=-1"]):
        with pytest.raises(UserError, match=options[0].removeprefix("--")):
            override(path, config, options)
