"""A trained network in a file, run on the CPU."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import UsageError

Map = npt.NDArray[np.float32]


class Network:
    """An ONNX file with input "slice" and output "probabilities", loaded when it is first run.

    Args:
        model: the file.
        threads: threads within one run; 0 leaves the choice to the runtime.

    Raises:
        UsageError: the file can't be read (`no_model`); when it is run, that it isn't a network
            of this kind (`bad_model`).
    """

    #: What the network is called in messages, with its article, and how many channels come out.
    kind: ClassVar[str]
    channels: ClassVar[int]

    def __init__(self, model: Path, threads: int = 0) -> None:
        self.path = model
        self._threads = threads
        try:
            self._bytes = model.read_bytes()
        except OSError as e:
            raise UsageError("no_model", f"The model file can't be read ({e.strerror}).") from e

    @cached_property
    def sha256(self) -> str:
        """Hash of the model file, hexadecimal."""
        return hashlib.sha256(self._bytes).hexdigest()

    def run(self, x: Map) -> Map:
        """Probabilities (n, channels, rows, columns) of images (n, 1, rows, columns)."""
        (p,) = self._session.run(None, {"slice": x})  # type: ignore[attr-defined]
        return np.asarray(p)

    @cached_property
    def _session(self) -> object:
        import onnxruntime

        onnxruntime.set_default_logger_severity(3)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        # Threads that spin are quicker within a run; between two runs they would take the
        # processor from everything else.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(
                self._bytes, options, providers=["CPUExecutionProvider"]
            )
        except Exception as e:  # the runtime has no common base class for what can be wrong
            raise UsageError(
                "bad_model", f"The model file is not {self.kind} that onnxruntime can load."
            ) from e
        told = [(p.name, len(p.shape)) for p in (*session.get_inputs(), *session.get_outputs())]
        if told != [("slice", 4), ("probabilities", 4)]:
            raise UsageError("bad_model", f"The model file is not {self.kind}.")
        if session.get_outputs()[0].shape[1] != self.channels:
            raise UsageError(
                "bad_model",
                f"The model file has not the channels of {self.kind} of this version "
                f"({self.channels}).",
            )
        return session
