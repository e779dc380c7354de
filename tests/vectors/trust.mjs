// Writes spec/vectors/trust.json: policies, how they follow each other, and what is verified under them, made with Node's own
// cryptography.
//
// How to run it, from the project's top folder:
//
//   node tests/vectors/trust.mjs > spec/vectors/trust.json
//
// Nothing here is taken from the implementation in Rust; what must come of each case is written down by hand.

import { sign } from "node:crypto";
import { canonical, ed25519, keyId, pae, publicPem, sha256 } from "./signing.mjs";

const policyType = "application/vnd.pcl.policy.v1+json";
const statementType = "application/vnd.in-toto+json";
const keys = { ann: ed25519(1), bob: ed25519(2), cat: ed25519(3), dan: ed25519(4), eve: ed25519(9) };
const id = (name) => keyId(keys[name]);
const day = (number) => `2026-01-${String(number).padStart(2, "0")}T12:00:00.000000Z`;

const entry = (name, roles, more = {}) => ({ id: id(name), public: publicPem(keys[name]), roles, from: day(1), ...more });
const base = {
  format: 1,
  org: "acme",
  version: 1,
  keys: [entry("ann", ["policy"]), entry("bob", ["policy", "publish"]), entry("cat", ["publish"])],
  threshold: { policy: 1, publish: 1 },
  require: "signed",
};
const policy = (changes = {}) => ({ ...base, ...changes });
const enveloped = (text, signers, type = policyType) => canonical({
  payload: Buffer.from(text).toString("base64"),
  payloadType: type,
  signatures: signers.map((name) => ({ keyid: id(name), sig: sign(null, pae(type, text), keys[name]).toString("base64") })),
});
const envelope = (document, signers) => enveloped(canonical(document), signers);

// ── what is a policy ──

const revoked = (name, since, more = {}) => ({ key: id(name), since: day(since), ...more });
const without = (member) => Object.fromEntries(Object.entries(base).filter(([name]) => name !== member));
const policies = {
  "the plainest": [canonical(base), true],
  "with all members": [canonical(policy({
    freshness: 86400,
    revoked: [revoked("eve", 3, { reason: "laptop stolen" })],
    keys: [entry("ann", ["policy", "publish"], { until: day(20) })],
  })), true],
  "white space": [JSON.stringify(JSON.parse(canonical(base)), null, 1), false],
  "members out of order": [canonical(base).replace('"require":"signed",', "").replace(/}$/, ',"require":"signed"}'), false],
  "a member that is not known": [canonical(policy({ extra: 1 })), false],
  "another format": [canonical(policy({ format: 2 })), false],
  "version 0": [canonical(policy({ version: 0 })), false],
  "no threshold": [canonical(without("threshold")), false],
  "a time without microseconds": [canonical(base).replace(".000000Z", "Z"), false],
  "an id that is not the key's": [canonical(policy({ keys: [entry("ann", ["policy", "publish"], { id: id("bob") })] })), false],
  "a key twice": [canonical(policy({ keys: [...base.keys, base.keys[0]] })), false],
  "a key without roles": [canonical(policy({ keys: [...base.keys, entry("dan", [])] })), false],
  "roles out of order": [canonical(policy({ keys: [...base.keys, entry("dan", ["publish", "policy"])] })), false],
  "a key that ends before it begins": [canonical(policy({ keys: [...base.keys, entry("dan", ["publish"], { until: day(1) })] })), false],
  "a threshold of none": [canonical(policy({ threshold: { policy: 1, publish: 0 } })), false],
  "a threshold that nobody can meet": [canonical(policy({ threshold: { policy: 3, publish: 1 } })), false],
  "a threshold that nobody can meet after a revocation": [canonical(policy({ threshold: { policy: 2, publish: 1 }, revoked: [revoked("ann", 2)] })), false],
  "a revocation twice": [canonical(policy({ revoked: [revoked("eve", 2), revoked("eve", 3)] })), false],
};

// ── which policy follows which ──

const first = envelope(base, ["ann"]);
const second = policy({ version: 2, keys: [entry("bob", ["publish"]), entry("dan", ["policy"])] });
const two = policy({ threshold: { policy: 2, publish: 1 } });
const firstOfTwo = envelope(two, ["ann", "bob"]);
const changed = (text) => {
  const envelope = JSON.parse(text);
  const payload = Buffer.from(envelope.payload, "base64").toString().replace('"publish":1', '"publish":2');
  return canonical({ ...envelope, payload: Buffer.from(payload).toString("base64") });
};
const expired = policy({ keys: [entry("ann", ["policy"], { until: day(5) }), entry("bob", ["policy", "publish"])] });
const successions = {
  "signed by a key of both": [first, envelope(policy({ version: 2 }), ["ann"]), true],
  "rotated, signed by old and new": [first, envelope(second, ["ann", "dan"]), true],
  "rotated, signed by the new key only": [first, envelope(second, ["dan"]), false],
  "rotated, signed by the old key only": [first, envelope(second, ["ann"]), false],
  "signed by a key without the role": [first, envelope(policy({ version: 2 }), ["cat"]), false],
  "signed by a stranger": [first, envelope(policy({ version: 2 }), ["eve"]), false],
  "not signed": [first, envelope(policy({ version: 2 }), []), false],
  "changed after it was signed": [first, changed(envelope(policy({ version: 2 }), ["ann"])), false],
  "the same version, the same policy": [first, first, false],
  "the same version, another policy": [first, envelope(policy({ freshness: 1 }), ["ann"]), false],
  "an older version": [envelope(policy({ version: 2 }), ["ann"]), first, false],
  "a version is left out": [first, envelope(policy({ version: 3 }), ["ann"]), false],
  "another organisation's": [first, envelope(policy({ version: 2, org: "other" }), ["ann"]), false],
  "two of two signed": [firstOfTwo, envelope(policy({ version: 2 }), ["ann", "bob"]), true],
  "one of two signed": [firstOfTwo, envelope(policy({ version: 2 }), ["ann"]), false],
  "one of two signed, twice": [firstOfTwo, enveloped(canonical(policy({ version: 2 })), ["ann", "ann"]), false],
  "a key that counts no more": [envelope(expired, ["bob"]), envelope(policy({ version: 2 }), ["ann"]), false],
  "a revoked key": [envelope(policy({ revoked: [revoked("ann", 2)] }), ["bob"]), envelope(policy({ version: 2 }), ["ann"]), false],
  "revoking the key that signs, with another": [first, envelope(policy({ version: 2, revoked: [revoked("ann", 2)] }), ["ann", "bob"]), true],
  "an envelope of another type": [first, enveloped(canonical(policy({ version: 2 })), ["ann"], statementType), false],
};

// ── what is verified under a policy ──

const manifest = '{"schemaVersion":2}';
const statement = canonical({
  _type: "https://in-toto.io/Statement/v1",
  predicateType: "https://sigstore.dev/cosign/sign/v1",
  predicate: {},
  subject: [{ name: "acme/hello", digest: { sha256: sha256(manifest) } }],
});
const bundle = (name) => ({
  mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
  verificationMaterial: { publicKey: { hint: id(name) } },
  dsseEnvelope: JSON.parse(enveloped(statement, [name], statementType)),
});
const under = {
  plain: first,
  any: envelope(policy({ require: "any" }), ["ann"]),
  "two of two": envelope(policy({ threshold: { policy: 1, publish: 2 } }), ["ann"]),
  "cat until the tenth": envelope(policy({ keys: [...base.keys.slice(0, 2), entry("cat", ["publish"], { until: day(10) })] }), ["ann"]),
  "cat revoked as of the tenth": envelope(policy({ revoked: [revoked("cat", 10)] }), ["ann"]),
};
const verifications = [
  ["one who may publish", "plain", ["cat"], "claimed", 5, ["cat"]],
  ["two who may publish", "plain", ["bob", "cat"], "claimed", 5, ["bob", "cat"]],
  ["a stranger beside", "plain", ["eve", "cat"], "claimed", 5, ["cat"]],
  ["nobody", "plain", [], "claimed", 5, null],
  ["a stranger", "plain", ["eve"], "claimed", 5, null],
  ["one who may sign policies only", "plain", ["ann"], "claimed", 5, null],
  ["nobody, and none is asked for", "any", [], "claimed", 5, []],
  ["a stranger, and none is asked for", "any", ["eve"], "claimed", 5, []],
  ["two of two", "two of two", ["bob", "cat"], "claimed", 5, ["bob", "cat"]],
  ["one of two", "two of two", ["cat"], "claimed", 5, null],
  ["one of two, twice", "two of two", ["cat", "cat"], "claimed", 5, null],
  ["on the first day", "cat until the tenth", ["cat"], "claimed", 1, ["cat"]],
  ["on the last day", "cat until the tenth", ["cat"], "claimed", 9, ["cat"]],
  ["too late", "cat until the tenth", ["cat"], "claimed", 10, null],
  ["revoked, proven to be older", "cat revoked as of the tenth", ["cat"], "proven", 9, ["cat"]],
  ["revoked, said to be older", "cat revoked as of the tenth", ["cat"], "claimed", 9, null],
  ["revoked, proven to be of that time", "cat revoked as of the tenth", ["cat"], "proven", 10, null],
  ["revoked, beside one who is not", "cat revoked as of the tenth", ["bob", "cat"], "claimed", 9, ["bob"]],
];

console.log(JSON.stringify({
  about: "Policies: which bytes are one, which envelope may follow which at `at`, and whose signatures count for the manifest in the repository; `signers` is null where it must be refused",
  made_with: "Node.js's own cryptography, tests/vectors/trust.mjs",
  ids: Object.fromEntries(Object.keys(keys).map((name) => [name, id(name)])),
  policies: Object.entries(policies).map(([name, [text, valid]]) => ({ case: name, valid, text })),
  at: day(8),
  successions: Object.entries(successions).map(([name, [previous, next, accepted]]) => ({ case: name, accepted, previous, next })),
  repository: "acme/hello",
  digest: `sha256:${sha256(manifest)}`,
  bundles: Object.fromEntries(Object.keys(keys).map((name) => [name, bundle(name)])),
  under,
  verifications: verifications.map(([name, policy, bundles, time, number, signers]) =>
    ({ case: name, under: policy, bundles, time, at: day(number), signers })),
}, null, 2));
