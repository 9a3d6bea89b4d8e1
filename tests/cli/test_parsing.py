"""What people type from habit is refused in one line that says what to type; nothing is given twice."""

import re
import shlex
from pathlib import Path

import click
import pytest
from PIL import Image

from imgclf.cli import cli
from imgclf.cli.parsing import Command, Group
from imgclf.config import resolve
from imgclf.config.messages import ELSEWHERE, key_of_option
from imgclf.config.shape import SECTIONS, VARIANTS, every_key
from imgclf.errors import UsageError


def commands(command=cli, path=()):
    """Every command with its words, groups too."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*path, name))


ALL = dict(commands())


@pytest.mark.parametrize(("typed", "meant"), [
    ("--lr 0.1", "-s schedule.step_size=0.1"), ("--lr=0.1", "-s schedule.step_size=0.1"),
    ("-lr 0.1", "-s schedule.step_size=0.1"), ("--learning-rate 1e-3", "-s schedule.step_size=1e-3"),
    ("--epochs 3", "-s train.epochs=3"), ("--epoch 3", "-s train.epochs=3"), ("--epochs", "-s train.epochs=..."),
    ("--batch-size 32", "-s train.batch_size=32"), ("--batch_size 32", "-s train.batch_size=32"),
    ("--optimizer adam", "-s optimizer.name=adam"), ("--schedule linear", "-s schedule.name=linear"),
    ("--seed 1", "-s seed=1"), ("--loss svm", "-s model.loss=svm"), ("--name 'my run'", "-s 'name=my run'"),
    ("--weight-decay 1e-4", "-s regularization.l2=1e-4"), ("--l2 0", "-s regularization.l2=0"),
    ("--image-size 32", "-s preprocess.image_size=32"), ("--limit 10", "-s data.limit=10"),
    ("--data pictures", "imgclf train pictures"), ("--data null", "imgclf train null"),
    ("--data '~/none'", f"imgclf train {Path.home()}/none"), ("--data=-x", "imgclf train ./-x"),
    ("--data a.npz", "imgclf train a.npz"), ("--data", "imgclf train ..."), ("--output x", "--out"),
    ("--resum x", "--resume"),
    ("--output_dir x", "--out"), ("--num-workers 4", "--threads"), ("-j 4", "--threads"), ("--cfg x", "--config"),
    ("--no_plots", "--no-plots"), ("--opt adam", "-s optimizer.name=adam"), ("-b 32", "-s train.batch_size=32"),
    ("--size 64", "-s preprocess.image_size=64"), ("--test-size .2", "-s data.test_fraction=.2"),
    ("fashion_sofmax", "imgclf train fashion_softmax"), ("fashion-mnist-mini", "-s data.source=fashion-mnist-mini"),
    ("run", "--resume run"), ("-s train.epochs 5", "-s train.epochs=5"),
    ("-s train.epochs = 5", "-s train.epochs=5"), ("-s train.epochs= 5", "-s train.epochs=5"),
    ("train.epochs=5", "-s train.epochs=5"), ("lr=0.1", "-s schedule.step_size=0.1"), ("epochs=3", "-s train.epochs=3"),
    ("-s lr 0.1", "-s schedule.step_size=0.1"), ("seed=3", "-s seed=3"), ("optimizer=adam", "-s optimizer.name=adam"),
    ("'optimizer={name: adam}'", "-s 'optimizer={name: adam}'"), ("model=svm", "-s model.loss=svm"),
    ("data=pictures", "imgclf train pictures"), ("data.path=a.npz", "imgclf train a.npz"), ("odd=1", "-s odd=1"),
])  # fmt: skip
def test_a_habit_is_told_what_to_type(refused, typed, meant):
    Path("a.npz").write_bytes(b"")
    Path("run").mkdir()
    Path("run/config.yaml").touch()
    done = refused(2, f" - did you mean {meant}?", "train", *shlex.split(typed))
    assert done.err.startswith("imgclf: error: imgclf train: ")


def run_all(imgclf, told):
    """Run the commands that a message names, the first ones as a shell would, and return the last."""
    *first, last = re.findall("`(.*?)`", told)
    for command in first:
        words, _, file = command.partition(" > ")
        done = imgclf(*shlex.split(words)[1:])
        assert done.code == 0
        Path(shlex.split(file)[0]).write_text(done.out)
    return shlex.split(last)[1:]


def test_what_is_told_is_what_works(imgclf, refused, pictures):
    told = refused(2, "", "train", "--data", "pictures").err.partition("did you mean imgclf ")[2].strip()
    assert imgclf(*shlex.split(told.removesuffix("?")), "--dry-run").code == 0


@pytest.mark.parametrize("typed", [
    "sanity PHOTOS", "gradcheck PHOTOS --images 2 -s model.loss=svm", "lesson step PHOTOS", "config show PHOTOS",
    "sweep PHOTOS -s sweep.params.train.epochs=[1]", "sweep --preset sweep_cifar10 PHOTOS",
    "sanity --data PHOTOS", "sanity data.path=PHOTOS", "sanity -s data.path PHOTOS",
])  # fmt: skip
def test_data_that_another_command_cannot_take_is_given_to_it_as_train_reads_it(imgclf, refused, typed):
    for number, size in enumerate([(9, 12), (12, 9), (15, 15), (10, 10)] * 3):
        for name in ("cat", "dog"):
            Path("my photos", name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB" if number % 2 else "L", size).save(f"my photos/{name}/{number}.png")
    Path("my photos.yaml").write_text("seed: 5\n")  # which the commands do not overwrite
    words = shlex.split(typed.replace("PHOTOS", "'my photos'"))
    told = refused(2, "did you mean `imgclf train 'my photos' ", *words).err
    last = run_all(imgclf, told)
    assert last[0] == words[0]
    assert last[-2:] == ["-c", "my photos-2.yaml"]
    assert Path("my photos.yaml").read_text() == "seed: 5\n"
    config = resolve([Path("my photos-2.yaml")]).config
    assert (config.preprocess.image_size, config.preprocess.color) == (9, "rgb")
    assert (config.model.loss == "svm") == ("svm" in typed)
    assert (config.sweep is not None) == (words[0] == "sweep")
    if words[0] in ("sanity", "lesson"):
        assert imgclf(*last).code in (0, 1)


@pytest.mark.parametrize(("typed", "commands"), [
    ("train mnist", ["imgclf data download mnist", "imgclf train mnist_softmax"]),
    ("train MNIST", ["imgclf data download mnist", "imgclf train mnist_softmax"]),
    ("train data/mnist", ["imgclf data download mnist", "imgclf train mnist_softmax"]),
    ("train cifar-10", ["imgclf data download cifar10", "imgclf train cifar10_softmax"]),
    ("train cifar100", ["imgclf data download cifar100", "imgclf train data/cifar-100-python.tar.gz"]),
    ("train fashion_mnist", ["imgclf data download fashion-mnist", "imgclf train data/fashion-mnist"]),
    ("train --dataset mnist", ["imgclf data download mnist", "imgclf train mnist_softmax"]),
    ("sanity mnist", ["imgclf data download mnist", "imgclf sanity -c mnist_softmax"]),
    ("lesson step mnist", ["imgclf data download mnist", "imgclf lesson step -c mnist_softmax"]),
    ("sanity fashion-mnist", ["imgclf data download fashion-mnist",
                              "imgclf train data/fashion-mnist --print-config > fashion-mnist.yaml",
                              "imgclf sanity -c fashion-mnist.yaml"]),
])  # fmt: skip
def test_a_data_set_that_can_be_downloaded_is_told_how(refused, typed, commands):
    spelled = ", then ".join(f"`{command}`" for command in commands)
    refused(2, f" - did you mean {spelled}?", *typed.split())
    Path("data/mnist").mkdir(parents=True)
    if "mnist_softmax" in commands[1] and "/" not in typed:
        refused(2, f" - did you mean {commands[1]}?", *typed.split())  # it is there already


def test_a_ready_config_or_a_source_in_place_of_data_is_told_apart(refused):
    refused(2, "did you mean imgclf sanity -c cifar10_svm?", "sanity", "cifar10_svm")
    refused(2, "did you mean imgclf sanity -c mnist_softmax?", "sanity", "mnist_sofmax")
    refused(2, "did you mean mnist_softmax?", "train", "-c", "mnist")
    refused(2, "name the data itself: a folder with train-images-idx3-ubyte.gz and similar files", "train", "idx")
    refused(2, "unexpected argument 'none' - see `imgclf sanity --help`", "sanity", "none")


def test_every_key_is_found_by_its_last_word():
    for key in every_key():
        word = key.rpartition(".")[2]
        if key not in SECTIONS and key not in VARIANTS:
            found = key_of_option("--" + word.replace("_", "-"), fuzzy=False)
            assert found.rpartition(".")[2] == word


def test_what_other_programs_say_leads_to_a_key():
    for key in {*ELSEWHERE.values(), *(key_of_option(f"--{section}", fuzzy=False) for section in VARIANTS)}:
        assert key in every_key()


@pytest.mark.parametrize(("typed", "words"), [
    (("train", "-q"), "it goes before the command: imgclf -q train"),
    (("data", "info", "--debug"), "it goes before the command: imgclf --debug data info"),
    (("eval", "--lr", "3"), "no such option --lr - see `imgclf eval --help`"),
    (("--lr", "3", "train"), "no such option --lr - options of a command go after its name"),
    (("--hepl",), "no such option --hepl"), (("--quite", "train"), "did you mean --quiet?"),
    (("eval", "a", "b"), "unexpected argument 'b' - did you mean --data b?"),
    (("eval", "--model", "a"), "did you mean imgclf eval a?"), (("verify", "--run", "a"), "imgclf verify a?"),
    (("predict", "--weights", "a", "b.png"), "did you mean imgclf predict a?"),
    (("predict", "a", "b.png", "--json"), "did you mean --format json?"),
    (("gradcheck", "my.py:f"), "did you mean --loss my.py:f?"), (("gradcheck", "run"), "did you mean --run run?"),
    (("train", "--out"), "imgclf train: Option '--out' requires an argument - see `imgclf train --help`"),
    (("help", "train"), "did you mean `imgclf train --help`?"),
    (("data", "info", "a", "b"), "unexpected argument 'b' - see `imgclf data info --help`"),
    (("config", "shwo"), "did you mean 'show'?"), (("data", "x"), "the commands are check, download, info, pack"),
    (("gradcheck", "my.yaml"), "did you mean -c my.yaml?"),
])  # fmt: skip
def test_other_words_out_of_place_are_told_where_they_belong(refused, typed, words):
    Path("run").mkdir()
    Path("run/config.yaml").touch()
    refused(2, words, *typed)


def test_images_in_place_of_a_run_are_told_how_to_be_evaluated(imgclf, refused, pictures, on_pictures):
    refused(2, "pictures holds images, not a run - did you mean imgclf eval --data pictures?", "eval", "pictures")
    assert imgclf("train", *on_pictures, "--out", "runs/a").code == 0
    assert imgclf("eval", "runs/a", "--out", "runs/a/eval").code == 0  # a folder with a picture in it
    assert imgclf("eval", "runs/a").code == 0
    refused(4, "runs", "eval", "runs")
    assert imgclf("train", *on_pictures, "-s", "schedule.step_size=1e30", "--out", "far").code == 5
    Path("far/curves.png").write_bytes(next(Path("pictures").rglob("*.png")).read_bytes())
    refused(4, "far: this run diverged and has no model", "eval", "far")


def single(command):
    return [p for p in command.params if isinstance(p, click.Option) and not p.multiple and not p.is_flag]


@pytest.mark.parametrize(
    ("path", "option"), [(path, option.opts[-1]) for path, command in ALL.items() for option in single(command)],
    ids=" ".join,
)  # fmt: skip
def test_an_option_of_one_value_is_given_once(path, option):
    """By the parser alone: whatever the values, they are two."""
    command = ALL[path]

    def value(parameter):
        return parameter.type.choices[0] if isinstance(parameter.type, click.Choice) else "1"

    (chosen,) = [p for p in single(command) if option in p.opts]
    once = [option, value(chosen)]
    others = [value(p) for p in command.params if isinstance(p, click.Argument)]
    others += [word for p in single(command) if p.required and p is not chosen for word in (p.opts[-1], value(p))]
    command.make_context("imgclf", [*others, *once])
    with pytest.raises(UsageError, match=f"{option} is given 2 times"):
        command.make_context("imgclf", [*others, *once, *once])


@pytest.mark.parametrize(
    ("path", "option"),
    [(path, p.opts[-1]) for path, command in ALL.items() for p in command.params
     if isinstance(p, click.Option) and isinstance(p.type, click.Path)],
    ids=" ".join,
)  # fmt: skip
def test_an_option_is_no_path(path, option):
    command = ALL[path]
    words = [p.type.choices[0] if isinstance(p.type, click.Choice) else "1" for p in command.params if p.required]
    required = [(p.opts[-1] if isinstance(p, click.Option) else None) for p in command.params if p.required]
    others = [word for name, value in zip(required, words, strict=True) if name != option
              for word in (name, value) if word]  # fmt: skip
    for words in ([option, "./--quiet"], [f"{option}=--quiet"]):
        command.make_context("imgclf", [*others, *words])
    with pytest.raises(UsageError, match=f"{option} needs a value, and --quiet is an option - add the path"):
        command.make_context("imgclf", [*others, option, "--quiet"])


def test_flags_and_options_of_many_values_may_repeat(imgclf):
    assert imgclf("-q", "-q", "config", "show", "-s", "seed=1", "-s", "seed=2").code == 0


def test_no_command_was_forgotten():
    assert {path[0] for path in ALL if path} >= {"train", "eval", "predict", "gradcheck", "data", "config"}
    for path, command in ALL.items():
        assert isinstance(command, Command | Group), path


@pytest.mark.parametrize("words", ["train", "gradcheck", "lesson", "sanity", "sweep", "config show", "config check"])
def test_the_help_of_a_key_says_where_all_keys_are_listed(imgclf, words):
    _, _, text = imgclf(*words.split(), "--help").out.partition("Options:\n")
    assert max(map(len, text.splitlines())) <= 80
    command = "config init -"
    assert f"`imgclf {command}` lists all keys." in " ".join(text.split())
    keys = set(re.findall(r"^ *(\w+):", imgclf(*command.split()).out, re.MULTILINE))
    assert keys >= {"epochs", "step_size", "val_fraction", "early_stopping"}


def test_help_wins_over_what_is_left_over(imgclf):
    assert imgclf("train", "pictures", "--help").code == 0
