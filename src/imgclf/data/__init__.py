"""Images and labels: from files to data sets, and from pixels to what the classifier sees."""
