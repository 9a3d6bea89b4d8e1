"""Train on CIFAR-10 in PyTorch, as a good user would: python torch_script.py ARCHIVE WEIGHTS EPOCHS L2.

ARCHIVE is cifar-10-python.tar.gz, or an .npz file with X and y. Softmax, momentum 0.9, batches of 1,024, a cosine
from 0.4 to 0, the mean image subtracted, all in memory as float32. Prints the objective over all images; saves
the weights.
"""
# ruff: noqa: T201 - a script talks

import math
import pickle
import sys
import tarfile

import numpy as np
import torch
from torch.nn.functional import cross_entropy


def read(path: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pixels (N, D) uint8 and y (N,) int64 of the training split."""
    if path.endswith(".npz"):
        with np.load(path) as arrays:
            return torch.from_numpy(arrays["X"]).flatten(1), torch.from_numpy(arrays["y"])
    parts = []
    with tarfile.open(path) as archive:
        for member in archive:
            if "data_batch_" in member.name:
                file = archive.extractfile(member)
                assert file is not None
                parts.append(pickle.load(file, encoding="bytes"))
    pixels = torch.cat([torch.from_numpy(part[b"data"]) for part in parts])
    return pixels, torch.tensor([label for part in parts for label in part[b"labels"]])


def main(path: str, weights: str, epochs: int, l2: float) -> None:
    """Train, evaluate, save."""
    torch.manual_seed(0)
    pixels, y = read(path)
    X = pixels.float().div_(255)
    del pixels
    X -= X.mean(0)

    model = torch.nn.Linear(X.shape[1], int(y.max()) + 1)
    torch.nn.init.zeros_(model.weight)
    groups = [{"params": [model.weight], "weight_decay": l2}, {"params": [model.bias], "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.4, momentum=0.9, fused=True)
    last = epochs * -(-len(X) // 1024) - 1
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (1 + math.cos(math.pi * step / last)) / 2)

    buffer = torch.empty(1024, X.shape[1])
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(1024):
            batch = torch.index_select(X, 0, rows, out=buffer[: len(rows)])
            optimizer.zero_grad(set_to_none=True)
            cross_entropy(model(batch), y[rows]).backward()
            optimizer.step()
            schedule.step()

    with torch.inference_mode():
        objective = cross_entropy(model(X), y) + l2 / 2 * (model.weight**2).sum()
    torch.save(model.state_dict(), weights)
    print(f"{float(objective):.6f}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
