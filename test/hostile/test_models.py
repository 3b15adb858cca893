"""Packed models of a stranger: code in them never runs, and what is wrong is told in one line."""

import io
import random
import struct
import sys
import zipfile

import numpy as np
import pytest
import torch
from hostile_models import (
    BACKBONES,
    OPTIONS,
    RunsCode,
    changed_config,
    changed_yaml,
    folder,
    saved,
    sound_members,
    with_file,
    write,
)

from espnet_mtl.errors import UserError
from espnet_mtl.inference import Text2Speech
from espnet_mtl.labels import TABLES

WEIGHTS = "1epoch.pth"
STATS = "feats_stats.npz"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Loads a model of these members; `ran` is what its code would make."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def load(members, compression=zipfile.ZIP_STORED):
        return Text2Speech.from_pretrained(write(tmp_path / "model.zip", members, compression))

    return load


@pytest.fixture
def refused(load):
    def refused(members, message, compression=zipfile.ZIP_STORED):
        with pytest.raises(UserError, match=message) as error:
            load(members, compression)
        assert "\n" not in str(error.value)

    return refused


def state():
    members = sound_members()
    return torch.load(io.BytesIO(members[folder(members) + WEIGHTS]), weights_only=True)


def npz(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **{"count": np.array(10), "sum": np.ones(80), "sum_square": np.ones(80), **arrays})
    return file.getvalue()


def huge_npz():
    """A header that says that there are 10¹³ numbers, and none of them."""
    header = str({"descr": "<f8", "fortran_order": False, "shape": (10**13,)}).ljust(117) + "\n"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("count", "sum", "sum_square"):
            archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
    return file.getvalue()


def compressed(content):
    """A file of PyTorch whose weights are 100 MB of zeros, compressed."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as plain, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in plain.namelist():
            archive.writestr(name, bytes(10**8) if name.endswith("/data/0") else plain.read(name))
    return file.getvalue()


def test_modules_that_a_config_names_are_not_imported(load, tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text("import pathlib\npathlib.Path('ran').touch()\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    head = {"head": "evil:Head", "tap": "mel", "label": "emotion"}
    tts = load(changed_config(lambda config: config["tasks"].update(evil=head)))
    assert tts("good morning")["wav"].isfinite().all()
    keys = ("tts", "normalize", "feats_extract", "pitch_extract", "energy_extract", "weighting", "cleaner", "g2p")
    for key in (*keys, "token_type", "durations", "optim"):
        with pytest.raises(UserError, match=key):
            load(changed_config(lambda config, key=key: config.update({key: "evil:Head"})))
    for key in ("collate_fn_type", "frontend", "preprocessor", "iterator_type"):
        load(changed_config(lambda config, key=key: config.update({key: "evil:Head"})))
    assert "evil" not in sys.modules
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../../etc/passwd"])
@pytest.mark.parametrize(
    "key", ["token_list", "speakers", "emotions", "non_linguistic_symbols", "bpemodel", "language"]
)
def test_paths_in_a_config_are_not_followed(refused, key, path):
    refused(changed_config(lambda config: config.update({key: path})), key)


@pytest.mark.parametrize("content", ["pickle", "in a list", "old format"])
def test_weights_that_run_code(refused, tmp_path, content):
    mark = tmp_path / "ran"
    value = {"a": [RunsCode(mark)]} if content == "in a list" else {"a": RunsCode(mark)}
    options = {"_use_new_zipfile_serialization": content != "old format"}
    refused(with_file(WEIGHTS, saved(value, **options)), "is refused: unpickling it would call")
    assert not mark.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"tts.feat_out.weight": torch.zeros(80, 8).to_sparse()},
        {"tts.feat_out.weight": torch.zeros(80, 8, device="meta")},
        {"tts.feat_out.weight": torch.zeros(80, 8, dtype=torch.complex64)},
        {"tts.feat_out.weight": torch.zeros(1).expand(10**6, 10**6)},
        {1: torch.zeros(1)},
        {"x": "y"},
    ],
    ids=["sparse", "meta", "complex", "huge", "number", "text"],
)
@pytest.mark.filterwarnings("ignore:Validating sparse tensor", "ignore:Sparse")
def test_weights_that_are_none(refused, values):
    refused(with_file(WEIGHTS, saved({**state(), **values})), "not a plain weights file|does not fit")


def test_weights_that_grow_when_they_are_read(refused):
    refused(with_file(WEIGHTS, compressed(saved(state()))), "it is compressed")


@pytest.mark.parametrize("bias", [5.0, 20.0, 50.0, 100.0])
def test_weights_that_predict_speech_without_end(load, bias):
    content = {**state(), "tts.duration_predictor.linear.bias": torch.tensor([bias])}
    tts = load(with_file(WEIGHTS, saved(content)))
    with pytest.raises(UserError, match="frames for each token"):
        tts("good morning")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x" * 100,
        bytes(1000),
        npz(sum=np.full(80, np.nan)),
        npz(sum=np.ones((80, 2))),
        npz(sum=np.array(["a"] * 80)),
        npz(sum=np.ones(80) * 1j),
        npz(sum=np.zeros(10**7)),
        npz(count=np.array(0)),
        huge_npz(),
    ],
    ids=["empty", "junk", "zeros", "nan", "2d", "text", "complex", "large", "none", "header"],
)
def test_statistics_that_are_none(refused, content):
    refused(with_file(STATS, content), "expected statistics of features")


def test_statistics_that_run_code(refused, tmp_path):
    mark = tmp_path / "ran"
    refused(with_file(STATS, npz(count=np.array([RunsCode(mark)], dtype=object))), "expected statistics of features")
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"hello", bytes(1000)])
def test_a_model_of_pieces_that_is_none(refused, content):
    members = with_file("bpe.model", content)
    name = f"{folder(members)}config.yaml"
    pieces = {"token_type": "bpe", "bpemodel": f"{folder(members)}bpe.model"}
    members[name] = changed_yaml(members[name], lambda config: config.update(pieces))
    refused(members, r"bpe\.model: not a model of sentencepiece")


def test_a_vocoder_that_runs_code(refused, tmp_path):
    mark = tmp_path / "ran"
    tag = f"x: !!python/object/apply:os.mkdir ['{mark}']\n".encode()
    members = with_file("vocoder.pkl", saved({}), vocoder_file="vocoder.pkl")
    refused({**members, f"{folder(members)}config.yml": b"sampling_rate: 16000\n" + tag}, r"config\.yml is not a YAML")
    named = b"sampling_rate: 16000\ngenerator_type: os\n"
    refused({**members, f"{folder(members)}config.yml": named}, "unknown generator_type 'os'")
    large = b"sampling_rate: 16000\ngenerator_params: {channels: 1000000000}\n"
    refused({**members, f"{folder(members)}config.yml": large}, r"generator_params\.channels")
    members = with_file("vocoder.pkl", saved({"model": RunsCode(mark)}), vocoder_file="vocoder.pkl")
    refused({**members, f"{folder(members)}config.yml": b"sampling_rate: 16000\n"}, "unpickling it would call")
    assert not mark.exists()


def test_options_of_a_vocoder_that_never_end(refused):
    members = with_file("vocoder.yaml", b"griffin_lim_iters: 1000000000\n", vocoder_config="vocoder.yaml")
    refused(members, "griffin_lim_iters: expected a whole number from 1 to 10000")


@pytest.mark.filterwarnings("ignore:Empty filters detected")
@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("tts_conf", {"adim": 8192}),
        ("tts_conf", {"adim": 10**12}),
        ("tts_conf", {"elayers": 10**9}),
        ("tts_conf", {"elayers": 100}),
        ("tts_conf", {"aheads": 0}),
        ("tts_conf", {"aheads": 3}),
        ("style_conf", {"channels": 8192}),
        ("style_conf", {"dim": 8192}),
        ("feats_extract_conf", {"n_fft": 10**9}),
        ("feats_extract_conf", {"n_mels": 1024}),
    ],
)
def test_networks_larger_than_their_weights_are_not_built(refused, section, values):
    members = changed_config(lambda config: config[section].update(values))
    refused(members, "number up to|number from 1 to|does not fit the network|multiple of aheads")


def test_a_model_of_espnets_own_is_told(refused):
    ours = ("tasks", "weighting", "weighting_conf", "style_conf", *TABLES)

    def plain(config):
        for key in ours:
            config.pop(key, None)  # the model may be of before some labels

    refused(changed_config(plain), "espnet_mtl did not train; ESPnet's own models speak with espnet2")


VALUES = (None, True, 0, -1, 10**6, 10**30, 0.5, float("nan"), float("inf"), "", "x", "x" * 9999, [], [[]], {}, {1: 2})


def mutated(rng: random.Random, value: dict) -> None:
    """Changes one value of a configuration somewhere."""
    parent = value
    key = rng.choice(sorted(parent))
    while isinstance(parent[key], (dict, list)) and parent[key] and rng.random() < 0.7:
        parent = parent[key]
        key = rng.choice(sorted(parent)) if isinstance(parent, dict) else rng.randrange(len(parent))
    change = rng.choice(["value", "value", "value", "remove", "wrap", "text"])
    if change == "remove":
        del parent[key]
    else:
        parent[key] = {"value": rng.choice(VALUES), "wrap": [parent[key]], "text": str(parent[key])}[change]


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("seed", range(20))
def test_any_change_of_a_config_speaks_or_is_told(load, backbone, seed):
    """No other error comes through, wherever the change is."""
    rng = random.Random(f"{backbone} {seed}")
    told = ""
    try:
        tts = load(changed_config(lambda config: mutated(rng, config), backbone))
        tts("good morning", vocode=False, decode_conf=OPTIONS[backbone])
    except UserError as error:
        told = str(error)
    assert "\n" not in told
