#!/usr/bin/env python3
"""Runs a command and prints how much memory it took at most, in KiB: measured.py STDOUT COMMAND…; its status is ours."""
import resource
import subprocess
import sys

with open(sys.argv[1], "wb") as out:
    status = subprocess.run(sys.argv[2:], stdout=out).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
