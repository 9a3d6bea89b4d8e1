"""Read, check and write configs; every mistake has its position."""

from imgclf.config.problems import ConfigError
from imgclf.config.resolve import leaves, resolve
from imgclf.config.schema import Config
from imgclf.config.shape import json_schema
from imgclf.config.yaml_writer import copy_of, dump, dump_as_0_1, dump_given, show, template

__all__ = [
    "Config",
    "ConfigError",
    "copy_of",
    "dump",
    "dump_as_0_1",
    "dump_given",
    "json_schema",
    "leaves",
    "resolve",
    "show",
    "template",
]
