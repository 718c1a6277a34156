#!/usr/bin/env python3
"""Looks for canaries in support bundles, without any of the product's own code.

    leaks.py BUNDLE CANARIES       CANARIES: a file with NAME<tab>VALUE lines

Every member is read, and its path; a value counts in any case of these: as it is, base64 (of each alignment, both
alphabets), base64 of that, percent-encoded, hexadecimal, JSON-escaped, reversed. Prints NAME, form and member of each
one found; status 1 if there was any, 2 if the bundle holds no members.
"""
import base64, json, sys, tarfile, urllib.parse


def cores(raw):
    for offset in range(3):
        whole = b"\0" * offset + raw
        whole = whole[: len(whole) // 3 * 3]
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            core = encode(whole)[(0, 2, 3)[offset]:]
            if len(core) >= 8:
                yield core


def forms(value):
    raw = value.encode()
    yield "plain", raw
    yield "reversed", raw[::-1]
    yield "hex", raw.hex().encode()
    yield "HEX", raw.hex().upper().encode()
    for safe in ("", "/"):
        yield "url", urllib.parse.quote(value, safe=safe).encode()
    yield "url+", urllib.parse.quote_plus(value).encode()
    yield "json", json.dumps(value)[1:-1].encode()
    yield "utf-16", value.encode("utf-16-le")
    for core in cores(raw):
        yield "base64", core
        if len(core) >= 12:
            for twice in cores(core):
                yield "base64 twice", twice


bundle, canaries = sys.argv[1:3]
wanted = []
for line in open(canaries):
    name, value = line.rstrip("\n").split("\t")
    wanted += [(name, form, text) for form, text in set(forms(value))]
members = found = 0
with tarfile.open(bundle, "r:gz") as tar:
    for member in tar:
        members += 1
        content = (tar.extractfile(member).read() if member.isfile() else b"") + b"\n" + member.name.encode()
        for name, form, text in wanted:
            if text in content:
                found += 1
                at = content.index(text)
                print(f"{name} ({form}) in {member.name}: {content[max(0, at - 60):at + len(text) + 20]!r}")
sys.exit(2 if members == 0 else 1 if found else 0)
