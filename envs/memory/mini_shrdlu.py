"""Mini-SHRDLU: goals are said under letters, then one is asked for, and blocks are moved until it is met."""

from typing import ClassVar, Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional as F

from ...errors import check_choice, check_range
from ...tree import constant
from ..batch import BatchWorld, State, Tensors
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sizes import Splits
from .board_picture import draw_board
from .script import moments

COLUMNS, HEIGHT, MOST_BLOCKS, LETTERS = 3, 3, 6, 26
RELATIONS = ("above", "below", "left of", "right of")
_BESIDE = ((0, 1), (0, -1), (-1, 0), (1, 0))  # from the second block to the first: columns and rows
MOVES = [(i, j) for i in range(COLUMNS) for j in range(COLUMNS) if i != j]  # from which column to which
_FROM, _TO = zip(*MOVES, strict=True)
WALKS = 16  # that are tried for each goal, till one changes something
_SIZES = ("blocks", "goals", "constraints", "moves")


class MiniShrdlu(BatchWorld):
    """Move blocks until all constraints of a goal hold that was described before, among others.

    Description:
        Numbered blocks stand in three columns, at most three high. First goals are described, one constraint a moment,
        each with the letter of its goal: "Q: 3 above 1". Then a letter is shown, once, and from that moment on the
        agent may move the uppermost block of a column onto another column. The board is seen all the time, the letter
        and the constraints only when they are said.

        A goal is what is true after `moves` random moves from the first board, and not all of it is true before.
        "above" and "below" are of neighbours in a column, "left of" and "right of" of neighbours in a row.

    Observation space:
        ``Box(0, 1, (97,))``: the goal's letter (26 channels), whether it is asked for now, the constraint's first block
        (6), its relation (4) and its second block (6), then the board: which block is in each place (9 times 6), column
        by column from the ground.

    Action space:
        ``Discrete(7)``: nothing, or a move from one column to another: 0 to 1, 0 to 2, 1 to 0, 1 to 2, 2 to 0, 2 to 1.
        While goals are described, and where no block can be moved so, nothing happens.

    Rewards:
        "dense": how many more of the goal's constraints hold than before, as a share of those that didn't hold at
        first: 1 in all where the goal is met; "whole": 1 when all of them hold.

    Starting state:
        A random board, random goals under random letters, one of them to be asked for.

    Episode end:
        When all constraints of the goal hold, and 2 `moves` + 2 moments from the question on. Never truncated.

    Info:
        target, target_mask: a move on the way to the goal, while all moves before were (or nothing was done); score:
        whether the goal is met; relevance (on request): the moments that described the goal, and the question.

    Args:
        lesson: of the curriculum, from 1: two blocks and one goal of one constraint first; None is the last.
        split: "train" (the lesson's sizes), "validation" and "test" (the same).
        blocks: how many; None leaves it to lesson and split.
        goals: how many are described; None leaves it to lesson and split.
        constraints: of each goal; None leaves it to lesson and split.
        moves: from the first board to a goal; None leaves it to lesson and split.
        reward: "dense" or "whole".

    Source:
        Graves et al. 2016, "Hybrid computing using a neural network with dynamic external memory", the block puzzle:
        board, relations, letters, up to ten goals of six constraints. How goals are drawn, the lessons (the paper has
        26) and the rewards are ours.

    Version history:
        v0: first version.
    """

    # of who doesn't know the goal the best that we know moves at random
    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.105, 0.04),
        random=Certified(0.103, 0.04),
        memoryless=Certified(0.12, 0.04),
    )
    score_name = "goals met"
    lessons: ClassVar[list[dict[str, int]]] = [
        dict(zip(_SIZES, row, strict=True))
        for row in (
            (2, 1, 1, 1),
            (3, 1, 1, 1),
            (3, 1, 2, 2),
            (4, 2, 2, 2),
            (4, 3, 2, 3),
            (5, 4, 3, 3),
            (6, 5, 3, 4),
            (6, 7, 4, 5),
            (6, 10, 6, 6),
        )
    ]
    splits = Splits({"train": lessons[-1]})

    def __init__(
        self,
        *,
        lesson: int | None = None,
        split: str = "train",
        blocks: int | None = None,
        goals: int | None = None,
        constraints: int | None = None,
        moves: int | None = None,
        reward: Literal["dense", "whole"] = "dense",
    ):
        check_choice("reward", reward, ["dense", "whole"])
        given = {"blocks": blocks, "goals": goals, "constraints": constraints, "moves": moves}
        sizes = self.splits.at_lesson(self.lessons, lesson).sizes(split, **given)
        self.reward = reward
        self.blocks = check_range("blocks", sizes["blocks"], 2, MOST_BLOCKS)
        self.goals = check_range("goals", sizes["goals"], 1, LETTERS)
        self.constraints = check_range("constraints", sizes["constraints"], 1, 20)
        self.moves = check_range("moves", sizes["moves"], 1, 20)
        self.described = self.goals * self.constraints  # moments before the question
        self.max_episode_steps = self.most_steps = self.described + 2 * self.moves + 2
        self.numbers = LETTERS + 1 + 2 * MOST_BLOCKS + len(RELATIONS) + COLUMNS * HEIGHT * MOST_BLOCKS
        self.observation_space = spaces.Box(0, 1, (self.numbers,))
        self.action_space = spaces.Discrete(1 + len(MOVES))

    def footprint(self) -> int:
        return super().footprint() + 3 * self.goals * (self.constraints + WALKS * self.moves)

    # ---- how an episode begins ----

    def start(self, rng: CounterRNG) -> State:
        n = len(rng)
        board = self._first_board(rng)  # (n, columns, height)
        walks = self._walks(rng, board)  # (n, G, K, M)
        after = board[:, None, None].expand(-1, self.goals, WALKS, -1, -1)
        for step in range(self.moves):
            after = moved(after, walks[..., step])
        new = self.holding(after) & ~self.holding(board)[:, None, None]  # (n, G, K, R)
        chosen = new.any(-1).long().argmax(-1)  # (n, G), the first walk that makes something true
        pick = chosen[:, :, None, None]
        moves = walks.gather(2, pick.expand(-1, -1, 1, self.moves))[:, :, 0]  # (n, G, M)
        end = after.gather(2, pick[..., None].expand(-1, -1, 1, COLUMNS, HEIGHT))[:, :, 0]
        # of a million walks a few make nothing true: there one move does, with which the goal is met
        lucky = new.any(-1).any(-1)[..., None]  # (n, G, 1)
        single, alone = self._telling_move(rng, board)
        moves = torch.where(lucky, moves, single[:, None, None])
        end = torch.where(lucky[..., None], end, alone[:, None])
        zero = torch.zeros(n, dtype=torch.int64, device=board.device)
        state = {"constraint": self._constraints(rng, board, end), "asked": rng.integers("asked", self.goals)}
        return {
            **state,
            "board": board,
            "missing": 1 - self.share(state, board),
            "letter": rng.uniform("letter", LETTERS).argsort(1)[:, : self.goals],
            "moves": moves,
            "path": zero,
            "met": zero,
        }

    def _first_board(self, rng: CounterRNG) -> Tensor:
        """Blocks in a random order on random columns, int64 (n, columns, height), 0 for none."""
        luck = rng.uniform("column", self.blocks * COLUMNS).view(-1, self.blocks, COLUMNS)
        block = rng.uniform("block", self.blocks).argsort(1) + 1  # (n, blocks)
        board = torch.zeros(len(rng), COLUMNS, HEIGHT, dtype=torch.int64, device=block.device)
        for number in range(self.blocks):
            high = (board > 0).sum(2)  # (n, columns)
            column = (luck[:, number] * (high < HEIGHT)).argmax(1)
            place = column * HEIGHT + high.gather(1, column[:, None])[:, 0]
            board = board.flatten(1).scatter(1, place[:, None], block[:, number, None]).view_as(board)
        return board

    def _walks(self, rng: CounterRNG, board: Tensor) -> Tensor:
        """Random moves that can be made, none of which undoes the one before unless it must, int64 (n, G, K, M)."""
        shape = (len(rng), self.goals, WALKS)
        luck = rng.uniform("walk", self.goals * WALKS * self.moves * len(MOVES))
        luck = luck.view(*shape, self.moves, len(MOVES))
        at, walk = board[:, None, None].expand(*shape, -1, -1), []
        back = constant(tuple(MOVES.index((j, i)) for i, j in MOVES), board.device)
        for step in range(self.moves):
            wish = (0.5 + luck[..., step, :]) * possible(at)
            if walk:
                wish = wish * torch.where(F.one_hot(back[walk[-1]], len(MOVES)) > 0, 1e-3, 1.0)
            walk.append(wish.argmax(-1))
            at = moved(at, walk[-1])
        return torch.stack(walk, -1)

    def _telling_move(self, rng: CounterRNG, board: Tensor) -> tuple[Tensor, Tensor]:
        """A random one of the moves that make something true, int64 (n,), and the board after it; there always is one.

        A block that comes upon another, or down beside one, stands to it as it didn't before.
        """
        every = torch.arange(len(MOVES), device=board.device).expand(len(board), -1)  # (n, moves)
        after = moved(board[:, None].expand(-1, len(MOVES), -1, -1), every)  # (n, moves, columns, height)
        tells = (self.holding(after) & ~self.holding(board)[:, None]).any(-1) & possible(board)
        chosen = (rng.uniform("single", len(MOVES)) + tells).argmax(1)
        return chosen, after[torch.arange(len(board), device=board.device), chosen]

    def holding(self, board: Tensor) -> Tensor:
        """Which of R = blocks · 4 · blocks relations hold on boards (…, columns, height), as `parts` counts: (…, R)."""
        block = torch.arange(1, self.blocks + 1, device=board.device)
        there = board[..., None] == block  # (…, columns, height, blocks)
        found = []
        for column, row in _BESIDE:  # where the first block would be, seen from the second one's place
            beside = there.roll((-column, -row), (-3, -2))
            inside = _inside(column, row, board.device)[..., None]
            found.append(torch.einsum("...cha,...chb->...ab", (beside & inside).float(), there.float()) > 0)
        return torch.stack(found, -2).flatten(-3)

    def _constraints(self, rng: CounterRNG, board: Tensor, end: Tensor) -> Tensor:
        """What is true of each goal's board, first what wasn't before, int64 (n, G, C); twice if too little."""
        holds = self.holding(end)  # (n, G, R)
        new = holds & ~self.holding(board)[:, None]
        luck = rng.uniform("constraint", holds.shape[1] * holds.shape[2]).view(holds.shape)
        best = (luck + holds + new).topk(min(self.constraints, holds.shape[2]), -1).indices  # (n, G, C')
        right = holds.gather(2, best)
        best = torch.where(right, best, best[..., :1])
        best = (
            F.pad(best, (0, self.constraints - best.shape[2]), mode="replicate")
            if best.shape[2] < self.constraints
            else best
        )
        order = rng.uniform("order", self.goals * self.constraints).view(best.shape).argsort(-1)
        return best.gather(2, order)

    # ---- the rules ----

    def _wanted(self, state: State) -> Tensor:
        """The constraints that are asked for, int64 (B, C)."""
        asked = state["asked"][:, None, None].expand(-1, 1, self.constraints)
        return state["constraint"].gather(1, asked)[:, 0]

    def share(self, state: State, board: Tensor) -> Tensor:
        """How much of what is asked for holds on a board, float32 (B,)."""
        return self.holding(board).gather(1, self._wanted(state)).float().mean(1)

    def advance(self, state: State, action: Tensor, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        acts = (state["clock"] >= self.described) & (action > 0)
        move = (action - 1).clamp(min=0)
        able = acts & possible(state["board"]).gather(1, move[:, None])[:, 0]
        board = torch.where(able[:, None, None], moved(state["board"], move), state["board"])
        before, after = self.share(state, state["board"]), self.share(state, board)
        met = (state["clock"] >= self.described) & (after == 1)
        reward = (after - before) / state["missing"] if self.reward == "dense" else met.float()
        right = able & (action == self._wise(state))
        path = torch.where(able, torch.where(right, state["path"] + 1, -1), state["path"])
        # the time is part of the task: were it a cut, what comes after would count, and there nothing was ever learned
        over = met | (state["clock"] + 1 >= self.most_steps)
        return {**state, "board": board, "met": met.long(), "path": path}, reward, over

    def observe(self, state: State) -> Tensors:
        clock = state["clock"]
        goal = (clock // self.constraints).clamp(max=self.goals - 1)
        says, asks = clock < self.described, clock == self.described
        letter = state["letter"].gather(1, torch.where(says, goal, state["asked"])[:, None])[:, 0]
        flat = state["constraint"].flatten(1)
        now = flat.gather(1, clock.clamp(max=self.described - 1)[:, None])[:, 0]
        first, relation, second = self.parts(now)
        return torch.cat(
            [
                F.one_hot(letter, LETTERS) * (says | asks)[:, None],
                asks[:, None],
                F.one_hot(first, MOST_BLOCKS) * says[:, None],
                F.one_hot(relation, len(RELATIONS)) * says[:, None],
                F.one_hot(second, MOST_BLOCKS) * says[:, None],
                F.one_hot(state["board"], 1 + MOST_BLOCKS)[..., 1:].flatten(1),
            ],
            1,
        ).float()

    def parts(self, constraint: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """First block, relation and second block of constraints, each counted from 0, of their shape."""
        each = len(RELATIONS) * self.blocks
        return constraint // each, constraint // self.blocks % len(RELATIONS), constraint % self.blocks

    def _wise(self, state: State) -> Tensor:
        """The next move of the walk, while it was followed; else nothing."""
        at = state["path"].clamp(0, self.moves - 1)
        walk = state["moves"].gather(1, state["asked"][:, None, None].expand(-1, 1, self.moves))[:, 0]
        follows = (state["clock"] >= self.described) & (state["path"] >= 0) & (state["path"] < self.moves)
        return torch.where(follows, 1 + walk.gather(1, at[:, None])[:, 0], 0)

    def annotate(self, state: State) -> dict[str, Tensor]:
        target = self._wise(state)
        return {"target": target, "target_mask": target > 0}

    def score(self, state: State) -> Tensor:
        return state["met"].float()

    def relevance(self, state: State) -> Tensor:
        moment = moments(self.most_steps, state["clock"])  # (1, T)
        told = (moment < self.described) & (moment // self.constraints == state["asked"][:, None])
        return (told | (moment == self.described)) & (state["clock"] >= self.described)[:, None]

    # ---- policies behind the certified scale ----

    def oracle(self) -> Tensors:
        return self._wise(self.state)

    def blind(self) -> Tensors:
        """Move at random."""
        return 1 + CounterRNG(self.key, self.episode, self.clock).integers("blind", len(MOVES))

    def memoryless(self) -> Tensors:
        """Move at random, as far as the board allows."""
        luck = CounterRNG(self.key, self.episode, self.clock).uniform("memoryless", len(MOVES))
        return 1 + (luck * possible(self.state["board"])).argmax(1)

    def frame(self, index: int) -> np.ndarray:
        return draw_board(self, index)


def possible(board: Tensor) -> Tensor:
    """Which moves can be made, bool (…, moves): from columns with blocks to columns with room."""
    high = (board > 0).sum(-1)  # (…, columns)
    return (high[..., constant(_FROM, board.device)] > 0) & (high[..., constant(_TO, board.device)] < HEIGHT)


def moved(board: Tensor, move: Tensor) -> Tensor:
    """Boards (…, columns, height) after moves (…,) that can be made; what is returned for others means nothing."""
    high = (board > 0).sum(-1)
    source, goal = constant(_FROM, board.device)[move], constant(_TO, board.device)[move]  # (…,)
    out = source * HEIGHT + (high.gather(-1, source[..., None])[..., 0] - 1).clamp(min=0)
    into = goal * HEIGHT + high.gather(-1, goal[..., None])[..., 0].clamp(max=HEIGHT - 1)
    flat = board.flatten(-2)
    block = flat.gather(-1, out[..., None])
    return flat.scatter(-1, out[..., None], 0).scatter(-1, into[..., None], block).view_as(board)


def _inside(column: int, row: int, device: torch.device) -> Tensor:
    """Places whose neighbour so many columns and rows on is on the board too, bool (columns, height)."""
    columns, rows = torch.arange(COLUMNS, device=device) + column, torch.arange(HEIGHT, device=device) + row
    return ((columns >= 0) & (columns < COLUMNS))[:, None] & ((rows >= 0) & (rows < HEIGHT))
