"""How Sphinx builds the documentation: `make docs`. Pages are Markdown, and their links are those of the repository."""

import sys
from pathlib import Path

import imgclf

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

project = "imgclf"
version = release = imgclf.__version__
html_title = f"imgclf {version}"
copyright = "the authors of imgclf, MIT license"  # noqa: A001 - Sphinx wants this name

extensions = [
    "myst_parser",
    "sphinx_external_toc",
    "sphinx_click",
    "sphinx.ext.autodoc",
    "plain_docstrings",  # before napoleon, which takes those in numpydoc's form
    "sphinx.ext.napoleon",
    "command_pages",
    "config_keys",
    "small_screens",
    "keyboard",
    "sessions",
    "one_title",
    "shown_files",
]

# The source folder is the repository, so that a link leads to the same file here and there.
include_patterns = [
    "docs/**",
    "benchmarks/*.md",
    "data/fashion-mnist-mini/README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
]
exclude_patterns = ["[.]*", "build", "dist", "runs", "src", "tests", "data/[!f]*", "docs/site", "**.ipynb"]
external_toc_path = str(HERE / "toc.yml")

nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!imgclf).*"),  # other packages have pages elsewhere
    (
        "py:class",
        "imgclf.(config.schema.Config|data.preprocess.Preprocess|training.epochs.Finished|training.classifier.Model)",
    ),
]
myst_heading_anchors = 3
highlight_language = "none"
default_role = "code"
smartquotes_action = "qe"  # no dashes: --no-plots is an option

autodoc_mock_imports = ["joblib", "sklearn"]  # its classes are named, and nothing is fitted
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
napoleon_google_docstring = False

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["style.css"]
html_additional_pages = {"index": "to-the-first-page.html"}
templates_path = ["templates"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    # Fonts of the system: nothing is loaded from elsewhere.
    "light_css_variables": {"color-brand-primary": "#0b5cad", "color-brand-content": "#0b5cad"},
    "dark_css_variables": {"color-brand-primary": "#7db8f0", "color-brand-content": "#7db8f0"},
    "footer_icons": [],
}
