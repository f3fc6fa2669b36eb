"""The differentiable neural computer (Graves et al. 2016), and the switches of Csordás & Schmidhuber 2019."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ....errors import check_choice, check_range
from ..attention.content import content_weights, cosine_similarity, masked_cosine_similarity, weighted_sum
from ..bounds import CLIP
from ..kernels import Fast, serves
from . import allocation as alloc
from .addressing import erase_and_add, oneplus
from .base import CoreOutput
from .controllers import Controllers
from .external import ExternalMemoryCore

MAX_STRENGTH = 1 + CLIP  # oneplus of the largest number that an interface has


class DNCState(NamedTuple):
    """The state of a differentiable neural computer with R read heads."""

    memory: Tensor  # (B, N, W)
    usage: Tensor  # (B, N)
    precedence: Tensor  # (B, N)
    link: Tensor  # (B, N, N), or (B, N, K) where links are sparse
    link_columns: Tensor  # int64, (B, N, K), or (B, N, 0) where links are full
    write_weights: Tensor  # (B, N)
    read_weights: Tensor  # (B, R, N)
    reads: Tensor  # (B, R, W)
    hidden: Tensor  # (B, hidden)
    cell: Tensor  # (B, hidden), or (B, 0) for a feed-forward controller


class DNC(ExternalMemoryCore[DNCState]):
    """A controller with one write head, which finds free rows, and read heads, which follow the order of writing.

    Args:
        input_size: size of x.
        hidden: units of the controller.
        rows: N, rows of memory.
        width: W, numbers a row.
        read_heads: R.
        controller: "lstm" or "feedforward".
        sparse_links: K, the strongest links kept for each row; 0 keeps the full link matrix.
        mask_keys: content is compared on the part of the row that a mask selects.
        deallocate: a row that is released is also erased.
        sharpen_links: the weightings that follow links are sharpened.
        max_strength: the largest β of a key, 1 to 21. A head that is sure of a wrong row has hardly a gradient
            left that tells it of the right one; a smaller β leaves more.
        forget_bias: of an LSTM controller's forget gate, before training, -10 to 10. Below 0 it begins with hardly a
            memory of its own, and learns to use this one.
        fast: "auto" takes the fused kernel where it serves (when nothing is recorded; on a GPU with full links, none of
            the three switches and the default `max_strength`), "off" never does; both give the same numbers but for
            the last digits.
    """

    def __init__(
        self,
        input_size: int,
        hidden: int = 100,
        *,
        rows: int = 64,
        width: int = 20,
        read_heads: int = 4,
        controller: Controllers = "lstm",
        sparse_links: int = 0,
        mask_keys: bool = False,
        deallocate: bool = False,
        sharpen_links: bool = False,
        max_strength: float = MAX_STRENGTH,
        forget_bias: float = 1.0,
        fast: Fast = "auto",
    ):
        check_range("sparse_links", sparse_links, 0, rows)
        check_choice("fast", fast, ["auto", "off"])
        self.sparse_links, self.mask_keys = sparse_links, mask_keys
        self.deallocate, self.sharpen_links = deallocate, sharpen_links
        self.max_strength = check_range("max_strength", max_strength, 1.0, MAX_STRENGTH)
        keys = read_heads + 1
        # keys and strengths of all heads (write head last), erase, write, free gates, two gates, read modes
        self.sizes = [keys * width, keys, width, width, read_heads, 1, 1, 3 * read_heads]
        # the switches' own: masks of all heads, sharpness of backward and forward
        self.sizes += [keys * width if mask_keys else 0, 2 * read_heads if sharpen_links else 0]
        super().__init__(
            input_size, hidden, sum(self.sizes), rows=rows, width=width, read_heads=read_heads, controller=controller,
            forget_bias=forget_bias,
        )  # fmt: skip
        self.fast: Fast = fast

    def resize(self, rows: int) -> None:
        check_range("sparse_links", self.sparse_links, 0, rows)
        super().resize(rows)

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> DNCState:
        nothing = self.initial_reads.new_zeros(batch, self.rows)
        if self.sparse_links:
            link, columns = alloc.empty_sparse_link(batch, self.rows, self.sparse_links, nothing)
        else:
            link = nothing.new_zeros(batch, self.rows, self.rows)
            columns = torch.zeros(batch, self.rows, 0, dtype=torch.int64, device=nothing.device)
        return DNCState(
            memory=nothing.new_zeros(batch, self.rows, self.width),
            usage=nothing,
            precedence=nothing,
            link=link,
            link_columns=columns,
            write_weights=nothing,
            read_weights=nothing.new_zeros(batch, self.read_heads, self.rows),
            **self._controller_state(batch),
        )

    def kernel(self) -> Callable[[Tensor, DNCState], CoreOutput[DNCState]] | None:
        # a link of the kernel is one number, with 16 bits for its column and 7 for its place
        fits = self.sparse_links < 1 << 7 and (self.rows <= 1 << 16 or not self.sparse_links)
        if fits and serves(self.fast, self.interface.weight):
            return self._run_fused
        bounded = self.max_strength < MAX_STRENGTH
        switched = self.sparse_links or self.mask_keys or self.deallocate or self.sharpen_links or bounded
        if not switched and serves(self.fast, self.interface.weight, "cuda"):
            from ..kernels.gpu import dnc  # here, since it brings Triton with it

            return self._run_on_gpu if dnc.fits(self.rows, self.width, self.read_heads) else None
        return None

    def _run_fused(self, drive: Tensor, state: DNCState) -> CoreOutput[DNCState]:
        """A piece in which no episode starts; drive (t, B, …)."""
        from ..kernels import dnc  # here, since it brings numba with it

        shape = dnc.Shape(
            read_heads=self.read_heads,
            lstm=self.controller.cell_size > 0,
            links=self.sparse_links,
            mask_keys=self.mask_keys,
            deallocate=self.deallocate,
            sharpen_links=self.sharpen_links,
            max_strength=self.max_strength,
            every=1,
        )
        parameters = dnc.Parameters(self.controller.from_past.weight, self.interface.weight, self.interface.bias)
        y, end = dnc.dnc_sequence(shape, drive, parameters, dnc.Begin(**state._asdict()))
        return CoreOutput(y, DNCState(**end._asdict()), {}, {})

    def _run_on_gpu(self, drive: Tensor, state: DNCState) -> CoreOutput[DNCState]:
        """The same where links are full and nothing is switched on."""
        from ..kernels.gpu import dnc

        shape = dnc.Shape(read_heads=self.read_heads, lstm=self.controller.cell_size > 0)
        parameters = dnc.Parameters(self.controller.from_past.weight, self.interface.weight, self.interface.bias)
        parts = state._asdict()
        columns = parts.pop("link_columns")
        y, end = dnc.dnc_sequence(shape, drive, parameters, dnc.Begin(**parts))
        return CoreOutput(y, DNCState(**end._asdict(), link_columns=columns), {}, {})

    def step(self, drive: Tensor, state: DNCState, record: bool = False) -> CoreOutput[DNCState]:
        heads = self.read_heads
        hidden, cell, interface = self.control(drive, state)
        keys, strengths, erase, vector, free, write_gate, allocation_gate, modes, masks, sharpness = interface.split(
            self.sizes, -1
        )
        keys = keys.unflatten(-1, (heads + 1, -1))  # (B, R + 1, W)
        masks = masks.unflatten(-1, (heads + 1, -1)).sigmoid() if self.mask_keys else None
        strengths = oneplus(strengths).clamp(max=self.max_strength)  # (B, R + 1)
        free, write_gate, allocation_gate = free.sigmoid(), write_gate.sigmoid(), allocation_gate.sigmoid()

        # where to write
        retained = alloc.retention(free, state.read_weights)  # ψ, (B, N)
        usage = alloc.next_usage(state.usage, state.write_weights, retained)  # (B, N)
        allocated = alloc.allocation_weights(usage)  # (B, N)
        fitting = self._content(state.memory, keys, strengths, masks, slice(heads, None))[:, 0]  # (B, N)
        write_weights = alloc.write_weighting(fitting, allocated, allocation_gate, write_gate)  # (B, N)

        # M_t = M_{t-1} ∘ (E - w e^T) + w v^T; with de-allocation M_{t-1} ∘ ψ 1^T comes first
        memory = state.memory * retained[..., None] if self.deallocate else state.memory
        memory = erase_and_add(memory, write_weights[:, None], erase.sigmoid()[:, None], vector[:, None])

        # where to read
        link, columns, forward, backward = self._follow(state, write_weights)
        precedence = alloc.next_precedence(state.precedence, write_weights)
        if self.sharpen_links:
            back_sharpness, forward_sharpness = oneplus(sharpness).split(heads, -1)
            backward = alloc.sharpen_links(backward, back_sharpness)
            forward = alloc.sharpen_links(forward, forward_sharpness)
        content = self._content(memory, keys, strengths, masks, slice(0, heads))  # (B, R, N)
        modes = torch.softmax(modes.unflatten(-1, (heads, 3)), -1)  # (B, R, 3)
        read_weights = alloc.read_weighting(backward, content, forward, modes)
        reads = weighted_sum(read_weights, memory)  # (B, R, W)

        y = torch.cat([hidden, reads.flatten(1)], -1)
        after = DNCState(
            memory, usage, precedence, link, columns, write_weights, read_weights, reads, hidden, cell
        )  # fmt: skip
        records = {
            "read_weights": read_weights,
            "write_weights": write_weights[:, None],
            "memory": memory,
            "usage": usage,
            "free_gates": free,
            "allocation_gate": allocation_gate,
            "write_gate": write_gate,
            "read_modes": modes,
            "read_keys": keys[:, :heads],
            "read_strengths": strengths[:, :heads],
        }
        if masks is not None:
            records["read_masks"] = masks[:, :heads]
        return CoreOutput(y, after, {}, records if record else {})

    def _content(self, memory: Tensor, keys: Tensor, strengths: Tensor, masks: Tensor | None, heads: slice) -> Tensor:
        if masks is None:
            similarity = cosine_similarity(keys[:, heads], memory)
        else:
            similarity = masked_cosine_similarity(keys[:, heads], masks[:, heads], memory)
        return content_weights(similarity, strengths[:, heads])

    def _follow(self, state: DNCState, write_weights: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        if not self.sparse_links:
            link = alloc.next_link(state.link, state.precedence, write_weights)
            return link, state.link_columns, *alloc.follow(link, state.read_weights)
        sparse = alloc.next_sparse_link(
            alloc.SparseLink(state.link, state.link_columns), state.precedence, write_weights
        )
        return sparse.values, sparse.columns, *alloc.follow(sparse, state.read_weights)
