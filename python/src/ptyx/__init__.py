"""Neural ptychography: arrays in, arrays out.

>>> import ptyx
>>> scan = ptyx.Scan(patterns, x, y, probe=probe)          # or ptyx.open("scan.cxi")
>>> scan.validate()
>>> result = ptyx.solve(scan, modes=3, progress=True)
>>> model = ptyx.train(scan, max_epochs=15)
>>> result = model.infer(scan, refine=5)
"""

from importlib.metadata import PackageNotFoundError, version

from ptyx.comparison import Comparison, compare
from ptyx.errors import Caution, Error, InputError, Stopped
from ptyx.findings import Finding, Validation
from ptyx.model import Epoch, Model
from ptyx.result import Result
from ptyx.scan import Scan, open, simulate
from ptyx.solving import infer, solve
from ptyx.training import train

try:
    __version__ = version("ptyx")
except PackageNotFoundError:  # src of a checkout is on the path
    __version__ = "checkout"

__all__ = [
    "Caution",
    "Comparison",
    "Epoch",
    "Error",
    "Finding",
    "InputError",
    "Model",
    "Result",
    "Scan",
    "Stopped",
    "Validation",
    "compare",
    "infer",
    "open",
    "simulate",
    "solve",
    "train",
]
