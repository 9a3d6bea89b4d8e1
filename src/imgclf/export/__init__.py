"""A trained model for other programs: ONNX, safetensors, and a model card."""
