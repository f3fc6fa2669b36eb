"""Maps that are known: by hand, by a slow loop, by finite differences, in a world where the truth was planted."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from saliency_worlds import (
    SIDE,
    PlantedVectorEnv,
    constant_policy,
    learner,
    linear_policy,
    moment,
    planted,
    scripted_policy,
)

from foveate.agents import load
from foveate.analysis.saliency_benchmark import benchmark, maps_of, randomised
from foveate.analysis.saliency_moments import collect
from foveate.wrappers.saliency import METHODS, view_of
from foveate.wrappers.saliency import perturbing as p
from foveate.wrappers.saliency.gradients import integrated_gradients, jacobian
from foveate.wrappers.saliency.pictures import on_picture
from foveate.wrappers.saliency.targets import choose_targets
from foveate.wrappers.saliency.undisturbed import undisturbed
from foveate.wrappers.saliency.views import Inputs

ZOO = Path(__file__).parents[2] / "zoo"
GRADIENTS = [name for name, method in METHODS.items() if method.by_gradient]
EXPLAINING = [name for name in METHODS if name != "attention"]


@pytest.mark.parametrize("method", ["jacobian", "smoothgrad"])
def test_a_linear_policy_s_map_is_its_weights(method: str) -> None:
    weights = torch.randn(3, 2 * SIDE * SIDE)
    view = view_of(linear_policy(weights))
    x = torch.rand(2, 2, SIDE, SIDE)
    targets = choose_targets(view, ["action:1", "value", "logits"])
    one, value, logits = METHODS[method].function(view, view.first(x), targets)
    expected = weights.view(3, 2, SIDE, SIDE)
    assert torch.allclose(one, expected[1].expand(2, -1, -1, -1), atol=1e-5)
    assert torch.allclose(value, expected.sum(0).expand(2, -1, -1, -1), atol=1e-4)
    assert torch.allclose(logits, expected.norm(dim=0).expand(2, -1, -1, -1), atol=1e-4)


def test_errors_set_to_the_outputs_are_propagated_back() -> None:
    weights = torch.randn(3, 2 * SIDE * SIDE)
    view = view_of(linear_policy(weights))
    x = torch.rand(1, 2, SIDE, SIDE)
    (found,) = METHODS["jacobian-outputs"].function(view, view.first(x), choose_targets(view, ["logits"]))
    y = weights @ x.flatten()
    assert torch.allclose(found.flatten(), y @ weights, rtol=1e-4, atol=1e-4)


def test_the_jacobian_is_what_finite_differences_give() -> None:
    made = learner()
    view, inputs = moment(made, gym.make("Probe/Catch-v0"))
    targets = choose_targets(view, ["value", "advantage"])
    view.module.double()
    x = inputs.observation.double() + 0.01
    inputs = inputs._replace(observation=x)
    with undisturbed(view):
        found = jacobian(_Double(view), inputs, targets)
    outputs = view.outputs(inputs)
    for target, each in zip(targets, found, strict=True):
        read = target.bind(outputs)
        for c, i, j in ((3, 40, 40), (0, 82, 33), (3, 4, 60)):
            step = torch.zeros_like(x)
            step[0, c, i, j] = 1e-5
            up, down = (read(view.ask(inputs, x + sign * step), None) for sign in (1, -1))
            slope = up - down
            assert float(each[0, c, i, j]) == pytest.approx(float(slope) / 2e-5, rel=1e-4, abs=1e-8)


class _Double:
    """A view that leaves float64 as it is."""

    def __init__(self, view: object):
        self.view, self.key = view, view.key

    def explained(self, observation: torch.Tensor) -> torch.Tensor:
        return observation

    def ask(self, inputs: Inputs, x: torch.Tensor, rows: object = None) -> object:
        return self.view.ask(inputs, x)


@pytest.mark.parametrize("target", ["label:centred-logit"])
def test_integrated_gradients_are_complete(target: str) -> None:
    """What a map sums to is what the output is more than on black, to five thousandths at 512 steps."""
    made = load(ZOO / "TranslatedDigits-ram", device="cpu")
    view, inputs = moment(made, gym.make("Glimpse/TranslatedDigits-v0"))
    targets = choose_targets(view, [target])
    with undisturbed(view):
        (found,) = integrated_gradients(view, inputs, targets, steps=512)
        plain = view.outputs(inputs)
        read = targets[0].bind(plain)
        black = torch.zeros_like(inputs.observation["glimpse"])
        whole = read(plain, None) - read(view.ask(inputs, black), None)
    assert abs(whole.item()) > 0.01
    assert float(found.sum()) == pytest.approx(whole.item(), rel=5e-3)


@pytest.mark.parametrize("method", [name for name in EXPLAINING if name != "random"])
def test_constant_policies_give_zeros(method: str) -> None:
    view = view_of(constant_policy())
    name = "centred-logit" if method == "sarfa" else "value"
    found = METHODS[method].function(view, view.first(torch.rand(2, 2, SIDE, SIDE)), choose_targets(view, [name]))
    assert torch.equal(found[0], torch.zeros(2, 2, SIDE, SIDE))


def test_in_a_planted_world_the_scripted_policy_scores_one_and_nothing_else_is_blamed() -> None:
    policy = scripted_policy()
    env = planted()
    seen, _ = env.reset(seed=3)
    total, over = 0.0, False
    while not over:
        action, _ = policy.predict(seen, deterministic=True)
        seen, reward, over, *_ = env.step(int(action))
        total += reward
    assert total == 1.0
    view = view_of(policy)
    worlds = PlantedVectorEnv(8, autoreset_mode="SameStep", output="torch", relevance=True)
    moments = collect(view, worlds, 24, 2, seed=1)
    rows = benchmark(view, moments, GRADIENTS, choose_targets(view, ["centred-logit"]))
    for row in rows:
        assert (row.pointing, row.auc) == (1.0, 1.0), row.method
        assert row.deletion > 0.9
    irrelevant = ~moments.relevant["relevance"]
    for method in GRADIENTS:
        (found,) = maps_of(view, moments, method, choose_targets(view, ["centred-logit"]))
        assert (on_picture(found)[irrelevant] == 0).all(), method
        assert (on_picture(found)[~irrelevant] > 0).any()


def test_random_weights_give_other_maps() -> None:
    made = load(ZOO / "TranslatedDigits-ram", device="cpu")
    view = view_of(made)
    worlds = gym.make_vec(
        "Glimpse/TranslatedDigits-v0", num_envs=8, autoreset_mode="SameStep", output="torch", relevance=True
    )
    moments = collect(view, worlds, 24, 3, seed=1)
    # of one output, with signs: by size, what multiplies by the input keeps the input's shape (docs/results.md)
    targets = choose_targets(view, ["label:centred-logit"])
    rows = benchmark(view, moments, [*GRADIENTS, "random"], targets)
    for row in rows:
        if row.method != "random":
            assert abs(row.anew_signed) < 0.3, row.method
    weights = dict(view.module.named_parameters())
    for name, other in randomised(view).module.named_parameters():
        assert other.ndim < 2 or not torch.equal(other, weights[name])


# ---- perturbations ----


def test_all_masks_at_once_are_each_mask_by_itself() -> None:
    """Greydanus' map by a slow and obvious loop."""
    made = learner()
    view, inputs = moment(made, gym.make("Probe/Catch-v0"))
    x = inputs.observation
    targets = choose_targets(view, ["value", "advantage"])
    with undisturbed(view), torch.no_grad():
        together = p.perturbation(view, inputs, targets)
        one_by_one = p.perturbation(view, inputs, targets, chunk=1)
        masks, grid = p.masks_for(tuple(x.shape[1:]))
        plain = view.outputs(inputs)
        read = targets[0].bind(plain)
        scores = torch.zeros(1, len(masks))
        for k in range(len(masks)):
            hidden = x[0] * (1 - masks[k]) + p.blurred(x)[0] * masks[k]
            change = read(view.ask(inputs, hidden[None]), None) - read(plain, None)
            scores[0, k] = 0.5 * float(change) ** 2
        expected = torch.nn.functional.interpolate(scores.view(1, 1, *grid), size=(84, 84), mode="bilinear")
    assert torch.allclose(together[0].sum(1), expected[:, 0], rtol=1e-3, atol=1e-9)
    for a, b in zip(together, one_by_one, strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-9)


def test_the_masks_are_greydanus_s() -> None:
    masks, grid = p.masks_for((4, 80, 80))
    assert grid == (16, 16)
    assert masks.shape == (256, 1, 80, 80)
    assert float(masks[0, 0, 2, 2]) == 1.0  # the first centre
    assert float(masks[0, 0, 2, 7]) == pytest.approx(np.exp(-0.5))  # one σ of five pixels beside it
    flat, _ = p.masks_for((5,))
    assert torch.equal(flat, torch.eye(5))
    assert torch.allclose(p.blurred(torch.full((1, 2, 20, 20), 0.7)), torch.tensor(0.7))


def test_sarfa_of_literal_numbers() -> None:
    before = torch.tensor([2.0, 0.0, 0.0])
    after = torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 1.0, -1.0]])
    scores = p.sarfa_score(before, after, 0)
    drop = np.exp(2) / (np.exp(2) + 2) - 1 / 3
    assert scores[0] == 0  # nothing changes
    assert float(scores[1]) == pytest.approx(2 * drop / (1 + drop))  # the others stay alike: K = 1
    assert scores[2] == 0  # the action becomes likelier
    q = np.array([np.exp(1), np.exp(-1)]) / (np.exp(1) + np.exp(-1))
    similar = 1 / (1 + float((q * np.log(q / 0.5)).sum()))
    drop = np.exp(2) / (np.exp(2) + 2) - 1 / (1 + np.exp(1) + np.exp(-1))
    assert float(scores[3]) == pytest.approx(2 * similar * drop / (similar + drop), rel=1e-5)
