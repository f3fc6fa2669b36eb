"""When a lesson is passed: by the share of the latest episodes that are wholly right."""

from collections import deque
from contextlib import nullcontext
from typing import Any

import pytest

from foveate.agents.learning.algorithm import learner_class
from foveate.agents.learning.curriculum import EPISODES, Curriculum
from foveate.agents.learning.options import BackpropOptions, LearnerOptions
from foveate.cli.configuration import configure
from foveate.envs.glimpse.plates import END
from foveate.envs.protocols import world_of
from foveate.envs.registry import make_worlds, world_class
from foveate.errors import FoveateError

WITH_LESSONS = [
    "Memory/Allocation-v0",
    "Memory/GraphTraversal-v0",
    "Memory/ShortestPath-v0",
    "Memory/GraphInference-v0",
]


@pytest.mark.parametrize("objective", ["backprop", "ppo"])
@pytest.mark.parametrize("env_id", WITH_LESSONS)
def test_lessons_are_passed_by_the_share_of_episodes_without_mistakes(env_id: str, objective: str) -> None:
    """Also where the score counts mistakes, of which fewer are better: who plays is scored so, who is told is not."""
    curriculum = Curriculum(env_id, {}, pass_score=0.9)
    env = make_worlds(env_id, 2, "cpu", curriculum.arguments)
    options = (
        BackpropOptions(worlds=2, batch=2)
        if objective == "backprop"
        else LearnerOptions(objective="ppo", worlds=2, minibatches=1)
    )
    learner = learner_class(objective)("gru", env, options)
    counts_mistakes = world_class(env_id).lower_is_better and objective == "ppo"
    right, wrong = (0.0, 1.0) if counts_mistakes else (1.0, 0.0)
    for share, passed in ((0.89, False), (0.91, True)):
        well = int(share * EPISODES)
        rows = [{"r": 0.0, "l": 1.0, "t": 0.0, "score": right if i < well else wrong} for i in range(EPISODES)]
        learner.learner.recent = deque(rows, maxlen=EPISODES)
        assert curriculum.passed(learner) is passed
    learner.learner.recent.popleft()
    assert not curriculum.passed(learner)  # too few episodes to judge by
    learner.learner.recent.append(rows[0])
    curriculum.advance(learner)
    assert curriculum.lesson == 2
    assert not learner.learner.recent  # what it did in the lesson before says nothing of this one


@pytest.mark.parametrize("objective", ["backprop", "ppo"])
@pytest.mark.parametrize("env_id", WITH_LESSONS)
def test_nobody_passes_a_lesson_without_having_learned_anything(env_id: str, objective: str) -> None:
    """By what a learner really remembers of its episodes, not by what it might."""
    curriculum = Curriculum(env_id, {}, pass_score=0.9)
    env = make_worlds(env_id, 50, "cpu", curriculum.arguments)
    tiny = {"lr": 1e-9, "worlds": 50}
    options = (
        BackpropOptions(**tiny, batch=50)
        if objective == "backprop"
        else LearnerOptions(objective="ppo", **tiny, minibatches=1)
    )
    learner = learner_class(objective)("gru", env, options, policy_kwargs={"hidden": 4}, seed=0)
    while len(learner.learner.recent) < EPISODES and learner.num_timesteps < 100_000:
        learner.learn(5000, reset_num_timesteps=False)
    learner.learner.window = EPISODES
    recent = list(learner.learner.recent)
    learner.learner.recent = deque((recent * EPISODES)[:EPISODES], maxlen=EPISODES)
    assert len(recent) > 0
    assert float(learner.learner.recent_successes(curriculum._fewer_is_better).mean()) < 0.5
    assert not curriculum.passed(learner)


@pytest.mark.parametrize("sparse_links", [0, 12])
def test_a_dnc_has_no_rows_that_a_lesson_could_not_fill(sparse_links: int) -> None:
    """One row is written a moment; the last lessons have as many as the agent was built with."""
    curriculum = Curriculum("Memory/GraphTraversal-v0", {}, pass_score=0.9)
    env = make_worlds("Memory/GraphTraversal-v0", 2, "cpu", curriculum.arguments)
    sizes: dict[str, Any] = {"rows": 100, "hidden": 4, "width": 3, "read_heads": 1, "sparse_links": sparse_links}
    learner = learner_class("backprop")("dnc", env, BackpropOptions(worlds=2, batch=2), policy_kwargs=sizes)
    core, rows = learner.policy.core, []
    curriculum.begin(learner)
    while True:
        rows.append(core.rows)
        assert core.initial_state(2).memory.shape == (2, rows[-1], 3)
        assert learner.learner.agent_options["rows"] == rows[-1]  # which its checkpoints have
        learner.learn(1, reset_num_timesteps=False)
        if curriculum.lesson == 9:
            break
        curriculum.advance(learner)
    # nodes times degree edges, and twice the length of the path
    assert rows == [max(sparse_links, n) for n in (5 * 2 + 2, 8 * 2 + 4, 10 * 3 + 6, 12 * 3 + 8, 52, 76, 86, 100, 100)]
    again = Curriculum("Memory/GraphTraversal-v0", {}, pass_score=0.9, lesson=2)
    few = {**sizes, "rows": rows[1]}  # as a checkpoint of the second lesson says
    resumed = learner_class("backprop")("dnc", env, BackpropOptions(worlds=2, batch=2), policy_kwargs=few)
    again.begin(resumed, 100)
    assert resumed.policy.core.rows == rows[1]
    again.advance(resumed)
    assert resumed.policy.core.rows == rows[2]


def test_lessons_that_the_teacher_would_pass_are_refused() -> None:
    curriculum = Curriculum("Glimpse/HouseNumbers-v0", {"glimpses": 1}, pass_score=0.9)
    env = make_worlds("Glimpse/HouseNumbers-v0", 2, "cpu", curriculum.arguments)
    for forced in (True, False):
        learner = learner_class("reinforce")("ram", env, LearnerOptions(worlds=2, teacher_forcing=forced))
        with pytest.raises(FoveateError, match="no-teacher-forcing") if forced else nullcontext():
            curriculum.begin(learner)


def test_numbers_get_longer_from_lesson_to_lesson_as_long_as_the_plates_allow() -> None:
    """By gazes: a learner by policy gradient goes through all lessons, to the last one that it was given."""
    curriculum = Curriculum("Glimpse/HouseNumbers-v0", {"max_digits": 3, "lesson": 3, "glimpses": 1}, pass_score=0.0)
    env = make_worlds("Glimpse/HouseNumbers-v0", 40, "cpu", curriculum.arguments)
    options = LearnerOptions(worlds=40, horizon=4, teacher_forcing=False)
    learner = learner_class("reinforce")("ram", env, options, policy_kwargs={"hidden": 4, "what": 4, "where": 4})
    curriculum.begin(learner)
    longest = []
    while True:
        while len(learner.learner.recent) < EPISODES:
            learner.learn(2000, reset_num_timesteps=False)
        number = world_of(learner.env.vector_env).state["number"]
        longest.append(int((number != END).sum(1).max()))
        if not curriculum.passed(learner):
            break
        curriculum.advance(learner)
    assert longest == [1, 2, 3]


def test_a_preset_says_of_a_world_when_its_lessons_are_passed() -> None:
    words = ["Glimpse/HouseNumbers-v0", "dram"]
    assert configure(words, []).options.pass_score == 0.6
    assert configure([*words, "--pass-score", "0.7"], []).options.pass_score == 0.7
    assert configure([*words, "--learner", "ppo"], []).options.pass_score == 0.6
    assert configure(["Glimpse/DigitPairs-v0", "dram"], []).options.pass_score == 0.9


def test_other_memories_keep_their_rows() -> None:
    curriculum = Curriculum("Memory/GraphTraversal-v0", {}, pass_score=0.9)
    env = make_worlds("Memory/GraphTraversal-v0", 2, "cpu", curriculum.arguments)
    options: dict[str, Any] = {"rows": 40, "hidden": 4, "width": 3}
    learner = learner_class("backprop")("ntm", env, BackpropOptions(worlds=2, batch=2), policy_kwargs=options)
    curriculum.begin(learner)
    assert learner.policy.core.rows == 40  # where a head begins to read and write is learned row by row


@pytest.mark.parametrize("name", ["FamilyTree", "Underground", "UndergroundShortestPath"])
def test_worlds_without_an_argument_for_the_lesson_have_no_curriculum(name: str) -> None:
    """They are kinds of worlds that have one."""
    with pytest.raises(FoveateError, match=f"Memory/{name}-v0 has none"):
        Curriculum(f"Memory/{name}-v0", {}, 0.9)
