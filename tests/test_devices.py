"""On a device nothing is mixed with the host, and nothing is read from it in an inner loop."""

import gymnasium as gym
import pytest
import torch
from fake_device import NAME, HostReads, fake_device
from fuzz_size import FULL
from ids import ALL_IDS, short
from recorded.agents import ALL, Case, Stop, make, name_of

from foveate import tree

# who reads from the device, and why; nobody else may
SOMETIMES = {
    "agents/learning/rollout.py: collect": "the figures of a rollout's ended episodes go to the log",
    "agents/learning/backprop.py: collect": "steps are counted",
    "agents/learning/backprop.py: update": "episodes of similar length are put together",
    "agents/learning/backprop.py: _update": "the figures of the episodes go to the log",
    "agents/nn/cores/episode_rows.py: episode_rows": "a rollout's episodes are put beside each other",
    "agents/nn/cores/unroll.py: episode_pieces": "a sequence is cut where episodes start",
    "agents/nn/finite.py: check": "no step is made down a loss that isn't finite",
    "agents/nn/finite.py: check_weights": "nothing is saved that isn't finite",
    "envs/memory/script.py: episodes": "the longest episode gives all tensors their length",
}
EACH_STEP = {
    "agents/policies/policy.py: _read_source": "reading a source costs more than asking whether an episode starts",
    "agents/learning/rollout.py: _truncation_value": "asking costs less than a forward pass that is rarely needed",
    "envs/multi/hide_and_seek.py: advance": "pictures are made anew in the few worlds that change sides",
}


def known_length(case: Case) -> bool:
    """Whether a rollout's length doesn't depend on numbers, which are not to be had."""
    # whoever writes the end, or stops the last program, ends an episode
    if case.env_id.startswith(("Sequence/", "Memory/Frames", "Memory/ScratchPad", "Memory/MiniShrdlu")):
        return case.objective not in ("reinforce", "backprop")
    return case.objective != "reinforce" or not case.env_id.startswith(("Memory/", "Glimpse/HouseNumbers"))


# which program each moment belongs to is found out on the host, by numbers that are not to be had
CASES = [case for case in ALL if case.objective != "dqn" and case.agent != "npi" and known_length(case)]
if not FULL:  # one of each agent
    CASES = list({case.agent: case for case in reversed(CASES)}.values())


def zeros(space: gym.Space, rows: int) -> torch.Tensor | dict[str, torch.Tensor]:
    """An action of every row, on the device."""
    if isinstance(space, gym.spaces.Dict):
        return {
            name: torch.zeros((rows, *(part.shape or ())), dtype=torch.int64, device=NAME)
            for name, part in space.items()
        }
    return torch.zeros((rows, *(space.shape or ())), dtype=torch.int64, device=NAME)


@pytest.mark.parametrize("env_id", ALL_IDS)
def test_worlds_step_without_the_host(env_id: str) -> None:
    with fake_device() as reads:
        env = gym.make_vec(env_id, num_envs=3, autoreset_mode="SameStep", output="torch", device=NAME, **short(env_id))
        observation, _ = env.reset(seed=0)
        assert {leaf.device.type for leaf in tree.leaves(observation)} == {NAME}
        reads.places.clear()
        for _ in range(2):
            env.step(zeros(env.single_action_space, 3))
    assert not reads.places


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_agents_learn_without_the_host(case: Case) -> None:
    with fake_device() as reads:
        learner = make(case, NAME)
        reads.places.clear()
        learner.learn(10**6, Stop(1))
    assert learner.learner.counts.updates
    assert not set(reads.places) - {*SOMETIMES, *EACH_STEP}
    turns = learner.learner.counts.iterations + learner.learner.counts.updates
    # a list of a few worlds is read number by number
    assert all(times <= 16 * turns for place, times in reads.places.items() if place in SOMETIMES)


@pytest.mark.parametrize(
    "read",
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.any()),
        lambda x: x.nonzero(),
        lambda x: x[x > 0],
        lambda x: x.cpu(),
        lambda x: x.tolist(),
        lambda x: x.numpy(force=True),
    ],
)
def test_every_read_is_seen(read: object) -> None:
    with fake_device() as reads:
        read(torch.ones(3, device=NAME))
    assert isinstance(reads, HostReads)
    assert reads.places


def test_every_mixing_is_an_error() -> None:
    with fake_device(), pytest.raises(RuntimeError, match=r"two (different )?devices"):
        torch.ones(3, device=NAME) + torch.ones(3)
