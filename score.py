# score.py
import numpy as np
from imgclf.data.sources.fashion_mnist_mini import load

image = load(None, ["test"])["test"].images[0]
np.save("boot.npy", [image])
model = np.load("first/model.npz")
W, b = model["weights"][:784], model["weights"][784]
x = image.reshape(784) / 255 - model["mean"]
print("shapes", x.shape, W.shape, b.shape)
print("scores", np.round(x @ W + b, 2))
terms = x * W[:, 9]
print("class 9", np.round([terms[terms > 0].sum(), terms[terms < 0].sum(), b[9]], 3))
