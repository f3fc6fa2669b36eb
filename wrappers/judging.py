"""How well amounts point at what is relevant: figures of maps of any shape."""

import numpy as np
from scipy.stats import rankdata


def pointing(maps: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Whether a map's greatest pixel is relevant (Zhang et al. 2016), (N,); NaN where nothing is relevant.

    Ties are shared: a constant map gets the relevant share of the picture.
    """
    maps, relevant = maps.reshape(len(maps), -1), relevant.reshape(len(maps), -1)
    top = maps == maps.max(1, keepdims=True)
    hits = (top & relevant).sum(1) / top.sum(1)
    return np.where(relevant.any(1), hits, np.nan)


def roc_auc(maps: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """The chance that a relevant pixel has more than an irrelevant one, (N,); NaN where all or none are relevant."""
    maps, relevant = maps.reshape(len(maps), -1), relevant.reshape(len(maps), -1)
    ranks = rankdata(maps, axis=1)
    yes, no = relevant.sum(1), (~relevant).sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):  # Mann-Whitney's U
        return ((ranks * relevant).sum(1) - yes * (yes + 1) / 2) / (yes * no)


def mass_on(amounts: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """The share of all amounts, (N, …), none below zero, that lies on what is relevant, (N,); NaN where nothing is."""
    amounts, relevant = amounts.reshape(len(amounts), -1), relevant.reshape(len(amounts), -1)
    total = amounts.sum(1)
    share = np.divide((amounts * relevant).sum(1), total, out=np.zeros(len(amounts)), where=total > 0)
    return np.where(relevant.any(1), share, np.nan)


def entropy_bits(amounts: np.ndarray) -> np.ndarray:
    """The entropy of amounts (N, …), none below zero, as shares of their sum: 0 if all lies on one place, (N,)."""
    amounts = amounts.reshape(len(amounts), -1)
    total = amounts.sum(1, keepdims=True)
    share = np.divide(amounts, total, out=np.zeros(amounts.shape), where=total > 0)
    return -(share * np.log2(np.where(share > 0, share, 1.0))).sum(1)
