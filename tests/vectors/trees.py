"""Writes spec/vectors/trees.json: tree digests and the hashes of the layers' tars, by a second implementation.

It follows spec/artifact.md ("Tree digest", "Layer") with nothing but Python's standard library, and checks its own tars
with Python's reader. How to run it, from the project's top folder:

    python3 tests/vectors/trees.py > spec/vectors/trees.json
"""

import hashlib
import io
import json
import tarfile


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def tree_digest(files):
    lines = [
        b"%s %s %s\n" % (b"100755" if executable else b"100644", sha256(content).encode(), path.encode())
        for path, executable, content in sorted(files, key=lambda file: file[0].encode())
    ]
    return "sha256:" + sha256(b"".join(lines))


def header(name, kind, mode, size):
    block = bytearray(512)
    block[0 : len(name)] = name
    for at, text in [
        (100, b"%07o\0" % mode),
        (108, b"0000000\0"),
        (116, b"0000000\0"),
        (124, b"%011o\0" % size),
        (136, b"00000000000\0"),
        (148, b"        "),
        (156, kind),
        (257, b"ustar\x0000"),
    ]:
        block[at : at + len(text)] = text
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def entry(name, kind, mode, content):
    return header(name, kind, mode, len(content)) + content + bytes(-len(content) % 512)


def pax_record(path):
    length = 0
    while True:
        record = b"%d path=%s\n" % (length, path)
        if len(record) == length:
            return record
        length = len(record)


def layer(root, files):
    tar = b""
    for path, executable, content in sorted(files, key=lambda file: file[0].encode()):
        name = f"{root}/{path}".encode()
        if len(name) > 100 or not name.isascii():
            tar += entry(b"././@PaxHeader", b"x", 0o644, pax_record(name))
            name = sha256(name).encode()
        tar += entry(name, b"0", 0o755 if executable else 0o644, content)
    return tar + bytes(1024)


def vector(about, root, files):
    tar = layer(root, files)
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        found = {member.name: archive.extractfile(member).read() for member in archive}
    assert found == {f"{root}/{path}": content for path, _, content in files}, about
    return {
        "about": about,
        "root": root,
        "files": [{"path": path, "executable": executable, "hex": content.hex()} for path, executable, content in files],
        "tree": tree_digest(files),
        "tar": "sha256:" + sha256(tar),
    }


trees = [
    vector("one file", "hello", [("SKILL.md", False, b"# Hello\n")]),
    vector("an empty file", "hello", [("empty", False, b"")]),
    vector("a program, and files not in order", "hello", [("b.md", False, b"b"), ("a/run.sh", True, b"#!/bin/sh\n"), ("a.md", False, b"a")]),
    vector("order is by bytes: '.' before '/', upper case before lower", "x", [("a/b", False, b"1"), ("a.b", False, b"2"), ("B", False, b"3"), ("a", False, b"4")][:3]),
    vector("content of exactly one block, and one byte more", "x", [("full", False, b"f" * 512), ("more", False, b"m" * 513)]),
    vector("bytes that are no text", "x", [("image.png", False, bytes(range(256)))]),
    vector("names beyond ASCII", "writing-assistant", [("写作助手.md", False, "你好\n".encode()), ("é/ü.md", True, b"x")]),
    vector("a path of 100 bytes with its root", "x", [("p" * 98, False, b"1")]),
    vector("a path of 101 bytes with its root", "x", [("p" * 99, False, b"1")]),
    vector("a deep and long path", "deep", [("/".join(["folder-with-a-long-name"] * 20) + "/" + "f" * 255, False, b"1")]),
]

refused = ["", "/a", "a/", "a//b", ".", "..", "./a", "../a", "a/../b", "a/.", "a\\b", "C:/a", "a\u0000", "a\nb", "a\u007f", "f" * 256, "/".join(["a"] * 600)]

print(json.dumps({"trees": trees, "refused_paths": refused}, indent=1))
