"""Products of matrices whose sums stay in vector registers, for float32 and float64, in numba.

A loop over columns, which numba vectorises by itself, loads and stores a sum for every few factors: a third of what a
core can do. So the inner part, a tile of the result, is written in LLVM's own vectors here: some rows times some
vectors of columns, all of whose sums are kept in registers while the factors pass by. Each sum is one chain of fused
multiply-adds over k, whatever the tile: a step of one world equals that of many, bit for bit.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from .arithmetic import OPTIONS, PART

_FEATURES = llvmlite.binding.get_host_cpu_features()
BYTES = 64 if _FEATURES.get("avx512f") else 32 if _FEATURES.get("avx") else 16  # of a vector register
# vectors of columns in a tile of so many rows: their sums, the factors and what is spread fit into the registers, of
# which AVX has 16 and its successor, like Arm, 32
MANY, FEW = 8, 4
OF_MANY, OF_FEW, OF_ONE = (1, 3, 4) if BYTES == 32 else (2, 4, 4)
INDEX = ir.IntType(32)


class _Emitter:
    """Writes LLVM's instructions for vectors of one type.

    Args:
        context: numba's.
        builder: where the instructions go.
        number: numba's type of a number.
    """

    def __init__(self, context: Any, builder: Any, number: Any):
        self.context, self.builder, self.word = context, builder, context.get_value_type(types.intp)
        self.size = number.bitwidth // 8
        self.lanes, self.number = BYTES // self.size, context.get_value_type(number)
        self.vector = ir.VectorType(self.number, self.lanes)
        self.name = f"v{self.lanes}f{number.bitwidth}"

    def constant(self, value: int) -> Any:
        """An index."""
        return ir.Constant(self.word, value)

    def call(self, function: str, result: Any, *arguments: Any) -> Any:
        """One of LLVM's own functions."""
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        made = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.{function}")
        return self.builder.call(made, arguments)

    def spread(self, value: Any, lanes: int) -> Any:
        """A vector of the same number."""
        kind = ir.VectorType(value.type, lanes)
        first = self.builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(INDEX, 0))
        places = ir.Constant(ir.VectorType(INDEX, lanes), [0] * lanes)
        return self.builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), places)

    def place(self, array: Any, row: Any, column: Any, kind: Any) -> Any:
        """A pointer to array[row, column]."""
        down, across = cgutils.unpack_tuple(self.builder, array.strides, 2)
        skipped = self.builder.add(self.builder.mul(row, down), self.builder.mul(column, across))
        start = self.builder.ptrtoint(array.data, self.word)
        return self.builder.inttoptr(self.builder.add(start, skipped), kind.as_pointer())

    def arrays(self, signature: Any, arguments: Any) -> list[Any]:
        """The three arrays that come first."""
        given = zip(signature.args[:3], arguments[:3], strict=True)
        return [make_array(kind)(self.context, self.builder, value) for kind, value in given]

    def variable(self) -> Any:
        """A vector of zeros that changes; LLVM makes a register of it."""
        place = cgutils.alloca_once(self.builder, self.vector)
        self.builder.store(ir.Constant(self.vector, None), place)
        return place

    def fma(self, left: Any, right: Any, sums: Any) -> Any:
        """left * right + sums, rounded once."""
        return self.call(f"fma.{self.name}", self.vector, left, right, sums)

    def total(self, before: Any, vector: Any) -> Any:
        """`before` and all numbers of the vector."""
        reduce = ir.FunctionType(self.number, [self.number, self.vector])
        made = cgutils.get_or_insert_function(self.builder.module, reduce, f"llvm.vector.reduce.fadd.{self.name}")
        return self.builder.call(made, [before, vector], fastmath=["reassoc"])

    def mask(self, count: Any) -> Any:
        """Which lanes are among the first `count`."""
        numbers = ir.Constant(ir.VectorType(INDEX, self.lanes), list(range(self.lanes)))
        count = self.spread(self.builder.trunc(count, INDEX), self.lanes)
        return self.builder.icmp_signed("<", numbers, count)

    def load(self, place: Any, mask: Any) -> Any:
        """A vector, zero outside of the mask if there is one."""
        if mask is None:
            return self.builder.load(place, align=self.size)
        zero, alignment = ir.Constant(self.vector, None), ir.Constant(INDEX, self.size)
        return self.call(f"masked.load.{self.name}.p0", self.vector, place, alignment, mask, zero)

    def store(self, vector: Any, place: Any, mask: Any) -> None:
        """Of a vector, only what is in the mask if there is one."""
        if mask is None:
            self.builder.store(vector, place, align=self.size)
        else:
            alignment = ir.Constant(INDEX, self.size)
            self.call(f"masked.store.{self.name}.p0", ir.VoidType(), vector, place, alignment, mask)


@intrinsic(prefer_literal=True)
def _tile(typing_context, x, weight, out, row, column, rows, vectors, inside, add):
    """out[row + r, column + c] = Σ_k x[row + r, k] weight[k, column + c], or += if `add`; only x may lie in any way.

    For r < `rows` and c in so many `vectors`, which all lie in the matrix if `inside`. The last four are literals.
    """
    shape = (rows, vectors, inside, add)
    if not all(isinstance(value, types.Literal) for value in shape):
        return None
    rows_, vectors_, inside_, add_ = (value.literal_value for value in shape)

    def codegen(context, builder, signature, arguments):
        emit = _Emitter(context, builder, x.dtype)
        x_, weight_, out_ = emit.arrays(signature, arguments)
        rows_at = [builder.add(arguments[3], emit.constant(r)) for r in range(rows_)]
        columns_at = [builder.add(arguments[4], emit.constant(v * emit.lanes)) for v in range(vectors_)]
        inner, columns = cgutils.unpack_tuple(builder, weight_.shape, 2)
        masks = [None if inside_ else emit.mask(builder.sub(columns, at)) for at in columns_at]
        tile = [(r, v) for r in range(rows_) for v in range(vectors_)]
        places = {(r, v): emit.place(out_, rows_at[r], columns_at[v], emit.vector) for r, v in tile}
        sums = {at: emit.variable() for at in tile}
        for r, v in tile if add_ else []:
            builder.store(emit.load(places[r, v], masks[v]), sums[r, v])
        with cgutils.for_range(builder, inner) as loop:
            factors = [
                emit.load(emit.place(weight_, loop.index, columns_at[v], emit.vector), masks[v])
                for v in range(vectors_)
            ]
            for r in range(rows_):
                number = builder.load(emit.place(x_, rows_at[r], loop.index, emit.number))
                spread = emit.spread(number, emit.lanes)
                for v in range(vectors_):
                    builder.store(emit.fma(spread, factors[v], builder.load(sums[r, v])), sums[r, v])
        for r, v in tile:
            emit.store(builder.load(sums[r, v]), places[r, v], masks[v])
        return context.get_dummy_value()

    return types.void(x, weight, out, types.intp, types.intp, *shape), codegen


tile: Callable[..., None] = _tile  # numba hands over the typing context itself


@njit(**PART)
def _by_tiles(x, weight, out, first, end, rows, vectors, add):
    """The rows `first` to `end` of the result, in tiles of so many rows and vectors; the last three are literals."""
    columns = weight.shape[1]
    wide = vectors * (BYTES // x.itemsize)
    whole = columns - columns % wide
    for j in range(0, whole, wide):
        for b in range(first, end, rows):
            tile(x, weight, out, b, j, rows, vectors, True, add)
    if whole < columns:
        for b in range(first, end, rows):
            tile(x, weight, out, b, whole, rows, vectors, False, add)


@njit(**PART)
def _all_rows(x, weight, out, first, end, add):
    many = end - (end - first) % MANY
    few = end - (end - many) % FEW
    _by_tiles(x, weight, out, first, many, MANY, OF_MANY, add)
    _by_tiles(x, weight, out, many, few, FEW, OF_FEW, add)
    _by_tiles(x, weight, out, few, end, 1, OF_ONE, add)


@njit(**OPTIONS)
def product(x, weight, out, first, end):
    """out[b] = x[b] @ weight for the rows `first` to `end`: (B, K), (K, J) -> (B, J)."""
    _all_rows(x, weight, out, first, end, False)


@njit(**OPTIONS)
def add_product(x, weight, out):
    """out += x @ weight: (B, K), (K, J) -> (B, J)."""
    _all_rows(x, weight, out, 0, len(x), True)


@intrinsic(prefer_literal=True)
def _dots(typing_context, x, weight, out, row, column, rows, columns):
    """out[row + r, column + c] += Σ_k x[row + r, k] weight[column + c, k], r < `rows`, c < `columns`, both literals."""
    if not (isinstance(rows, types.Literal) and isinstance(columns, types.Literal)):
        return None
    tile_ = [(r, c) for r in range(rows.literal_value) for c in range(columns.literal_value)]

    def codegen(context, builder, signature, arguments):
        emit = _Emitter(context, builder, x.dtype)
        x_, weight_, out_ = emit.arrays(signature, arguments)
        rows_at = [builder.add(arguments[3], emit.constant(r)) for r in range(rows.literal_value)]
        columns_at = [builder.add(arguments[4], emit.constant(c)) for c in range(columns.literal_value)]
        _, inner = cgutils.unpack_tuple(builder, weight_.shape, 2)
        whole = builder.sub(inner, builder.srem(inner, emit.constant(emit.lanes)))
        sums = {at: emit.variable() for at in tile_}

        def collect(k, mask):
            left = [emit.load(emit.place(x_, at, k, emit.vector), mask) for at in rows_at]
            right = [emit.load(emit.place(weight_, at, k, emit.vector), mask) for at in columns_at]
            for r, c in tile_:
                builder.store(emit.fma(left[r], right[c], builder.load(sums[r, c])), sums[r, c])

        zero, step = emit.constant(0), emit.constant(emit.lanes)
        with cgutils.for_range_slice(builder, zero, whole, step, emit.word) as (k, _):
            collect(k, None)
        with builder.if_then(builder.icmp_signed("<", whole, inner)):
            collect(whole, emit.mask(builder.sub(inner, whole)))
        for r, c in tile_:
            place = emit.place(out_, rows_at[r], columns_at[c], emit.number)
            builder.store(emit.total(builder.load(place), builder.load(sums[r, c])), place)
        return context.get_dummy_value()

    return types.void(x, weight, out, types.intp, types.intp, rows, columns), codegen


dots: Callable[..., None] = _dots


@njit(**OPTIONS)
def add_transposed_product(x, weight, out):
    """out += x @ weight.T: (B, K), (J, K) -> (B, J)."""
    rows, columns = out.shape
    fours, whole = rows - rows % FEW, columns - columns % FEW
    for j in range(0, whole, FEW):
        for b in range(0, fours, FEW):
            dots(x, weight, out, b, j, FEW, FEW)
        for b in range(fours, rows):
            dots(x, weight, out, b, j, 1, FEW)
    for j in range(whole, columns):
        for b in range(rows):
            dots(x, weight, out, b, j, 1, 1)
