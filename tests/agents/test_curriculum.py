"""When a lesson is passed: by the share of the latest episodes that are wholly right."""

from collections import deque

import pytest

from foveate.agents.learning.algorithm import learner_class
from foveate.agents.learning.curriculum import EPISODES, Curriculum
from foveate.agents.learning.options import BackpropOptions, LearnerOptions
from foveate.envs.registry import make_worlds, world_class

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
