"""Write a trained network as ONNX: batch norm folded in, weights in half precision.

The weights are stored as float16 and cast to float32 when the runtime loads the model, which
halves the file and leaves the arithmetic in float32.

A convolution of an image that was doubled and laid beside another one is written as the sum of two:
one of the other image, and a transposed one of the small image, whose kernel holds the sums of
those weights that fall on the same pixel. It is the same function with less than half of the
multiplications.
"""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import onnx
import torch
from net import UNet
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

    def constant(self, values: np.ndarray, name: str) -> None:
        self.weights.append(numpy_helper.from_array(values.astype(np.float32), name))

    def conv(self, x: str, kernel: torch.Tensor, shift: torch.Tensor) -> str:
        pads = [kernel.shape[-1] // 2] * 4
        return self.add("Conv", [x, self.weight(kernel), self.weight(shift)], pads=pads)

    def block(self, x: str, block: nn.Sequential) -> str:
        for i in (0, 3):
            x = self.add("Relu", [self.conv(x, *_folded(block[i], block[i + 1]))])
        return x

    def joining_block(self, small: str, kept: str, block: nn.Sequential) -> str:
        """A block on a doubled image and one that was kept, channel beside channel."""
        kernel, shift = _folded(block[0], block[1])
        n = kernel.shape[1] - block[0].out_channels
        # Transposed convolutions count their kernel's inputs first.
        stretched = self.weight(kernel[:, :n].transpose(0, 1))
        stretched = self.add("MatMul", ["doubling", stretched])
        stretched = self.add("MatMul", [stretched, "doubling_across"])
        doubled = self.add("ConvTranspose", [small, stretched], strides=[2, 2], pads=[1] * 4)
        x = self.add("Add", [self.conv(kept, kernel[:, n:], shift), doubled])
        x = self.add("Relu", [x])
        return self.add("Relu", [self.conv(x, *_folded(block[3], block[4]))])


#: A kernel's three rows on a doubled image as four on the image itself.
DOUBLING = np.array([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]])


def _folded(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """Kernel and shift of a convolution with the batch norm that follows."""
    scale = norm.weight.data / torch.sqrt(norm.running_var + norm.eps)
    kernel = conv.weight.data * scale.view(-1, 1, 1, 1)
    return kernel, norm.bias.data - norm.running_mean * scale


def write_onnx(net: UNet, path: Path, name: str = "fasciaseg-localizer") -> None:
    """Write `net` to `path`: input "slice" (n, 1, h, w), output "probabilities" (n, c, h, w)."""
    net = copy.deepcopy(net).eval().float().to(memory_format=torch.contiguous_format)
    channels = net.head.out_channels
    graph = _Graph()
    graph.constant(DOUBLING, "doubling")
    graph.constant(DOUBLING.T, "doubling_across")
    x, kept = "slice", []
    for i, block in enumerate(net.down):
        if i:
            x = graph.add("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
        x = graph.block(x, block)
        kept.append(x)
    kept.pop()
    for block in net.up:
        x = graph.joining_block(x, kept.pop(), block)
    bias = net.head.bias if net.head.bias is not None else torch.zeros(channels)
    x = graph.conv(x, net.head.weight.data, bias.data)
    graph.nodes.append(helper.make_node("Sigmoid", [x], ["probabilities"]))
    shape = ["n", 1, "h", "w"]
    answer = ["n", channels, "h", "w"]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            name,
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
