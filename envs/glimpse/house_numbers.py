"""Read a house number, digit by digit, and say when it ends (Ba et al. 2014, section 4.2)."""

from typing import Any, ClassVar, Literal

import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional as F

from ...errors import check_choice, check_range
from ...tree import Tree
from ..batch import State
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from .gaze import SceneWorld
from .plates import END, PlateOptions, Plates, make_plates


class HouseNumbers(SceneWorld):
    """A number of one to five digits on a cluttered plate, read in glimpses; how many digits is part of the question.

    Description:
        Digits stand in a row on an unevenly lit plate, each a little higher or lower than the one before, among
        pieces of other digits. After every `glimpses` glimpses the agent says the next digit, from left to right, and
        after the last one that the number has ended.

    Observation space:
        ``Dict(glimpse=Box(0, 1, (scales, patch, patch)), location=Box(-1, 1, (2,)))``, or the whole plate
        ``Box(0, 255, (1, height, width), uint8)`` with view="image"; with `overview` also the coarse whole.

    Action space:
        ``Dict(label=Discrete(11), location=Box(-1, 1, (2,)))``: the next digit, or 10 for the end, and where to look
        next; see `GazeWorld` for tiles, moves and zoom. Labels between two answers are ignored.
        With answer="whole" ``label=MultiDiscrete([11] * max_digits)``: all digits at once, 10 behind the last.

    Rewards:
        reward="end": 1 at the end of the episode if the whole number was right, else 0. reward="every": each right
        answer gives 1/(digits + 1). In both the best return is 1.

    Starting state:
        A new plate, the gaze at a random place.

    Episode end:
        When the agent says that the number has ended, or after `max_digits` + 1 answers, so it has a variable number
        of glimpses. With answer="whole" after `glimpses` steps. Never truncated.

    Info:
        target: the digit that is due, or 10 for the end (answer="whole": all of them); target_mask: whether the label
        of this step is an answer; score: 1 at the end of an episode whose number was right as a whole, else 0;
        relevance (on request): the ink of the digit that is due, of all digits at the end, bool (height, width).

    Args:
        data: a data set of single digits ("mnist", …; see `Classification`), or "svhn:FOLDER", the folder with the
            unpacked train/ and test/ of the Street View House Numbers (needs h5py), whose photographs are shown then.
        split: "train", "validation" or "test".
        min_digits: fewest digits of a number, or as many as the lesson has, where those are fewer.
        max_digits: most digits.
        height: of the plate in pixels.
        width: of the plate; None leaves the longest number room to move (SVHN: the height).
        clutter: number of pieces of other digits.
        piece: side of each such piece in pixels.
        augment: from 0 to 1, how strongly digits of the training split are distorted.
        glimpses: glimpses for each answer.
        reward: "end" or "every".
        answer: "sequence" (digit by digit) or "whole" (all at once, for networks without a memory).
        lesson: 1 to 5 for numbers of at most that many digits, on plates of the same size; None for no lesson.

    Source:
        Ba, Mnih & Kavukcuoglu 2014, "Multiple Object Recognition with Visual Attention"; the composed plates are ours.

    Version history:
        v0: first version.
    """

    scene: Plates
    derived = SceneWorld.derived | Plates.derived
    target_part = "label"
    lessons: ClassVar[list[dict[str, int]]] = [{"digits": n} for n in range(1, 6)]
    scale = ScoreScale(oracle=Certified(1.0, 0.0), blind=Certified(0.02, 0.02), random=Certified(0.002, 0.01))

    def __init__(
        self,
        *,
        data: str = "mnist",
        split: Literal["train", "validation", "test"] = "train",
        min_digits: int = 1,
        max_digits: int = 5,
        height: int = 54,
        width: int | None = None,
        clutter: int = 4,
        piece: int = 8,
        augment: float = 0.0,
        glimpses: int = 3,
        reward: Literal["end", "every"] = "end",
        answer: Literal["sequence", "whole"] = "sequence",
        lesson: int | None = None,
        patch: int = 12,
        scales: int = 3,
        **gaze: Any,
    ):
        super().__init__(patch=patch, scales=scales, **gaze)
        check_range("max_digits", max_digits, 1, 5)
        check_range("min_digits", min_digits, 1, max_digits)
        lessons = len(self.lessons)
        most = min(max_digits, check_range("lesson", lessons if lesson is None else lesson, 1, lessons))
        check_range("augment", augment, 0.0, 1.0)
        check_range("glimpses", glimpses, 1, 1000)
        check_choice("reward", reward, ["end", "every"])
        check_choice("answer", answer, ["sequence", "whole"])
        self.scene = make_plates(
            data,
            PlateOptions(split, height, width, min(min_digits, most), most, max_digits, clutter, piece, augment),
        )
        self.max_digits, self.glimpses, self.reward, self.answer = max_digits, glimpses, reward, answer
        self.whole = answer == "whole"
        label = spaces.MultiDiscrete([11] * max_digits) if self.whole else spaces.Discrete(11)
        self.episode_length = glimpses if self.whole else None
        longest = glimpses if self.whole else glimpses * (max_digits + 1)
        self.set_spaces(self.scene.shape, {"label": label}, longest_episode=longest)

    # ---- the rules ----

    def start(self, rng: CounterRNG) -> State:
        state = {**self.scene.start(rng), **self.start_gaze(rng)}
        number = F.pad(state["number"], (0, 1), value=END)  # (B, M + 1)
        said = torch.full_like(number, -1)
        return {**state, "number": number, "said": said, "solved": torch.zeros_like(number[:, 0], dtype=torch.float32)}

    def due(self, state: State) -> tuple[Tensor, Tensor, Tensor]:
        """Which answer is due next (B,), what it should be (B,), and whether this step's label is it, bool (B,)."""
        slot = (state["clock"] // self.glimpses).clamp(max=self.max_digits)
        is_answer = state["clock"] % self.glimpses == self.glimpses - 1
        return slot, state["number"].gather(1, slot[:, None])[:, 0], is_answer

    def advance(self, state: State, action: Tree, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        label = self.part(action, "label")
        slot, truth, is_answer = self.due(state)
        digits = (state["number"] != END).sum(1)  # (B,)
        if self.whole:
            done = is_answer
            said = torch.cat([label, torch.full_like(label[:, :1], END)], 1)
            right = (said == state["number"]).float()
            counted = torch.arange(self.max_digits + 1, device=self.device) <= digits[:, None]  # digits and end
            share = (right * counted).sum(1) / (digits + 1)
        else:
            done = is_answer & ((label == END) | (slot == self.max_digits))
            here = torch.arange(self.max_digits + 1, device=self.device) == slot[:, None]
            said = torch.where(here & is_answer[:, None], label[:, None], state["said"])
            share = ((label == truth) & is_answer & (slot <= digits)).float() / (digits + 1)  # nothing beyond the end
        # whatever stands behind the end, which is the slot after the last digit, was never said
        matters = torch.arange(self.max_digits + 1, device=self.device) <= digits[:, None]
        solved = ((said == state["number"]) | ~matters).all(1).float() * done
        reward = share * done if self.whole else share
        if self.reward == "end":
            reward = solved.clone()  # the state is written to where episodes begin anew
        after = {**state, **self.move_gaze(state, action, done), "said": said, "solved": solved}
        return after, reward, done

    def annotate(self, state: State) -> dict[str, Tensor]:
        _, truth, is_answer = self.due(state)
        return {"target": state["number"][:, :-1].clone() if self.whole else truth, "target_mask": is_answer}

    def score(self, state: State) -> Tensor:
        return state["solved"].clone()

    # ---- the picture ----

    def relevance(self, state: State) -> Tensor:
        slot, _, _ = self.due(state)
        return self.scene.ink(state, torch.full_like(slot, self.max_digits) if self.whole else slot)

    def caption(self, state: State, index: int) -> str:
        number, said = state["number"][index].tolist(), state["said"][index].tolist()
        truth = "".join(str(digit) for digit in number if digit != END)
        read = "".join("." if digit == END else str(digit) for digit in said if digit >= 0)
        return f"glimpse {int(state['clock'][index]) + 1}   truth {truth}   agent says {read or 'nothing yet'}"

    # ---- the certified policies ----

    def oracle(self) -> Tree:
        _, truth, _ = self.due(self.state)
        return self._answering(self.state["number"][:, :-1] if self.whole else truth)

    def blind(self) -> Tree:
        """Always the number 1: the lengths are alike, and a number of one digit is guessed most easily."""
        slot, truth, _ = self.due(self.state)
        if self.whole:
            guess = torch.full_like(self.state["number"][:, :-1], END)
            guess[:, 0] = 1
            return self._answering(guess)
        return self._answering(torch.where(slot == 0, torch.ones_like(truth), END))

    def _answering(self, label: Tensor) -> Tree:
        return self.with_gaze({"label": label})
