"""Writes spec/vectors/log.json: trees, tiles, proofs, notes and entries of a log, by a second implementation.

It follows spec/log.md, RFC 6962, RFC 8032 and the documents of C2SP with nothing but Python's standard library. How to run it, from
the project's top folder:

    python3 tests/vectors/log.py > spec/vectors/log.json
"""

import hashlib
import hmac
import json
from base64 import b64encode


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def base64(content):
    return b64encode(content).decode()


# ── RFC 6962, section 2.1, as it is written there ──


def split(count):
    power = 1
    while 2 * power < count:
        power *= 2
    return power


def leaf(entry):
    return sha256(b"\0", entry)


def root(leaves):
    if not leaves:
        return sha256()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sha256(b"\1", root(leaves[:k]), root(leaves[k:]))


def path(m, leaves):
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return path(m, leaves[:k]) + [root(leaves[k:])]
    return path(m - k, leaves[k:]) + [root(leaves[:k])]


def subproof(m, leaves, known):
    if m == len(leaves):
        return [] if known else [root(leaves)]
    k = split(len(leaves))
    if m <= k:
        return subproof(m, leaves[:k], known) + [root(leaves[k:])]
    return subproof(m - k, leaves[k:], False) + [root(leaves[:k])]


# ── RFC 8032, Ed25519 ──

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(left, right):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = left, right
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def compress(point):
    x, y, z, _ = point
    inverse = pow(z, P - 2, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def expand(seed):
    hashed = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(hashed[:32], "little") & (1 << 254) - 8 | 1 << 254
    return scalar, hashed[32:]


def public_key(seed):
    return compress(times(expand(seed)[0], BASE))


def ed25519(seed, message):
    scalar, prefix = expand(seed)
    number = lambda *parts: int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % L
    r = number(prefix, message)
    point = compress(times(r, BASE))
    s = (r + number(point, public_key(seed), message) * scalar) % L
    return point + s.to_bytes(32, "little")


# RFC 8032, 7.1, test 2.
assert ed25519(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"), b"\x72").hex().startswith("92a009a9f0d4cab8")


# ── notes ──


def key_id(name, kind, public):
    return sha256(name.encode(), b"\n", bytes([kind]), public)[:4]


def vkey(name, kind, seed):
    public = public_key(seed)
    return f"{name}+{key_id(name, kind, public).hex()}+{base64(bytes([kind]) + public)}"


def secret(name, kind, seed):
    return f"PRIVATE+KEY+{name}+{key_id(name, kind, public_key(seed)).hex()}+{base64(bytes([kind]) + seed)}"


def sign(name, seed, text):
    return f"— {name} {base64(key_id(name, 1, public_key(seed)) + ed25519(seed, text.encode()))}\n"


def cosign(name, seed, time, text):
    message = f"cosignature/v1\ntime {time}\n{text}".encode()
    return f"— {name} {base64(key_id(name, 4, public_key(seed)) + time.to_bytes(8, 'big') + ed25519(seed, message))}\n"


# ── tiles ──


def place(index):
    elements = ["%03d" % (index % 1000)]
    while index >= 1000:
        index //= 1000
        elements.insert(0, "x%03d" % (index % 1000))
    return "/".join(elements)


def tiles(entries):
    """Every tile and bundle of the log with these entries, by path."""
    found = {}
    for start in range(0, len(entries), 256):
        bundle = entries[start : start + 256]
        name = f"tile/entries/{place(start // 256)}" + (f".p/{len(bundle)}" if len(bundle) < 256 else "")
        found[name] = b"".join(len(entry).to_bytes(2, "big") + entry for entry in bundle)
    level, row = 0, [leaf(entry) for entry in entries]
    while row:
        for start in range(0, len(row), 256):
            tile = row[start : start + 256]
            name = f"tile/{level}/{place(start // 256)}" + (f".p/{len(tile)}" if len(tile) < 256 else "")
            found[name] = b"".join(tile)
        level, row = level + 1, [root(row[start : start + 256]) for start in range(0, len(row) - len(row) % 256, 256)]
    return found


# ── entries ──

LOG_SECRET = bytes(range(32))


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def salt(n):
    return hmac.new(LOG_SECRET, b"pcl-log-salt\n%d" % n, hashlib.sha256).digest()


def entry_vector(about, event):
    content = canonical(event).encode()
    n = event["n"]
    vector = {"about": about, "n": n, "event": content.decode()}
    if event.get("hidden") is not False:
        sealed = "sha256:" + sha256(salt(n), content).hex()
        opening = canonical({"n": n, "salt": salt(n).hex(), "event": base64(content)})
        return vector | {"entry": canonical({"n": n, "sealed": sealed}), "salt": salt(n).hex(), "opening": opening}
    if len(content) > 65535:
        # The event is as long as this says: its actor is that many times `a`.
        entry = canonical({"n": n, "long": "sha256:" + sha256(content).hex()})
        event["actor"] = ""
        return {"about": about, "n": n, "event": canonical(event), "actor_length": 65536, "entry": entry}
    return vector | {"entry": content.decode()}


def event(n, **members):
    return {"v": 1, "n": n, "type": "yank", "actor": "operator", "name": "acme/hello", "version": "1.0.0"} | members


digest = "sha256:" + sha256(b"event").hex()
entries_of_the_log = [
    entry_vector("a public event is its bytes", event(1, hidden=False)),
    entry_vector("a hidden event is sealed", event(2, hidden=True)),
    entry_vector("an event of an older release, which does not say whether it is hidden", event(3)),
    entry_vector("a public event of more than 65,535 bytes", event(4, hidden=False, actor="a" * 65536)),
    entry_vector("a number of several digits", event(12345678901, hidden=True, actor="grüße")),
]
refused_entries = [
    {"about": "another number than its place", "n": 2, "entry": canonical(event(1, hidden=False))},
    {"about": "an event that says it is hidden", "n": 1, "entry": canonical(event(1, hidden=True))},
    {"about": "an event that does not say", "n": 1, "entry": canonical(event(1))},
    {"about": "not canonical", "n": 1, "entry": f'{{"n": 1,"sealed":"{digest}"}}'},
    {"about": "members in another order", "n": 1, "entry": f'{{"n":1,"long":"{digest}"}}'},
    {"about": "both", "n": 1, "entry": canonical({"n": 1, "long": digest, "sealed": digest})},
    {"about": "a further member", "n": 1, "entry": canonical({"n": 1, "sealed": digest, "x": 1})},
    {"about": "another algorithm", "n": 1, "entry": canonical({"n": 1, "sealed": "sha512:" + "0" * 128})},
    {"about": "nothing", "n": 1, "entry": ""},
]

# ── a log ──

ORIGIN, LOG_SEED = "registry.example/log", bytes([1] * 32)
WITNESS, WITNESS_SEED = "witness.example/w1", bytes([2] * 32)
log = [b"entry %d" % index for index in range(300)]
leaves = [leaf(entry) for entry in log]


def checkpoint(size):
    return f"{ORIGIN}\n{size}\n{base64(root(leaves[:size]))}\n"


def signed(size, *cosignatures):
    return f"{checkpoint(size)}\n{sign(ORIGIN, LOG_SEED, checkpoint(size))}" + "".join(cosignatures)


text = checkpoint(300)
witnessed = signed(300, cosign(ORIGIN, LOG_SEED, 1700000000, text), cosign(WITNESS, WITNESS_SEED, 1700000060, text))
inclusion = [{"index": index, "size": size, "proof": [base64(hash) for hash in path(index, leaves[:size])]} for index, size in [(0, 1), (0, 2), (1, 3), (2, 3), (6, 7), (255, 256), (256, 257), (100, 300), (299, 300)]]
consistency = [{"old": old, "new": new, "proof": [base64(hash) for hash in subproof(old, leaves[:new], True)]} for old, new in [(1, 1), (1, 2), (2, 3), (3, 7), (4, 7), (6, 8), (255, 257), (256, 300), (123, 300)]]
proof_hashes = "".join(base64(hash) + "\n" for hash in path(123, leaves))

print(
    json.dumps(
        {
            "keys": {
                "log": {"name": ORIGIN, "seed": LOG_SEED.hex(), "secret": secret(ORIGIN, 1, LOG_SEED), "public": vkey(ORIGIN, 1, LOG_SEED), "cosignatures": vkey(ORIGIN, 4, LOG_SEED)},
                "witness": {"name": WITNESS, "seed": WITNESS_SEED.hex(), "secret": secret(WITNESS, 4, WITNESS_SEED), "public": vkey(WITNESS, 4, WITNESS_SEED)},
            },
            "log_secret": LOG_SECRET.hex(),
            "entries": entries_of_the_log,
            "refused_entries": refused_entries,
            "roots": {str(size): base64(root(leaves[:size])) for size in [0, 1, 2, 3, 4, 5, 7, 8, 255, 256, 257, 300]},
            "tiles": {str(size): {name: "sha256:" + sha256(content).hex() for name, content in tiles(log[:size]).items()} for size in [1, 255, 256, 257, 300]},
            "paths": {
                "valid": ["tile/0/000", "tile/0/x001/x234/067", "tile/1/000.p/1", "tile/7/000.p/255", "tile/entries/999", "tile/entries/x001/000.p/255"],
                "invalid": ["tile/0/0", "tile/0/x000/001", "tile/0/001/002", "tile/0/x001", "tile/00/001", "tile/8/000", "tile/0/001.p/0", "tile/0/001.p/256", "tile/0/001.p/01", "tile/7/000", "tile/7/001", "tile/data/001", "tile/0/../001", "/tile/0/001"],
            },
            "inclusion": inclusion,
            "consistency": consistency,
            "checkpoints": [
                {"about": "by the log alone", "note": signed(300), "size": 300, "times": []},
                {"about": "with the log's own time and a witness", "note": witnessed, "size": 300, "times": [1700000000, 1700000060]},
                {"about": "with a signature of a stranger", "note": signed(300, sign("stranger.example", bytes([3] * 32), text)), "size": 300, "times": []},
            ],
            "refused_checkpoints": [
                {"about": "another size than was signed", "note": signed(300).replace("\n300\n", "\n301\n")},
                {"about": "cut off", "note": signed(300)[:-1]},
                {"about": "nobody's", "note": text + "\n"},
                {"about": "by the witness alone", "note": text + "\n" + cosign(WITNESS, WITNESS_SEED, 1700000060, text)},
                {"about": "a witness's signature of another checkpoint", "note": signed(300, cosign(WITNESS, WITNESS_SEED, 1700000060, checkpoint(299)))},
                {"about": "another log's origin", "note": (lambda other: f"{other}\n{sign(ORIGIN, LOG_SEED, other)}")(text.replace(ORIGIN, "other.example/log"))},
                {"about": "a size with a leading zero", "note": (lambda other: f"{other}\n{sign(ORIGIN, LOG_SEED, other)}")(text.replace("\n300\n", "\n0300\n"))},
                {"about": "no root", "note": (lambda other: f"{other}\n{sign(ORIGIN, LOG_SEED, other)}")(f"{ORIGIN}\n300\n")},
            ],
            "proof": {"index": 123, "text": f"c2sp.org/tlog-proof@v1\nindex 123\n{proof_hashes}\n{witnessed}"},
        },
        indent=1,
        ensure_ascii=False,
    )
)
