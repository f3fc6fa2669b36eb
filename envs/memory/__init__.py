"""Worlds that need memory (introspective attention)."""

from ..face import faces
from .arithmetic import Arithmetic
from .copying import Allocation, Copy, RepeatCopy, RepeatPrevious, ReverseCopy
from .logic import Logic, Parity
from .ngrams import DynamicNGrams
from .recall import AssociativeRecall
from .script import Script, SequenceWorld
from .sorting import PrioritySort, Sort
from .tape import Tape
from .tmaze import TMaze

CopyEnv, CopyVectorEnv = faces(Copy)
ReverseCopyEnv, ReverseCopyVectorEnv = faces(ReverseCopy)
RepeatCopyEnv, RepeatCopyVectorEnv = faces(RepeatCopy)
AllocationEnv, AllocationVectorEnv = faces(Allocation)
RepeatPreviousEnv, RepeatPreviousVectorEnv = faces(RepeatPrevious)
AssociativeRecallEnv, AssociativeRecallVectorEnv = faces(AssociativeRecall)
DynamicNGramsEnv, DynamicNGramsVectorEnv = faces(DynamicNGrams)
PrioritySortEnv, PrioritySortVectorEnv = faces(PrioritySort)
SortEnv, SortVectorEnv = faces(Sort)
ParityEnv, ParityVectorEnv = faces(Parity)
LogicEnv, LogicVectorEnv = faces(Logic)
ArithmeticEnv, ArithmeticVectorEnv = faces(Arithmetic)
TapeEnv, TapeVectorEnv = faces(Tape)
TMazeEnv, TMazeVectorEnv = faces(TMaze)

__all__ = [
    "Allocation",
    "Arithmetic",
    "AssociativeRecall",
    "Copy",
    "DynamicNGrams",
    "Logic",
    "Parity",
    "PrioritySort",
    "RepeatCopy",
    "RepeatPrevious",
    "ReverseCopy",
    "Script",
    "SequenceWorld",
    "Sort",
    "TMaze",
    "Tape",
]
