// What the makers of vectors share: keys, canonical JSON and DSSE's signed bytes, of Node's own cryptography.

import { createHash, createPrivateKey, createPublicKey } from "node:crypto";

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

// PKCS#8 of an Ed25519 key is these bytes and the 32 of the key.
const pkcs8 = Buffer.from("302e020100300506032b657004220420", "hex");
export const ed25519 = (byte) =>
  createPrivateKey({ key: Buffer.concat([pkcs8, Buffer.alloc(32, byte)]), format: "der", type: "pkcs8" });

export const publicPem = (key) => createPublicKey(key).export({ format: "pem", type: "spki" });
export const keyId = (key) => sha256(createPublicKey(key).export({ format: "der", type: "spki" }));

// Members in the order of their names, no white space.
export const canonical = (value) => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
};

export const pae = (type, payload) =>
  Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${Buffer.byteLength(payload)} ${payload}`);
