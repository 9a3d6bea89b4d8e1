"""Time, memory and result of whole processes, from start to end."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from child import Ended, run_alone
from images import Images, archive
from optimum import EPOCHS, L2, settings
from results import fenced, paragraph, progress

from imgclf.cli.console import table

ROUNDS = 5
SCRIPT = Path(__file__).with_name("torch_script.py")


class Program(NamedTuple):
    """A command that needs a new output folder, and a way to find the objective in its output."""

    command: Callable[[Path], list[str]]
    objective: Callable[[str], float]


def measure_processes(images: Images, optimum: float | None) -> str:
    """Run the programs in turn; the optimum is what their objectives are compared with, if it is known."""
    with TemporaryDirectory() as folder:
        file = archive() or images.save(Path(folder, "images.npz"))
        found = run_all(programs(file), Path(folder))
    return describe(file, found, images.pixels.nbytes, optimum)


def programs(file: Path) -> dict[str, Program]:
    """Return the programs: imgclf as it is and without pictures, and the script."""
    source = "npz" if file.suffix == ".npz" else "cifar10"
    chosen = [f"data.source={source}", f"data.path={json.dumps(str(file))}", "data.val_fraction=0.0", *settings()]
    ours = [sys.executable, "-m", "imgclf", "-q", "train", "--json", *(word for one in chosen for word in ("-s", one))]
    script = [sys.executable, str(SCRIPT), str(file)]

    def objective(stdout: str) -> float:
        return float(json.loads(stdout)["train"]["objective"])

    return {
        "imgclf train --no-plots": Program(lambda out: [*ours, "--no-plots", "--out", str(out)], objective),
        "imgclf train": Program(lambda out: [*ours, "--out", str(out)], objective),
        "PyTorch script": Program(lambda out: [*script, str(out), str(EPOCHS), str(L2)], float),
    }


def run_all(all_programs: dict[str, Program], folder: Path) -> dict[str, list[tuple[Ended, float]]]:
    """Run each once a round, after a round that does not count; with what they printed as their objective."""
    found: dict[str, list[tuple[Ended, float]]] = {name: [] for name in all_programs}
    for number in range(ROUNDS + 1):
        progress(f"process: round {number} of {ROUNDS}" if number else "process: warm-up")
        for name, program in all_programs.items():
            ended = run_alone(program.command(folder / f"{name}-{number}"))
            if number:
                found[name].append((ended, program.objective(ended.stdout)))
    return found


def describe(file: Path, found: dict[str, list[tuple[Ended, float]]], pixels: int, optimum: float | None) -> str:
    """Return the tables of time and of memory."""
    seconds = {name: sorted(ended.seconds for ended, _ in some) for name, some in found.items()}
    peaks = {name: median(ended.peak for ended, _ in some) for name, some in found.items()}
    objectives = {name: median(objective for _, objective in some) for name, some in found.items()}
    *_, script = found
    times = [
        [
            name,
            *(f"{value:.2f} s" for value in (median(some), some[0], some[-1])),
            f"{median(some) / median(seconds[script]):.2f}",
            f"{objectives[name]:.5f}",
            "?" if optimum is None else f"{objectives[name] / optimum - 1:.3%}",
        ]
        for name, some in seconds.items()
    ]
    memory = [
        [name, f"{peak / 1e6:.0f} MB", f"{peak / pixels:.2f}", f"{(peak - 1.5 * pixels) / 1e6:.0f} MB"]
        for name, peak in peaks.items()
    ]
    kind = f"the archive {file.name}" if file.suffix != ".npz" else "an .npz file"
    return (
        "## 3. The whole process\n\n"
        + paragraph(
            f"From the start of Python to its end: {kind} is read, {EPOCHS} epochs are trained as in part 2, the"
            f" objective is found over all images, the weights are saved; medians of {ROUNDS}, in turn. `imgclf train`"
            " draws its pictures, too. The script is benchmarks/torch_script.py: nn.Linear, float32 in memory, the"
            " same schedule."
        )
        + fenced(*table(["program", "median", "least", "most", "over PyTorch", "objective", "above optimum"], times))
        + "## 4. Its memory\n\n"
        + paragraph(f"The largest resident memory of the same processes; the pixels are {pixels / 1e6:.1f} MB.")
        + fenced(*table(["program", "peak", "of the pixels", "less 1.5 x pixels"], memory))
    )
