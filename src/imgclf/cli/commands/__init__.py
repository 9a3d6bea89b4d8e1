"""Commands, one module each; imported when they are called."""
