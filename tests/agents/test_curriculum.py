"""When a lesson is passed: by the share of the latest episodes that are wholly right."""

from collections import deque

import pytest

from foveate.agents.learning.algorithm import learner_class
from foveate.agents.learning.curriculum import EPISODES, Curriculum
from foveate.agents.learning.options import BackpropOptions
from foveate.envs.registry import make_worlds, world_class

WITH_LESSONS = [
    "Memory/Allocation-v0",
    "Memory/GraphTraversal-v0",
    "Memory/ShortestPath-v0",
    "Memory/GraphInference-v0",
]


@pytest.mark.parametrize("env_id", WITH_LESSONS)
def test_lessons_are_passed_by_the_share_of_episodes_without_mistakes(env_id: str) -> None:
    """Also where the score counts mistakes, of which fewer are better."""
    curriculum = Curriculum(env_id, {}, pass_score=0.9)
    env = make_worlds(env_id, 2, "cpu", curriculum.arguments)
    learner = learner_class("backprop")("gru", env, BackpropOptions(worlds=2, batch=2))
    right, wrong = (0.0, 1.0) if world_class(env_id).lower_is_better else (1.0, 0.0)
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
