"""Memory worlds: how the answers of a moment are counted, and what an episode of copying shows and asks."""

from typing import Any

import numpy as np
from numba import njit

from .random_bits import base_of, bits_of

OPTIONS: Any = {"error_model": "numpy", "nogil": True, "cache": True}
f32, i64, u64 = np.float32, np.int64, np.uint64


@njit(**OPTIONS)
def answers(action, clock, script, target_set, least, counts, dense, reward, ended):
    """As `foveate.envs.memory.script.AnswerWorld.answered`, but that the numbers right and wrong are written to.

    Args:
        action: int64, (B, K), what was written.
        clock: int64, (B,).
        script: the targets, int64 (B, T, K), where they are due, bool (B, T), and the episodes' lengths, int64 (B,).
        target_set: bool, (B, T, K, N), all that is right; with N = 0 only the targets are.
        least: int64, (K,), the number that is the first of a set.
        counts: int64, (B,) each: answers due in the whole episode, numbers right and numbers wrong so far.
        dense: whether each right number pays.
        reward: float32, (B,), written to.
        ended: bool, (B,), written to.
    """
    targets, mask, length = script
    due, right_so_far, wrong_so_far = counts
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
        right_so_far[b] += right
        wrong_so_far[b] += (outputs if mask[b, now] else 0) - right
        ended[b] = clock[b] + 1 >= length[b]
        if dense:
            reward[b] = f32(right) / f32(due[b] * outputs)
        else:
            reward[b] = f32(ended[b] and wrong_so_far[b] == 0)


@njit(**OPTIONS)
def moments(clock, inputs, targets, mask, shown, target, due):
    """What a script shows and asks at present, of the last moment once it is over.

    Args:
        clock: int64, (B,).
        inputs: float32, (B, T, D).
        targets: int64, (B, T, K).
        mask: bool, (B, T).
        shown: float32, (B, D), written to.
        target: int64, (B, K), written to.
        due: bool, (B,), written to.
    """
    for b in range(len(clock)):
        now = min(clock[b], mask.shape[1] - 1)
        due[b] = mask[b, now]
        for x in range(inputs.shape[2]):
            shown[b, x] = inputs[b, now, x]
        for x in range(targets.shape[2]):
            target[b, x] = targets[b, now, x]


@njit(**OPTIONS)
def copies(key, episode, step, stream, length, order, inputs, targets, mask, source):
    """As `foveate.envs.memory.copying.Copy.script`.

    Args:
        key: int64, (n,), the worlds' seeds.
        episode: int64, (n,).
        step: int64, (n,).
        stream: where the bits begin among the random numbers, as in `random_bits`.
        length: int64, (n,).
        order: int64, (n, L), which vector is due so many moments after the marker.
        inputs: float32, (n, T, W + 1), written to.
        targets: int64, (n, T, W), written to.
        mask: bool, (n, T), written to.
        source: int64, (n, T), written to.
    """
    width = targets.shape[2]
    first = u64(stream) << u64(32)
    for b in range(len(length)):
        inputs[b], targets[b], mask[b], source[b] = 0, 0, False, -1
        base, marker = base_of(key[b], episode[b], step[b]), length[b]
        for t in range(marker):
            for x in range(width):
                inputs[b, t, x] = f32(bits_of(base, first, t * width + x) >> u64(62))
        inputs[b, marker, width] = 1
        for t in range(marker):
            due, shown = marker + 1 + t, order[b, t]
            mask[b, due], source[b, due] = True, shown
            for x in range(width):
                targets[b, due, x] = i64(inputs[b, shown, x])
