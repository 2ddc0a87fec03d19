"""Figures and how they are printed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Figure:
    """One measured thing; `peer` is the same for plain LlamaIndex, `limit` what the product promises."""

    name: str
    value: float
    unit: str
    peer: float | None = None
    limit: str = ""
    note: str = ""

    def line(self) -> str:
        """Return the row of the table."""
        peer = f"{self.peer:10.2f} {self.value / self.peer:8.2f}x" if self.peer else f"{'':10} {'':9}"
        return f"{self.name:44} {self.value:10.2f} {self.unit:10} {peer} {self.limit:12} {self.note}"


HEADER = f"{'figure':44} {'ours':>10} {'unit':10} {'LlamaIndex':>10} {'ratio':>9} {'promise':12} note"


def percentiles(name: str, seconds: Sequence[float], *, limit: str = "", unit_ms: float) -> list[Figure]:
    """Return median and 95th percentile of durations in milliseconds, with their ratio to the calibration."""
    return [
        Figure(f"{name} p{p}", value, "ms", limit=limit if p == 95 else "", note=f"{value / unit_ms:.1f} calibrations")
        for p in (50, 95)
        for value in [float(np.percentile(seconds, p)) * 1000]
    ]
