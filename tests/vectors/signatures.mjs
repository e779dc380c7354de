// Writes spec/vectors/signatures.json: keys, statements, bundles and simple signatures, made with Node's own cryptography.
//
// How to run it, from the project's top folder:
//
//   node tests/vectors/signatures.mjs > spec/vectors/signatures.json
//
// The same bytes come out each time, but for the signatures of ECDSA, which are random: the one that stands in the file is kept.
// Nothing here is taken from the implementation in Rust.

import { createHash, createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { canonical, ed25519, keyId, pae, publicPem, sha256 } from "./signing.mjs";

const p256 = createPrivateKey(`-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgtST5NAM/8cPbN+p2
fY4MFVk/caB4uzkOuNxuEhwwa0WhRANCAASWvpAXz34B3nLJBtQu7KYff7c7cyCk
xY7Ru52Acggc/CBpFTBoGU2pgoat1fEODFHJCULgt05hRuB2gXyzCIyf
-----END PRIVATE KEY-----
`);

const described = (key) => ({ private: key.export({ format: "pem", type: "pkcs8" }), public: publicPem(key), id: keyId(key) });
const keys = { ann: ed25519(1), bob: ed25519(2), other_tool: p256 };
const ids = Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, keyId(key)]));

const manifest = '{"schemaVersion":2}';
const digest = `sha256:${sha256(manifest)}`;
const repository = "acme/hello";

const statement = (changes = {}, subject = {}) => canonical({
  _type: "https://in-toto.io/Statement/v1",
  predicateType: "https://sigstore.dev/cosign/sign/v1",
  predicate: {},
  subject: [{ name: repository, digest: { sha256: sha256(manifest) }, ...subject }],
  ...changes,
});

const statementType = "application/vnd.in-toto+json";
const earlier = (() => {
  try {
    return JSON.parse(readFileSync("spec/vectors/signatures.json", "utf8"));
  } catch {
    return undefined;
  }
})();
const signature = (name, message) => {
  if (name !== "other_tool") return sign(null, message, keys[name]).toString("base64");
  return earlier?.ecdsa_signature ?? sign("sha256", message, keys[name]).toString("base64");
};

const bundle = (name, { payload = statement(), type = statementType, hint = ids[name], keyid = ids[name], changes = {} } = {}) => ({
  mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
  verificationMaterial: { publicKey: { hint } },
  dsseEnvelope: {
    payload: Buffer.from(payload).toString("base64"),
    payloadType: type,
    signatures: [{ keyid, sig: signature(name, pae(type, payload)) }],
  },
  ...changes,
});
const good = bundle("ann");
const elsewhere = (change) => {
  const copy = structuredClone(good);
  change(copy);
  return copy;
};
// Flips the lowest bit of a byte of what is base64.
const flipped = (text, at) => {
  const bytes = Buffer.from(text, "base64");
  bytes[at] ^= 1;
  return bytes.toString("base64");
};
const noName = statement({ subject: [{ digest: { sha256: sha256(manifest) } }] });
const ecdsa = bundle("other_tool", { payload: noName, keyid: "", hint: Buffer.from(ids.other_tool, "hex").toString("base64") });

const cases = {
  "signed by ann": [good, "ann"],
  "signed by bob": [bundle("bob"), "bob"],
  "by another tool: ECDSA P-256, no name, no keyid, a hint of another form": [ecdsa, "other_tool"],
  "the older spelling of the media type": [bundle("ann", { changes: { mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.3" } }), "ann"],
  "members that are not known": [bundle("ann", { changes: { future: {} } }), "ann"],
  "a bit of the payload flipped": [elsewhere((b) => (b.dsseEnvelope.payload = flipped(b.dsseEnvelope.payload, 100))), null],
  "a bit of the signature flipped": [elsewhere((b) => (b.dsseEnvelope.signatures[0].sig = flipped(b.dsseEnvelope.signatures[0].sig, 10))), null],
  "no signature": [elsewhere((b) => (b.dsseEnvelope.signatures = [])), null],
  "two signatures": [elsewhere((b) => b.dsseEnvelope.signatures.push(bundle("bob").dsseEnvelope.signatures[0])), null],
  "the keyid is another than the hint": [bundle("ann", { keyid: ids.bob }), null],
  "another manifest": [bundle("ann", { payload: statement({}, { digest: { sha256: sha256("{}") } }) }), null],
  "another name": [bundle("ann", { payload: statement({}, { name: "acme/evil" }) }), null],
  "two subjects": [bundle("ann", { payload: statement({ subject: JSON.parse(statement()).subject.concat(JSON.parse(statement()).subject) }) }), null],
  "another predicate": [bundle("ann", { payload: statement({ predicateType: "https://slsa.dev/provenance/v1" }) }), null],
  "another statement": [bundle("ann", { payload: statement({ _type: "https://in-toto.io/Statement/v0.1" }) }), null],
  "another payload type": [bundle("ann", { type: "application/json" }), null],
  "a message signature": [{ mediaType: good.mediaType, verificationMaterial: good.verificationMaterial, messageSignature: { messageDigest: { algorithm: "SHA2_256", digest: createHash("sha256").update(manifest).digest("base64") }, signature: signature("ann", Buffer.from(manifest)) } }, null],
  "a certificate": [elsewhere((b) => (b.verificationMaterial = { certificate: { rawBytes: "" } })), null],
  "another version of the format": [elsewhere((b) => (b.mediaType = "application/vnd.dev.sigstore.bundle.v0.4+json")), null],
};

const payload = canonical({
  critical: { identity: { "docker-reference": `localhost:5000/${repository}` }, image: { "docker-manifest-digest": digest }, type: "cosign container image signature" },
  optional: null,
});
const simple = (changed, annotation) => ({ payload: changed, annotation });
const simpleOf = (name, text) => simple(text, sign(null, Buffer.from(text), keys[name]).toString("base64"));
const simpleCases = {
  "signed by ann": [simpleOf("ann", payload), "ann"],
  "with a tag, on another host": [simpleOf("bob", payload.replace("localhost:5000/acme/hello", "mirror.example/acme/hello:1.0.0")), "bob"],
  "a bit of the signature flipped": [simple(payload, flipped(simpleOf("ann", payload).annotation, 10)), null],
  "a byte of the payload changed": [simple(payload.replace("5000", "5001"), simpleOf("ann", payload).annotation), null],
  "another manifest": [simpleOf("ann", payload.replace(digest, `sha256:${sha256("{}")}`)), null],
  "another repository": [simpleOf("ann", payload.replace("acme/hello", "acme/evil")), null],
  "another type": [simpleOf("ann", payload.replace("cosign container image signature", "atomic container signature")), null],
};

const listed = (all) => Object.entries(all).map(([name, [value, signer]]) => ({ case: name, ...value, signer }));
const bundles = Object.entries(cases).map(([name, [value, signer]]) => ({ case: name, bundle: value, signer }));
console.log(JSON.stringify({
  about: "What a signature is: `signer` is the key that counts for the manifest in the repository, null where the signature must be refused. `statement`, `pae` and `bundle` are what ann writes, byte for byte",
  made_with: "Node.js's own cryptography, tests/vectors/signatures.mjs",
  keys: Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, described(key)])),
  repository,
  host: "localhost:5000",
  manifest,
  digest,
  statement: statement(),
  pae: pae(statementType, statement()).toString("utf8"),
  bundle: canonical(good),
  ecdsa_signature: ecdsa.dsseEnvelope.signatures[0].sig,
  bundles,
  simple: listed(simpleCases),
  tags: { referrers: digest.replace(":", "-"), signatures: `${digest.replace(":", "-")}.sig` },
}, null, 2));
