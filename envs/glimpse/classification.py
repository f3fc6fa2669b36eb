"""Classify an image that is seen in glimpses: the tasks of Mnih et al. 2014 and of any images a user has."""

from typing import ClassVar, Literal

import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import check_choice, check_range
from ...introspect import divide_options
from ...tree import Tree
from ..batch import State
from ..counter_rng import CounterRNG
from ..many_worlds import ManyWorlds
from .gaze import SceneWorld, View
from .many_gazes import many_gazes
from .scene import ImageScene, LabelledScene, around_picture
from .sensor import GlimpseSensor


class Classification(SceneWorld):
    """Say what an image shows, after a number of glimpses; base of all worlds in this module.

    Description:
        An image lies on a larger black canvas, at a random place, perhaps among pieces of other images. The agent
        sees it through a retina that it moves, and says at each step which class it believes to see.

    Observation space:
        ``Dict(glimpse=Box(0, 1, (scales, patch, patch)), location=Box(-1, 1, (2,)))``, or the whole canvas
        ``Box(0, 255, (1, size, size), uint8)`` with view="image".

    Action space:
        ``Dict(label=Discrete(classes), location=Box(-1, 1, (2,)))``: the answer so far and where to look next; see
        `GazeWorld` for tiles, relative moves and zoom. With `ready` also ``ready=Discrete(2)``: 1 ends the episode
        with this answer. With view="image" just the label (and `ready`).

    Rewards:
        reward="end": 1 for the right label at the last step, else 0. reward="every": 1/glimpses for each right label,
        and with `ready` a final answer counts for the steps left too. In both the best return is 1. Each glimpse
        after the first costs `price`.

    Starting state:
        A random image of the split at a random place, new clutter, the gaze at a random place.

    Episode end:
        After `glimpses` steps, or when the agent is ready. Never truncated.

    Info:
        target: the class; target_mask: whether the answer at this step is rewarded; index: which image of the split
        it is, if there are images; score: 1 if the label just given was right, else 0; relevance (on request): where
        the image's ink is, bool (size, size).

    Args:
        glimpses: the number of glimpses, which is the number of steps.
        reward: "end" or "every".
        price: what each glimpse after the first costs.
        ready: whether the action has a part that ends the episode.
        view: "glimpse" (looking is an action) or "image" (attention, if any, happens inside the agent).
        overview: side of a coarse picture of the whole that comes with each glimpse as `overview`; 0 for none.
        **picture: the picture and the retina, see `ImageScene` and `GlimpseSensor`.

    Source:
        Mnih, Heess, Graves & Kavukcuoglu 2014, "Recurrent Models of Visual Attention", section 4.1.

    Version history:
        v0: first version.
    """

    scene_class: ClassVar[type[LabelledScene]] = ImageScene
    scene: LabelledScene
    configures = (ImageScene, GlimpseSensor)  # of another scene that one, and `derived` with what it derives
    derived = SceneWorld.derived | ImageScene.derived
    target_part = "label"

    def __init__(
        self,
        *,
        glimpses: int = 6,
        reward: Literal["end", "every"] = "end",
        price: float = 0.0,
        ready: bool = False,
        view: View = "glimpse",
        overview: int = 0,
        **picture: object,
    ):
        scene, sensor = divide_options(picture, type(self).__name__, *self.configures)
        super().__init__(view=view, overview=overview, **sensor)
        check_range("glimpses", glimpses, 1, 1000)
        check_range("price", price, 0.0)
        check_choice("reward", reward, ["end", "every"])
        self.scene = self.scene_class(**scene)
        if isinstance(self.scene, ImageScene):
            self.items: int = self.scene.items
        self.glimpses, self.reward, self.price, self.ready = glimpses, reward, price, ready
        self.episode_length = None if ready else glimpses
        parts: dict[str, spaces.Space] = {"label": spaces.Discrete(self.scene.classes)}
        if ready:
            parts["ready"] = spaces.Discrete(2)
        self.set_spaces(self.scene.shape, parts, longest_episode=glimpses)

    # ---- the rules ----

    def start(self, rng: CounterRNG) -> State:
        picture = self.scene.start(rng)
        nothing = torch.full_like(picture["label"], -1)
        return around_picture(picture, {"answer": nothing, **self.start_gaze(rng)})

    def advance(self, state: State, action: Tree, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        answer = self.part(action, "label")
        right = (answer == state["label"]).float()
        steps_left = self.glimpses - 1 - state["clock"]  # (B,) after this one
        last = steps_left <= 0
        if self.ready:
            last = last | (action["ready"] == 1)
        if self.reward == "every":
            counts = torch.where(last, 1 + steps_left.clamp(min=0), 1)  # how many steps this answer counts for
            reward = right * counts / self.glimpses
        else:
            reward = right * last
        if self.price:
            reward = reward - self.price * (~last).float()
        return {**state, **self.move_gaze(state, action, last), "answer": answer}, reward, last

    def many_worlds(self) -> ManyWorlds | None:
        return many_gazes(self, Classification)

    def annotate(self, state: State) -> dict[str, Tensor]:
        if self.reward == "every" or self.ready:
            rewarded = torch.ones_like(state["label"], dtype=torch.bool)
        else:
            rewarded = state["clock"] + 1 >= self.glimpses
        which = {"index": state["index"].clone()} if "index" in state else {}
        return {"target": state["label"].clone(), "target_mask": rewarded, **which}

    def score(self, state: State) -> Tensor:
        return (state["answer"] == state["label"]).float()

    # ---- the picture ----

    def relevance(self, state: State) -> Tensor:
        return self.scene.relevance(state)

    def caption(self, state: State, index: int) -> str:
        step, answer, target = (int(state[name][index]) for name in ("clock", "answer", "label"))
        name = self.scene.name
        said = "nothing yet" if answer < 0 else f"{name(answer)} ({'right' if answer == target else 'wrong'})"
        return f"glimpse {min(step + 1, self.glimpses)}/{self.glimpses}   truth {name(target)}   agent says {said}"

    # ---- the certified policies ----

    def oracle(self) -> Tree:
        return self._answering(self.state["label"])

    def blind(self) -> Tree:
        return self._answering(torch.full_like(self.state["label"], self.scene.commonest()))

    def _answering(self, label: Tensor) -> Tree:
        return self.with_gaze({"label": label, "ready": torch.ones_like(label)} if self.ready else {"label": label})
