"""Write a trained network as ONNX: batch norm folded in, weights in half precision.

The weights are stored as float16 and cast to float32 when the runtime loads the model, which
halves the file and leaves the arithmetic in float32.
"""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import onnx
import torch
from net import CHANNELS, LocalizerNet
from onnx import TensorProto, helper, numpy_helper
from torch import nn


class _Graph:
    """Collects nodes and weights while walking through the network."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.count = 0

    def add(self, op: str, inputs: list[str], **attributes: object) -> str:
        self.count += 1
        name = f"t{self.count}"
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def weight(self, values: torch.Tensor) -> str:
        self.count += 1
        name = f"w{self.count}"
        half = values.detach().numpy().astype(np.float16)
        self.weights.append(numpy_helper.from_array(half, name))
        return self.add("Cast", [name], to=TensorProto.FLOAT)

    def conv(self, x: str, conv: nn.Conv2d, norm: nn.BatchNorm2d | None) -> str:
        kernel, bias = conv.weight.data, conv.bias
        if norm is None:
            shift = bias.data if bias is not None else torch.zeros(kernel.shape[0])
        else:
            scale = norm.weight.data / torch.sqrt(norm.running_var + norm.eps)
            kernel = kernel * scale.view(-1, 1, 1, 1)
            shift = norm.bias.data - norm.running_mean * scale
        pad = conv.padding[0]
        return self.add("Conv", [x, self.weight(kernel), self.weight(shift)], pads=[pad] * 4)

    def block(self, x: str, block: nn.Sequential) -> str:
        for i in (0, 3):
            x = self.add("Relu", [self.conv(x, block[i], block[i + 1])])
        return x


def write_onnx(net: LocalizerNet, path: Path) -> None:
    """Write `net` to `path`: input "slice" (n, 1, h, w), output "probabilities" (n, 7, h, w)."""
    net = copy.deepcopy(net).eval().float().to(memory_format=torch.contiguous_format)
    graph = _Graph()
    scales = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")
    graph.weights.append(scales)
    x, kept = "slice", []
    for i, block in enumerate(net.down):
        if i:
            x = graph.add("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
        x = graph.block(x, block)
        kept.append(x)
    kept.pop()
    for block in net.up:
        x = graph.add(
            "Resize",
            [x, "", "scales"],
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )
        x = graph.add("Concat", [x, kept.pop()], axis=1)
        x = graph.block(x, block)
    x = graph.conv(x, net.head, None)
    graph.nodes.append(helper.make_node("Sigmoid", [x], ["probabilities"]))
    shape = ["n", 1, "h", "w"]
    answer = ["n", len(CHANNELS), "h", "w"]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "fasciaseg-localizer",
            [helper.make_tensor_value_info("slice", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, answer)],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
        producer_name="fasciaseg",
    )
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
