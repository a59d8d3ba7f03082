"""A worker that is killed by a signal while it starts."""
import os
import signal

os.write(2, b"about to crash\n")
os.kill(os.getpid(), signal.SIGSEGV)
