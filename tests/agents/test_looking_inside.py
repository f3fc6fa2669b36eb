"""A hard agent may look by acting or inside the image: the same places, the same sights, the same distribution."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from scipy.stats import kstest

from foveate import tree
from foveate.agents import LearnerOptions, PolicyGradient, agent_class
from foveate.agents.learning.environments import environments_of
from foveate.agents.learning.evaluation import play_episodes
from foveate.agents.nn.cores.base import reset_where
from foveate.agents.policies.dram import DRAM, DRAMCore
from foveate.agents.policies.policy import PolicyOutput
from foveate.envs.protocols import world_of
from foveate.errors import FoveateError

WORLD = "Glimpse/TranslatedDigits-v0"
SMALL = {"hidden": 16, "what": 12, "where": 8}


def both(name: str, options: dict | None = None, **env: object):
    """The same world and the same weights twice: looking by acting, and looking inside."""
    worlds = {v: gym.make_vec(WORLD, num_envs=6, output="torch", view=v, **env) for v in ("glimpse", "image")}
    torch.manual_seed(0)
    inside = {"patch": 12, "scales": 3, **{k: env[k] for k in ("location", "tiles") if k in env}}
    if "overview" in env:
        inside["overview"] = env["overview"]
    agents = {
        view: agent_class(name)(
            world.single_observation_space,
            world.single_action_space,
            **SMALL,
            **(options or {}),
            **(inside if view == "image" else {}),
        )
        for view, world in worlds.items()
    }
    weights = {k.replace("heads.label.", "heads.action."): v for k, v in agents["glimpse"].state_dict().items()}
    agents["image"].load_state_dict(weights)
    return worlds, agents


@pytest.mark.parametrize(
    ("name", "options", "env"),
    [
        ("ram", {}, {}),
        ("ram", {"gaze": "move"}, {}),
        ("ram", {"gaze": "move", "core": "none"}, {}),
        ("ram", {"gaze": "move"}, {"location": "tiles", "tiles": 4}),
        ("dram", {}, {"overview": 8}),
        ("dram", {"gaze": "move"}, {"overview": 8}),
    ],
)
def test_acting_and_looking_inside_are_the_same_distribution(name: str, options: dict, env: dict) -> None:
    worlds, agents = both(name, options, **env)
    for agent in agents.values():
        agent.eval()
    seen, _ = worlds["glimpse"].reset(seed=3)
    whole, _ = worlds["image"].reset(seed=3)
    outer, inner = agents["glimpse"].initial_state(6), agents["image"].initial_state(6)
    starts = torch.ones(6, dtype=torch.bool)
    for _ in range(4):
        made = agents["glimpse"].step(seen, outer, starts)
        # where the world's eye is, the agent's own is put too: the rest must follow
        inner = inner._replace(gaze=seen["location"])
        chosen = {"gaze": seen["location"][None], "location": made.choices["location"][None]}
        chosen["action"] = made.choices["label"][None]
        judged = agents["image"].evaluate(whole[None], chosen, inner, starts[None])
        torch.testing.assert_close(judged.parameters["action"][0], made.parameters["label"])
        torch.testing.assert_close(judged.parameters["location"][0], made.parameters["location"])
        torch.testing.assert_close(judged.log_prob["location"][0], made.log_prob["location"])
        torch.testing.assert_close(judged.value[0], made.value)
        no = torch.zeros_like(starts)
        if not starts.any():  # looking from there by itself (a start would draw a place of its own)
            took = agents["image"].step(whole, inner, no, deterministic=True)
            torch.testing.assert_close(took.parameters["location"], made.parameters["location"])
        inner = type(inner)(agents["image"].retina.place(made.choices["location"]), made.state)
        seen, *_ = worlds["glimpse"].step({"label": made.choices["label"], "location": made.choices["location"]})
        torch.testing.assert_close(inner.gaze, seen["location"])
        outer, starts = made.state, no


def test_the_first_glimpse_inside_is_uniform_like_the_world_s() -> None:
    _, agents = both("ram")
    torch.manual_seed(0)
    first = agents["image"].retina.first(4000, torch.device("cpu"))
    for axis in (0, 1):
        assert kstest(first[:, axis].numpy(), "uniform", (-1, 2)).pvalue > 0.01


@pytest.mark.parametrize("name", ["ram", "random-glimpse"])
def test_the_places_chosen_inside_are_learned_from_like_actions(name: str) -> None:
    world = gym.make_vec(WORLD, num_envs=8, autoreset_mode="SameStep", output="torch", view="image", reward="every")
    learner = PolicyGradient(
        name, world, LearnerOptions(worlds=8, likelihood_reward=True), policy_kwargs=SMALL, seed=0, device="cpu"
    )
    rollout, _ = learner.learner.collector.collect()
    assert rollout.choices["gaze"].shape == (6, 8, 2)
    judged = learner.policy.evaluate(rollout.observation, rollout.choices, rollout.state, rollout.starts)
    for part, log_prob in judged.log_prob.items():
        torch.testing.assert_close(log_prob, rollout.log_prob[part], rtol=1e-4, atol=1e-4)
    before = [p.clone() for p in learner.policy.head("location").parameters()]
    learner.learn(6 * 8 * 2)
    moved = any((a != b).any() for a, b in zip(before, learner.policy.head("location").parameters(), strict=True))
    assert moved == (name == "ram")


def test_looking_inside_works_in_play_and_says_where() -> None:
    _, agents = both("ram")
    policy = agents["image"]
    image = np.zeros((1, 60, 60), np.uint8)
    action, state = policy.predict(image, deterministic=True)
    assert np.shape(action) == ()
    action, _ = policy.predict(image, state, deterministic=True)
    starts = torch.zeros(3, 2, dtype=torch.bool)
    maps = policy(torch.zeros(3, 2, 1, 60, 60), policy.initial_state(2), starts, record=True).records
    assert maps["attention"].shape == (3, 2, 60, 60)
    assert maps["gaze"].shape == (3, 2, 2)


# ---- DRAM ----


def test_dram_s_core_is_one_step_after_the_other() -> None:
    torch.manual_seed(0)
    core = DRAMCore(5, 4, 6, isolate=True)
    x, starts = torch.randn(7, 3, 9), torch.zeros(7, 3, dtype=torch.bool)
    starts[0], starts[3, 1] = True, True
    whole, after, *_ = core(x, core.initial_state(3), starts)
    state, rows = core.initial_state(3), []
    for t in range(7):
        y, state, *_ = core(x[t : t + 1], state, starts[t : t + 1])
        rows.append(y)
    torch.testing.assert_close(whole, torch.cat(rows))
    for a, b in zip(tree.leaves(after), tree.leaves(state), strict=True):
        torch.testing.assert_close(a, b)
    assert reset_where(state, core.initial_state(3), torch.ones(3, dtype=torch.bool)).lower.hidden.abs().sum() == 0


def test_dram_s_context_reaches_the_gaze_and_never_the_answer() -> None:
    space = spaces.Dict(
        glimpse=spaces.Box(0, 1, (1, 4, 4)), location=spaces.Box(-1, 1, (2,)), overview=spaces.Box(0, 1, (1, 3, 3))
    )
    actions = spaces.Dict(label=spaces.Discrete(3), location=spaces.Box(-1, 1, (2,)))
    torch.manual_seed(0)
    policy = DRAM(space, actions, **SMALL)
    with torch.no_grad():  # a head that begins at zero shows nothing
        policy.head("location").layers[-1].weight.normal_()
    seen = {name: torch.rand(1, 2, *part.shape) for name, part in space.spaces.items()}
    overview = seen["overview"].requires_grad_()
    parameters, *_ = policy(seen, policy.initial_state(2), torch.ones(1, 2, dtype=torch.bool))
    (gradient,) = torch.autograd.grad(parameters["location"].sum(), overview, retain_graph=True, allow_unused=True)
    assert gradient.abs().sum() > 0
    (gradient,) = torch.autograd.grad(parameters["label"].sum(), overview, retain_graph=True, allow_unused=True)
    assert gradient.abs().sum() == 0
    grads = torch.autograd.grad(parameters["location"].sum(), list(policy.core.lower.parameters()), allow_unused=True)
    assert all(g is None or g.abs().sum() == 0 for g in grads)  # the policy gradient stays out of the lower layer
    shared = [id(p) for part in policy.rates().values() for p in part]
    assert sorted(shared) == sorted(id(p) for p in policy.parameters())


def test_dram_without_an_overview_says_what_it_needs() -> None:
    world = gym.make(WORLD)
    with pytest.raises(FoveateError, match="overview=16"):
        DRAM(world.observation_space, world.action_space)


def test_a_move_s_own_eye_is_trained_by_where_it_looked_alone() -> None:
    """And where its gradient is kept out of the core, it trains nothing else but its head."""
    env = gym.make_vec(WORLD, num_envs=5, output="torch")
    agent = agent_class("ram")(env.single_observation_space, env.single_action_space, **SMALL, gaze="move")
    for parameter in agent.head("location").parameters():  # it begins at zero, where nothing but the last layer learns
        torch.nn.init.normal_(parameter, std=0.1)
    seen, starts = tree.unsqueeze(env.reset(seed=1)[0]), torch.ones(1, 5, dtype=torch.bool)
    eye = {name for name, _ in agent.named_parameters() if name.startswith("heads.location.own")}
    assert eye
    for part, value in (("location", torch.zeros(1, 5, 2)), ("label", torch.zeros(1, 5, dtype=torch.int64))):
        agent.zero_grad()
        parameters = agent(seen, agent.initial_state(5), starts).parameters[part]
        agent.head(part).log_prob(parameters, value).sum().backward()
        touched = {n for n, p in agent.named_parameters() if p.grad is not None and p.grad.any()}
        if part == "location":
            assert eye <= touched <= {n for n in dict(agent.named_parameters()) if n.startswith("heads.location.")}
        else:
            assert not {name for name in touched if name.startswith("heads.location.")}


@pytest.mark.parametrize("view", ["glimpse", "image"])
def test_the_distance_of_the_last_glimpse_is_to_the_middle_of_the_digit(view: str) -> None:
    size = 60
    env = gym.make_vec(
        WORLD, num_envs=8, autoreset_mode="SameStep", output="torch", view=view, relevance=True, size=size, glimpses=3
    )
    agent = agent_class("ram")(env.single_observation_space, env.single_action_space, **SMALL)
    world = world_of(env)
    found: list[torch.Tensor] = []
    step = agent.step

    def looked(*given: object, **named: object) -> PolicyOutput:
        output = step(*given, **named)  # pyright: ignore
        if bool((world.clock == 2).all()):
            where = output.choices["gaze"] if view == "image" else given[0]["location"]  # pyright: ignore
            ink = world.relevance(world.state).numpy()
            rows_columns = np.array([np.argwhere(one).mean(0) + 0.5 for one in ink])
            found.append(
                torch.as_tensor(where.numpy()[:, ::-1].copy() * size / 2 + size / 2 - rows_columns).norm(dim=1)
            )
        return output

    agent.step = looked
    got = play_episodes(agent, environments_of(env, torch.device("cpu")), 2, seed=4).distance
    assert got == pytest.approx(torch.cat(found).numpy(), abs=1e-3)
    plain = gym.make_vec(WORLD, num_envs=2, autoreset_mode="SameStep", output="torch", view=view)
    agent.step = step
    assert np.isnan(play_episodes(agent, environments_of(plain, torch.device("cpu")), 1, seed=4).distance).all()


@pytest.mark.parametrize("attention", ["location", "draw", "content"])
def test_soft_attention_is_recurrent_even_if_its_network_is_not(attention: str) -> None:
    """What was emitted is all that it remembers, and it says another thing of the same picture at the next moment."""
    env = gym.make(WORLD, view="image")
    torch.manual_seed(0)
    sizes = {**SMALL, "emit_hidden": 8}
    agent = agent_class("soft-attention")(
        env.observation_space, env.action_space, attention=attention, core="none", **sizes
    )
    picture = torch.as_tensor(env.reset(seed=0)[0])[None]
    logits, state = [], agent.initial_state(1)
    for start in (True, False):
        said = agent(picture[None], state, torch.tensor([[start]]))
        logits.append(next(iter(said.parameters.values())))
        state = said.state
    assert not torch.allclose(logits[0], logits[1])
    logits[1].sum().backward()
    assert agent.core.emit[0].weight.grad.abs().sum() > 0
