#!/usr/bin/env python3
"""Runs a command and kills it (SIGKILL, that process alone: its children are left to themselves) at a moment.

    kill_at.py --line TEXT [--after SECONDS] LOG COMMAND…    SECONDS after stderr's first line that holds TEXT
    kill_at.py --after SECONDS LOG COMMAND…                  SECONDS after the start
    kill_at.py LOG COMMAND…                                  never; prints when each line came

stderr goes to LOG. Prints one line: "killed" or "ended STATUS"; without a moment, "SECONDS LINE" for every line.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--line")
    parser.add_argument("--after", type=float, default=None)
    parser.add_argument("log")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    begun = time.monotonic()
    child = subprocess.Popen(options.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def kill_in(seconds):
        def now():
            try:
                os.kill(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if seconds <= 0:
            now()
        else:
            timer = threading.Timer(seconds, now)
            timer.daemon = True
            timer.start()

    lines = []

    def read():
        seen = False
        with open(options.log, "w") as log:
            for line in child.stderr:
                lines.append((time.monotonic() - begun, line.rstrip()))
                if options.line and not seen and options.line in line:
                    seen = True
                    kill_in(options.after or 0)
                log.write(line)
                log.flush()

    if not options.line and options.after is not None:
        kill_in(options.after)
    # Orphans hold the pipe open: the reader is not waited for.
    threading.Thread(target=read, daemon=True).start()
    status = child.wait()
    if options.line or options.after is not None:
        print("killed" if status == -signal.SIGKILL else f"ended {status}")
    else:
        time.sleep(0.2)
        for at, line in lines:
            print(f"{at:.3f} {line}")
    sys.stdout.flush()
    os._exit(0 if status in (0, -signal.SIGKILL) else 1)


if __name__ == "__main__":
    main()
