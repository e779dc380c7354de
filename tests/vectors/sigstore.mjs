// Asks npm's `@sigstore/verify` what it says of bundles: another hand's verifier over what this one signed.
//
//   node tests/vectors/sigstore.mjs MODULES < cases.json
//
// MODULES is the folder `node_modules` with `@sigstore/verify` and `@sigstore/bundle`. Each case is
// `{"bundle": …, "hint": …, "public": PEM}`, where the hint is the one that the trusted key has. Prints a line a case: `ok`, or what
// was refused and why.

import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const require = createRequire(join(resolve(process.argv[2]), "index.js"));
const { bundleFromJSON } = require("@sigstore/bundle");
const { Verifier, toSignedEntity, toTrustMaterial } = require("@sigstore/verify");

const verdict = ({ bundle, hint, public: pem }) => {
  const keys = (asked) => {
    if (asked !== hint) throw new Error(`no key with the hint ${asked}`);
    return { publicKey: createPublicKey(pem), validFor: () => true };
  };
  const nothing = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
  // Keys that lie at hand have neither a log of Sigstore's nor a time stamp.
  const thresholds = { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 };
  try {
    const verifier = new Verifier({ ...toTrustMaterial(nothing, () => undefined), publicKey: keys }, thresholds);
    verifier.verify(toSignedEntity(bundleFromJSON(bundle)));
    return "ok";
  } catch (error) {
    return `${error.name}: ${error.message}`.replaceAll("\n", " ");
  }
};

for (const item of JSON.parse(readFileSync(0, "utf8"))) console.log(verdict(item));
