"""A worker that dies while it starts."""
import os

os._exit(1)
