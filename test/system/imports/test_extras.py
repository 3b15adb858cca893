import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.onnx.engines import load_model
from espnet_mtl.system.imports import extras


def test_what_is_missing_names_its_extra(monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda package: None)
    with pytest.raises(UserError, match=r"fastapi is not installed: pip install 'espnet_mtl\[serve\]'"):
        extras.check_installed("fastapi")
    with pytest.raises(UserError, match=r"torch is not installed: pip install 'espnet_mtl\[train\]'"):
        load_model({}, "torch")
    with pytest.raises(UserError, match=r"onnxruntime is not installed: pip install 'espnet_mtl\[onnx\]'"):
        load_model({})


def test_what_is_there_is_found():
    extras.check_installed("fastapi")
    with pytest.raises(UserError, match="device 'cuda': graphs of ONNX run on the CPU"):
        load_model({}, "onnx", "cuda")
