#!/usr/bin/env python3
"""Every link from one file of this repository to another, and to a heading, must lead somewhere. Offline.

Web addresses are only held for their form: what stands there is not this repository's to promise."""

import os
import re
import subprocess
import sys

LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|^\[[^\]]+\]:\s+(\S+)", re.M)
NAMED = re.compile(r"`((?:docs|deploy|tests|src)/[A-Za-z0-9_./-]+)`")


def anchors(path):
    """GitHub's names for a page's headings."""
    seen, found = {}, set()
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"^```.*?^```", "", file.read(), flags=re.M | re.S)
    for heading in re.findall(r"^#{1,6}\s+(.*?)\s*#*$", text, re.M):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        count = seen.get(name, 0)
        seen[name] = count + 1
        found.add(name if not count else f"{name}-{count}")
    return found


def pages():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], capture_output=True, text=True)
    return [page for page in listed.stdout.split("\n") if page and os.path.exists(page)]


def problems(page):
    with open(page, encoding="utf-8") as file:
        text = re.sub(r"^```.*?^```", "", file.read(), flags=re.M | re.S)
    for match in LINK.finditer(text):
        target = match.group(1) or match.group(2)
        if re.match(r"https?://[^/\s]+\.[^/\s]+", target) or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        whole = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if not os.path.exists(whole):
            yield f"{page}: the link {target} leads nowhere"
        elif anchor and anchor not in anchors(whole):
            yield f"{page}: {whole} has no heading #{anchor}"
    for name in NAMED.findall(text):
        if not os.path.exists(name.rstrip("/.")):
            yield f"{page}: it names {name}, which does not exist"


def main():
    found = pages()
    wrong = [problem for page in found for problem in problems(page)]
    print("\n".join(wrong) if wrong else f"{len(found)} pages, every link leads somewhere")
    if "README.md" not in found:
        wrong.append("there is no README.md")
        print(wrong[-1])
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
