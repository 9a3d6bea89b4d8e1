import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from imgclf.config import Config, copy_of, json_schema, resolve, template
from imgclf.config.ready import ready_config
from imgclf.config.shape import VARIANTS, every_key, keys
from imgclf.data.download.catalog import OFFICIAL
from imgclf.errors import UsageError
from imgclf.run.session import run
from imgclf.speed.threads import workers
from imgclf.training.plan import make_plan

CONFIGS = Path(__file__).parents[2] / "configs"
READY = sorted(CONFIGS.glob("*.yaml"))
NAMES = {
    "cifar10_hog", "cifar10_patches", "cifar10_patches_large", "cifar10_softmax", "cifar10_svm", "fashion_softmax",
    "fashion_svm", "folder", "full_batch", "mnist_softmax", "numerical_gradient", "online_sgd", "probe",
    "sweep_cifar10",
}  # fmt: skip


def test_no_config_is_the_default():
    assert resolve().config == Config()
    assert set(resolve().origins.values()) == {"default"}


def test_the_template_names_every_key_and_only_those(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(template(), encoding="utf-8")
    origins = resolve([file]).origins
    assert all(origin.startswith(str(file)) for origin in origins.values())
    elsewhere = set()
    for section in [*VARIANTS, "early_stopping", "sweep"]:
        elsewhere |= {f"{section}.{key}" for key in keys(section)}
    assert set(every_key()) - elsewhere <= set(origins) | {key.partition(".")[0] for key in origins}
    for key in elsewhere:
        assert re.search(rf"\b{key.rpartition('.')[2]}\b", template())


def test_the_template_means_the_same_under_yaml_1_1():
    document = yaml.safe_load(template())
    assert Config.model_validate(document) == Config()


def test_the_template_is_a_page_one_can_read():
    assert max(map(len, template().splitlines())) <= 120
    assert "\t" not in template()


def test_the_ready_configs_are_there():
    assert {path.stem for path in READY} >= NAMES


@pytest.mark.parametrize("path", READY, ids=lambda path: path.stem)
def test_a_ready_config_resolves_and_holds_only_changes(path):
    resolved, default = resolve([path]), resolve().config.model_dump()
    written = {key for key, origin in resolved.origins.items() if origin != "default"}
    assert written
    values = resolved.config.model_dump()
    for key in written:
        if key.startswith("sweep."):  # the default has no such section
            continue
        section, _, word = key.partition(".")
        same = values[section][word] == (default[section] or {}).get(word) if word else values[key] == default[key]
        assert not same or section == "early_stopping" or key == "model.loss", key
    if resolved.config.data.path is not None:
        assert Path(resolved.config.data.path, "x").is_relative_to(CONFIGS.parent / "data")


@pytest.mark.parametrize("folder", [".", "deep/er", "a b: #c"])
@pytest.mark.parametrize("name", [path.stem for path in READY])
def test_a_copy_of_a_ready_config_means_the_same_wherever_it_lies(name, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    copy = Path(folder, "copy.yaml")
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(copy_of(name, copy.parent), encoding="utf-8")
    assert resolve([copy]).config == resolve([ready_config(Path(name))]).config
    changed = set(copy.read_text("utf-8").splitlines()) - set(
        (CONFIGS / f"{name}.yaml").read_text("utf-8").splitlines()
    )
    assert all(line.startswith("  path: ") for line in changed)


def test_a_copy_of_no_ready_config_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match=r"cifar10_sofmax - did you mean cifar10_softmax\?"):
        copy_of("cifar10_sofmax", Path())
    with pytest.raises(UsageError, match="choose one of cifar10_hog, "):
        copy_of("../zzz", Path())


@pytest.mark.parametrize("name", ["cifar10_softmax", "cifar10_svm", "mnist_softmax"])
def test_downloads_are_where_the_ready_config_looks(name):
    data = resolve([CONFIGS / f"{name}.yaml"]).config.data
    (wanted,) = (one for key, one in OFFICIAL.items() if key == name.partition("_")[0])
    assert wanted.source == data.source
    assert data.path in (str(place := wanted.path(CONFIGS.parent / "data")), str(place.parent))


@pytest.mark.parametrize("path", READY, ids=lambda path: path.stem)
def test_a_ready_config_teaches_at_its_head(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    head = lines[: lines.index("")]
    assert 5 <= len(head) <= 12
    assert all(line.startswith("#") for line in head)
    assert all(any(line.startswith(f"# {word}:") for line in head) for word in ("Watch", "Why", "Next"))
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize(
    "path", [path for path in READY if resolve([path]).config.data.path is None], ids=lambda path: path.stem
)
def test_a_ready_config_on_the_embedded_data_trains(path, tmp_path):
    plan = make_plan(resolve([path], ["train.epochs=1"]).config)
    with workers(1) as sum_blocks:
        *_, finished = run(plan, tmp_path, sum_blocks)
    assert finished.train.objective < plan.objective.loss_fn(np.zeros((1, 10)), np.array([0]))[0][0]  # that of W = 0


def test_commands_in_the_heads_work():
    for path in READY:
        for override in re.findall(r"-s ([a-z_0-9]+\.[a-z_0-9]+=[a-z_0-9.]*[a-z_0-9])", path.read_text("utf-8")):
            assert resolve([path], [override]).config


def test_the_template_has_the_descriptions_of_the_schema():
    text = " ".join(line.rpartition("# ")[2].strip() for line in template().splitlines())
    schema = json_schema()
    sections = [schema, *schema["$defs"].values()]
    described = [
        key["description"] for section in sections for key in section["properties"].values() if "description" in key
    ]
    assert len(described) > 25
    for words in [*described, *(section["description"] for section in sections[1:])]:
        assert words in text


def test_the_template_names_every_variant_with_its_own_keys():
    for section, model in VARIANTS.items():
        for name in model.factories:
            own = [key for key in keys(section, name) if key not in model.model_fields]
            (lines,) = re.findall(rf"^#   {name} .*(?:\n#    .*)*", template(), re.MULTILINE)
            assert re.findall(r"(\w+):\s", lines) == own
