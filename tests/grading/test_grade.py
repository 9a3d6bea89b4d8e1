"""`imgclf grade`: whatever one student's code does, the others get their grades."""

import csv
import json
import os

import pytest
from submissions_of_all_kinds import EXERCISES, KINDS, RIGHT, SOFTMAX, SVM, end_left_behind, left_behind, write_class

from imgclf.cli import main
from imgclf.grading.check import Checked
from imgclf.grading.grade import Grade
from imgclf.grading.results import gradescope, mistakes, row
from imgclf.grading.spec import read_spec
from imgclf.grading.submissions import submissions
