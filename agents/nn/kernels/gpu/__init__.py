"""The kernels of a GPU, in Triton: one program runs all steps of a world, so that a sequence is two launches.

Where a step's few hundred operators would be launched one after the other, launching is the cost. A world's memory
stays in its program's registers from the first step to the last; what programs leave behind for the gradient, what
one part of a step hands to the next in another order, and what is too large, goes by way of the device's memory, a
barrier between. Many threads may hold the same number of a vector: where it is read and then overwritten in its place,
and what was read goes on, there is a barrier between, too.
"""
