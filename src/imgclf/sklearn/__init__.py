"""The classifier as an estimator of scikit-learn."""

try:
    from sklearn.utils.validation import validate_data as _since_1_6  # noqa: F401
except ImportError as error:
    raise ImportError("imgclf.sklearn needs scikit-learn 1.6 or newer: pip install 'imgclf[sklearn]'") from error

from imgclf.sklearn.classifier import LinearImageClassifier

__all__ = ["LinearImageClassifier"]
