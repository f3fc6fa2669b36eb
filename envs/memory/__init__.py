"""Worlds that need memory (introspective attention)."""

from ..face import faces
from .arithmetic import Arithmetic
from .copying import Allocation, Copy, RepeatCopy, ReverseCopy
from .graph_tasks import GraphTraversal, ShortestPath
from .graph_world import GraphWorld
from .inference import GraphInference
from .logic import Logic, Parity
from .named_graphs import FamilyTree, Underground, UndergroundShortestPath
from .ngrams import DynamicNGrams
from .previous import RepeatPrevious
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
GraphTraversalEnv, GraphTraversalVectorEnv = faces(GraphTraversal)
ShortestPathEnv, ShortestPathVectorEnv = faces(ShortestPath)
GraphInferenceEnv, GraphInferenceVectorEnv = faces(GraphInference)
UndergroundEnv, UndergroundVectorEnv = faces(Underground)
UndergroundShortestPathEnv, UndergroundShortestPathVectorEnv = faces(UndergroundShortestPath)
FamilyTreeEnv, FamilyTreeVectorEnv = faces(FamilyTree)

__all__ = [
    "Allocation",
    "Arithmetic",
    "AssociativeRecall",
    "Copy",
    "DynamicNGrams",
    "FamilyTree",
    "GraphInference",
    "GraphTraversal",
    "GraphWorld",
    "Logic",
    "Parity",
    "PrioritySort",
    "RepeatCopy",
    "RepeatPrevious",
    "ReverseCopy",
    "Script",
    "SequenceWorld",
    "ShortestPath",
    "Sort",
    "TMaze",
    "Tape",
    "Underground",
    "UndergroundShortestPath",
]
