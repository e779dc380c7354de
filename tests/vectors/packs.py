"""Writes spec/vectors/packs.json: a pack, entry by entry, and packs that are refused, by a second implementation.

It follows spec/pack.md with nothing but Python's standard library, and checks its own tars with Python's reader. How to run it, from
the project's top folder:

    python3 tests/vectors/packs.py > spec/vectors/packs.json
"""

import hashlib
import io
import json
import tarfile

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
PACK = "application/vnd.pcl.pack.v1"
SKILL = "application/vnd.agentskills.skill.v1"
SIGNATURE = "application/vnd.dev.sigstore.bundle.v0.3+json"
REF = "org.opencontainers.image.ref.name"


def digest(content, algorithm="sha256"):
    return algorithm + ":" + hashlib.new(algorithm, content).hexdigest()


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


# ── The tar ──


def entry(name, content, kind=b"0"):
    block = bytearray(512)
    block[0 : len(name)] = name
    for at, text in [
        (100, b"0000644\0"),
        (108, b"0000000\0"),
        (116, b"0000000\0"),
        (124, b"%011o\0" % len(content)),
        (136, b"00000000000\0"),
        (148, b"        "),
        (156, kind),
        (257, b"ustar\x0000"),
    ]:
        block[at : at + len(text)] = text
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + content + bytes(-len(content) % 512)


def pax_record(path):
    length = 0
    while True:
        record = b"%d path=%s\n" % (length, path)
        if len(record) == length:
            return record
        length = len(record)


def tar_of(entries):
    tar = b""
    for path, content in entries:
        name = path.encode()
        if len(name) > 100:
            tar += entry(b"././@PaxHeader", pax_record(name), b"x")
            name = hashlib.sha256(name).hexdigest().encode()
        tar += entry(name, content)
    return tar + bytes(1024)


# ── What is in the pack ──

blobs = {}


def blob(content, algorithm="sha256"):
    name = digest(content, algorithm)
    blobs[name] = content
    return name


def descriptor(media_type, content, algorithm="sha256", **more):
    return {"mediaType": media_type, "digest": blob(content, algorithm), "size": len(content), **more}


def image(artifact_type, layers, **more):
    config = descriptor("application/vnd.oci.empty.v1+json", b"{}")
    return compact({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": artifact_type, "config": config, "layers": layers, **more})


def text(content, algorithm="sha256"):
    return descriptor("text/plain", content, algorithm)


def member(repository, reference, manifest, media_type=MANIFEST, artifact_type=None, version=None, root=False, subject=None):
    name = f"{repository}@{blob(manifest)}" if reference is None else f"{repository}:{reference}"
    annotations = {"io.pcl.pack.name": repository, REF: name}
    if version:
        annotations["io.pcl.pack.version"] = version
    if root:
        annotations["io.pcl.pack.root"] = "true"
    if subject:
        annotations["io.pcl.pack.subject"] = subject
    found = {"mediaType": media_type, "digest": blob(manifest), "size": len(manifest)}
    found["annotations"] = dict(sorted(annotations.items()))
    if artifact_type:
        found["artifactType"] = artifact_type
    return found


def need(name, range, of=None):
    found = {"name": name, "range": range}
    if of:
        found["found"] = {"version": of["annotations"]["io.pcl.pack.version"], "digest": of["digest"]}
    return found


def needs(of, *needed):
    annotations = of["annotations"]
    return {"name": annotations["io.pcl.pack.name"], "version": annotations["io.pcl.pack.version"], "needs": list(needed)}


# ── Order ──


def key(release):
    return (release["name"], release["version"])


def reaches(releases, start):
    """All that a release needs, perhaps by way of others."""
    by_key = {key(release): release for release in releases}
    found, todo = set(), [start]
    while todo:
        for needed in todo.pop()["needs"]:
            at = (needed["name"], needed.get("found", {}).get("version"))
            if at in by_key and at not in found:
                found.add(at)
                todo.append(by_key[at])
    return found


def ordered(releases):
    """Names and versions here are such that their order as text is their order."""
    by_key = {key(release): release for release in releases}
    reach = {at: reaches(releases, release) for at, release in by_key.items()}
    put = []

    def visit(at):
        if at in put:
            return
        circle = sorted({at} | {other for other in reach[at] if at in reach[other]})
        # Which of a circle is begun with decides in which order its needs come.
        seen = []

        def within(one):
            if one in seen:
                return
            seen.append(one)
            for other in sorted((n["name"], n["found"]["version"]) for n in by_key[one]["needs"] if n.get("found")):
                if other in circle:
                    within(other)
                elif other in by_key:
                    visit(other)

        within(at)
        put.extend(circle)

    for at in sorted(by_key):
        visit(at)
    return [by_key[at] for at in put]


def arranged(members, releases):
    order = [f"{r['name']}:{r['version'].replace('+', '_')}" for r in ordered(releases)]
    name = lambda m: m["annotations"][REF]
    rank = lambda m: (order.index(name(m)) if name(m) in order else len(order), name(m))
    here = {(m["annotations"]["io.pcl.pack.name"], m["digest"]) for m in members}
    about = lambda m: (m["annotations"]["io.pcl.pack.name"], m["annotations"].get("io.pcl.pack.subject"))
    put = []

    def visit(one):
        put.append(one)
        at = (one["annotations"]["io.pcl.pack.name"], one["digest"])
        for referrer in sorted((m for m in members if about(m) == at and m not in put), key=rank):
            visit(referrer)

    for one in sorted((m for m in members if about(m) not in here), key=rank):
        visit(one)
    return put


def blobs_in_order(manifest_digest, put):
    if manifest_digest in put:
        return
    put.append(manifest_digest)
    document = json.loads(blobs[manifest_digest])
    for child in document.get("manifests", []):
        if child["mediaType"] in (MANIFEST, INDEX):
            blobs_in_order(child["digest"], put)
        elif child["digest"] not in put:
            put.append(child["digest"])
    for child in [document["config"], *document["layers"]] if "config" in document else []:
        if not child.get("urls") and child["digest"] not in put:
            put.append(child["digest"])


def path_of(name):
    return "blobs/" + name.replace(":", "/")


def pack(members, releases, parts):
    members = arranged(members, releases)
    own = compact({"schemaVersion": 2, "mediaType": INDEX, "artifactType": PACK, "manifests": members})
    first = {"mediaType": INDEX, "digest": blob(own), "size": len(own), "artifactType": PACK}
    outer = compact({"schemaVersion": 2, "mediaType": INDEX, "manifests": [first, *members]})
    below = {**parts, "pcl/resolved.json": compact({"schema": 1, "members": ordered(releases)})}
    put = []
    blobs_in_order(digest(own), put)
    return [
        ("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'),
        ("index.json", outer),
        *sorted(below.items()),
        *((path_of(name), blobs[name]) for name in put),
    ]


def vector(about, members, releases, parts):
    entries = pack(members, releases, parts)
    tar = tar_of(entries)
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        assert [(one.name, archive.extractfile(one).read()) for one in archive] == entries, about
    taken = {path for path, _ in entries}
    return {
        "about": about,
        "members": sorted(members, key=lambda m: m["digest"]),
        "needs": sorted(releases, key=lambda r: digest(compact(r))),
        "parts": {path: content.decode() for path, content in parts.items()},
        "blobs": {name: content.decode() for name, content in sorted(blobs.items()) if path_of(name) in taken},
        "entries": [path for path, _ in entries],
        "index": entries[1][1].decode(),
        "pack": json.loads(entries[1][1])["manifests"][0]["digest"],
        "tar": digest(tar),
    }


bob = member("acme/bob", "2.0.0", image(SKILL, [text(b"shared")], annotations={"a": "bob"}), artifact_type=SKILL, version="2.0.0")
ann = member("acme/ann", "1.2.0_b1", image(SKILL, [text(b"ann", "sha512")]), artifact_type=SKILL, version="1.2.0+b1")
crew = member("acme/crew", "1.0.0", image(SKILL, [text(b"shared"), text(b"crew")]), artifact_type=SKILL, version="1.0.0", root=True)


def signature(of, content):
    subject = {"mediaType": of["mediaType"], "digest": of["digest"], "size": of["size"]}
    return image(SIGNATURE, [text(content)], subject=subject)


signed = signature(ann, b"signed")
signed = member("acme/ann", None, signed, artifact_type=SIGNATURE, subject=ann["digest"])
tagged = image(SIGNATURE, [text(b"tagged")])
tagged = member("acme/ann", ann["digest"].replace(":", "-") + ".sig", tagged, subject=ann["digest"])
children = [descriptor(MANIFEST, image(SKILL, [text(b"child")])), descriptor("text/x-notes", b"notes")]
notes = member("plain/deep/notes", "stable", compact({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}), media_type=INDEX)
team = [crew, notes, tagged, signed, ann, bob]
team_needs = [needs(crew, need("acme/bob", "^2", bob), need("acme/ann", "~1.2.0", ann)), needs(ann, need("acme/bob", "*", bob), need("other/eve", ">=1")), needs(bob)]
proof = "pcl/proofs/" + ann["digest"][7:]
parts = {
    "pcl/checkpoint": b"checkpoint",
    "pcl/events/00000000000000000007": b"event",
    "pcl/key": b"key",
    "pcl/policies/acme.json": b"{}",
    proof: b"proof",
}


def ring(name, *needed):
    return member(f"ring/{name}", "1.0.0", image(SKILL, [text(name.encode())]), version="1.0.0")


rings = {name: ring(name) for name in "abcde"}
ring_needs = [needs(rings[name], *(need(f"ring/{other}", "*", rings[other]) for other in others)) for name, others in [("a", "c"), ("b", "ad"), ("c", "b"), ("d", ""), ("e", "c")]]
news = [signed, crew]
news_parts = {"pcl/since": b"since", "pcl/consistency": b"consistency", "pcl/checkpoint": b"checkpoint"}

packs = [
    vector("nothing", [], [], {}),
    vector("a team, what it needs, signatures, a gap, an index, and a long path", team, team_needs, parts),
    vector("three that need each other", list(rings.values()), ring_needs, {}),
    vector("news: what is needed and signed is elsewhere", news, team_needs[:1], news_parts),
]

# ── What is refused ──

good = pack([ann, bob, signed], team_needs[1:], {"pcl/key": b"key", proof: b"proof"})
refused = []


def refuse(about, change):
    entries = list(good)
    change(entries)
    shown = [path if (path, content) in good else [path, content.decode()] for path, content in entries]
    refused.append({"about": about, "entries": shown})


def at(entries, path):
    return next(place for place, found in enumerate(entries) if found[0].startswith(path))


def edit(path, old, new):
    def change(entries):
        place = at(entries, path)
        content = entries[place][1]
        assert old in content, (path, old)
        entries[place] = (entries[place][0], content.replace(old, new, 1))

    return change


def rename(old, new):
    def change(entries):
        place = at(entries, old)
        entries[place] = (new, entries[place][1])

    return change


def swap(one, other):
    def change(entries):
        a, b = at(entries, one), at(entries, other)
        entries[a], entries[b] = entries[b], entries[a]

    return change


def remove(path):
    return lambda entries: entries.pop(at(entries, path))


def insert(before, path, content):
    return lambda entries: entries.insert(at(entries, before) if before else len(entries), (path, content))


shared, config = path_of(digest(b"shared")), path_of(digest(b"{}"))
for about, change in [
    ("no layout", remove("oci-layout")),
    ("the index first", swap("oci-layout", "index.json")),
    ("no index", remove("index.json")),
    ("nothing says what is needed", remove("pcl/resolved.json")),
    ("below pcl/ in another order", swap("pcl/key", "pcl/proofs")),
    ("an entry of no pack", insert("pcl/key", "pcl/extra", b"")),
    ("a path that leads out", rename("pcl/key", "../key")),
    ("an absolute path", rename("pcl/key", "/pcl/key")),
    ("a path with a dot", rename("pcl/key", "./pcl/key")),
    ("a name in capitals", rename("pcl/key", "pcl/KEY")),
    ("twice the same", insert("pcl/proofs", "pcl/key", b"key")),
    ("a blob twice", insert(None, shared, b"shared")),
    ("a blob that nobody names", insert(None, path_of(digest(b"x")), b"x")),
    ("a blob is missing", remove(shared)),
    ("a layer before its config", swap(shared, config)),
    ("another byte", edit(shared, b"shared", b"Shared")),
    ("a byte more", edit(shared, b"shared", b"shared!")),
    ("a proof of something else", rename("pcl/proofs", "pcl/proofs/" + "0" * 64)),
    ("the indexes differ", edit("index.json", b'"io.pcl.pack.version":"2.0.0"', b'"io.pcl.pack.root":"true","io.pcl.pack.version":"2.0.0"')),
    ("no index of a pack", edit("index.json", PACK.encode(), b"application/vnd.pcl.pack.v2")),
    ("another version of the layout", edit("oci-layout", b"1.0.0", b"1.1.0")),
    ("another schema", edit("pcl/resolved.json", b'"schema":1', b'"schema":2')),
    ("outside the range", edit("pcl/resolved.json", b'"range":"*"', b'"range":"^3"')),
    ("a need with another digest", edit("pcl/resolved.json", bob["digest"].encode(), digest(b"x").encode())),
    ("a release that is no member", edit("pcl/resolved.json", b'"name":"acme/ann"', b'"name":"acme/amy"')),
    ("news without a proof of consistency", insert("blobs/", "pcl/since", b"since")),
    ("no JSON", edit("index.json", b"{", b"")),
]:
    refuse(about, change)

shown = [[path, content.decode()] for path, content in good]
print(json.dumps({"packs": packs, "good": shown, "refused": refused}, indent=1))
