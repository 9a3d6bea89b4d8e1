"""Read, check and write configs; every mistake has its position."""

from imgclf.config.problems import ConfigError, Problem
from imgclf.config.resolve import Resolved, resolve
from imgclf.config.schema import Config
from imgclf.config.shape import json_schema
from imgclf.config.yaml_writer import dump, dump_as_0_1, show, template

__all__ = [
    "Config",
    "ConfigError",
    "Problem",
    "Resolved",
    "dump",
    "dump_as_0_1",
    "json_schema",
    "resolve",
    "show",
    "template",
]
