"""What every registered environment must keep: Gymnasium's checks, one seed one episode, certified scores."""

import warnings

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector.utils import iterate
from ids import ALL_IDS, GLIMPSE_IDS, MEMORY_IDS, PROBE_IDS, SEQUENCE_IDS, known_to, short, world_class

from foveate.envs import MULTI_IDS
from foveate.envs.sequence import PenPassage

MODES = ["NextStep", "SameStep", "Disabled"]
# what changes the rules, of the worlds that have it
CHANGED = {"ready": True, "price": 0.01, "zoom": True, "stack": 2}

VIEWS = {
    "glimpse": {},
    "image": {"view": "image"},
    "remembered": {},
    "read": {},
    "whole": {"view": "whole"},
    "looked-at": {"view": "glimpse", "looks": 2},
}


@pytest.mark.parametrize(
    ("env_id", "view"),
    [pytest.param(*i.values, view, marks=i.marks) for i in GLIMPSE_IDS for view in ("glimpse", "image")]
    + [(i, "remembered") for i in MEMORY_IDS + PROBE_IDS]
    + [(i, view) for i in SEQUENCE_IDS for view in ("read", "whole", "looked-at")],
)
def test_check_env_has_no_complaint(env_id: str, view: str) -> None:
    env = gym.make(env_id, render_mode="rgb_array", **VIEWS[view])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if issubclass(world_class(env_id), PenPassage):  # moves of deviation 1, whose bounds are those of the longest
            warnings.filterwarnings("ignore", message=".*we recommend using a symmetric and normalized space.*")
        # "human" needs a display and has a test of its own
        check_env(env.unwrapped, skip_render_check=True)
        env.unwrapped.reset(seed=0)
        frame = env.unwrapped.render()
    assert frame.dtype == np.uint8
    assert frame.ndim == 3
    assert frame.shape[0] % 2 == frame.shape[1] % 2 == 0  # video encoders want even sizes


@pytest.mark.parametrize("env_id", ALL_IDS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("changed", [False, True], ids=["plain", "changed"])
def test_world_i_is_the_single_face_at_seed_plus_i(env_id: str, mode: str, changed: bool) -> None:
    options = {**CHANGED, "reward": "whole"} if env_id.startswith("Memory/") else CHANGED
    options = known_to(env_id, options if changed else {})
    options = {**short(env_id), **options}
    long = "ground" in env_id or "Family" in env_id
    worlds = 2 if long or env_id.startswith("Probe/") else 5
    steps = 900 if long else 145
    vector = gym.make_vec(env_id, num_envs=worlds, autoreset_mode=mode, relevance=True, **options)
    singles = [gym.make(env_id, relevance=True, **options).unwrapped for _ in range(worlds)]
    vector.action_space.seed(0)
    observation, info = vector.reset(seed=7)
    expected = [env.reset(seed=7 + i) for i, env in enumerate(singles)]
    _same(vector, observation, info, expected)
    over = [False] * worlds
    episodes = 0
    for step in range(steps):
        if step >= 30 and episodes >= 3 * worlds:
            break
        actions = vector.action_space.sample()
        observation, reward, terminated, truncated, info = vector.step(actions)
        expected = []
        for i, (env, action) in enumerate(zip(singles, iterate(vector.action_space, actions), strict=True)):
            if over[i] and mode == "NextStep":  # the step that is the reset: the action is ignored
                expected.append(env.reset())
                over[i] = False
                assert (reward[i], terminated[i], truncated[i]) == (0.0, False, False)
                continue
            seen, gained, ended, cut, told = env.step(action)
            assert reward[i] == gained
            assert (terminated[i], truncated[i]) == (ended, cut)
            over[i] = ended or cut
            episodes += over[i]
            if over[i] and mode == "SameStep":
                assert info["_final_obs"][i]
                assert data_equivalence(info["final_obs"][i], seen, exact=True)
                _same_info(info["final_info"], told, i)
                seen, told = env.reset()
                over[i] = False
            expected.append((seen, told))
        _same(vector, observation, info, expected)
        if mode == "Disabled" and any(over):  # partial resets, by hand
            mask = np.array(over)
            observation, info = vector.reset(options={"reset_mask": mask})
            for i in np.flatnonzero(mask):
                seen, told = singles[i].reset()
                over[i] = False
                assert data_equivalence(list(iterate(vector.observation_space, observation))[i], seen, exact=True)
                _same_info(info, told, i)
    assert episodes >= 3 * worlds  # several autoresets


def _same(vector: gym.vector.VectorEnv, observation: object, info: dict, expected: list) -> None:
    for i, (got, (seen, told)) in enumerate(zip(iterate(vector.observation_space, observation), expected, strict=True)):
        assert data_equivalence(got, seen, exact=True)
        _same_info(info, told, i)


def _same_info(info: dict, told: dict, i: int) -> None:
    present = {name for name in info if not name.startswith("_") and info[f"_{name}"][i]}
    assert present - {"final_obs", "final_info"} == set(told)
    for name, value in told.items():
        assert np.array_equal(info[name][i], value), name


@pytest.mark.parametrize("env_id", ALL_IDS)
def test_any_batch_size_and_any_reset_mask_give_the_same_worlds(env_id: str) -> None:
    small, large = (gym.make_vec(env_id, num_envs=n, autoreset_mode="Disabled") for n in (3, 8))
    small.reset(seed=11)
    large.reset(seed=11)
    mask = np.array([False, True, False, True, True, False, False, True])
    few, _ = small.reset(options={"reset_mask": mask[:3]})
    many, _ = large.reset(options={"reset_mask": mask})
    first = few if isinstance(few, dict) else {"": few}
    for name in first:
        assert np.array_equal(first[name], (many[name] if isinstance(few, dict) else many)[:3])


@pytest.mark.parametrize("env_id", ALL_IDS)
def test_thousands_of_random_steps(env_id: str) -> None:
    worlds = 100
    env = gym.make_vec(env_id, num_envs=worlds, autoreset_mode="SameStep", **short(env_id))
    env.action_space.seed(1)
    env.reset(seed=1)
    pages = [base.__doc__ or "" for base in env.unwrapped.world_class.__mro__]
    never = "Never truncated" in next(page for page in pages if "runcated" in page)
    returns = np.zeros(worlds)
    for _ in range(100):
        observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        assert observation in env.observation_space
        returns += reward
        assert np.isfinite(returns).all()
        assert (returns >= 0).all()
        assert (returns <= 1 + 1e-5).all()
        returns[terminated | truncated] = 0
        assert not (truncated.any() and never)


def mean_return(env_id: str, policy: str, worlds: int, rounds: int) -> float:
    """What one of the policies behind the certified scale gets."""
    env = gym.make_vec(env_id, num_envs=worlds, autoreset_mode="Disabled", output="torch")
    face = env.unwrapped
    env.action_space.seed(2)
    returns = []
    for episode in range(rounds):
        env.reset(seed=5 if episode == 0 else None)
        total, alive = torch.zeros(worlds), torch.ones(worlds, dtype=torch.bool)
        while bool(alive.any()):  # the world itself: the face would want each world reset as it ends
            action = env.action_space.sample() if policy == "random" else getattr(face.world, policy)()
            reward, terminated, truncated = face.world.step(face._read(action))
            total += reward * alive
            alive &= ~(terminated | truncated)
        returns.append(total)
    return float(torch.stack(returns).mean())


# worlds and rounds where an episode is long: days of frames that are drawn, the whole Underground
ROUNDS = {"Probe/Driving-v0": (30, 2), "Memory/Underground-v0": (300, 2), "Memory/UndergroundShortestPath-v0": (300, 2)}


@pytest.mark.parametrize("env_id", ALL_IDS)
def test_certified_scores_are_what_these_policies_get(env_id: str) -> None:
    scale = gym.make(env_id).unwrapped.world_class.scale
    names = [name for name, known in scale._asdict().items() if known is not None]
    for name in names:
        worlds, rounds = ROUNDS.get(env_id, (200, 2) if env_id.startswith("Probe/") else (1000, 3))
        certified, measured = getattr(scale, name), mean_return(env_id, name, worlds, rounds)
        assert abs(measured - certified.mean) <= certified.tolerance + 1e-5, (name, measured)
    assert scale.oracle.mean > scale.blind.mean
    assert scale.score(scale.oracle.mean) == 1
    assert scale.score(scale.blind.mean) == 0


@pytest.mark.parametrize("env_id", MEMORY_IDS)
def test_memory_worlds_need_memory(env_id: str) -> None:
    scale = gym.make(env_id).unwrapped.world_class.scale
    assert scale.memoryless is not None, "the scale of a memory world says what `memoryless()` gets, too"
    assert scale.oracle.mean - scale.memoryless.mean > 0.05
    assert scale.memoryless.mean >= scale.blind.mean - 1e-9


@pytest.mark.parametrize("env_id", ALL_IDS)
def test_observations_share_no_memory_with_the_state(env_id: str) -> None:
    zoom = {"zoom": True} if env_id.startswith("Glimpse/") else {}
    env = gym.make_vec(env_id, num_envs=3, output="torch", relevance=True, **zoom)
    observation, info = env.reset(seed=0)
    observation = observation if isinstance(observation, dict) else {"": observation}
    held = {value.untyped_storage().data_ptr() for value in env.unwrapped.world.state.values()}
    for value in [*observation.values(), *info.values()]:
        assert value.untyped_storage().data_ptr() not in held


@pytest.mark.parametrize("env_id", ALL_IDS)
def test_a_state_put_back_goes_on_the_same(env_id: str) -> None:
    env = gym.make_vec(env_id, num_envs=4, autoreset_mode="SameStep")
    env.action_space.seed(3)
    env.reset(seed=3)
    actions = [env.action_space.sample() for _ in range(12)]
    for action in actions[:5]:
        env.step(action)
    saved = {name: value.clone() for name, value in env.unwrapped.state_dict().items()}
    first = [env.step(action) for action in actions[5:]]
    other = gym.make_vec(env_id, num_envs=4, autoreset_mode="SameStep")
    other.unwrapped.load_state_dict(saved)
    second = [other.step(action) for action in actions[5:]]
    for (a, *rest_a, _), (b, *rest_b, _) in zip(first, second, strict=True):
        assert data_equivalence(a, b, exact=True)
        assert all(np.array_equal(x, y) for x, y in zip(rest_a, rest_b, strict=True))


@pytest.mark.parametrize("env_id", ALL_IDS)
def test_one_world_s_state_moves_to_another(env_id: str) -> None:
    one, other = gym.make(env_id).unwrapped, gym.make(env_id).unwrapped
    one.reset(seed=4)
    one.action_space.seed(4)
    _, _, ended, cut, _ = one.step(one.action_space.sample())
    if ended or cut:  # a tape's episode ends at the first wrong symbol
        one.reset()
    other.reset(seed=99)
    other.set_state(one.get_state())
    action = one.action_space.sample()
    assert data_equivalence(one.step(action), other.step(action), exact=True)
    assert data_equivalence(one.reset(), other.reset(), exact=True)


@pytest.mark.parametrize("env_id", ALL_IDS)
def test_the_docstring_is_a_manual_page_and_every_argument_is_explained(env_id: str) -> None:
    from foveate.introspect import constructor_options

    world = gym.make(env_id).unwrapped.world_class
    pages = " ".join(base.__doc__ or "" for base in world.__mro__)  # "everything else is as in …"
    for heading in ("Observation space:", "Action space:", "Rewards:", "Starting state:", "Episode end:", "Info:"):
        assert heading in pages
    assert "Source:" in world.__doc__
    assert "Version history:" in world.__doc__
    for option in constructor_options(world).values():
        assert option.help, f"{option.name} has no text"


@pytest.mark.gpu
@pytest.mark.parametrize("env_id", ALL_IDS)
def test_the_gpu_plays_the_same_episodes(env_id: str) -> None:
    here, there = (
        gym.make_vec(env_id, num_envs=6, autoreset_mode="SameStep", output="torch", device=d) for d in ("cpu", "cuda")
    )
    here.action_space.seed(5)
    a, b = here.reset(seed=5)[0], there.reset(seed=5)[0]
    for _ in range(30):
        seen = zip(a.values(), b.values(), strict=True) if isinstance(a, dict) else [(a, b)]
        for x, y in seen:
            assert torch.allclose(x, y.cpu(), atol=1e-6)
            assert y.device.type == "cuda"
        action = here.action_space.sample()
        (a, reward_a, *_), (b, reward_b, *_) = here.step(action), there.step(action)
        assert torch.allclose(reward_a, reward_b.cpu())


@pytest.mark.parametrize("env_id", [*ALL_IDS, *MULTI_IDS])
def test_a_bare_target_is_of_the_part_that_the_world_says(env_id: str) -> None:
    env = gym.make_vec(env_id, num_envs=2, output="torch")
    _, info = env.reset(seed=0)
    world = env.unwrapped.world
    if (
        isinstance(env.single_action_space, gym.spaces.Dict)
        and "target" in info
        and not isinstance(info["target"], dict)
    ):
        part = env.single_action_space[world.target_part]
        assert info["target"].shape[1:] == part.shape
    elif not isinstance(env.single_action_space, gym.spaces.Dict) and "target" in info:
        assert info["target"].shape[1:] == env.single_action_space.shape
