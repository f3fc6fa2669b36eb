"""Projected gradient descent: its bounds, its gradient, and that it also follows the choice of places."""

import torch

from foveate.analysis.adversary import expected_gradient, pgd


def test_the_attack_stays_within_epsilon_and_finds_the_worst_corner_of_a_linear_loss() -> None:
    image = torch.tensor([[0.5, 0.05, 0.95, 0.4]])
    weights = torch.tensor([1.0, -1.0, 1.0, 0.0])

    def play(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x @ weights, torch.zeros(len(x))

    found = pgd(play, image, 0.1, gradients=10)
    assert torch.allclose(found[0, :3], torch.tensor([0.6, 0.0, 1.0]))  # in [0, 1], too
    assert (found - image).abs().max() <= 0.1 + 1e-6


def test_the_expected_gradient_goes_through_the_choice_of_places() -> None:
    """Loss 1 where the left place is chosen, which depends on the image only through its probability."""
    torch.manual_seed(0)
    image = torch.tensor([[0.3], [-0.4]])

    def play(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        left = torch.distributions.Bernoulli(logits=x[:, 0])
        chosen = left.sample()
        return chosen + 0.0 * x[:, 0], left.log_prob(chosen)

    found = expected_gradient(play, image, samples=20_000)
    p = image.sigmoid()
    assert torch.allclose(found, p * (1 - p), atol=0.01)  # the derivative of P(left)


def test_a_pathwise_gradient_needs_one_sample() -> None:
    image = torch.rand(3, 2, dtype=torch.float64)
    found = expected_gradient(lambda x: ((x**2).sum(1), torch.zeros(len(x))), image, samples=1)
    assert torch.allclose(found, 2 * image)
