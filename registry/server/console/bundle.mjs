// Makes the console's assets: what the templates use of PatternFly, our own style and script, htmx, and fonts.
//
//   node bundle.mjs PACKAGES OUT
//
// PACKAGES is the folder with node_modules, OUT gets the files and `assets.rs`, which embeds them. A rule of PatternFly
// is taken when every class in its selector stands in a template, in our style or in our script; class names must
// therefore be written out in full there. Rules for the dark theme go into a style sheet of their own, so that the
// browser can choose it by the system's preference without any script.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [packages, out] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const patternfly = join(packages, "node_modules/@patternfly/patternfly");
const htmx = join(packages, "node_modules/htmx.org/dist/htmx.min.js");

const DARK = ".pf-v6-theme-dark";
// Themes and icon fonts that are part of the style sheet and not of this console.
const UNUSED = /\.pf-v6-theme-(?!dark\b)|\.pf-v6-(?:m-)?(?:icon|pficon)|\.fa[bsrl]?\b|\.fa-|\.pf-v6-pficon/;

/** Every class name that occurs where classes can be named. */
function namesInUse(folders) {
  const names = new Set();
  const read = (path) => {
    if (statSync(path).isDirectory()) return readdirSync(path).forEach((entry) => read(join(path, entry)));
    for (const [name] of readFileSync(path, "utf8").matchAll(/pf-[a-z0-9_-]+/gi)) names.add(name);
  };
  folders.forEach(read);
  return names;
}

/** The rules of a style sheet: `{ head, body }`, where `body` is text or, for blocks with rules in them, rules. */
function parse(css) {
  const rules = [];
  let at = 0;
  for (;;) {
    const open = css.indexOf("{", at);
    if (open < 0) return rules;
    const head = css.slice(at, open).trim();
    let depth = 1;
    let end = open + 1;
    for (; depth > 0; end++) {
      if (css[end] === "{") depth++;
      else if (css[end] === "}") depth--;
    }
    const body = css.slice(open + 1, end - 1);
    const nested = /^@(media|supports|container|layer)\b/.test(head);
    rules.push({ head, body: nested ? parse(body) : body.trim() });
    at = end;
  }
}

/** A selector list, split at its outermost commas. */
function selectors(head) {
  const parts = [];
  let depth = 0;
  let begin = 0;
  for (let at = 0; at < head.length; at++) {
    if (head[at] === "(") depth++;
    else if (head[at] === ")") depth--;
    else if (head[at] === "," && depth === 0) {
      parts.push(head.slice(begin, at).trim());
      begin = at + 1;
    }
  }
  return [...parts, head.slice(begin).trim()];
}

/** The selector without what it only excludes. */
const required = (selector) => selector.replace(/:not\((?:[^()]|\([^()]*\))*\)/g, "");

/** Whether anything in the console can match. */
function matches(selector, names) {
  const text = required(selector);
  if (UNUSED.test(text)) return false;
  return [...text.matchAll(/\.(pf-[a-z0-9_-]+)/gi)].every(([, name]) => names.has(name) || DARK === `.${name}`);
}

/** What remains of `rules`, of the dark theme or of everything else. */
function kept(rules, names, dark) {
  return rules.flatMap(({ head, body }) => {
    if (Array.isArray(body)) {
      const inner = kept(body, names, dark);
      return inner.length ? [{ head, body: inner }] : [];
    }
    if (head.startsWith("@")) return dark ? [] : [{ head, body }];
    const chosen = selectors(head).filter((one) => one.includes(DARK) === dark && matches(one, names));
    return chosen.length ? [{ head: chosen.join(","), body }] : [];
  });
}

/** Only the animations that are named somewhere, and the fonts we serve. */
function withoutOrphans(rules, fonts) {
  const text = written(rules.filter(({ head }) => !head.startsWith("@keyframes")));
  return rules.filter(({ head, body }) => {
    if (head.startsWith("@keyframes")) return text.includes(head.slice("@keyframes".length).trim());
    return !head.startsWith("@font-face") || fonts.some((font) => body.includes(font));
  });
}

const written = (rules) =>
  rules.map(({ head, body }) => `${head}{${Array.isArray(body) ? written(body) : body.replace(/\s*\n\s*/g, "")}}`).join("\n");

const KINDS = { ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2" };
const assets = [];

/** Adds a file and returns the path that it is served under. */
function add(name, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 16);
  const extension = extname(name);
  const file = `${name.slice(0, -extension.length)}.${hash}${extension}`;
  const write = (suffix, bytes) => writeFileSync(join(out, file + suffix), bytes);
  write("", content);
  const packed = extension !== ".woff2";
  if (packed) {
    const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length } };
    write(".br", brotliCompressSync(content, quality));
    write(".gz", gzipSync(content, { level: 9 }));
  }
  assets.push({ name, file, kind: KINDS[extension], packed });
  return `/assets/${file}`;
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const sheets = readdirSync(here).filter((file) => file.endsWith(".css")).sort();
const own = sheets.map((file) => readFileSync(join(here, file), "utf8")).join("\n");
const names = namesInUse([join(here, "../templates"), ...sheets.map((file) => join(here, file)), join(here, "console.js"), join(here, "../src/console")]);
const FONTS = ["RedHatTextVF.woff2", "RedHatDisplayVF.woff2", "RedHatMonoVF.woff2"];
const source = readFileSync(join(patternfly, "patternfly.css"), "utf8")
  .replace(/\/\*[\s\S]*?\*\//g, "")
  .replace(/@charset[^;]*;/, "");
const rules = parse(source);
const light = withoutOrphans(kept(rules, names, false), FONTS);
const served = (css) =>
  css.replace(/url\("?\.\/assets\/([^")]+)"?\)/g, (_, path) => {
    const file = path.split("/").pop();
    if (!FONTS.includes(file)) return "none";
    return `url("${add(file, readFileSync(join(patternfly, "assets", path)))}")`;
  });
const ownRules = parse(own.replace(/\/\*[\s\S]*?\*\//g, ""));
const part = (dark) => written(ownRules.filter(({ head }) => head.includes(DARK) === dark));
add("console.css", served(written(light)) + "\n" + part(false));
add("dark.css", served(written(kept(rules, names, true))) + "\n" + part(true));
add("console.js", readFileSync(htmx, "utf8") + "\n" + readFileSync(join(here, "console.js"), "utf8"));
add("icon.svg", readFileSync(join(here, "icon.svg"), "utf8"));

const quoted = (text) => JSON.stringify(text);
const constant = (name) => name.replace(/[^A-Za-z]/g, "_").toUpperCase();
const named = (name) => assets.find((asset) => asset.name === name);
const entries = assets.map(({ file, kind, packed }) => {
  const bytes = (suffix) => `include_bytes!(${quoted(join(out, file + suffix))})`;
  const pack = packed ? `Some(Packed { br: ${bytes(".br")}, gzip: ${bytes(".gz")} })` : "None";
  return `    Asset { name: ${quoted(file)}, kind: ${quoted(kind)}, plain: ${bytes("")}, packed: ${pack} },`;
});
const constants_ = ["console.css", "dark.css", "console.js", "icon.svg"].map(
  (name) => `pub(crate) const ${constant(name)}: &str = ${quoted(`/assets/${named(name).file}`)};`,
);
writeFileSync(join(out, "assets.rs"), `${constants_.join("\n")}\nstatic ASSETS: &[Asset] = &[\n${entries.join("\n")}\n];\n`);
