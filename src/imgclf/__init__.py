"""Linear image classifiers, trained, checked and looked into."""

__version__ = "0.1.0"
