"""Memory worlds: how the answers of a moment are counted, and what an episode of copying shows and asks."""

from typing import Any

import numpy as np
from numba import njit

from .random_bits import base_of, bits_of

OPTIONS: Any = {"error_model": "numpy", "nogil": True, "cache": True}
f32, i64, u64 = np.float32, np.int64, np.uint64


@njit(**OPTIONS)
def answers(action, clock, script, target_set, least, counts, dense, most, reward, flags, shown):
    """A step of `foveate.envs.memory.script.AnswerWorld`: what is answered, and what the next moment shows.

    Args:
        action: int64, (B, K), what was written.
        clock: int64, (B,), written to.
        script: the inputs, float32 (B, T, D), the targets, int64 (B, T, K), where they are due, bool (B, T), and the
            episodes' lengths, int64 (B,).
        target_set: bool, (B, T, K, N), all that is right; with N = 0 only the targets are.
        least: int64, (K,), the number that is the first of a set.
        counts: int64, (B,) each: answers due in the whole episode, numbers right and numbers wrong so far; the last two
            are written to.
        dense: whether each right number pays.
        most: steps after which an episode is truncated; 0 for none.
        reward: float32, (B,), written to.
        flags: bool, (3, B), which episodes terminate, are truncated, are over, written to.
        shown: float32, (B, D), written to.

    Returns:
        How many episodes are over.
    """
    inputs, targets, mask, length = script
    due, right_so_far, wrong_so_far = counts
    moments, outputs = targets.shape[1:]
    over = 0
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
            wrong_so_far[b] += outputs - right
        clock[b] += 1
        flags[0, b] = clock[b] >= length[b]
        flags[1, b] = not flags[0, b] and 0 < most <= clock[b]
        flags[2, b] = flags[0, b] or flags[1, b]
        over += flags[2, b]
        if dense:
            reward[b] = f32(right) / f32(due[b] * outputs)
        else:
            reward[b] = f32(flags[0, b] and wrong_so_far[b] == 0)
        now = min(clock[b], moments - 1)
        for x in range(inputs.shape[2]):
            shown[b, x] = inputs[b, now, x]
    return over


@njit(**OPTIONS)
def copies(rows, key, episode, step, streams, least, order, length, inputs, targets, mask, source):
    """As `foveate.envs.memory.copying.Copy.script`.

    Args:
        rows: int64, (n,), which rows of all that follows are meant.
        key: int64, (N,), the worlds' seeds.
        episode: int64, (N,).
        step: int64, (N,).
        streams: where lengths and bits begin among the random numbers, as in `random_bits`.
        least: the least length.
        order: int64, (lengths, L), of each length which vector is due so many moments after the marker.
        length: int64, (N,), moments of each episode, written to.
        inputs: float32, (N, T, W + 1), written to.
        targets: int64, (N, T, W), written to.
        mask: bool, (N, T), written to.
        source: int64, (N, T), written to.
    """
    moments, width = targets.shape[1:]
    lengths, bits = u64(streams[0]) << u64(32), u64(streams[1]) << u64(32)
    for b in rows:
        base = base_of(key[b], episode[b], step[b])
        which = i64(bits_of(base, lengths, 0) % u64(len(order)))
        marker = least + which
        length[b] = 2 * marker + 1
        shown, asked = inputs[b].reshape(moments * (width + 1)), targets[b].reshape(moments * width)
        for i in range(u64(len(shown))):
            shown[i] = 0
        for i in range(u64(len(asked))):
            asked[i] = 0
        for t in range(u64(moments)):
            mask[b, t], source[b, t] = False, -1
        for t in range(marker):
            for x in range(width):
                inputs[b, t, x] = f32(bits_of(base, bits, t * width + x) >> u64(62))
        inputs[b, marker, width] = 1
        for t in range(marker):
            due, seen = marker + 1 + t, order[which, t]
            mask[b, due], source[b, due] = True, seen
            for x in range(width):
                targets[b, due, x] = i64(inputs[b, seen, x])
