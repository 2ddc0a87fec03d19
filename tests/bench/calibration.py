"""What this machine does right now, so that figures of a shared machine can be compared as ratios."""

import time
from dataclasses import dataclass

import numpy as np

_SIZE = 1024
_ROUNDS = 20


@dataclass(frozen=True)
class Calibration:
    """Speed of float32 matrix products, on the threads that NumPy takes."""

    gflops: float

    @property
    def unit_ms(self) -> float:
        """The time of one 1024 x 1024 product: the unit in which latencies are also printed."""
        return 2 * _SIZE**3 / self.gflops / 1e6

    def embedding_roof(self, tokens: float) -> float:
        """Return the chunks/s of `tokens` tokens that MiniLM-L6 could reach if it were all matrix products.

        Per token and layer 12 x 384^2 multiply-adds for the projections and 2 x 384 x tokens for attention; six layers.
        """
        per_token = 6 * 2 * (12 * 384**2 + 2 * 384 * tokens)
        return self.gflops * 1e9 / (per_token * tokens)


def calibrate() -> Calibration:
    """Measure, for about a second."""
    generator = np.random.default_rng(0)
    left, right = (generator.standard_normal((_SIZE, _SIZE), dtype=np.float32) for _ in range(2))
    left @ right
    started = time.perf_counter()
    for _ in range(_ROUNDS):
        left @ right
    return Calibration(gflops=_ROUNDS * 2 * _SIZE**3 / (time.perf_counter() - started) / 1e9)
