"""Find the ready configs that ship with imgclf."""

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "configs"


def ready_configs() -> dict[str, Path]:
    """Return the files of the ready configs, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def ready_config(path: Path) -> Path | None:
    """Return the file of the ready config that is named NAME or NAME.yaml; None if there is none."""
    return ready_configs().get(str(path).removesuffix(".yaml"))


def folder_of(config: Path) -> Path:
    """Return the folder to which paths in a config are relative: its own.

    For a ready config it is ./configs, so that it finds ./data, where `imgclf data download` puts things.
    """
    return Path("configs") if config.parent == FOLDER else config.parent
