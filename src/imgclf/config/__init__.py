"""Configs: keys and values, checked, with the place of each."""

from imgclf.config.layers import template
from imgclf.config.problems import ConfigError, Problem
from imgclf.config.resolve import Resolved, resolve
from imgclf.config.schema import Config
from imgclf.config.shape import json_schema
from imgclf.config.yaml_writer import dump, show

__all__ = ["Config", "ConfigError", "Problem", "Resolved", "dump", "json_schema", "resolve", "show", "template"]
