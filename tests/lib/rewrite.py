"""An archive of `tars backup` with one member changed and every sum right again.

rewrite.py SOURCE TARGET MEMBER EXPRESSION: the expression makes the new bytes out of `content`.
"""

import gzip
import hashlib
import io
import re  # for expressions
import sys
import tarfile

source, target, changed, expression = sys.argv[1:]
members = []
with tarfile.open(source) as tar:
    for member in tar:
        members.append((member, tar.extractfile(member).read() if member.isfile() else None))
root = members[0][0].name.split("/")[0]
sums = {}
out = io.BytesIO()
with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
    for member, content in members:
        path = member.name[len(root) + 1 :]
        if path == changed:
            content = eval(expression)
        if path == "SHA256SUMS":
            lines = (line.split(b"  ", 1) for line in content.splitlines())
            content = b"".join(sums.get(name.decode(), digest.decode()).encode() + b"  " + name + b"\n" for digest, name in lines)
        if content is not None:
            member.size = len(content)
            sums[path] = hashlib.sha256(content).hexdigest()
        tar.addfile(member, io.BytesIO(content) if content is not None else None)
with open(target, "wb") as file:
    file.write(gzip.compress(out.getvalue()))
