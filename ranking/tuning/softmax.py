"""Softmax: weights of features by which the rows of many steps are read, fitted by Newton's method.

    share of a step's reads(row) = e^(offset(row) + x(row) . w) / the same summed over the step's rows

Each weight is drawn to nothing by a ridge, as strong as the feature's scatter, so that what days do not show stays out.
The likelihood is concave; a step that does not raise it is halved.

Source: McFadden, "Conditional logit analysis of qualitative choice behavior", 1974.
"""

import numpy as np

from ranking.counts.arrays import FloatArray, Rows

#: Of all reads, in units of a feature's variance.
RIDGE = 0.01
MAX_ROUNDS, LEAST_STEP, ENOUGH = 30, 1e-3, 1e-9


def fitted(x: FloatArray, offset: FloatArray, reads: FloatArray, starts: Rows) -> FloatArray:
    """The weights, (features,) float64.

    `x`: (rows, features) float64; `offset`, `reads`: (rows,) float64; `starts`: (steps,) int64, the first row of each
    step, in their order.

    >>> x = np.array([[0.0], [1.0], [0.0], [1.0]])
    >>> found = fitted(x, np.zeros(4), np.array([1e3, 2e3, 2e3, 4e3]), np.array([0, 2]))
    >>> bool(0.6 < found[0] < np.log(2.0))
    True
    """
    lengths = np.diff(starts, append=len(x))
    step = np.repeat(np.arange(len(starts)), lengths)
    of_step = np.add.reduceat(reads, starts)
    ridge = RIDGE * of_step.sum() * x.var(axis=0) + 1e-9

    def tried(weights: FloatArray) -> tuple[float, FloatArray]:
        z = offset + x @ weights
        top = np.maximum.reduceat(z, starts)
        e = np.exp(z - top[step])
        total = np.add.reduceat(e, starts)
        value = float(reads @ z - of_step @ (top + np.log(total)) - 0.5 * (ridge * weights) @ weights)
        return value, e / total[step]

    weights = np.zeros(x.shape[1])
    value, share = tried(weights)
    for _ in range(MAX_ROUNDS):
        expected = of_step[step] * share
        mean = np.add.reduceat(x * share[:, np.newaxis], starts)
        curvature = (x * expected[:, np.newaxis]).T @ x - (mean * of_step[:, np.newaxis]).T @ mean
        wanted = np.linalg.solve(curvature + np.diag(ridge), x.T @ (reads - expected) - ridge * weights)
        length = 1.0
        while (then := tried(weights + length * wanted))[0] < value and length > LEAST_STEP:
            length /= 2
        if then[0] <= value + ENOUGH * abs(value):
            break
        weights, value, share = weights + length * wanted, *then
    return weights
