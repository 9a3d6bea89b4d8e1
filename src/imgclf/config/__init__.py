"""Read, check and write configs; every mistake has its position."""

from imgclf.config.problems import ConfigError
from imgclf.config.resolve import resolve
from imgclf.config.schema import Config
from imgclf.config.shape import json_schema
from imgclf.config.yaml_writer import dump, dump_as_0_1, dump_without_new_keys, show, template

__all__ = [
    "Config",
    "ConfigError",
    "dump",
    "dump_as_0_1",
    "dump_without_new_keys",
    "json_schema",
    "resolve",
    "show",
    "template",
]
