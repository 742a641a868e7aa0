// Looks at every page of every host in a real Chromium, as people do: on a phone, a desk and a wall,
// in light and in dark, with a keyboard, and by the rules of axe-core.
//
//     node tests/browser/check.mjs ASKED.json
//
// ASKED has `chromium` (the program), `axe` (axe.min.js; without it that part is left out), `pictures` (a
// folder), and `hosts`: each with a `name`, the `url` of its agent and `beyond`, paths that no link leads to.
// Prints one line for each fault, and exits with 1 if there is any.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Chromium } from "./chromium.mjs";

const WIDTHS = [[360, 780], [1280, 900], [2560, 1440]];
const SCHEMES = ["light", "dark"];
/** Pages of one kind look alike: of sticks and of findings so many are looked at. */
const ALIKE = { "/dimm": 2, "/finding": 1 };

const asked = JSON.parse(readFileSync(process.argv[2], "utf8"));
const axe = asked.axe ? readFileSync(asked.axe, "utf8") : undefined;
const faults = [];
let looked = 0;
mkdirSync(asked.pictures, { recursive: true });

/** Every page that links of this host lead to, with where the link stands; all of them must answer. */
async function crawl(host) {
  const found = new Map([["/", "the beginning"]]);
  for (const path of host.beyond ?? []) found.set(path, "the test");
  const pages = [];
  for (const [path, from] of found) {
    const answer = await fetch(host.url + path, { headers: { accept: "text/html" }, redirect: "manual" });
    const text = await answer.text();
    const type = answer.headers.get("content-type") ?? "";
    const isMissing = (host.missing ?? []).includes(path);
    if (answer.status !== (isMissing ? 404 : 200)) faults.push(`${host.name} ${path}: ${answer.status}, linked from ${from}`);
    if (type.startsWith("application/json")) JSON.parse(text);
    if (!type.startsWith("text/html")) continue;
    if (!answer.headers.get("content-security-policy")?.includes("default-src 'none'")) faults.push(`${host.name} ${path}: no policy`);
    if (/<script|\sstyle=|\son\w+=|https?:\/\/(?!www\.w3\.org)/.test(text.replaceAll(/<code>.*?<\/code>/gs, ""))) faults.push(`${host.name} ${path}: a script, a style within, or something from elsewhere`);
    pages.push(path);
    for (const [, href] of text.matchAll(/(?:href|src)="([^"]*)"/g)) {
      const target = href.replaceAll("&amp;", "&");
      if (target.startsWith("#")) {
        if (target.length > 1 && !text.includes(` id="${target.slice(1)}"`)) faults.push(`${host.name} ${path}: ${target} leads nowhere`);
      } else if (!found.has(target)) found.set(target, path);
    }
  }
  return pages;
}

/** Of pages that are alike the first ones, each with the word for its pictures. */
function chosen(host, pages) {
  const seen = new Map();
  return pages.flatMap((path) => {
    if (path.includes("?")) return [];
    if (host.missing?.includes(path)) return [{ path, word: `no${path.replaceAll("/", "-")}` }];
    const kind = path.replace(/^\/memory\/.*/, "/dimm").replace(/^\/findings\/.*/, "/finding");
    const n = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, n);
    const word = (path === "/" ? "overview" : kind.slice(1)) + (n > 1 ? `-${n}` : "");
    return kind === path || n <= ALIKE[kind] ? [{ path, word }] : [];
  });
}

/** What sticks out to the right, or is cut off. */
const OVERFLOW = `(() => {
  const wide = document.documentElement.clientWidth;
  const out = [];
  if (document.documentElement.scrollWidth > wide) out.push("the page is " + document.documentElement.scrollWidth + " wide");
  for (const element of document.body.querySelectorAll("*")) {
    if (element.closest(".visually-hidden, .defs, thead, .skip, symbol")) continue;
    const box = element.getBoundingClientRect();
    if (box.width > 0 && (box.right > wide + 1 || box.left < -1)) out.push(element.tagName.toLowerCase() + "." + (element.getAttribute("class") ?? "") + " from " + Math.round(box.left) + " to " + Math.round(box.right));
    if (out.length > 4) break;
  }
  return out;
})()`;

/** What has the focus, and whether that is seen. */
const FOCUS = `(() => {
  const all = [...document.querySelectorAll("a[href], summary, [tabindex='0']")].filter((e) => e.checkVisibility());
  const has = document.activeElement;
  const style = getComputedStyle(has);
  const box = has.getBoundingClientRect();
  const drawn = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const within = box.bottom > 0 && box.top < innerHeight && box.width > 0;
  return { at: all.indexOf(has), of: all.length, what: has.outerHTML.slice(0, 80), isSeen: drawn && within };
})()`;

async function keyboard(chromium, name) {
  let focus = await chromium.evaluate(FOCUS);
  for (let at = 0; at < focus.of; at += 1) {
    await chromium.press("Tab", 9);
    focus = await chromium.evaluate(FOCUS);
    if (focus.at !== at) return faults.push(`${name}: Tab leads to ${focus.what} (${focus.at}) and not to number ${at} of ${focus.of}`);
    if (!focus.isSeen) faults.push(`${name}: the focus on ${focus.what} is not seen`);
    if (at === 0) {
      if (!focus.what.includes('class="skip"')) faults.push(`${name}: the first thing is not the way past the menu`);
    }
  }
}

async function accessibility(chromium, name) {
  await chromium.evaluate(`${axe}; 0`);
  const found = await chromium.evaluate(`axe.run(document, { resultTypes: ["violations"] }).then((r) => r.violations.map((v) => ({ id: v.id, impact: v.impact, nodes: v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " | " + n.failureSummary.replaceAll("\\n", " ").slice(0, 260)) })))`);
  for (const { id, impact, nodes } of found) {
    if (impact === "serious" || impact === "critical") faults.push(`${name}: ${id} (${impact}): ${nodes.join(" || ")}`);
    else console.log(`note: ${name}: ${id} (${impact}): ${nodes[0]}`);
  }
}

/** Looks at hosts one after the other, in a browser of its own. */
async function visit(hosts) {
  const chromium = await Chromium.start(asked.chromium);
  let said = [];
  chromium.on("Runtime.consoleAPICalled", ({ type, args }) => said.push(`${type}: ${args.map((arg) => arg.value).join(" ")}`));
  chromium.on("Runtime.exceptionThrown", ({ exceptionDetails }) => said.push(`exception: ${exceptionDetails.text}`));
  chromium.on("Log.entryAdded", ({ entry }) => said.push(`${entry.level}: ${entry.text} ${entry.url ?? ""}`));
  chromium.on("Network.loadingFailed", ({ errorText, canceled }) => { if (!canceled) said.push(`not loaded: ${errorText}`); });
  try {
    for (const host of hosts) {
      const pages = chosen(host, await crawl(host));
      for (const { path, word } of pages) {
        const isMissing = (host.missing ?? []).includes(path);
        for (const [width, height] of WIDTHS) for (const scheme of SCHEMES) {
          const name = `${host.name} ${path} at ${width}, ${scheme}`;
          await chromium.look(width, height, scheme);
          said = [];
          await chromium.open(host.url + path);
          looked += 1;
          // That a page is not there is said by the browser too.
          for (const text of said.filter((text) => !(isMissing && text.includes("404")))) faults.push(`${name}: console: ${text}`);
          for (const out of await chromium.evaluate(OVERFLOW)) faults.push(`${name}: overflow: ${out}`);
          writeFileSync(join(asked.pictures, `${host.name}.${word}.${width}.${scheme}.png`), await chromium.picture(width));
          const isUsual = scheme === "light" && width < 2000;
          if (axe && (isUsual || width === 1280)) await accessibility(chromium, name);
          if (isUsual) await keyboard(chromium, name);
        }
        // Nor does anything stick out between those widths, or on paper.
        for (const [width, media] of [[800, "screen"], [1000, "screen"], [760, "print"]]) {
          await chromium.look(width, 1000, "light", media);
          for (const out of await chromium.evaluate(OVERFLOW)) faults.push(`${host.name} ${path} at ${width}, ${media}: overflow: ${out}`);
        }
      }
      console.log(`${host.name}: ${pages.length} pages`);
    }
  } finally {
    await chromium.stop();
  }
}

// Two browsers, as a browser alone mostly waits for itself.
await Promise.all([0, 1].map((half) => visit(asked.hosts.filter((_, n) => n % 2 === half))));
faults.forEach((fault) => console.log(`FAULT ${fault}`));
console.log(`${looked} looks, ${faults.length} faults`);
process.exit(faults.length > 0 ? 1 : 0);
