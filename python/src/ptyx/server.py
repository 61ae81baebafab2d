"""A private server of the program that computes the patches of patterns (Open Inference Protocol)."""

from __future__ import annotations

import http.client
import json
import os
import re
import secrets
import subprocess
import weakref
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ptyx import folder, masked, program, words
from ptyx.errors import InputError, fault, of_program

_REQUEST = 32 << 20  # bytes of patterns in a request; the server takes 64 MiB
_PATTERNS = 256  # in a request; the server's queue takes 512

# The arguments of patches, by the inputs of the model that the server names.
_NAMES = {"amplitude_measured": "patterns", "offset": "x, y", "probe_re": "probe", "probe_im": "probe"}
_INPUTS = re.compile(r"\b(" + "|".join(_NAMES) + r")\b")

# The shell ends the server when this process is gone, even if it was killed: then its end of the pipe closes.
_UNTIL_PARENT_ENDS = '"$@" & child=$!; cat > /dev/null; kill "$child"; wait "$child"'


class Server:
    """A server of one model at a free port of this machine, which only this process may use.

    Parameters
    ----------
    onnx : bytes
        The model's file.
    """

    def __init__(self, onnx: bytes) -> None:
        held = ExitStack()
        self._end = weakref.finalize(self, held.close)
        model = held.enter_context(folder.private(len(onnx))) / "model.onnx"
        model.write_bytes(onnx)
        self._private = model.parent
        log = held.enter_context((model.parent / "log").open("w"))
        self._token = secrets.token_hex(16)
        command = [program.path(), "serve", f"--model=model={model}", "--listen=127.0.0.1:0", "--json", "--quiet"]
        self._process = held.enter_context(
            subprocess.Popen(
                ["sh", "-c", _UNTIL_PARENT_ENDS, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PTYX_TOKEN": self._token},
                process_group=0,
            )
        )
        self._address = urlsplit(self._ready()["url"]).netloc

    def _ready(self) -> dict[str, Any]:
        """Read the object that the server prints when it is ready."""
        assert self._process.stdout is not None  # noqa: S101 (a pipe, for the type checker)
        text = ""
        for line in self._process.stdout:
            text += line
            if line == "}\n":
                break
        printed = json.loads(words.python(text, self._private, arrays=False) or "{}")
        if "url" not in printed:
            last = (self._private / "log").read_text(errors="replace").strip()
            self._end()
            raise of_program(printed.get("error") or {"message": f"the server of the model has ended: {last}"})
        return dict(printed)

    def patches(
        self, patterns: ArrayLike, x: ArrayLike | None, y: ArrayLike | None, probe: ArrayLike | None
    ) -> NDArray[np.complex64]:
        """Return the patches (M, N, N) of patterns (M, N, N)."""
        given = _reals("patterns", patterns).astype(np.float32, copy=False)
        if given.ndim != 3:
            remedy = "use patterns[None] for one pattern"
            raise fault("patterns", f"shape {given.shape}", "shape (M, N, N)", remedy, "")
        inputs = {"amplitude_measured": given[:, None]}  # (M, 1, N, N)
        if x is not None or y is not None:
            place = np.stack([_positions(name, each, len(given)) for name, each in (("x", x), ("y", y))], axis=1)
            inputs["offset"] = (place - np.floor(place + 0.5)).astype(np.float32)  # (M, 2)
        common = {}
        if probe is not None:
            mode = masked.numbers("probe", probe, "")[None, None]  # (1, 1, N, N)
            common = {"probe_re": mode.real.astype(np.float32), "probe_im": mode.imag.astype(np.float32)}
        size = max(1, min(_PATTERNS, _REQUEST // max(1, given[:1].nbytes)))
        out = np.empty(given.shape, np.complex64)
        for start in range(0, len(given), size):
            part = slice(start, start + size)
            out[part] = self._infer({**{name: values[part] for name, values in inputs.items()}, **common})
        return out

    def _infer(self, inputs: dict[str, NDArray[np.float32]]) -> NDArray[np.complex64]:
        """Send one request with binary tensors."""
        described = [
            {
                "name": name,
                "shape": values.shape,
                "datatype": "FP32",
                "parameters": {"binary_data_size": values.nbytes},
            }
            for name, values in inputs.items()
        ]
        head = json.dumps({"inputs": described, "parameters": {"binary_data_output": True}}).encode()
        body = b"".join([head, *(np.ascontiguousarray(values, "<f4").tobytes() for values in inputs.values())])
        headers = {
            "Inference-Header-Content-Length": str(len(head)),
            "Content-Type": "application/octet-stream",
            "Authorization": f"Bearer {self._token}",
        }
        connection = http.client.HTTPConnection(self._address)
        try:
            connection.request("POST", "/v2/models/model/infer", body, headers)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            message = json.loads(answer)["error"]
            raise InputError(_INPUTS.sub(lambda name: _NAMES[name[0]], message), {"found": message})
        return _complex(_outputs(answer, int(response.headers["Inference-Header-Content-Length"])))


def _reals(name: str, array: Any) -> NDArray[Any]:
    """Return an array of real numbers. Its imaginary parts would be lost without a word."""
    given = masked.numbers(name, array, "")
    if given.dtype.kind in "biuf":
        return given
    raise fault(name, f"dtype {given.dtype}", "real numbers", f"use numpy.abs({name})", "")


def _positions(name: str, array: Any, count: int) -> NDArray[np.float64]:
    """Return the columns or rows of the positions, (M,)."""
    given = _reals(name, array).astype(np.float64)
    if given.shape == (count,):
        return given
    raise fault(name, f"shape {given.shape}", f"shape ({count},)", "give x and y for each pattern, or neither", "")


def _outputs(answer: bytes, head: int) -> dict[str, NDArray[np.float32]]:
    """Return the tensors of an answer."""
    outputs, at = {}, head
    for output in json.loads(answer[:head])["outputs"]:
        shape = output["shape"]
        count = int(np.prod(shape))
        outputs[output["name"]] = np.frombuffer(answer, "<f4", count, at).reshape(shape)
        at += 4 * count
    return outputs


def _complex(outputs: dict[str, NDArray[np.float32]]) -> NDArray[np.complex64]:
    """Return the complex patches (M, N, N) of a network of either kind."""
    if "object_re" in outputs:
        patches = outputs["object_re"] + 1j * outputs["object_im"]
    else:
        patches = outputs["amplitude"] * np.exp(1j * outputs["phase"])
    return patches[:, 0].astype(np.complex64)
