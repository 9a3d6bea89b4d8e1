"""Images and labels: data sets, preprocessing and sources."""
