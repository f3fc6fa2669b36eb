"""Back-propagation through time: what it learns from, that it learns, and that it resumes exactly."""

from pathlib import Path

import gymnasium as gym
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.evaluation import evaluate_policy

from foveate.agents import Algorithm, Backprop, BackpropOptions, LearnerOptions, PolicyGradient, load
from foveate.agents.learning import checkpoint
from foveate.agents.learning.backprop import Lessons, TeacherCollector, numbers_due, wrong_numbers
from foveate.agents.learning.distributed import Share
from foveate.agents.learning.environments import environments_of
from foveate.agents.learning.evaluation import play_episodes
from foveate.agents.nn.heads import CTCHead
from foveate.errors import FoveateError

CPU = torch.device("cpu")
SMALL = {"ntm": {"hidden": 24, "rows": 12, "width": 6}, "dnc": {"hidden": 24, "rows": 8, "width": 6, "read_heads": 1}}


def worlds(env_id: str = "Memory/Copy-v0", count: int = 16, **arguments: object) -> gym.vector.VectorEnv:
    return gym.make_vec(env_id, num_envs=count, autoreset_mode="SameStep", output="torch", **arguments)


def learner(agent: str = "ntm", seed: int = 0, lr: float = 3e-3, **arguments: object) -> Backprop:
    options = BackpropOptions(worlds=16, batch=8, lr=lr)
    kwargs = SMALL.get(agent, {"hidden": 24})
    return Backprop(agent, worlds(**arguments), options, policy_kwargs=kwargs, seed=seed, device="cpu")


def test_lessons_are_whole_episodes_of_the_worlds() -> None:
    made = learner(width=3, max_length=4)
    made.learner.collector.begin(5)
    lessons = made.learner.collector.collect()
    singles = [gym.make("Memory/Copy-v0", width=3, max_length=4).unwrapped for _ in range(16)]
    for i, env in enumerate(singles):
        seen, info = env.reset(seed=5 + i)
        over, t = False, 0
        while not over:
            assert torch.equal(lessons.observation[t, i], torch.as_tensor(seen))
            assert bool(lessons.mask[t, i]) == info["target_mask"]
            assert torch.equal(lessons.target["action"][t, i], torch.as_tensor(info["target"]))
            seen, _, over, _, info = env.step(info["target"])
            t += 1
        assert lessons.length[i] == t
        assert not lessons.mask[t:, i].any()


def test_padding_changes_nothing() -> None:
    """The gradient of episodes of many lengths at once is the sum of each alone."""
    made = learner(width=3, max_length=5)
    lessons = made.learner.collector.collect()
    policy = made.policy

    def cost(episodes: list[int], steps: int) -> torch.Tensor:
        starts = torch.zeros(steps, len(episodes), dtype=torch.bool)
        state = policy.initial_state(len(episodes))
        parameters, *_ = policy(lessons.observation[:steps, episodes], state, starts)
        log_prob = policy.head("action").log_prob(parameters["action"], lessons.target["action"][:steps, episodes])
        return -(log_prob * lessons.mask[:steps, episodes]).sum()

    steps = int(lessons.length[:3].max())
    together = cost([0, 1, 2], steps)
    apart = sum(cost([i], int(lessons.length[i])) for i in range(3))
    assert torch.allclose(together, apart, rtol=1e-4)


def test_counting_what_is_wrong() -> None:
    made = learner(width=3, max_length=2)
    head = made.policy.head("action")
    target = torch.tensor([[[1, 0, 1]], [[1, 1, 1]]])  # (T 2, B 1, 3)
    logits = torch.tensor([[[1.0, 1.0, -1.0]], [[1.0, 1.0, -1.0]]])
    assert head.mode(logits).tolist() == [[[1, 1, 0]], [[1, 1, 0]]]
    for mask, wrong, due in (([[True], [True]], [[2], [1]], [6]), ([[False], [True]], [[0], [1]], [3])):
        lessons = Lessons(logits, {"action": target}, None, torch.tensor(mask), torch.tensor([2]))
        assert wrong_numbers(made.policy, {"action": logits}, lessons).tolist() == wrong
        assert numbers_due(made.policy, {"action": target}, torch.tensor(mask)).tolist() == due


@pytest.mark.parametrize("agent", ["ntm", pytest.param("dnc", marks=pytest.mark.nightly), "gru"])
def test_cores_learn_a_short_copy(agent: str) -> None:
    made = learner(agent, lr=1e-2, width=2, max_length=2)
    made.learn(16_000, log_interval=10**6)
    episodes = play_episodes(made.policy, environments_of(worlds(count=64, width=2, max_length=2), CPU), 2, seed=9)
    assert episodes.scores.mean() < 0.1  # of 1.5 wrong bits that guessing leaves
    assert episodes.returns.mean() > 0.95


def test_it_imitates_where_observations_hang_on_actions() -> None:
    made = learner("gru", env_id="Memory/TMaze-v0", corridor=2)
    made.learn(20_000, log_interval=10**6)
    mean, _ = evaluate_policy(made, made.get_env(), 40, warn=False)
    assert mean == 1


def test_parts_without_a_target_are_the_policy_s() -> None:
    env = worlds("Glimpse/Digits-v0", count=8, glimpses=2)
    made = Backprop("ram", env, BackpropOptions(worlds=8, batch=8), policy_kwargs={"hidden": 8}, seed=0, device="cpu")
    lessons = made.learner.collector.collect()
    assert lessons.target.keys() == {"label"}
    assert lessons.observation["location"].unique().numel() > 8
    made.learn(32)


def test_worlds_without_targets_are_refused() -> None:
    env = gym.make_vec(
        "CartPole-v1", num_envs=2, vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": gym.vector.AutoresetMode.SAME_STEP},
    )  # fmt: skip
    with pytest.raises(FoveateError, match="target"):
        Backprop("gru", env, BackpropOptions(worlds=2, batch=2), seed=0, device="cpu").learn(10)


class Paused(Exception):
    """Raised between two updates."""


class Pause(BaseCallback):
    """Interrupts training between two updates."""

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        if self.model.num_timesteps >= 300:
            raise Paused


@pytest.mark.parametrize("arguments", [{}, {"min_length": 3, "max_length": 3}], ids=["any length", "one length"])
def test_a_resumed_run_is_bit_for_bit_the_run_that_was_not_stopped(tmp_path: Path, arguments: dict) -> None:
    arguments = {"width": 3, "max_length": 3, **arguments}
    whole = learner("ntm", **arguments)
    whole.learn(900)
    stopped = learner("ntm", **arguments)
    with pytest.raises(Paused):
        stopped.learn(900, Pause())
    stopped.save(tmp_path / "run")
    torch.manual_seed(99)
    resumed = load(tmp_path / "run", worlds(**arguments), "cpu")
    assert isinstance(resumed, Backprop)
    resumed.learn(900 - resumed.num_timesteps, reset_num_timesteps=False)
    assert resumed.num_timesteps == whole.num_timesteps
    for (name, a), b in zip(whole.policy.state_dict().items(), resumed.policy.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


@pytest.mark.parametrize("agent", ["lstm", "gru", "ntm", "dnc", "transformer"])
def test_every_core_is_saved_and_learns_by_policy_gradient_too(tmp_path: Path, agent: str) -> None:
    options = LearnerOptions(objective="ppo", worlds=4, horizon=8, minibatches=2, epochs=2)
    env = worlds("Memory/TMaze-v0", count=4, corridor=2)
    kwargs = {**SMALL.get(agent, {"hidden": 8})}
    made: Algorithm = PolicyGradient(agent, env, options, policy_kwargs=kwargs, seed=0, device="cpu")
    assert not options.hybrid  # policy gradient means policy gradient, though the world tells the target
    before = [p.clone() for p in made.policy.parameters()]
    made.learn(128)
    assert any(not torch.equal(a, b) for a, b in zip(before, made.policy.parameters(), strict=True))
    made.save(tmp_path / agent)
    again = load(tmp_path / agent, None, "cpu")
    observation, _ = gym.make("Memory/TMaze-v0").reset(seed=0)
    assert again.predict(observation, deterministic=True)[0] == made.predict(observation, deterministic=True)[0]
    assert checkpoint.read_run(tmp_path / agent)["learner"]["objective"] == "ppo"


@pytest.mark.gpu
@pytest.mark.parametrize("agent", ["lstm", "ntm", "dnc", "transformer"])
def test_it_learns_on_the_gpu(agent: str) -> None:
    env = worlds(width=2, max_length=2, device="cuda")
    kwargs = SMALL.get(agent, {"hidden": 24})
    made = Backprop(agent, env, BackpropOptions(worlds=16, batch=16), policy_kwargs=kwargs, seed=0, device="cuda")
    made.learn(500)
    ppo = LearnerOptions(objective="ppo", worlds=16, horizon=8, minibatches=2, epochs=2)
    other = worlds("Memory/TMaze-v0", corridor=2, device="cuda")
    PolicyGradient(agent, other, ppo, policy_kwargs=kwargs, seed=0, device="cuda").learn(256)


def test_a_guide_needs_no_policy_where_all_is_told() -> None:
    made = learner("gru", width=2, max_length=2)
    guide = TeacherCollector(made.learner.collector.environments, made.policy)
    state = torch.get_rng_state()
    guide.collect()
    assert torch.equal(state, torch.get_rng_state())  # nothing was drawn


def test_the_loss_of_whole_episodes_knows_how_long_they_are() -> None:
    """Connectionist temporal classification over padded episodes: each costs what it costs alone, and all count."""
    env = worlds("Memory/Sort-v0", max_length=4, symbols=4)
    made = Backprop("gru", env, BackpropOptions(worlds=16, batch=16), policy_kwargs={"hidden": 8}, device="cpu")
    policy = made.policy
    policy.heads["action"] = CTCHead(8, env.single_action_space)
    made.learner.collector.begin(0)
    lessons = made.learner.collector.collect()
    assert len(lessons.length.unique()) > 1
    mask = torch.zeros_like(lessons.mask)  # the world need not ask for anything at the last step
    figures, _ = made.learner._update(lessons._replace(mask=mask), Share())
    alone = []
    fresh = Backprop("gru", env, BackpropOptions(worlds=16, batch=16), policy_kwargs={"hidden": 8}, device="cpu")
    fresh.policy.heads["action"] = policy.heads["action"]
    fresh.policy.load_state_dict(policy.state_dict())
    fresh.learner.descend = lambda loss: loss.detach()  # look, and change nothing
    together = fresh.learner._update(lessons._replace(mask=mask), Share())[0]["bits_per_episode"]
    for i in range(16):
        steps = int(lessons.length[i])
        one = Lessons(
            lessons.observation[:steps, i : i + 1],
            {"action": lessons.target["action"][:steps, i : i + 1]},
            None,
            mask[:steps, i : i + 1],
            lessons.length[i : i + 1],
        )
        alone.append(fresh.learner._update(one, Share())[0]["bits_per_episode"])
    assert float(figures["bits_per_episode"]) > 0
    torch.testing.assert_close(together, torch.stack(alone).mean(), atol=1e-4, rtol=1e-4)
