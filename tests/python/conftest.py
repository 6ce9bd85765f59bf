"""Settings of the whole suite."""

import os

# Several workers run the warehouse side by side: each computes one model at a time.
os.environ.setdefault("ENCOURS_THREADS", "1")
