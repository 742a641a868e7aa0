// A headless Chromium, spoken to over two pipes by its own protocol (CDP), so that nothing has to be
// installed for that.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How long anything may take before it counts as hung. */
const PATIENCE_MS = 30_000;

export class Chromium {
  static async start(program) {
    const profile = mkdtempSync(join(tmpdir(), "scrubjay-chromium-"));
    // The sandbox needs user namespaces, which containers often lack; only pages of ours are loaded.
    const child = spawn(program, [
      "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
      "--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-sync",
      "--force-color-profile=srgb", "--font-render-hinting=none", "--remote-debugging-pipe",
      `--user-data-dir=${profile}`, "about:blank",
    ], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    const chromium = new Chromium(child, profile);
    const { targetInfos } = await chromium.call("Target.getTargets");
    const page = targetInfos.find((target) => target.type === "page");
    const { sessionId } = await chromium.call("Target.attachToTarget", { targetId: page.targetId, flatten: true });
    chromium.session = sessionId;
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await chromium.call(`${domain}.enable`);
    return chromium;
  }

  constructor(child, profile) {
    Object.assign(this, { child, profile, session: undefined, last: 0, waiting: new Map(), heard: new Map() });
    let rest = Buffer.alloc(0);
    child.stdio[4].on("data", (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (let end; (end = rest.indexOf(0)) >= 0; rest = rest.subarray(end + 1)) {
        this.take(JSON.parse(rest.subarray(0, end).toString()));
      }
    });
    child.on("exit", () => this.waiting.forEach(({ reject }) => reject(new Error("Chromium ended"))));
  }

  take(message) {
    const asked = this.waiting.get(message.id);
    if (asked) {
      this.waiting.delete(message.id);
      clearTimeout(asked.timer);
      if (message.error) asked.reject(new Error(`${asked.method}: ${message.error.message}`));
      else asked.resolve(message.result);
    } else if (message.method) {
      (this.heard.get(message.method) ?? []).forEach((listener) => listener(message.params));
    }
  }

  on(event, listener) {
    this.heard.set(event, [...(this.heard.get(event) ?? []), listener]);
  }

  call(method, params = {}) {
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      const hung = () => { this.waiting.delete(id); reject(new Error(`${method} took longer than ${PATIENCE_MS} ms`)); };
      this.waiting.set(id, { method, resolve, reject, timer: setTimeout(hung, PATIENCE_MS) });
      this.child.stdio[3].write(JSON.stringify({ id, method, params, sessionId: this.session }) + "\0");
    });
  }

  /** The value of an expression, or of the promise that it is. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Loads a page and waits until it is there with everything it needs. */
  async open(url) {
    const loaded = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${url} did not load`)), PATIENCE_MS);
      this.heard.set("Page.loadEventFired", [() => { clearTimeout(timer); resolve(); }]);
    });
    await this.call("Page.navigate", { url });
    await loaded;
  }

  async look(width, height, scheme, media = "screen") {
    const mobile = width < 600;
    await this.call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile });
    await this.call("Emulation.setEmulatedMedia", { media, features: [{ name: "prefers-color-scheme", value: scheme }] });
  }

  async press(key, code) {
    for (const type of ["keyDown", "keyUp"]) {
      await this.call("Input.dispatchKeyEvent", { type, key, code: key, windowsVirtualKeyCode: code });
    }
  }

  /** The whole page, however long. */
  async picture(width) {
    const height = await this.evaluate("Math.ceil(document.documentElement.getBoundingClientRect().height)");
    const clip = { x: 0, y: 0, width, height: Math.min(height, 12_000), scale: 1 };
    const { data } = await this.call("Page.captureScreenshot", { format: "png", captureBeyondViewport: true, clip });
    return Buffer.from(data, "base64");
  }

  async stop() {
    this.child.removeAllListeners("exit");
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGKILL");
    await ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
