"""The saliency wrapper: it serves every policy, refuses what can't be had, and changes nothing by looking."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from saliency_worlds import learner

from foveate.agents import Policy, agent_class, load
from foveate.agents.policies.outputs import PolicyPrediction
from foveate.errors import FoveateError
from foveate.wrappers import MemoryTrace, RecordVideo, Saliency, record_episodes
from foveate.wrappers.saliency import METHODS, methods_of, targets_of, view_of
from foveate.wrappers.saliency.targets import choose_targets
from foveate.wrappers.saliency.views import Inputs, Outputs

ZOO = Path(__file__).parents[2] / "zoo"
EXPLAINING = [name for name in METHODS if name != "attention"]


@pytest.mark.parametrize("method", EXPLAINING)
@pytest.mark.parametrize("agent", ["dueling", "cnn"])
def test_episodes_gradients_and_modes_are_the_same_with_the_instrument_on_or_off(agent: str, method: str) -> None:
    episodes = []
    for wrapped in (False, True):
        core = {"architecture": "nature", "core": "lstm", "hidden": 8, "shrink": 2} if agent == "cnn" else {}
        torch.manual_seed(5)
        made = learner(agent, **core)
        made.policy.train()
        made.policy.encoder.eval()  # a mixture of modes must come back as it was
        for weights in made.policy.parameters():
            weights.grad = torch.ones_like(weights)
        env = gym.make("Probe/Catch-v0", balls=1)
        of = "advantage" if agent == "dueling" else "centred-logit"
        env = Saliency(env, made, method, of) if wrapped else env
        torch.manual_seed(3)
        seen, _ = env.reset(seed=1)
        state, rows = None, []
        for _ in range(3):
            action, state = made.predict(seen, state, np.array([state is None]))
            seen, reward, *_ = env.step(action)
            if wrapped:
                env.maps()
                env.render()
            rows.append((int(action), seen.tolist(), reward))
        modes = [module.training for module in made.policy.modules()]
        grads = all(bool((weights.grad == 1).all()) for weights in made.policy.parameters())
        episodes.append((rows, torch.get_rng_state().tolist(), modes, grads, torch.is_grad_enabled()))
    assert episodes[0] == episodes[1]


# ---- every kind of policy ----


def test_every_method_and_target_of_a_dueling_network_makes_a_map() -> None:
    made = learner()
    env = gym.make("Probe/Catch-v0", render_mode="rgb_array")
    view = view_of(made)
    names = list(targets_of(view, ["left", "stay", "right"]))
    assert names == ["value", "advantage", "action:left", "action:stay", "action:right", "logits"]
    for method in methods_of(view):
        of = ["advantage", "action:left"] if method == "sarfa" else names
        watched = Saliency(env, made, method, of)
        watched.reset(seed=0)
        maps = watched.maps()
        assert list(maps) == [(method, name) for name in of]
        for found in maps.values():
            assert found.shape == (84, 84)
            assert np.isfinite(found).all()
            assert (found >= 0).all()
        if method != "random":
            assert maps[method, of[0]].max() > 0, method


@pytest.mark.parametrize(
    ("agent", "env_id", "options"),
    [
        ("ram", "Glimpse/Digits-v0", {"hidden": 16}),
        ("ram", "Glimpse/ClutteredDigits-v0", {"hidden": 16, "core": "ntm", "rows": 4}),
        ("ntm", "Memory/Copy-v0", {"hidden": 8, "rows": 6, "width": 5}),
        ("dnc", "Memory/Copy-v0", {"hidden": 8, "rows": 6, "width": 5}),
        ("cnn", "Probe/Driving-v0", {"architecture": "nature", "core": "gru", "hidden": 8, "shrink": 2}),
        ("transformer", "Memory/RepeatPrevious-v0", {}),
    ],
)
def test_one_wrapper_serves_every_agent(agent: str, env_id: str, options: dict) -> None:
    made = learner(agent, env_id, **(options or {"hidden": 16}))
    methods = [m for m in methods_of(view_of(made)) if m not in ("occlusion", "sarfa")]
    env = Saliency(gym.make(env_id, render_mode="rgb_array"), made, methods, "logits")
    frames = record_episodes(env, made, 1, seed=2)[0] if "Driving" not in env_id else []
    if not frames:
        env.reset(seed=2)
        env.step(3)
        frames = [env.render()]
    assert frames[-1].dtype == np.uint8
    assert frames[-1].shape[0] % 2 == frames[-1].shape[1] % 2 == 0
    assert all(np.isfinite(found).all() for found in env.maps().values())


def test_models_of_stable_baselines3_are_looked_into_too() -> None:
    from stable_baselines3 import DQN, PPO

    from foveate.sb3 import GymVecEnv

    worlds = GymVecEnv(gym.make_vec("Probe/Catch-v0", num_envs=2, autoreset_mode="SameStep"))
    ppo = PPO("CnnPolicy", worlds, n_steps=8, batch_size=8, seed=0).learn(16)
    dqn = DQN("CnnPolicy", worlds, buffer_size=100, learning_starts=4, seed=0).learn(16)
    for model in (ppo, dqn):
        env = Saliency(gym.make("Probe/Catch-v0"), model, ["jacobian", "perturbation"])
        assert [t.name for t in env.targets] == ["value", "centred-logit"]
        seen, _ = env.reset(seed=0)
        env.step(int(model.predict(seen, deterministic=True)[0]))
        maps = env.maps()
        assert all(found.max() > 0 for found in maps.values())
        # what the view says is what the model does
        view = view_of(model)
        outputs = view.outputs(view.first(seen[None]))
        assert int(outputs.parameters["action"].argmax()) == int(model.predict(seen, deterministic=True)[0])
        x = torch.as_tensor(seen[None])
        if model is ppo:
            assert torch.allclose(outputs.value, model.policy.predict_values(x)[:, 0], atol=1e-5)
    mixed = PPO("MultiInputPolicy", _flat_worlds(), n_steps=8, batch_size=8, seed=0)
    env = Saliency(_flat_world(), mixed, ["jacobian", "perturbation"], "logits")
    env.reset(seed=0)
    assert env.maps()["jacobian", "logits"].shape == (28, 28)  # back on the picture, through the retina


def _flat_worlds() -> object:
    from foveate.sb3 import GymVecEnv
    from foveate.wrappers import FlattenVectorAction

    return GymVecEnv(
        FlattenVectorAction(gym.make_vec("Glimpse/Digits-v0", num_envs=2, autoreset_mode="SameStep"), "multidiscrete")
    )


def _flat_world() -> gym.Env:
    from foveate.wrappers import FlattenAction

    return FlattenAction(gym.make("Glimpse/Digits-v0"), "multidiscrete")


def test_attention_of_a_glimpse_is_where_its_patches_are() -> None:
    made = learner("ram", "Glimpse/ClutteredDigits-v0", hidden=16)
    env = Saliency(gym.make("Glimpse/ClutteredDigits-v0", first="centre"), made, "attention", "logits")
    env.reset(seed=0)
    found = env.maps()["attention", "logits"]
    world = env.unwrapped.world
    scales, patch = world.sensor.scales, world.sensor.patch
    assert found.shape == (60, 60)
    # every patch pixel counts once, in all of the picture that it averages
    expected = np.zeros((60, 60))
    for k in range(scales):
        half = patch * 2**k / 2
        for i in range(60):
            for j in range(60):
                if abs(i + 0.5 - 30) < half and abs(j + 0.5 - 30) < half:
                    expected[i, j] += 1 / 4**k
    assert np.allclose(found, expected)


def test_a_world_seen_as_a_whole_has_no_gaze() -> None:
    plain = gym.make("Glimpse/Digits-v0", view="image")
    made = agent_class("cnn")(plain.observation_space, plain.action_space)
    env = Saliency(plain, made, "jacobian", "value")
    env.reset(seed=0)
    found = env.maps()["jacobian", "value"]
    assert found.shape == (28, 28)
    view = env.view
    x = env.inputs.observation.clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(view.ask(env.inputs, x).value.sum(), x)
    assert np.allclose(found, slope[0].abs().sum(0).numpy(), rtol=1e-4)


@pytest.mark.parametrize("method", ["perturbation", "occlusion"])
def test_what_hides_a_patch_hides_it_at_its_own_scale(method: str) -> None:
    """A value that depends on the finest patch alone is blamed on it alone."""
    made = learner("ram", "Glimpse/ClutteredDigits-v0", hidden=16)
    env = gym.make("Glimpse/ClutteredDigits-v0")
    seen, _ = env.reset(seed=0)
    view = view_of(made)
    inputs = view.first({key: value[None] for key, value in seen.items()})

    class Finest(type(view)):
        def outputs(self, inputs: Inputs) -> Outputs:
            value = inputs.observation["glimpse"][:, 0].flatten(1).sum(1)
            return super().outputs(inputs)._replace(value=value)

    view.__class__ = Finest
    (found,) = METHODS[method].function(view, inputs, choose_targets(view, ["value"]))
    assert float(found[0, 0].abs().sum()) > 0
    assert float(found[0, 1:].abs().max()) == 0


def test_making_an_instrument_draws_nothing() -> None:
    made = learner("ram", "Glimpse/Digits-v0", hidden=16, dropout=0.5)
    made.policy.train()
    before = torch.get_rng_state()
    Saliency(gym.make("Glimpse/Digits-v0"), made, "jacobian", "logits")
    assert torch.equal(torch.get_rng_state(), before)
    assert made.policy.training


def test_the_value_of_a_plain_q_network_is_its_best_q() -> None:
    from foveate.agents import QLearning, QOptions

    worlds = gym.make_vec("Probe/Catch-v0", num_envs=2, autoreset_mode="SameStep", output="torch")
    options = QOptions(worlds=2, memory=50, warm_up=4, batch=4)
    made = QLearning("cnn", worlds, options, policy_kwargs={"architecture": "nature", "shrink": 2}, device="cpu")
    env = Saliency(gym.make("Probe/Catch-v0"), made)
    assert [target.label for target in env.targets] == ["value", "Q of best action - mean"]
    env.reset(seed=0)
    assert float(env.outputs.value) == float(env.outputs.parameters["action"].max())


# ---- refusals ----


@pytest.mark.parametrize(
    ("of", "method", "said"),
    [
        ("advantage", "jacobian", r"'advantage'.*Allowed: action:left, .*centred-logit, .*value"),
        ("location", "jacobian", r"unknown target of this policy 'location'"),
        ("valu", "jacobian", r"Did you mean 'value'"),
        ("value", "jacobain", r"Did you mean 'jacobian'"),
        ("value", "attention", r"explicit attention .*; this one has: jacobian"),
        ("value", "sarfa", r"'sarfa' explains one action of a Discrete space, not 'value'"),
    ],
)
def test_what_a_policy_can_t_have_is_refused(of: str, method: str, said: str) -> None:
    made = learner("cnn", architecture="nature", shrink=2)
    with pytest.raises(FoveateError, match=said):
        Saliency(gym.make("Probe/Catch-v0"), made, method, of)


def test_what_is_no_policy_is_refused() -> None:
    with pytest.raises(FoveateError, match="can't be looked into"):
        view_of(object())


def test_an_error_inside_a_policy_is_that_error() -> None:
    """It isn't read as "has no critic", "can't be looked into" or "attends to nothing"."""

    class Broken(Policy):
        def forward(self, *_: object, **__: object) -> PolicyPrediction:
            raise AttributeError("a mistake in the forward pass")

        @property
        def attends(self) -> bool:
            raise RuntimeError("a mistake in attends")

    made = learner("cnn", architecture="nature", shrink=2)
    made.policy.__class__ = Broken
    with pytest.raises(AttributeError, match="a mistake in the forward pass"):
        Saliency(gym.make("Probe/Catch-v0"), made)
    with pytest.raises(RuntimeError, match="a mistake in attends"):
        methods_of(view_of(made))
    with pytest.raises(AttributeError, match="a mistake in the forward pass"):
        MemoryTrace(gym.make("Probe/Catch-v0"), made).reset(seed=0)


def test_an_error_inside_a_gaze_is_that_error() -> None:
    made = learner("ram", "Glimpse/Digits-v0", hidden=16)
    env = gym.make("Glimpse/Digits-v0")

    def gaze(state: object) -> None:
        raise AttributeError("a mistake in gaze")

    watched = Saliency(env, made, "jacobian", "logits")
    watched.reset(seed=0)
    env.unwrapped.world.gaze = gaze
    with pytest.raises(AttributeError, match="a mistake in gaze"):
        watched.maps()


def test_a_film_grows_frame_by_frame(tmp_path: object) -> None:
    av = pytest.importorskip("av")
    made = learner()
    env = RecordVideo(Saliency(gym.make("Probe/Catch-v0", render_mode="rgb_array"), made), tmp_path / "a.mp4")
    env.reset(seed=0)
    for _ in range(4):
        env.step(env.action_space.sample())
    env.close()
    assert env.writer.codec == "h264"
    frames = list(av.open(str(tmp_path / "a.mp4")).decode(video=0))
    assert len(frames) == 5
    assert frames[0].width > 900
    trained = load(ZOO / "Copy-ntm", device="cpu")
    grown = RecordVideo(MemoryTrace(gym.make("Memory/Copy-v0", max_length=3), trained), tmp_path / "c.mp4")
    record_episodes(grown, trained, 1, seed=0)
    grown.close()
    with pytest.raises(FoveateError, match="rgb_array"):
        RecordVideo(gym.make("Probe/Catch-v0"), tmp_path / "b.mp4")


@pytest.mark.parametrize("name", ["soft-attention", "ram"])
def test_the_attention_inside_a_policy_is_a_method_like_the_others(name: str) -> None:
    env = gym.make("Glimpse/TranslatedDigits-v0", view="image")
    torch.manual_seed(0)
    policy = agent_class(name)(env.observation_space, env.action_space, hidden=8, what=8, where=8)
    view = view_of(policy)
    assert "attention" in methods_of(view)
    inputs = view.first(env.reset(seed=0)[0][None])
    seen, state = inputs.observation, inputs.state
    target = targets_of(view)["value"]
    (found,) = METHODS["attention"].function(view, inputs, [target])
    torch.manual_seed(0)
    expected = policy(seen[None], state, torch.zeros(1, 1, dtype=torch.bool), record=True).records["attention"][0]
    assert torch.allclose(found[:, 0], expected)
    assert found.shape == seen.shape
    (gradient,) = METHODS["jacobian"].function(view, inputs, [target])
    assert gradient.isfinite().all()
