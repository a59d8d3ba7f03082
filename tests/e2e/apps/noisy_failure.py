"""Writes far more to stderr than anybody wants to read, in no known encoding, and then fails."""
import sys

for n in range(2000):
    sys.stderr.buffer.write(b"line %d \xff\xfe\x00\x01 " % n + b"x" * 300 + b"\n")
sys.stderr.flush()
raise RuntimeError("the last word")
