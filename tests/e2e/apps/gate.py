"""An application whose import ends when a file exists: the test decides how long a start takes."""
import os
import time

from basic import application  # noqa: F401

while not os.path.exists(os.environ["GATE"]):
    time.sleep(0.02)
