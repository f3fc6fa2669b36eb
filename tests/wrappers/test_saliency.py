"""Saliency: maps that are known, refusals, and nothing else changed by looking."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from saliency_worlds import (
    SIDE,
    PlantedVectorEnv,
    constant_policy,
    linear_policy,
    planted,
    scripted_policy,
)

from foveate.agents import LearnerOptions, PolicyGradient, load
from foveate.errors import FoveateError
from foveate.wrappers import RecordVideo, Saliency, record_episodes
from foveate.wrappers.saliency import METHODS, methods_of, targets_of, view_of
from foveate.wrappers.saliency import perturbing as p
from foveate.wrappers.saliency.examine import collect, examine, maps_of, randomised
from foveate.wrappers.saliency.gradients import integrated_gradients, jacobian
from foveate.wrappers.saliency.pictures import on_picture
from foveate.wrappers.saliency.targets import choose_targets
from foveate.wrappers.saliency.views import undisturbed

ZOO = Path(__file__).parents[2] / "zoo"
GRADIENTS = [name for name, method in METHODS.items() if method.by_gradient]
EXPLAINING = [name for name in METHODS if name != "attention"]


def learner(agent: str = "dueling", env_id: str = "Probe/Catch-v0", **options: object) -> PolicyGradient:
    env = gym.make_vec(env_id, num_envs=2, autoreset_mode="SameStep", output="torch")
    kwargs = {"stream": 32, "shrink": 2} if agent == "dueling" and not options else options
    made = PolicyGradient(
        agent, env, LearnerOptions(objective="ppo", worlds=2, horizon=4, minibatches=1), policy_kwargs=kwargs, seed=0,
        device="cpu",
    )  # fmt: skip
    with torch.no_grad():  # last layers begin near zero: give the maps something to show
        for name, weights in made.policy.named_parameters():
            weights.add_((0.03 if name.startswith("encoder") else 0.2) * torch.randn_like(weights))
    return made


def moment(policy: object, env: gym.Env, steps: int = 3) -> tuple:
    """A view, a prepared observation and the state before it, after some steps of play."""
    view = view_of(policy)
    env.action_space.seed(1)
    seen, _ = env.reset(seed=1)
    state = view.initial_state(1)
    for _ in range(steps):
        with torch.no_grad():
            batch = {k: v[None] for k, v in seen.items()} if isinstance(seen, dict) else seen[None]
            state = view.outputs(view.prepare(batch), state).state
        seen, *_ = env.step(env.action_space.sample())
    batch = {k: v[None] for k, v in seen.items()} if isinstance(seen, dict) else seen[None]
    return view, view.prepare(batch), state


# ---- maps that are known ----


@pytest.mark.parametrize("method", ["jacobian", "smoothgrad"])
def test_a_linear_policy_s_map_is_its_weights(method: str) -> None:
    weights = torch.randn(3, 2 * SIDE * SIDE)
    view = view_of(linear_policy(weights))
    x = torch.rand(2, 2, SIDE, SIDE)
    targets = choose_targets(view, ["action:1", "value", "logits"])
    one, value, logits = METHODS[method].function(view, x, view.initial_state(2), targets)
    expected = weights.view(3, 2, SIDE, SIDE)
    assert torch.allclose(one, expected[1].expand(2, -1, -1, -1), atol=1e-5)
    assert torch.allclose(value, expected.sum(0).expand(2, -1, -1, -1), atol=1e-4)
    assert torch.allclose(logits, expected.norm(dim=0).expand(2, -1, -1, -1), atol=1e-4)


def test_errors_set_to_the_outputs_are_propagated_back() -> None:
    weights = torch.randn(3, 2 * SIDE * SIDE)
    view = view_of(linear_policy(weights))
    x = torch.rand(1, 2, SIDE, SIDE)
    (found,) = METHODS["jacobian-outputs"].function(view, x, view.initial_state(1), choose_targets(view, ["logits"]))
    y = weights @ x.flatten()
    assert torch.allclose(found.flatten(), y @ weights, rtol=1e-4, atol=1e-4)


def test_the_jacobian_is_what_finite_differences_give() -> None:
    made = learner()
    view, x, state = moment(made, gym.make("Probe/Catch-v0"))
    targets = choose_targets(view, ["value", "advantage"])
    view.module.double()
    x = x.double() + 0.01
    with undisturbed(view):
        found = jacobian(_Double(view), x, state, targets)
    outputs = view.outputs(x, state)
    for target, each in zip(targets, found, strict=True):
        read = target.bind(outputs)
        for c, i, j in ((3, 40, 40), (0, 82, 33), (3, 4, 60)):
            step = torch.zeros_like(x)
            step[0, c, i, j] = 1e-5
            slope = read(view.outputs(x + step, state), None) - read(view.outputs(x - step, state), None)
            assert float(each[0, c, i, j]) == pytest.approx(float(slope) / 2e-5, rel=1e-4, abs=1e-8)


class _Double:
    """A view that leaves float64 as it is."""

    def __init__(self, view: object):
        self.view, self.key = view, view.key

    def explained(self, observation: torch.Tensor) -> torch.Tensor:
        return observation

    def ask(self, observation: torch.Tensor, state: object, x: torch.Tensor, rows: object = None) -> object:
        return self.view.outputs(x, state)


@pytest.mark.parametrize("target", ["value", "label:centred-logit", "label:3"])
def test_integrated_gradients_are_complete(target: str) -> None:
    """What a map sums to is what the output is more than on black, to a thousandth at 4096 steps."""
    made = load(ZOO / "TranslatedDigits-ram", device="cpu")
    view, x, state = moment(made, gym.make("Glimpse/TranslatedDigits-v0"))
    targets = choose_targets(view, [target])
    with undisturbed(view):
        (found,) = integrated_gradients(view, x, state, targets, steps=4096)
        plain = view.outputs(x, state)
        read = targets[0].bind(plain)
        black = {**x, "glimpse": torch.zeros_like(x["glimpse"])}
        whole = read(plain, None) - read(view.outputs(black, state), None)
    assert abs(whole.item()) > 0.01
    assert float(found.sum()) == pytest.approx(whole.item(), rel=1e-3)


@pytest.mark.parametrize("method", [name for name in EXPLAINING if name != "random"])
def test_constant_policies_give_zeros(method: str) -> None:
    view = view_of(constant_policy())
    name = "centred-logit" if method == "sarfa" else "value"
    found = METHODS[method].function(
        view, torch.rand(2, 2, SIDE, SIDE), view.initial_state(2), choose_targets(view, [name])
    )
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
    rows = examine(view, moments, GRADIENTS, choose_targets(view, ["centred-logit"]))
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
    rows = examine(view, moments, [*GRADIENTS, "random"], targets)
    for row in rows:
        if row.method != "random":
            assert abs(row.randomised_signed) < 0.3, row.method
    weights = dict(view.module.named_parameters())
    for name, other in randomised(view).module.named_parameters():
        assert not torch.equal(other, weights[name])


# ---- perturbations ----


def test_all_masks_at_once_are_each_mask_by_itself() -> None:
    """Greydanus' map by a slow and obvious loop."""
    made = learner()
    view, x, state = moment(made, gym.make("Probe/Catch-v0"))
    targets = choose_targets(view, ["value", "advantage"])
    with undisturbed(view), torch.no_grad():
        together = p.perturbation(view, x, state, targets)
        one_by_one = p.perturbation(view, x, state, targets, chunk=1)
        masks, grid = p.masks_for(tuple(x.shape[1:]))
        plain = view.outputs(x, state)
        read = targets[0].bind(plain)
        scores = torch.zeros(1, len(masks))
        for k in range(len(masks)):
            hidden = x[0] * (1 - masks[k]) + p.blurred(x)[0] * masks[k]
            change = read(view.outputs(hidden[None], state), None) - read(plain, None)
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


# ---- looking changes nothing ----


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

    from foveate.agents import GymVecEnv

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
        outputs = view.outputs(view.prepare(seen[None]), None)
        assert int(outputs.parameters["action"].argmax()) == int(model.predict(seen, deterministic=True)[0])
        x = torch.as_tensor(seen[None])
        if model is ppo:
            assert torch.allclose(outputs.value, model.policy.predict_values(x)[:, 0], atol=1e-5)
    mixed = PPO("MultiInputPolicy", _flat_worlds(), n_steps=8, batch_size=8, seed=0)
    env = Saliency(_flat_world(), mixed, ["jacobian", "perturbation"], "logits")
    env.reset(seed=0)
    assert env.maps()["jacobian", "logits"].shape == (28, 28)  # back on the picture, through the retina


def _flat_worlds() -> object:
    from foveate.agents import GymVecEnv
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
    scales, patch = world.scales, world.patch
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


# ---- films ----


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
    with pytest.raises(FoveateError, match="rgb_array"):
        RecordVideo(gym.make("Probe/Catch-v0"), tmp_path / "b.mp4")
