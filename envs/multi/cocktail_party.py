"""The lecture's opening example: many talk at once, and each listener can follow one of them at a time."""

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import FoveateError, check_range
from ...tree import Tree
from ...viz.canvas import FILLED, blank, box, even, line
from ...viz.palette import INK, NOW, RIGHT, SOFT, WRONG, colour_of
from ...viz.text import write
from ..batch import State
from ..counter_rng import CounterRNG
from ..scale import Certified
from .base import Actions, MultiWorld, TeamScale, one_hot

CELL = 46  # pixels
LEGEND = (
    "framed: whom the listener of this colour follows at that moment",
    '"moment 2? B": asked for the letter that its speaker said at moment 2, it says B (green: right, red: wrong)',
)


class CocktailParty(MultiWorld):
    """Several speakers talk at once; each listener chooses whom to follow, and is asked about one of them afterwards.

    Description:
        Each listener is told the name of a speaker. After a silent moment, for `words` moments, every speaker says a
        random symbol. A listener hears the babble, how many voices say each symbol but not which, and clearly the one
        voice that it follows. At the end it is asked `questions` times what its speaker said, each time at another
        moment. Listeners are at the same party, but each for itself.

        With `call` another voice than the one it was told may say the listener's own name, at one of the earlier
        moments. It hears that whomever it follows (the cocktail party effect), and is then asked about that voice
        instead, and what it says after the call.

    Observation space:
        of each listener a ``Dict``, all ``Box(0, 1, …)``: ``name`` (speakers,), whom it will be asked about;
        ``babble`` (symbols,), the share of the voices that say each symbol; ``heard`` (symbols,),
        what the followed voice says, one-hot; ``following`` (speakers,), whom it follows; ``question`` (words,), the
        moment it is asked about, one-hot, zeros until the end. With `call` also ``called`` (speakers,): the voice that
        says its name now, one-hot, zeros at all other moments.

    Action space:
        of each listener ``Dict(label=Discrete(symbols), follow=Discrete(speakers))``: the answer, which counts where a
        question is asked, and whom to follow at the next moment. With choose=False just the label.

    Rewards:
        of each listener 1/questions for each right answer. The best return is 1.

    Starting state:
        Random symbols, names and questions; each listener follows a random speaker.

    Episode end:
        After 1 + words + questions steps. Never truncated.

    Info:
        of each listener target, target_mask: the answer, and whether a question is asked; score: the share of its
        answers so far that were right; index: the number of the party; relevance (on request): which voices at
        which moment matter, bool (words, speakers).

    Args:
        listeners: how many.
        speakers: how many voices.
        symbols: how many different ones there are.
        words: symbols that each speaker says.
        questions: how many each listener is asked.
        choose: whether listeners choose whom to follow; else chance does, anew at each moment.
        call: the chance that a voice that wasn't asked about calls a listener; it needs fewer questions than words.

    Source:
        Cherry 1953, "Some experiments on the recognition of speech, with one and with two ears", which named the
        problem; Moray 1959, "Attention in dichotic listening", found that one's own name is heard in the other ear. The
        task is ours.

    Version history:
        v0: first version.
    """

    tells_episode = True  # by `party`
    scale = TeamScale(oracle=Certified(1.0, 0.0), alone=Certified(0.590, 0.03), random=Certified(0.125, 0.02))
    cooperative = False
    target_part = "label"
    score_name = "share of right answers"
    render_fps = 2

    def __init__(
        self,
        *,
        listeners: int = 2,
        speakers: int = 4,
        symbols: int = 8,
        words: int = 4,
        questions: int = 4,
        choose: bool = True,
        call: float = 0.0,
    ):
        check_range("listeners", listeners, 1, 64)
        check_range("speakers", speakers, 1, 64)
        check_range("symbols", symbols, 2, 26)
        check_range("words", words, 1, 100)
        check_range("questions", questions, 1, words)
        self.call = check_range("call", call, 0.0, 1.0)
        if call and (questions == words or speakers == 1):
            raise FoveateError(
                f"call={call} is not allowed with questions={questions} of words={words} and speakers={speakers}: "
                "who calls is another speaker, and questions are about what it says afterwards."
            )
        self.speakers, self.symbols, self.words = speakers, symbols, words
        self.questions, self.choose = questions, choose
        self.episode_length = 1 + words + questions
        sizes = {"name": speakers, "babble": symbols, "heard": symbols, "following": speakers, "question": words}
        sizes |= {"called": speakers} if call else {}
        sees: dict[str, spaces.Space] = {k: spaces.Box(0.0, 1.0, (n,), np.float32) for k, n in sizes.items()}
        does: dict[str, spaces.Space] = {"label": spaces.Discrete(symbols)}
        if choose:
            does["follow"] = spaces.Discrete(speakers)
        names = [f"listener_{a}" for a in range(listeners)]
        self.set_agents(dict.fromkeys(names, sees), dict.fromkeys(names, does))

    # ---- the rules ----

    def start(self, rng: CounterRNG) -> State:
        listeners = len(self.agents)
        name = rng.integers("name", self.speakers, listeners)  # (B, A)
        called = self._called(rng, name) if self.call else {}
        lot = rng.uniform("questions", listeners, self.words)  # (B, A, T)
        if called:  # what was said before the call comes last, and isn't asked
            lot = lot + (torch.arange(self.words, device=lot.device) <= called["called"][..., None])
        shuffled = lot.argsort(-1)
        none = torch.full((len(rng), listeners, self.words), -1, device=rng.key.device)
        return {
            "said": rng.integers("said", self.symbols, self.words, self.speakers),  # (B, T, S)
            "name": name,
            "asked": shuffled[..., : self.questions],  # (B, A, Q) moments
            "follow": rng.integers("follow", self.speakers, listeners),  # (B, A)
            "followed": none,  # (B, A, T) whom each listener heard at each moment
            "answers": none[..., :1].repeat(1, 1, self.questions),  # (B, A, Q)
            **called,
        }

    def _called(self, rng: CounterRNG, name: Tensor) -> State:
        """Who calls each listener, and at which moment, (B, A) each; -1 for nobody."""
        listeners = len(self.agents)
        caller = (name + 1 + rng.integers("caller", self.speakers - 1, listeners)) % self.speakers
        moment = rng.integers("called", self.words - self.questions, listeners)
        calls = rng.uniform("calls", listeners) < self.call
        return {"caller": torch.where(calls, caller, -1), "called": torch.where(calls, moment, -1)}

    def _asked_about(self, state: State) -> Tensor:
        """Whose words are asked about, (B, A): who called, or who was told."""
        return torch.where(state["caller"] >= 0, state["caller"], state["name"]) if self.call else state["name"]

    def advance(self, state: State, action: Tree, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        label = torch.stack([action[name]["label"] for name in self.agents], 1)  # (B, A)
        if self.choose:
            follow = torch.stack([action[name]["follow"] for name in self.agents], 1)
        else:
            follow = rng.integers("follow", self.speakers, len(self.agents))
        moment = torch.arange(self.words, device=label.device) == state["clock"][:, None]  # the one to come, (B, T)
        followed = torch.where(moment[:, None], follow[..., None], state["followed"])
        turn = state["clock"] - self.words - 1  # which question is being answered, (B,)
        now = torch.arange(self.questions, device=label.device) == turn[:, None]  # (B, Q)
        answers = torch.where(now[:, None], label[..., None], state["answers"])
        right = (label == self._truth(state)) & (turn >= 0)[:, None]
        after = {**state, "follow": follow, "followed": followed, "answers": answers}
        return after, right.float() / self.questions, turn >= self.questions - 1

    def _moment(self, state: State) -> Tensor:
        """The moment that is asked about, or the first question's before it is asked, (B, A)."""
        turn = (state["clock"] - self.words - 1).clamp(0, self.questions - 1)
        return state["asked"].gather(2, turn[:, None, None].expand(-1, len(self.agents), 1))[..., 0]

    def _truth(self, state: State) -> Tensor:
        """The answer to the question, (B, A)."""
        return self._voice(state, self._moment(state), self._asked_about(state))

    def _voice(self, state: State, moment: Tensor, speaker: Tensor) -> Tensor:
        """What a speaker said at a moment, both (B, A)."""
        return state["said"].flatten(1).gather(1, moment * self.speakers + speaker)

    def _when(self, index: Tensor, size: int, when: Tensor) -> Tensor:
        """One-hot rows (…, size), zeros where not `when`, bool (B,)."""
        hot = one_hot(index, size)
        return hot * when.view(-1, *(1,) * (hot.ndim - 1))

    def observe(self, state: State) -> dict[str, dict[str, Tensor]]:
        clock = state["clock"]
        talking, asking = (clock >= 1) & (clock <= self.words), clock > self.words
        now = (clock - 1).clamp(0, self.words - 1)[:, None].expand(-1, len(self.agents))  # (B, A)
        voices = state["said"].gather(1, now[:, :1, None].expand(-1, 1, self.speakers))[:, 0]  # (B, S)
        babble = self._when(voices, self.symbols, talking).mean(1)  # (B, V)
        parts = {
            "name": one_hot(state["name"], self.speakers),
            "heard": self._when(self._voice(state, now, state["follow"]), self.symbols, talking),
            "following": one_hot(state["follow"], self.speakers),
            "question": self._when(self._moment(state), self.words, asking),
        }
        if self.call:
            calls = talking[:, None] & (now == state["called"])  # (B, A)
            parts["called"] = one_hot(state["caller"].clamp(min=0), self.speakers) * calls[..., None]
        return {
            name: {"babble": babble.clone(), **{k: v[:, a].clone() for k, v in parts.items()}}
            for a, name in enumerate(self.agents)
        }

    def annotate(self, state: State) -> dict[str, Tensor]:
        asking = (state["clock"] > self.words) & (state["clock"] <= self.words + self.questions)
        return {"target": self._truth(state), "target_mask": self.each(asking), "index": self.each(self.party)}

    def score(self, state: State) -> Tensor:
        made = (state["clock"] - self.words - 1).clamp(1, self.questions)
        return (state["answers"] == self._truths(state)).sum(-1) / made[:, None]

    def _truths(self, state: State) -> Tensor:
        """The answers to all questions, (B, A, Q)."""
        cell = state["asked"] * self.speakers + self._asked_about(state)[..., None]
        return state["said"].flatten(1).gather(1, cell.flatten(1)).view_as(cell)

    def relevance(self, state: State) -> Tensor:
        cell = self._moment(state) * self.speakers + self._asked_about(state)
        return one_hot(cell, self.words * self.speakers).bool().unflatten(-1, (self.words, self.speakers))

    # ---- the certified policies ----

    def oracle(self) -> Actions:
        state, follow = self.state, self.state["name"]
        if self.call:
            heard = (state["caller"] >= 0) & (state["clock"][:, None] > state["called"])
            follow = torch.where(heard, state["caller"], follow)
        return self._acting(self._truth(state), follow)

    def alone(self) -> Actions:
        """Follow anybody; answer with what was heard, or with the commonest of the voices that weren't followed."""
        state = self.state
        follow = CounterRNG(self.key, self.episode, state["clock"]).integers("anybody", self.speakers, len(self.agents))
        moment = self._moment(state)
        followed = state["followed"].gather(2, moment[..., None])[..., 0].clamp(min=0)  # (B, A)
        heard = self._voice(state, moment, followed)
        voices = state["said"].gather(1, moment[..., None].expand(-1, -1, self.speakers))  # (B, A, S)
        counts = one_hot(voices, self.symbols).sum(2) - one_hot(heard, self.symbols)  # (B, A, V)
        return self._acting(torch.where(followed == self._asked_about(state), heard, counts.argmax(-1)), follow)

    def silent(self) -> Actions:
        """As `MultiWorld.silent`, which makes no sense here.

        Raises:
            FoveateError: always, as there is no channel.
        """
        raise FoveateError("CocktailParty has no channel between the listeners.")

    def _acting(self, label: Tensor, follow: Tensor) -> Actions:
        chosen = {"label": label, **({"follow": follow} if self.choose else {})}
        return {name: {k: v[:, a] for k, v in chosen.items()} for a, name in enumerate(self.agents)}

    # ---- the picture ----

    def frame(self, index: int) -> np.ndarray:
        """Who said what, moment by moment, and whom each listener followed, in its colour."""
        one = {name: value[index : index + 1].cpu() for name, value in self.state.items()}
        clock = int(one["clock"])
        width = max(140 + CELL * self.words + 20, 300 + 110 * self.questions)
        height = 62 + CELL * self.speakers + 26 * len(self.agents) + 20 * len(LEGEND)
        canvas = blank(even(height), even(width))
        write(
            canvas,
            f"{'listening' if clock <= self.words else 'questions'}   moment {min(clock, self.words)}/{self.words}",
            (8, 20),
        )
        for s in range(self.speakers):
            top = 36 + s * CELL
            write(canvas, f"speaker {s}", (8, top + 28))
            for t in range(self.words):
                left = 140 + t * CELL
                spoken = t < clock
                box(canvas, (left, top), (left + CELL - 6, top + CELL - 6), SOFT, FILLED if spoken else 1)
                if spoken:
                    write(canvas, chr(65 + int(one["said"][0, t, s])), (left + 13, top + 27), 0.6)
                for a in range(len(self.agents)):
                    if spoken and int(one["followed"][0, a, t]) == s:
                        inset = 3 * a
                        corner, far = (left + inset, top + inset), (left + CELL - 6 - inset, top + CELL - 6 - inset)
                        box(canvas, corner, far, colour_of(a), 2)
        if 1 <= clock <= self.words:
            left = 140 + (clock - 1) * CELL
            line(canvas, (left, 30), (left + CELL - 6, 30), NOW, 2)
        truths = self._truths(one)[0]
        for a, name in enumerate(self.agents):
            y = 36 + self.speakers * CELL + 22 + 26 * a
            box(canvas, (8, y - 11), (20, y + 1), colour_of(a), FILLED)
            told = f"{name} must know speaker {int(one['name'][0, a])}"
            if self.call and 0 <= int(one["called"][0, a]) < clock:
                told = f"{name} is called by speaker {int(one['caller'][0, a])}"
                corner = 140 + int(one["called"][0, a]) * CELL, 36 + int(one["caller"][0, a]) * CELL
                write(canvas, "!", (corner[0] + 4, corner[1] + 16 + 12 * a), 0.5, colour_of(a))
            write(canvas, told, (28, y))
            x = 300
            for q in range(self.questions):
                if clock > self.words + q:
                    answer, truth = int(one["answers"][0, a, q]), int(truths[a, q])
                    colour = INK if answer < 0 else RIGHT if answer == truth else WRONG
                    write(
                        canvas,
                        f"moment {int(one['asked'][0, a, q]) + 1}? {'?' if answer < 0 else chr(65 + answer)}",
                        (x, y),
                        0.45,
                        colour,
                    )
                x += 110
        for number, words in enumerate(LEGEND, 1 - len(LEGEND)):
            write(canvas, words, (8, canvas.shape[0] - 12 + 20 * number), 0.4)
        return canvas
