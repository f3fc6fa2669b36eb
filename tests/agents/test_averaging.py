"""The mean of the weights: against a loop, through a checkpoint, and as what a run keeps as its best."""

from pathlib import Path

import torch
from commands import command, run_folder
from safetensors.torch import load_file
from small_learners import ours, small

from foveate.agents import PolicyGradient
from foveate.agents.learning.averaging import WeightAverage, averaged
from foveate.agents.learning.checkpoint import find


def learner(steps: int, decay: float = 0.9) -> PolicyGradient:
    made = PolicyGradient(
        "ram", ours(), small(average=decay, lr_end=1.0), policy_kwargs={"hidden": 16}, seed=0, device="cpu"
    )
    return made.learn(steps)


def test_it_is_the_mean_of_a_loop() -> None:
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(torch.randn(3, 2)), torch.nn.Parameter(torch.randn(()))]
    average, expected = WeightAverage(weights, 0.8), [weight.detach().clone() for weight in weights]
    for number in range(1, 40):
        decay = min(0.8, (1 + number) / (10 + number))
        for i, weight in enumerate(weights):
            weight.data += torch.randn_like(weight)
            expected[i] = decay * expected[i] + (1 - decay) * weight.detach()
        average.update(number)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(average.mean, expected, strict=True))
    now = [weight.detach().clone() for weight in weights]
    with average.in_place():
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(weights, expected, strict=True))
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(average.mean, expected, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(weights, now, strict=True))
    with averaged(None):  # nothing is kept
        assert torch.equal(weights[0], now[0])


def test_it_changes_nothing_of_the_training_and_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    whole, plain, half = learner(480), learner(480, decay=0.0), learner(240)
    for own, other in zip(whole.policy.parameters(), plain.policy.parameters(), strict=True):
        assert torch.equal(own, other)
    half.save(tmp_path / "half")
    resumed = PolicyGradient.load(tmp_path / "half", ours(), "cpu").learn(240, reset_num_timesteps=False)
    assert resumed.learner.average is not None
    assert whole.learner.average is not None
    for own, other in zip(resumed.learner.average.mean, whole.learner.average.mean, strict=True):
        assert torch.equal(own, other)


def test_the_best_checkpoint_holds_the_mean_and_the_last_the_weights(root: Path, tmp_path: Path) -> None:
    words = ["Glimpse/Digits-v0", "ram", "--steps", "960", "--eval-episodes", "20", "--learner.worlds", "16"]
    words += ["--agent.hidden", "16", "--learner.average", "0.9", "--no-tensorboard", "--log-dir", str(tmp_path)]
    assert command(root, "train.py", *words).returncode == 0
    run = run_folder(tmp_path)
    last = find(run, "last")
    best, weights = (load_file(folder / "weights.safetensors") for folder in (find(run, "best"), last))
    assert any(not torch.equal(best[name], weights[name]) for name in best)
    kept = load_file(last / "optimizer.safetensors")
    mean = [kept[f"average.{i}"] for i in range(sum(name.startswith("average.") for name in kept))]
    assert {part.shape for part in mean} <= {part.shape for part in best.values()}
    own = load_file(find(run, "best") / "optimizer.safetensors")  # a best checkpoint's weights are its mean
    assert all(any(torch.equal(own[name], part) for part in best.values()) for name in own if "average." in name)
