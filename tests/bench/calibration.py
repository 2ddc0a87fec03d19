"""What this machine does right now, so that figures of a shared machine can be compared as ratios."""

import time
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

_SIZE = 1024
_ROUNDS = 20
_FLOP = 2 * _SIZE**3


@dataclass(frozen=True)
class Calibration:
    """Speed of float32 matrix products, on the threads that NumPy takes.

    `core_gflops` is that of one thread for each second that it had a processor: what others do at the same time
    changes it little.
    """

    gflops: float
    core_gflops: float

    @property
    def unit_ms(self) -> float:
        """The time of one 1024 x 1024 product: the unit in which latencies are also printed."""
        return _FLOP / self.gflops / 1e6

    def embedding_roof(self, tokens: float) -> float:
        """Return the chunks/s of `tokens` tokens that MiniLM-L6 could reach if it were all matrix products."""
        return self.gflops * 1e9 / chunk_flop(tokens)

    def core_embedding_roof(self, tokens: float) -> float:
        """Return the same for each second of one processor."""
        return self.core_gflops * 1e9 / chunk_flop(tokens)


def chunk_flop(tokens: float) -> float:
    """Return the operations of MiniLM-L6 for a chunk.

    Per token and layer 12 x 384^2 multiply-adds for the projections and 2 x 384 x tokens for attention; six layers.
    """
    return 6 * 2 * (12 * 384**2 + 2 * 384 * tokens) * tokens


def calibrate() -> Calibration:
    """Measure, for about a second."""
    generator = np.random.default_rng(0)
    left, right = (generator.standard_normal((_SIZE, _SIZE), dtype=np.float32) for _ in range(2))

    def products() -> None:
        for _ in range(_ROUNDS):
            left @ right

    left @ right
    started = time.perf_counter()
    products()
    gflops = _ROUNDS * _FLOP / (time.perf_counter() - started) / 1e9
    with threadpool_limits(1):
        spent = time.process_time()
        products()
    return Calibration(gflops=gflops, core_gflops=_ROUNDS * _FLOP / (time.process_time() - spent) / 1e9)
