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
from ours import kernels
from results import Ratio, fenced, paragraph, progress

from imgclf.cli.console import table

ROUNDS = 3
COLD_ROUNDS = 2  # it compiles for many seconds
OVER_SCRIPT, OVER_BLOCKS = 0.5, 1.3
SCRIPT_NAME, WITH_PICTURES, COLD = "PyTorch script", "imgclf train", "compiled, empty cache"
SCRIPT = Path(__file__).with_name("torch_script.py")
IMGCLF = [sys.executable, "-m", "imgclf", "-q", "train"]


class Program(NamedTuple):
    """A command that needs a new output folder, and a way to find the objective in its output."""

    command: Callable[[Path], list[str]]
    objective: Callable[[str], float]


def measure_processes(images: Images, optimum: float | None) -> tuple[str, list[Ratio]]:
    """Run the programs in turn; the optimum is what their objectives are compared with, if it is known."""
    with TemporaryDirectory() as folder:
        file = archive() or images.save(Path(folder, "images.npz"))
        found = run_all(programs(file), Path(folder))
    seconds = {name: median(ended.seconds for ended, _ in some) for name, some in found.items()}
    over = {kernel: seconds[without_pictures(kernel)] / seconds[SCRIPT_NAME] for kernel in fast_kernels()}
    ratios = [Ratio(f"whole process, {EPOCHS} epochs, over a PyTorch script", over, OVER_SCRIPT)]
    return describe(file, found, images.pixels.nbytes, optimum), ratios


def fast_kernels() -> list[str]:
    """Return the kernels but `plain`, which is there to be read."""
    return [kernel for kernel in kernels() if kernel != "plain"]


def without_pictures(kernel: str) -> str:
    """Name imgclf with a kernel, drawing nothing."""
    return f"{WITH_PICTURES} --no-plots, {kernel}"


def programs(file: Path) -> dict[str, Program]:
    """Return the programs: imgclf with each kernel and no pictures, and as it is; and the script."""
    source = "npz" if file.suffix == ".npz" else "cifar10"
    chosen = [f"data.source={source}", f"data.path={json.dumps(str(file))}", "data.val_fraction=0.0", *settings()]
    ours = [*IMGCLF, "--json", *(word for one in chosen for word in ("-s", one))]
    script = [sys.executable, str(SCRIPT), str(file)]

    def objective(stdout: str) -> float:
        return float(json.loads(stdout)["train"]["objective"])

    def of(*more: str) -> Program:
        return Program(lambda out: [*ours, *more, "--out", str(out)], objective)

    return {
        **{without_pictures(kernel): of("--no-plots", "-s", f"train.kernel={kernel}") for kernel in fast_kernels()},
        WITH_PICTURES: of(),
        SCRIPT_NAME: Program(lambda out: [*script, str(out), str(EPOCHS), str(L2)], float),
    }


def measure_starts() -> tuple[str, list[Ratio]]:
    """Run `imgclf train` on the data that comes with it, with each kernel, and with an empty cache of machine code."""
    seconds: dict[str, list[float]] = {kernel: [] for kernel in fast_kernels()}
    with TemporaryDirectory() as folder:

        def run(kernel: str, number: int, *environment: str) -> float:
            command = [*IMGCLF, "-s", f"train.kernel={kernel}", "--out", f"{folder}/{kernel}-{number}"]
            return run_alone(["env", *environment, *command]).seconds

        for number in range(ROUNDS + 1):
            progress(f"starts: round {number} of {ROUNDS}" if number else "starts: warm-up")
            for kernel in fast_kernels():
                seconds[kernel].append(run(kernel, number))
        found = {kernel: some[1:] for kernel, some in seconds.items()}
        if "compiled" in found:
            progress("starts: with an empty cache")
            found[COLD] = [
                run("compiled", -n, f"NUMBA_CACHE_DIR={folder}/cache-{n}") for n in range(1, COLD_ROUNDS + 1)
            ]
    middle = {name: median(some) for name, some in found.items()}
    over = {kernel: middle[kernel] / middle["blocks"] for kernel in fast_kernels() if kernel != "blocks"}
    rows = [
        [
            name,
            *(f"{value:.2f} s" for value in (median(some), min(some), max(some))),
            f"{middle[name] / middle['blocks']:.2f}",
        ]
        for name, some in found.items()
    ]
    text = (
        "## 5. The start\n\n"
        + paragraph(
            "`imgclf train` on the data that comes with it, pictures included, from the start of Python to its end:"
            f" medians of {ROUNDS}, in turn, the machine code in the cache already; and of {COLD_ROUNDS} that begin"
            " with an empty cache, as the first start on a machine does."
        )
        + fenced(*table(["kernel", "median", "least", "most", "over blocks"], rows))
    )
    return text, [Ratio("whole `imgclf train`, its own data, over blocks", over, OVER_BLOCKS)]


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
    times = [
        [
            name,
            *(f"{value:.2f} s" for value in (median(some), some[0], some[-1])),
            f"{median(some) / median(seconds[SCRIPT_NAME]):.2f}",
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
            f" objective is found over all images, the weights are saved; medians of {ROUNDS}, in turn. Plain"
            " `imgclf train` has the default kernel, and draws its pictures, too. The script is"
            " benchmarks/torch_script.py: nn.Linear, float32 in memory, the same schedule."
        )
        + fenced(*table(["program", "median", "least", "most", "over PyTorch", "objective", "above optimum"], times))
        + "## 4. Its memory\n\n"
        + paragraph(f"The largest resident memory of the same processes; the pixels are {pixels / 1e6:.1f} MB.")
        + fenced(*table(["program", "peak", "of the pixels", "less 1.5 x pixels"], memory))
    )
