"""Blocks shared by threads in machine code, without Python's lock.

One thread leads, others help. They take turns, first at shares of the batch, then at classes, whose gradients they add
up over the shares. A share is a run of blocks, and a branch of the tree in which `tree_sum` adds: the sums are the same
to the bit, whoever computes them. A helper that has found nothing to do for a while goes back to Python.
"""

from typing import Any, NamedTuple

from numpy.typing import NDArray

from imgclf.arrays import FloatArray, IntArray
from imgclf.speed.compiled.instructions import add_to, give_way, look_at, publish
from imgclf.speed.compiled.loops import block, compiling, loop

PATIENCE = 2000  # looks for work before a helper goes: some 0.5 ms, longer than Python takes between two steps
LEFT, DONE, WORDS = 0, 16, 32  # places in `turns`, each on a line of the cache, and its length
LOSS, CLASSES, EXAMPLES, ROWS, FIRST, STOP, LENGTH, TURNS, ADDED, FACTS = range(10)  # places in `facts`, and its length

written_out = compiling(inline="always")  # in the one function that calls it, which is compiled once for all


class Job(NamedTuple):
    """What all threads share.

    turns          (WORDS,) int64: at LEFT how many nobody has taken, at DONE how many are done
    facts          (FACTS,) int64: the number of the loss; how many classes; how many examples; rows of a block; first
                   block, and the one after the last; blocks of a share; turns; how many shares are added up, 0: none
    images         (M, D), as they are stored: X = (images - center) * factor
    places, y      (examples or more,) int64: the row of each example in images, and its class
    sample_weights (examples or more,)
    center, factor (D,)
    weights        (P, D+1), as the loops want them
    sums           (shares, 2) float64: losses, right answers
    grads          (shares, P, D+1)
    """

    turns: IntArray
    facts: IntArray
    images: NDArray[Any]
    places: IntArray
    y: IntArray
    sample_weights: FloatArray
    center: FloatArray
    factor: FloatArray
    weights: FloatArray
    sums: FloatArray
    grads: FloatArray


class Desk(NamedTuple):
    """What a thread has for itself.

    X, scores, dscores, taken  as the loops want them
    sums                       (levels + 1, 2) float64: those of branches of a share that wait to be added
    grads                      (levels, P, D+1): likewise, but for the first, which is that of the share
    """

    X: FloatArray
    scores: FloatArray
    dscores: FloatArray
    taken: IntArray
    sums: FloatArray
    grads: FloatArray


@loop
def add(left: FloatArray, right: FloatArray) -> None:
    """Add numbers to others."""
    for d in range(len(left)):
        left[d] += right[d]


@written_out
def branch(job: Job, desk: Desk, k: int, waiting: int) -> FloatArray:
    """Return where the gradient of a branch of share k is, before which some are waiting."""
    return desk.grads[waiting - 1] if waiting else job.grads[k]  # type: ignore[no-any-return]


@written_out
def add_blocks(job: Job, desk: Desk, k: int) -> None:
    """Compute the sums of share k, as `tree_sum` adds those of its blocks."""
    rows = job.facts[ROWS]
    first = job.facts[FIRST] + k * job.facts[LENGTH]
    last = min(first + job.facts[LENGTH], job.facts[STOP]) - 1
    waiting = 0
    for i in range(first, last + 1):
        start, stop = i * rows, min((i + 1) * rows, job.facts[EXAMPLES])
        desk.sums[waiting, 0], desk.sums[waiting, 1] = block(
            job.images, job.places[start:stop], job.center, job.factor, job.weights,
            job.y[start:stop], job.sample_weights[start:stop], job.facts[LOSS], job.facts[CLASSES],
            desk.X, desk.scores, desk.dscores, desk.taken, branch(job, desk, k, waiting),
        )  # fmt: skip
        waiting += 1
        done = i + 1 - first
        while waiting > 1 and (done % 2 == 0 or i == last):
            waiting -= 1
            done //= 2
            add(desk.sums[waiting - 1], desk.sums[waiting])
            left, right = branch(job, desk, k, waiting - 1), branch(job, desk, k, waiting)
            for c in range(len(left)):
                add(left[c], right[c])
    job.sums[k, 0], job.sums[k, 1] = desk.sums[0, 0], desk.sums[0, 1]


@written_out
def add_shares(job: Job, shares: int, c: int) -> None:
    """Add up the gradient of a class over the shares, as `tree_sum` does, in that of share 0."""
    height = 1
    while height < shares:
        for k in range(0, shares - height, 2 * height):
            add(job.grads[k, c], job.grads[k + height, c])
            if c == 0:
                add(job.sums[k], job.sums[k + height])
        height *= 2


@loop
def take_turns(job: Job, desk: Desk, turns: int) -> None:
    """Offer some turns, and take them with those who help, until all are done.

    Or offer none, and so help whoever offers some, until there have been none for a while.
    """
    if turns:
        job.facts[TURNS] = turns
        publish(job.turns, DONE, 0)
        publish(job.turns, LEFT, turns)  # from here on helpers see it, and all that was written before
    looks = 0
    while look_at(job.turns, DONE) < turns or (turns == 0 and looks < PATIENCE):
        left = add_to(job.turns, LEFT, -1) if look_at(job.turns, LEFT) > 0 else 0
        if left <= 0:
            give_way()
            looks += 1
            continue
        if job.facts[ADDED]:
            add_shares(job, job.facts[ADDED], job.facts[TURNS] - left)
        else:
            add_blocks(job, desk, job.facts[TURNS] - left)
        add_to(job.turns, DONE, 1)
        looks = 0
