"""Find the ready configs that ship with imgclf."""

from difflib import get_close_matches
from pathlib import Path

from imgclf.data.download.catalog import OFFICIAL, official_name

FOLDER = Path(__file__).parents[1] / "configs"


def ready_configs() -> dict[str, Path]:
    """Return the files of the ready configs, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def ready_config(path: Path) -> Path | None:
    """Return the file of the ready config that is named NAME or NAME.yaml; None if there is none."""
    return ready_configs().get(str(path).removesuffix(".yaml"))


def nearest_config(name: str) -> str | None:
    """Return the ready config of the official data set of this name, or the one with nearly this name."""
    if official := official_name(name):
        return OFFICIAL[official].config or None
    return next(iter(get_close_matches(name, ready_configs(), 1)), None)


def folder_of(config: Path) -> Path:
    """Return the folder to which paths in a config are relative: its own.

    For a ready config it is ./configs, so that it finds ./data, where `imgclf data download` puts things.
    """
    return Path("configs") if config.parent == FOLDER else config.parent
