"""Memory worlds: how the answers of a moment are counted, and what an episode of copying shows and asks."""

from typing import Any

import numpy as np
from numba import njit

OPTIONS: Any = {"error_model": "numpy", "nogil": True, "cache": True}
f32, i64, u64 = np.float32, np.int64, np.uint64


@njit(**OPTIONS)
def answers(action, clock, script, target_set, least, counts, dense, moved, reward, ended):
    """As `foveate.envs.memory.script.AnswerWorld.answered`.

    Args:
        action: int64, (B, K), what was written.
        clock: int64, (B,).
        script: the targets, int64 (B, T, K), where they are due, bool (B, T), and the episodes' lengths, int64 (B,).
        target_set: bool, (B, T, K, N), all that is right; with N = 0 only the targets are.
        least: int64, (K,), the number that is the first of a set.
        counts: int64, (B,) each: answers due in the whole episode, numbers right and numbers wrong before.
        dense: whether each right number pays.
        moved: int64, (B,) each, the numbers right and wrong, written to.
        reward: float32, (B,), written to.
        ended: bool, (B,), written to.
    """
    targets, mask, length = script
    due, right_before, wrong_before = counts
    right_after, wrong_after = moved
    moments, outputs = targets.shape[1:]
    for b in range(len(action)):
        now = min(clock[b], moments - 1)  # a world that is over may be stepped once more
        right = 0
        if mask[b, now]:
            for k in range(outputs):
                if target_set.shape[3]:
                    right += target_set[b, now, k, action[b, k] - least[k]]
                else:
                    right += action[b, k] == targets[b, now, k]
        right_after[b] = right_before[b] + right
        wrong_after[b] = wrong_before[b] + (outputs if mask[b, now] else 0) - right
        ended[b] = clock[b] + 1 >= length[b]
        if dense:
            reward[b] = f32(right) / f32(due[b] * outputs)
        else:
            reward[b] = f32(ended[b] and wrong_after[b] == 0)


@njit(**OPTIONS)
def copies(bits, length, order, inputs, targets, mask, source):
    """As `foveate.envs.memory.copying.Copy.script`.

    Args:
        bits: int64, (n, L, W), 63 random bits, the first of which counts.
        length: int64, (n,).
        order: int64, (n, L), which vector is due so many moments after the marker.
        inputs: float32, (n, T, W + 1), written to.
        targets: int64, (n, T, W), written to.
        mask: bool, (n, T), written to.
        source: int64, (n, T), written to.
    """
    moments, width = targets.shape[1:]
    for b in range(len(bits)):
        marker = length[b]
        for t in range(moments):
            due = marker < t <= 2 * marker
            mask[b, t], source[b, t] = due, order[b, t - marker - 1] if due else -1
            for x in range(u64(width)):
                inputs[b, t, x] = f32(bits[b, t, x] >> 62) if t < marker else f32(0)
                targets[b, t, x] = bits[b, source[b, t], x] >> 62 if due else 0
            inputs[b, t, width] = f32(t == marker)
