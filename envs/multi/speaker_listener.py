"""One looks, the other remembers and decides; between them a narrow channel."""

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ... import tree
from ...errors import FoveateError, check_range
from ...tree import Tree
from ...viz.team import Looker, team_frame
from ..batch import State
from ..counter_rng import CounterRNG
from ..glimpse import retina
from ..glimpse.layers import Layers
from ..scale import Certified
from .base import Actions, TeamScale, one_hot
from .pictures import PictureWorld

SPEAKER, LISTENER = "speaker", "listener"


class SpeakerListener(PictureWorld):
    """A speaker looks at one picture after the other and talks; a listener who sees none of them is asked afterwards.

    Description:
        `pictures` digits are shown one after the other, each for `looks` glimpses. At each step the speaker says one
        symbol, which the listener hears at the next, and moves its gaze. Then the listener is asked about all of them,
        in a random order: which digit was the k-th? The speaker doesn't know the order, and has no part in the answer.

    Observation space:
        of the speaker ``Dict(glimpse=Box(0, 1, (scales, patch, patch)), location=Box(-1, 1, (2,)),
        shown=Box(0, 1, (pictures,)))``: what its retina sees, where it looks, and which picture is shown (one-hot;
        zeros and a black glimpse when all is over). Of the listener ``Dict(heard=Box(0, 1, (channel,)),
        shown=Box(0, 1, (pictures,)), question=Box(0, 1, (pictures,)))``: the last symbol (one-hot; zeros where
        nothing was said), which picture is shown now, and which one it is asked about.

    Action space:
        of the speaker ``Dict(location=Box(-1, 1, (2,)), say=Discrete(channel))``, of the listener
        ``Dict(label=Discrete(classes))``, which counts where a question is asked.

    Rewards:
        the same for both: 1/pictures for each right answer. The best return is 1.

    Starting state:
        Random images of the split, a random order of the questions; each picture's first glimpse at a random place.

    Episode end:
        After pictures · (looks + 1) steps. Never truncated.

    Info:
        of each agent target, target_mask: the answer, and whether it is asked for (of the speaker never); before any
        is, of the speaker the digit that it sees, of the listener the one that the last symbol was about, so that words
        can be learned before they must be remembered; score: the share of the answers so far that were right; index:
        the number of the episode.

    Args:
        pictures: how many are shown.
        looks: glimpses of each.
        channel: how many symbols there are to say; 0 for none: then the listener can only guess.
        **picture: the pictures and the retina, see `ImageScene` and `GlimpseSensor`.

    Source:
        Lewis 1969, "Convention" (signalling games), with a retina before and a memory behind the signal; the task
        is ours.

    Version history:
        v0: first version.
    """

    tells_episode = True  # by `party`
    scale = TeamScale(
        oracle=Certified(1.0, 0.0), alone=Certified(0.1, 0.02), random=Certified(0.1, 0.02), silent=Certified(0.1, 0.02)
    )
    withheld = ("zoom", "order")
    derived = frozenset({"levels", "sprite", "canvas"})
    score_name = "share of right answers"

    def __init__(self, *, pictures: int = 3, looks: int = 2, channel: int = 16, scales: int = 2, **picture: object):
        check_range("pictures", pictures, 1, 20)
        check_range("looks", looks, 1, 100)
        check_range("channel", channel, 0, 10_000)
        self.set_picture({"scales": scales, **picture})
        self.pictures, self.looks, self.channel = pictures, looks, channel
        self.moments = pictures * looks  # when there is something to see
        self.episode_length = self.moments + pictures
        unit = spaces.Box(0.0, 1.0, (pictures,), np.float32)
        speaker = {**self.sensor.observation_parts(), "shown": unit}
        listener: dict[str, spaces.Space] = {"shown": unit, "question": unit}
        says = self.sensor.action_parts()
        if channel:
            listener["heard"] = spaces.Box(0.0, 1.0, (channel,), np.float32)
            says["say"] = spaces.Discrete(channel)
        answers = {"label": spaces.Discrete(self.scene.classes)}
        self.set_agents({SPEAKER: speaker, LISTENER: listener}, {SPEAKER: says, LISTENER: answers})

    # ---- the rules ----

    def start(self, rng: CounterRNG) -> State:
        branches = [rng.branch(n) for n in range(self.pictures)]
        pictures = tree.stack([self.scene.start(branch) for branch in branches], 1)  # (B, N, …)
        gazes = [self.sensor.start(branch) for branch in branches]
        nothing = torch.full((len(rng), self.pictures), -1, device=rng.key.device)
        return {
            **pictures,
            **gazes[0],
            "first": torch.stack([gaze["location"] for gaze in gazes], 1),  # (B, N, 2) where it is as a picture appears
            "order": rng.uniform("order", self.pictures).argsort(1),  # (B, N) of the questions
            "answers": nothing,
            "spoken": nothing[:, 0].clone(),
        }

    def derive(self, state: State) -> State:
        derived = []
        for n in range(self.pictures):
            view = self._view(state, torch.full_like(state["spoken"], n))
            sprite = self.scene.derive(view)
            whole = {**view, **sprite}
            if not self.direct:
                picture = self.scene.picture(whole).float()[:, None] / 255
                sprite["levels"] = retina.pool(picture, self.sensor.scales).levels
            elif self.scene.layers(whole) is None:
                sprite["canvas"] = self.scene.picture(whole)
            derived.append(sprite)
        return tree.stack(derived, 1)

    def _view(self, state: State, number: Tensor) -> State:
        """The entries of the scene for the picture of this number, int64 (B,)."""
        rows = torch.arange(len(number), device=number.device)
        names = ("index", "label", "corner", "warp", "grain", "pieces", "sprite", "levels", "canvas")
        return {name: state[name][rows, number] for name in names if name in state}

    def _number(self, clock: Tensor) -> Tensor:
        """Which picture is shown, int64 (B,); the last one when all is over."""
        return clock.div(self.looks, rounding_mode="floor").clamp(max=self.pictures - 1)

    def advance(self, state: State, action: Tree, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        clock = state["clock"]
        looking = clock < self.moments
        turn = clock - self.moments
        now = torch.arange(self.pictures, device=clock.device) == turn[:, None]  # (B, N)
        label = action[LISTENER]["label"]
        right = (label == self._truth(state)) & ~looking
        gaze = self.sensor.move(state, action[SPEAKER], ~looking)
        fresh = looking & ((clock + 1) % self.looks == 0) & (clock + 1 < self.moments)  # another picture appears
        rows = torch.arange(len(clock), device=clock.device)
        first = state["first"][rows, self._number(clock + 1)]
        gaze["location"] = torch.where(fresh[:, None], first, gaze["location"])
        after = {**state, **gaze, "answers": torch.where(now, label[:, None], state["answers"])}
        if self.channel:
            after["spoken"] = torch.where(looking, action[SPEAKER]["say"], -1)
        return after, self.each(right.float() / self.pictures), turn >= self.pictures - 1

    def _asked(self, state: State) -> Tensor:
        """Which picture is asked about, or the first that will be, int64 (B,)."""
        turn = (state["clock"] - self.moments).clamp(0, self.pictures - 1)
        return state["order"].gather(1, turn[:, None])[:, 0]

    def _truth(self, state: State) -> Tensor:
        return state["label"].gather(1, self._asked(state)[:, None])[:, 0]

    def observe(self, state: State) -> dict[str, dict[str, Tensor]]:
        looking = state["clock"] < self.moments
        shown = one_hot(torch.where(looking, self._number(state["clock"]), -1), self.pictures)
        asked = one_hot(torch.where(looking, -1, self._asked(state)), self.pictures)
        glimpse = self._glimpse(state) * looking[:, None, None, None]
        speaker = {"glimpse": glimpse, "location": state["location"].clone(), "shown": shown}
        listener = {"shown": shown.clone(), "question": asked}
        if self.channel:
            listener["heard"] = one_hot(state["spoken"], self.channel)
        return {SPEAKER: speaker, LISTENER: listener}

    def _glimpse(self, state: State) -> Tensor:
        view = self._view(state, self._number(state["clock"]))
        if not self.direct:
            return self.look(view["levels"], state)
        shown = self.scene.layers(view) or Layers.of(view["canvas"])
        return self.see(shown._replace(divide=True), state["location"])

    def annotate(self, state: State) -> dict[str, Tensor]:
        clock, truth = state["clock"], self._truth(state)
        asked = (clock >= self.moments) & (clock < self.moments + self.pictures)
        mask = torch.stack([torch.zeros_like(asked), asked], 1)
        rows = torch.arange(len(clock), device=clock.device)
        shown, meant = (state["label"][rows, self._number((clock - late).clamp(min=0))] for late in (0, 1))
        known = torch.stack([shown, meant], 1)
        target = torch.where(clock[:, None] < self.moments, known, truth[:, None])
        return {"target": target, "target_mask": mask, "index": self.each(self.party)}

    def score(self, state: State) -> Tensor:
        truths = state["label"].gather(1, state["order"])  # (B, N)
        made = (state["clock"] - self.moments).clamp(1, self.pictures)
        return self.each((state["answers"] == truths).sum(1) / made)

    # ---- the certified policies ----

    def oracle(self) -> Actions:
        return self._acting(self._truth(self.state))

    def alone(self) -> Actions:
        """The listener names the commonest digit."""
        return self._acting(torch.full_like(self.state["spoken"], self.scene.commonest()))

    def silent(self) -> Actions:
        return self.alone()

    def _acting(self, label: Tensor) -> Actions:
        says = self.sensor.still(self.num_worlds, self.device)
        if self.channel:
            says["say"] = torch.zeros_like(label)
        return {SPEAKER: says, LISTENER: {"label": label}}

    # ---- the picture ----

    def frame(self, index: int) -> np.ndarray:
        """As `BatchWorld.frame`.

        Raises:
            FoveateError: the worlds were made without a render_mode.
        """
        if not self.keep_trail:
            raise FoveateError("this batch of worlds was made without a render_mode.")
        one = {name: value[index : index + 1] for name, value in self.state.items()}
        clock, number = int(one["clock"]), int(self._number(one["clock"]))
        looking = clock < self.moments
        picture = self.scene.picture(self._view(one, self._number(one["clock"])))[0].cpu().numpy()
        outlines = self.sensor.outlines(one, self.scene.shape)[0]
        begun = number * self.looks
        path = one["trail"][0, begun : clock + 1].clone()
        if looking:
            path[0] = one["first"][0, number]
        said = int(one["spoken"])
        talk = "says nothing" if said < 0 else f"said symbol {said}"
        asked = int(self._asked(one)) + 1
        notes = [
            "waits"
            if looking
            else f"is asked about picture {asked}"
            if clock < self.moments + self.pictures
            else "is done"
        ]
        for q in range(min(self.pictures, max(0, clock - self.moments))):
            which = int(one["order"][0, q])
            truth, answer = int(one["label"][0, which]), int(one["answers"][0, q])
            notes.append(f"picture {which + 1}: {answer} ({'right' if truth == answer else f'it was {truth}'})")
        speaker = Looker(
            SPEAKER, [talk], outlines.cpu().numpy(), path.cpu().numpy(), self._glimpse(one)[0].cpu().numpy()
        )
        if not looking:
            speaker, picture = Looker(SPEAKER, [talk]), np.zeros_like(picture)
        caption = (
            f"picture {number + 1}/{self.pictures}   it shows {int(one['label'][0, number])}"
            if looking
            else "questions"
        )
        return team_frame(picture, caption, [speaker, Looker(LISTENER, notes)])
