"""The weights that ship with fasciaseg; MODEL_CARD.md beside them says what they can do."""

from __future__ import annotations

from pathlib import Path


def localizer_path() -> Path:
    """The localizer as an ONNX file."""
    return Path(__file__).with_name("localizer.onnx")


def outliner_path() -> Path:
    """The network that outlines single vertebral bodies, as an ONNX file."""
    return Path(__file__).with_name("outliner.onnx")
