"""Long jobs on many chips: how often they fail, how often to save, and how much of the time is useful. Failures are a Poisson process."""

from __future__ import annotations

import numpy as np

from suanli.formulas.arrays import Array


def mean_time_between_failures(chips: Array, failure_rate: Array) -> Array:
    """Seconds between failures of a job that stops when any of its chips does: M = 1/(n r); infinite where nothing fails.

    The rates of parts in series add up (Barlow & Proschan, Mathematical Theory of Reliability, 1965, ch. 2).
    chips n [1], failure_rate r [1/s] of one chip with its share of server, network and software.

    >>> float(mean_time_between_failures(16384, 1.973e-5 / 3600).round(-1))            # Llama 3: 1/(16,384 x 1.973e-5) = 3.094 h
    11140.0
    """
    with np.errstate(divide="ignore"):
        return np.divide(1.0, np.multiply(chips, failure_rate))


def young_interval(pause: Array, mtbf: Array) -> Array:
    """Seconds of work between two checkpoints that lose least time, to first order.

    t = sqrt(2 d M)                                                       Young, CACM 17(9):530-531, 1974
    pause d > 0 [s] for which a checkpoint stops the work, mtbf M [s]. Good where d is much smaller than M.

    >>> float(young_interval(5.0, 1440.0))                                             # sqrt(2 x 5 x 1440), in minutes
    120.0
    """
    return np.sqrt(2.0 * np.multiply(pause, mtbf))


def daly_interval(pause: Array, mtbf: Array) -> Array:
    """Seconds of work between two checkpoints that lose least time, to higher order; infinite where nothing fails.

    t = sqrt(2 d M) [1 + z/3 + z^2/9] - d,  z = sqrt(d / 2M),  for d < 2M;  t = M otherwise
    Daly, FGCS 22(3):303-312, 2006, eq. 37. pause d > 0 [s], mtbf M [s]. The time to restart does not matter.

    >>> [round(float(daly_interval(5.0, 60.0 * hours)), 1) for hours in (24, 6, 0.25)]  # the paper: 117, 57, 9.1 min
    [116.7, 56.7, 9.1]
    """
    pause, mtbf = np.asarray(pause, float), np.asarray(mtbf, float)
    root = np.sqrt(pause / (2 * mtbf))
    series = young_interval(pause, mtbf) * (1 + root / 3 + root**2 / 9) - pause
    return np.where(pause < 2 * mtbf, series, mtbf)[()]


def productive_share(interval: Array, pause: Array, restart: Array, mtbf: Array) -> Array:
    """Share of the wall time that is work kept (goodput, effective training time ratio) of a long job that saves every ``interval`` of work.

    T_s / T_w = t / [M e^(R/M) (e^((t+d)/M) - 1)]                        Daly, FGCS 22(3):303-312, 2006, eq. 20
              = e^(-R/M) * t/(t+d) * x/(e^x - 1),  x = (t+d)/M           the form computed here: M may be infinite, then t/(t+d)
    interval t [s] finite, pause d [s] of a checkpoint, restart R [s] from a failure to work again (detection, restart, loading, and what a checkpoint
    still being written in the background would have saved), mtbf M [s]. Failures may strike during checkpoints and restarts, too.

    >>> float(productive_share(95.0, 5.0, 60.0, np.inf))                               # nothing fails: 95 of 100 s
    0.95
    >>> float(productive_share(375.0, 6.0, 600.0, 11140.0).round(3))      # e^-0.05386 x 375/381 x 0.0342/(e^0.0342 - 1) = 0.9476 x 0.9843 x 0.9830
    0.917
    """
    interval, mtbf = np.asarray(interval, float), np.asarray(mtbf, float)
    cycle = interval + pause
    share = cycle / mtbf
    some = np.where(share > 0, share, 1)
    with np.errstate(over="ignore"):
        kept = np.where(share > 0, some / np.expm1(some), 1)
    return (np.exp(-restart / mtbf) * interval / cycle * kept)[()]
