"""Ranks of MPI, played by threads of one process."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np


class Rank:
    """One of several threads that exchange as the ranks of MPI do; counts the numbers of arrays that it sends away."""

    def __init__(self, rank, size, meet, board):
        self.rank, self.size = rank, size
        self._meet, self._board = meet, board
        self.sent = 0

    def allgather(self, sendobj):
        self._board[self.rank] = sendobj
        self._meet.wait()
        told = list(self._board)
        self._meet.wait()
        return told

    def Alltoallv(self, sendbuf, recvbuf):  # noqa: N802 - the name is MPI's
        array, counts = sendbuf
        assert array.ndim == 1
        assert len(array) == sum(counts)
        parts = np.split(array, np.cumsum(counts)[:-1])
        self.sent += sum(counts) - counts[self.rank]
        got = [parts_of[self.rank] for parts_of in self.allgather(parts)]
        self._fill(recvbuf, got)

    def Allgatherv(self, sendbuf, recvbuf):  # noqa: N802
        self.sent += sendbuf.size * (self.size - 1)
        self._fill(recvbuf, self.allgather(sendbuf))

    def _fill(self, recvbuf, got):
        array, counts = recvbuf
        assert [part.size for part in got] == counts
        assert {part.dtype for part in got} == {array.dtype}
        assert array.flags.forc
        array.ravel("K")[:] = np.concatenate([part.reshape(-1) for part in got])


def on_each(ranks, function):
    """Return what function(comm) returns on every rank, and the ranks."""
    meet, board = threading.Barrier(ranks, timeout=60), [None] * ranks
    comms = [Rank(rank, ranks, meet, board) for rank in range(ranks)]
    with ThreadPoolExecutor(ranks) as pool:
        return list(pool.map(function, comms)), comms
