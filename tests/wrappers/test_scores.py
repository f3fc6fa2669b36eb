"""Figures of maps: literal examples, laws, and what chance gets."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from saliency_worlds import SIDE, linear_policy
from sklearn.metrics import roc_auc_score

from foveate.analysis import saliency_scores as scores
from foveate.wrappers import judging
from foveate.wrappers.saliency import view_of
from foveate.wrappers.saliency.pictures import on_picture
from foveate.wrappers.saliency.targets import choose_targets


def test_pointing_of_literal_maps() -> None:
    relevant = np.array([[True, False, False, False]])
    assert judging.pointing(np.array([[9.0, 1, 2, 3]]), relevant) == [1]
    assert judging.pointing(np.array([[1.0, 9, 2, 3]]), relevant) == [0]
    assert judging.pointing(np.array([[9.0, 9, 2, 3]]), relevant) == [0.5]
    assert judging.pointing(np.zeros((1, 4)), relevant) == [0.25]  # a constant map gets what guessing gets
    assert np.isnan(judging.pointing(np.ones((1, 4)), np.zeros((1, 4), bool)))[0]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=3, max_size=40))
def test_the_roc_area_is_scikit_learn_s(pairs: list) -> None:
    found, relevant = (np.array(column)[None] for column in zip(*pairs, strict=True))
    area = judging.roc_auc(found.astype(float), relevant)[0]
    if relevant.all() or not relevant.any():
        assert np.isnan(area)
    else:
        assert area == pytest.approx(roc_auc_score(relevant[0], found[0]))
        assert judging.roc_auc(-found.astype(float), relevant)[0] == pytest.approx(1 - area)


def test_rank_correlation_of_literal_maps() -> None:
    a = np.array([[1.0, 2, 3, 4]])
    assert scores.rank_correlation(a, 10 * a**3)[0] == pytest.approx(1)
    assert scores.rank_correlation(a, -a)[0] == pytest.approx(-1)
    assert scores.rank_correlation(a, np.ones((1, 4)))[0] == 0


def test_deletion_and_insertion_of_a_linear_policy() -> None:
    """One pixel of weight 3 and one of weight 1: the right order loses 3/4 of the output at once."""
    weights = torch.zeros(1, 2, SIDE, SIDE)
    weights[0, :, 2, 2], weights[0, :, 6, 6] = 3.0, 1.0
    view = view_of(linear_policy(weights.flatten(1)))
    x = torch.zeros(1, 2, SIDE, SIDE)
    x[0, :, 2, 2] = x[0, :, 6, 6] = 1.0
    target = choose_targets(view, ["value"])[0]
    right = scores.curves(view, view.first(x), target, weights)
    wrong = scores.curves(view, view.first(x), target, -1 / (1 + weights))
    assert right.deletion[0] == right.insertion[0] == 0
    assert right.deletion[-1] == right.insertion[-1] == pytest.approx(1)
    assert scores.area(right.deletion) > 0.9
    assert scores.area(right.insertion) > 0.9
    assert scores.area(wrong.deletion) < 0.3


def test_a_constant_map_deletes_by_lot() -> None:
    weights = torch.zeros(1, 2, SIDE, SIDE)
    weights[0, :, :2] = 1.0  # the first rows, which come first in memory
    view = view_of(linear_policy(weights.flatten(1)))
    x = weights.clone()  # bright where it counts: blurring it all changes the value a lot
    drawn = scores.curves(view, view.first(x), choose_targets(view, ["value"])[0], torch.ones_like(x))
    assert 0.3 < scores.area(drawn.deletion) < 0.7


def test_agreement_of_blame_and_effect() -> None:
    nan = np.nan
    effect = np.array([[5.0, 1, 0], [1.0, 2, nan], [0.0, 0, 0], [nan, nan, 1]])
    assert scores.agreement(effect, effect) == (1.0, 1.0)  # the last two moments tell nothing
    assert scores.agreement(-effect, effect) == (0.0, -1.0)
    assert all(np.isnan(scores.agreement(effect[2:], effect[2:])))


def test_maps_on_the_picture() -> None:
    stack = torch.tensor([1.0, -2.0]).view(1, 2, 1, 1).expand(1, 2, 3, 4)
    assert torch.equal(on_picture(stack), torch.full((1, 3, 4), 3.0))
    assert on_picture(torch.tensor([[1.0, -1.0]])).tolist() == [[[1.0, 1.0]]]
    # a patch of two by two cells that covers four by four pixels spreads each cell over four of them
    gaze = (torch.zeros(1, 6, 6), torch.tensor([[[1.0, 1.0, 5.0, 5.0]]]))
    found = on_picture(torch.tensor([[[[4.0, 8.0], [0.0, 4.0]]]]), gaze)[0]
    assert found[1:3, 1:3].tolist() == [[1, 1], [1, 1]]
    assert found[1:3, 3:5].tolist() == [[2, 2], [2, 2]]
    assert float(found.sum()) == 16
