"""Small 2-D U-Nets: the localizer's on slices at 2 mm, the outliner's on bodies at 1 mm."""

from __future__ import annotations

import torch
from torch import nn

#: What each output channel marks, as a probability.
CHANNELS = ("body", "l5", "s1", "canal", "subcutaneous", "l4", "center")
WIDTHS = (8, 24, 48, 96, 128)


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class UNet(nn.Module):
    """Input (n, 1, rows, columns), output logits (n, channels, rows, columns).

    Each width but the first halves the image once; rows and columns are multiples of that.
    """

    def __init__(self, widths: tuple[int, ...], channels: int) -> None:
        super().__init__()
        self.down = nn.ModuleList()
        inputs = 1
        for width in widths:
            self.down.append(_block(inputs, width))
            inputs = width
        self.up = nn.ModuleList()
        for width in reversed(widths[:-1]):
            self.up.append(_block(inputs + width, width))
            inputs = width
        self.head = nn.Conv2d(inputs, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits."""
        kept = []
        for i, block in enumerate(self.down):
            if i:
                x = nn.functional.max_pool2d(x, 2)
            x = block(x)
            kept.append(x)
        kept.pop()
        for block in self.up:
            x = nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = block(torch.cat([x, kept.pop()], dim=1))
        logits: torch.Tensor = self.head(x)
        return logits


class LocalizerNet(UNet):
    """One channel per name in `CHANNELS`."""

    def __init__(self) -> None:
        super().__init__(WIDTHS, len(CHANNELS))
