import random
from pathlib import Path

import pytest

from imgclf.config import ConfigError, dump, resolve, template

READY = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
SEEDS = [b"\n".join(line for line in path.read_bytes().split(b"\n") if line[:1] != b"#") for path in READY]
SEEDS += [dump(resolve((), ["optimizer.name=adam", "schedule.name=step", "early_stopping={}"]).config).encode()]
SPLICES = [
    b"\t", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xc2\x85", b"\xe2\x80\xa8", b": ", b"- ", b"? ", b"[", b"{", b"}",
    b"'", b'"', b"|\n",
    b">", b"&a ", b"*a", b"!!int ", b"!", b"<<: ", b"---\n", b"...\n", b"%YAML 1.1\n", b"#", b"null", b"true",
    b".nan", b"-1", b"1e999", b"9" * 200, b"0x", b'"\\UFFFFFFFF"', b'"\\ud800"', b"\r", b"\n", b"  ", b",", b"~", b"\\",
    b"\xf0\x9f\x98\x80",
]  # fmt: skip
MUTATIONS = 600


def mutate(data, rng):
    """Flip, insert, drop, double or move a few pieces."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(len(data) + 1), rng.randint(0, 12)
        piece = rng.choice([rng.choice(SPLICES), data[at : at + length], rng.randbytes(1), b""])
        target = rng.choice([at, rng.randrange(len(data) + 1)])
        data[target : target + rng.choice([0, 1, length])] = piece
    return bytes(data)


def check_lines(error, begin):
    """A line each, for people, and not too long."""
    assert all(problem.explain() for problem in error.problems)
    for line in error.lines():
        assert line.startswith(begin)
        assert line.isprintable()
        assert len(line.removeprefix(begin)) <= 300


def test_a_mutated_config_is_read_or_refused_with_one_kind_of_error(tmp_path):
    rng = random.Random(2027)
    refused = 0
    for number in range(MUTATIONS):
        file = tmp_path / f"{number}.yaml"
        file.write_bytes(mutate(rng.choice(SEEDS), rng))
        try:
            dump(resolve([file]).config)
        except ConfigError as error:
            refused += 1
            check_lines(error, str(file))
    # Else the mutations are too tame, or too wild, to say anything.
    assert MUTATIONS / 3 < refused < MUTATIONS


def test_a_mutated_override_is_read_or_refused_with_one_kind_of_error():
    rng = random.Random(2028)
    texts = ["train.epochs=5", "optimizer={name: adam, beta1: 0.5}", "data.options.a.b=[1, {c: x}]", "name='x'"]
    for _ in range(MUTATIONS):
        override = mutate(rng.choice(texts).encode(), rng).decode("utf-8", "surrogateescape")
        try:
            dump(resolve((), [override]).config)
        except ConfigError as error:
            check_lines(error, "-s ")


@pytest.mark.parametrize("data", [b"", b"\n", b"# nothing\n", b"---\n", b"null\n", b"\xef\xbb\xbf"])
def test_an_empty_config_is_the_default(data, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_bytes(data)
    assert resolve([file]) == resolve()


def test_an_endless_file_is_refused():
    with pytest.raises(ConfigError, match="larger than 64 KB"):
        resolve([Path("/dev/zero")])


def test_the_template_survives_windows_line_ends(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_bytes(template().replace("\n", "\r\n").encode())
    assert resolve([file]).config == resolve().config
