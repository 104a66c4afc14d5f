"""Commands and the app: they translate input and output, and call the trainer or the runtime."""
