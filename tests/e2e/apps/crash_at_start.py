"""A worker that dies while it starts."""
import os

os.write(2, b"last words\n")
os._exit(1)
