"""An agent that translates a sentence: what it writes, what it reads for each word, and what would be right."""

import shutil
import subprocess
from functools import cache
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import torch

from ... import tree
from ...agents import Algorithm
from ...envs.protocols import Info, world_of
from ...envs.registry import make_one
from ...envs.sequence.dictionary import NOUNS
from ...envs.sequence.translation import Translation
from ...errors import FoveateError
from ...tree import Tree
from ...viz.alignment import AlignmentMap, Written, draw_alignment
from ...viz.palette import INK, RIGHT, WRONG
from ...wrappers import Alignment
from ...wrappers.alignment import TITLES
from .looking import MOST_SEED
from .parsing import gold, parsed, words_of
from .shelf import Agent

LEAST = 4  # words of a sentence of the grammar
MOST_WORDS = 40  # twice as many as in training
SPEAKERS = ("espeak-ng", "espeak")
LANGUAGES = {"read": "en", "written": "de"}


class Translated(NamedTuple):
    """A sentence and its translation.

    Attributes:
        source: the words that were read.
        written: the words that were written, the end among them as ".".
        right: what would be right; None where the sentence is none of the grammar's.
        weights: how much each written word owes to each that was read, float (written, source), rows up to 1.
        gold: which of them decide it, bool (written, source).
        of: what `weights` are: of the attention, or derivatives.
    """

    source: list[str]
    written: list[str]
    right: list[str] | None
    weights: np.ndarray
    gold: np.ndarray
    of: str

    @property
    def wholly_right(self) -> bool:
        """Whether every word is right, and the end."""
        return self.written == self.right

    def picture(self) -> np.ndarray:
        """The alignment, uint8 (H, W, 3): a row a written word, a column a word that was read."""
        right = self.right or []
        words = [
            Written(word, INK if not right else RIGHT if row < len(right) and right[row] == word else WRONG)
            for row, word in enumerate(self.written)
        ]
        return draw_alignment([AlignmentMap(self.of, self.weights)], self.source, words, self.gold)


class _Given(gym.Wrapper):
    """A world of translation in which every episode is about one sentence."""

    def __init__(self, env: gym.Env, symbols: list[int]):
        super().__init__(env)
        self.symbols, self.known = symbols, parsed(symbols)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Tree, Info]:
        self.env.reset(seed=seed, options=options)
        world = world_of(self.env)
        assert isinstance(world, Translation)
        items = torch.zeros_like(world.state["items"])
        items[0, : len(self.symbols)] = torch.tensor(self.symbols)
        targets, aligned = torch.zeros_like(world.state["targets"]), torch.zeros_like(world.state["aligned"])
        due = torch.ones_like(world.state["due"])  # rewards are shares of it
        if self.known is not None:
            gender = torch.tensor([noun.gender for noun in NOUNS]) if world.agreement else None
            targets, aligned = gold(self.known, gender, targets.shape[1], items.shape[1])
            due = due + len(self.symbols)
        length = torch.full_like(world.state["length"], len(self.symbols))
        given = {"items": items, "length": length, "targets": targets, "aligned": aligned, "due": due}
        state = {**world.state, **given}
        world.replace({**state, **world.derive(state)})
        return tree.index(tree.to_numpy(world.observe(world.state)), 0), {}


def translate(agent: Agent, learner: Algorithm, text: object) -> Translated:
    """Translate a sentence.

    Args:
        agent: who translates.
        learner: the same, loaded.
        text: as it was typed.

    Raises:
        FoveateError: it can't be read.
    """
    symbols = words_of(text, MOST_WORDS)
    room = max(LEAST, len(symbols))
    inner = make_one(agent.env_id, {**agent.env, "min_length": room, "max_length": room})
    given = _Given(inner, symbols)
    env = Alignment(given, learner)
    observation, _ = env.reset(seed=0)
    state, over = None, False
    while not over:
        action, state = learner.predict(observation, state, deterministic=True)
        observation, _, terminated, truncated, _ = env.step(action)
        over = terminated or truncated
    of = env.kinds[0]
    right = None
    if given.known is not None:
        due = env.world.state["targets"][0, : len(symbols) + 1].numpy()
        right = env.world.written_words(due, env.world.state["items"][0].numpy())
    done = Translated(env.source, env.written, right, env.matrix(of), env.gold(), TITLES[of])
    env.close()
    return done


def random_sentence(agent: Agent, seed: int) -> str:
    """A sentence as the agent's world makes them, of a length that it was trained with.

    Args:
        agent: whose world.
        seed: of the sentence.

    Raises:
        FoveateError: the seed isn't allowed.
    """
    env = make_one(agent.env_id, {**agent.env, "split": "test"})
    env.reset(seed=seed % MOST_SEED)
    world = world_of(env)
    assert isinstance(world, Translation)
    items, length = world.state["items"][0], int(world.state["length"][0])
    env.close()
    return " ".join(world.source_words(items[:length].numpy())).replace(" ,", ",")


@cache
def speaker() -> str | None:
    """The program that reads aloud, if there is one on this machine."""
    return next((found for name in SPEAKERS if (found := shutil.which(name))), None)


def spoken(words: list[str], language: str) -> bytes:
    """Words read aloud, as the content of a WAV file.

    Args:
        words: of this world's vocabulary, never what a browser sent.
        language: "read" or "written".

    Raises:
        FoveateError: nothing here reads aloud, or it fails.
    """
    program = speaker()
    if program is None:
        raise FoveateError(
            f"nothing here reads aloud: install {' or '.join(SPEAKERS)} (Debian: apt install espeak-ng)."
        )
    text = " ".join(words).replace(" ,", ",")
    call = [program, "-v", LANGUAGES[language], "-s", "140", "--stdin", "--stdout"]
    done = subprocess.run(call, input=text.encode(), capture_output=True, timeout=20, check=False)
    if done.returncode or not done.stdout:
        raise FoveateError(
            f"{program} failed: {done.stderr.decode(errors='replace').strip()[:200] or 'it said nothing'}"
        )
    return done.stdout
