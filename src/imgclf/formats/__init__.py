"""What guards against strangers' files: bytes in, arrays out, and DataError for whatever is not right."""
