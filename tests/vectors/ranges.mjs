// Writes spec/vectors/ranges.json: what npm's own `semver` package says of every range and version below.
//
// How to run it, from the project's top folder:
//
//   npm install --prefix /tmp/semver semver
//   NODE_PATH=/tmp/semver/node_modules node tests/vectors/ranges.mjs > spec/vectors/ranges.json
//
// For each range: a string with one digit a version, 1 where the version is in the range, or null where the text is no
// range. A version that npm cannot read does not belong here. Run it again only to add ranges, and look at every line
// that changed.

import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const semver = require("semver");

const versions = [
  "0.0.0", "0.0.1", "0.0.3", "0.1.0", "0.1.2", "0.2.0-alpha", "0.2.0",
  "1.0.0-alpha.1", "1.0.0-rc.10", "1.0.0", "1.0.1+build.5", "1.2.0", "1.2.3-beta.2", "1.2.3-beta.11", "1.2.3", "1.2.4-0",
  "1.9.9", "1.10.0", "2.0.0-0", "2.0.0", "2.3.4+a", "2.3.5-pre.1+b", "10.20.30", "99999.1.0", "9007199254740991.0.0",
];

const operators = ["", "=", "^", "~", "~>", ">", ">=", "<", "<="];
const partials = [
  "0", "1", "2", "0.0", "0.1", "1.2", "1.x", "1.2.x", "1.*", "x", "*", "X", "0.0.3", "0.1.2", "0.2.0-alpha",
  "1.0.0-alpha.1", "1.0.0-rc.2", "1.2.3", "1.2.3-beta.2", "2.0.0", "2.0.0-0", "10.20.30", "9007199254740991.0.0",
];

const others = [
  // Spaces, prefixes, build metadata.
  "", " ", "\t^1.2 ", "^ 1.2.3", ">= 1.2.3", "> =1.2.3", "v1.2.3", "=v1.2.3", " = v1.2.3", "^v1", "~v1.2", ">v1.2.3", "~ > 1.2",
  "1.2.3+build", "^1.2.3+build", "2.3.4+other", ">=2.3.5-pre.1+c", "1.0.1+build.5", "1.2+x", "vv1.2.3", "V1.2.3", "==1.2.3", "=^1",
  "~ >1.2", "~ >=1.2", "^ >1.2", "^ > 1.2", "~ <1.2", "~ > 1.2.3 <2", "~ > 1.2 || ~ > 2", "1 ~ > 1.2", "~  >  1.2", "~ =1.2", "^ =1.2", "~= 1.2", "~ ^1", "~ ~1",
  "~> >1", "~ > =1.2", "> ~1", "^ ^1", "~ > v1.2", "~\t>1", "~ > 1.2 - 2", "~ >", "~ > x", "^ v1", "~ > 1.2.3-beta.2", "~> 1.2", "~>=1.2", "~> =1.2", ">~1", "~>x", "~>>1", "~ >> 1", "~==1", "~=>1", "~>==1", "~>=>1", "~=1", "~>=1",
  // Wild cards in odd places.
  "1.x.3", "1.*.3-beta", "*.1", "x.x.x", "x.1.2", "1.X", "1.2.*", "0.x", "0.0.x", "^0.x", "^0.0.x", "^0.0", "~0.0", "^x", "~x", ">x", "<x", ">=x", "<=*", ">*",
  "1.2.x-beta", "^1.x", "^1.2.x", "~1.x", ">1.x", ">=1.x", "<1.x", "<=1.x", ">1.2.x", "<=1.2.x", "<0", "<0.0.0", "<0.0.0-0", "<=0.0.0-0", ">=0.0.0-0",
  // Several comparators.
  ">=1.0.0 <2.0.0", ">1 <2", ">=1.2.3 <1.2.4", ">=1.2.3-beta <1.2.4", ">1.2.3-beta.2 <1.2.3", ">=1.0.0-alpha <1.0.0", "^1.2 <1.10", "^1 ^2", "~1.2 >1.2.3",
  ">=1.0.0 >=1.2.0 >=1.9.9", "<2 >=1.2.3-beta.3", ">=2.0.0-0 <3", ">=1.2.4-0 <2.0.0-0", "1.2.3 1.2.4", "* ^1", "^1 *", "x 2", ">=0 <9007199254740991",
  "1.2.3,1.2.4", ">=1,<2", "^1,^2", ">=1 && <2", ">=1 & <2", "^1.2.3 - ", ">2.0.0 <1.0.0", ">=1.0.0 <1.0.0", ">1.0.0 <=1.0.0",
  // Alternatives.
  "1 || 2", "1||2", "^0.1||^1.9", "1.2.3||1.2.3-beta.2", "||", "|| 1", "1 ||", "1 || || 2", "1 | 2", "<0.1 || >=10", ">=1.0.0-rc.1 <1.0.1 || 2.x",
  "^1.2.3-beta.4 || ^2.3.5-pre", "1.0.0 - 1.2.3 || 2.0.0-0", "0.0.1||0.0.3||10.20.30", "* || 1.0.0-alpha.1", "invalid || 1", "1 || invalid",
  // Hyphens.
  "1.0.0 - 2.0.0", "1 - 2", "1.2 - 2.3", "0.1 - 1.2.3", "1.2.3 - 1.2.4-0", "1.2.3-beta.2 - 1.2.3", "1.2.3-beta.2 - 2", "* - 2", "1 - *", "* - *", "x - 1.x",
  "1.0.0-alpha.1 - 1.0.0-rc.10", "1.0.0-2.0.0", "1.0.0- 2.0.0", "1.0.0 -2.0.0", "1 - 2 - 3", "1 - 2 <2", ">1 - 2", "^1 - 2", "v1.0.0 - v2.0.0", "2 - 1", "1.2.3 - 1.2", "0 - 0", "1.x - 2.x", "1.0.0+a - 2.3.4+b",
  "1.2.3 -  2", "1.2.3  - 2", "1.2.3 - 2.3.5-pre.1", "1.2.3 - 99999",
  // Pre-releases.
  "1.0.0-alpha", "^1.0.0-alpha", "~1.0.0-alpha.1", ">1.0.0-rc.9", ">1.0.0-rc.1a", "<1.0.0-rc.10", "<=1.0.0-rc.10", ">=1.0.0-0", "^1.2.3-0", "~1.2.3-beta", "~1.2.4-0",
  "^0.2.0-0", "^0.2.0-alpha", "~0.2.0-alpha", ">=0.2.0-alpha", "<0.2.0", "<2.0.0", "<2.0.0-0", "<=2.0.0-0", ">=2.3.5-0", "^2.3.5-pre", "2.3.5-pre.1", "2.3.5-pre.1+b",
  "1.2.3-beta.02", "1.2.3-", "1.2.3-beta..1", "1.2.3-ü", "^1.2.3beta", "1.2.3beta.2", ">=1.2.3beta", "1.2.3-beta_2", "1.0.0-RC.10", "1.0.0--", "^1.0.0--1",
  "^1-beta", "~1.2-beta", ">1.2-beta", "1-beta", "1.2-beta.2", "<1-0", "*-0", "x-beta",
  // No ranges.
  "latest", "next", "invalid", "a.b.c", "1.2.3.4", "^1.2.3.4", "1..2", ".1.2", "1.", "1.2.", "01.2.3", "1.02.3", "^01", "^^1", "~~1", "~^1", "<>1", "><1", "=>1", "=<1", "!1", "!=1", "(1)", "[1,2)", "1 to 2",
  "^-1", "-1", "1.-2.3", "1.2.-3", "1,2,3", "1.2.3;", "'1.2.3'", "^", "~", ">", ">=", "<", "=", "> ", "^ ", "1e3", "0x1", "1.2.3 foo", "foo 1.2.3", "^1.2.3 foo", "git+ssh://x", "file:.", "npm:x@1", "workspace:*",
  // Big numbers.
  "9007199254740991", "^9007199254740991", "9007199254740992", "9007199254740992.0.0", "<9007199254740992", "^1.9007199254740991.0", "^1.9007199254740992", "99999999999999999999.0.0", ">99999", ">=99999.1", "~99999.1.0", "^10.20.30", ">10.20 <10.21",
  "<=9007199254740990.9007199254740991.9007199254740991", ">9007199254740990", "~9007199254740991.0",
];

const ranges = [...new Set([...operators.flatMap((operator) => partials.map((partial) => operator + partial)), ...others])];

for (const version of versions) {
  if (semver.valid(version) === null) throw new Error(`${version} is no version`);
}

const verdict = (text) => {
  let range;
  try {
    range = new semver.Range(text);
  } catch {
    return null;
  }
  return versions.map((version) => (range.test(version) ? "1" : "0")).join("");
};

const lines = ranges.map((range) => `    ${JSON.stringify(range)}: ${JSON.stringify(verdict(range))}`);
console.log(`{
  "about": "What npm's semver says: for each range one digit a version, 1 where it is in the range; null where the text is no range",
  "made_with": "npm semver ${require("semver/package.json").version}, tests/vectors/ranges.mjs",
  "versions": ${JSON.stringify(versions)},
  "ranges": {
${lines.join(",\n")}
  }
}`);
