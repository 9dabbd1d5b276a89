// The demo, as somebody meets it who has never seen Watchbook: something true happens soon, and of everything there is
// one to look at.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Server, axe, calm, eventually, fits, launch, open, shot } from "./support.mjs";

const words = { on_track: "On track", retrying: "Retrying", late: "Late", broken: "Broken", no_signal: "No signal", paused: "Paused" };

describe("the demo", () => {
  let server, browser, visitor, started;
  before(async () => {
    browser = await launch();
    started = Date.now();
    server = await Server.start({ demo: true });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** Signs in by the button of a role, from wherever the demo asks for it. */
  async function be(page, role) {
    await Promise.all([page.waitForURL((url) => url.pathname !== "/sign-in"), page.getByRole("main").getByRole("button", { name: role, exact: true }).click()]);
  }

  it("lets a visitor in with one press", async () => {
    const page = await open(browser, server.url, { size: "phone" });
    await axe(page);
    await fits(page);
    await shot(page, "demo-sign-in-phone-light");
    await be(page, "editor");
    assert.equal(new URL(page.url()).pathname, "/");
    assert.match(await page.locator("details.who > summary").textContent(), /editor/);
    visitor = await page.context().storageState();
    calm(page);
    await page.context().close();
  });

  it("shows something that happens within ten seconds, on Now and on a workflow", { timeout: 60_000 }, async (t) => {
    for (const path of ["/", "/workflows/order-to-erp"]) {
      const page = await open(browser, server.url + path, { storage: visitor });
      await eventually(async () => assert.match(await page.textContent(".live-state"), /^Live/));
      // Words of the page itself, not of the strip with its clock.
      const [block, took] = await page.evaluate(() => {
        const main = document.querySelector("main");
        const words = () => Object.fromEntries([...main.querySelectorAll("[data-live]")].map((b) => [b.dataset.live, b.textContent.replace(/\d+ (s|min) ago/g, "")]));
        const [before, start] = [words(), Date.now()];
        return new Promise((resolve) => {
          const look = () => {
            const now = words();
            const changed = Object.keys(now).find((name) => now[name] !== before[name]);
            if (changed) resolve([changed, Date.now() - start]);
          };
          new MutationObserver(look).observe(main, { childList: true, subtree: true, characterData: true });
          setTimeout(() => resolve(["nothing", 30_000]), 30_000);
        });
      });
      t.diagnostic(`${path}: ${block} after ${took} ms`);
      assert.ok(took < 10_000, `${path}: ${block} changed after ${took} ms`);
      calm(page);
      await page.context().close();
    }
  });

  it("shows what is true: the newest order on the page is the newest one there is", async () => {
    const page = await open(browser, `${server.url}/workflows/order-to-erp`, { storage: visitor });
    await eventually(async () => {
      const newest = (await (await page.request.get("/api/v1/workflows/order-to-erp/runs")).json()).items[0].run;
      await page.reload();
      assert.equal(await page.locator(".r-run > li .c-name code").first().textContent(), newest);
    });
    await page.context().close();
  });

  it("has one thing of each state and the flagged runbook within two minutes", { timeout: 150_000 }, async (t) => {
    const [now, workflow] = await Promise.all(["/workflows", "/workflows/order-to-erp"].map((path) => open(browser, server.url + path, { storage: visitor })));
    const seen = {};
    const within = () => 120_000 - (Date.now() - started);
    await eventually(
      async () => {
        const shown = [
          ...(await now.locator("main .r-workflow .c-state").allTextContents()),
          ...(await workflow.locator("main .trouble > h3 .badge").allTextContents()),
        ];
        for (const [state, word] of Object.entries(words)) {
          if (!seen[state] && shown.includes(word)) seen[state] = `${Math.round((Date.now() - started) / 1000)} s`;
        }
        const missing = Object.keys(words).filter((state) => !seen[state]);
        assert.deepEqual(missing, []);
      },
      { within: within() },
    ).finally(() => t.diagnostic(JSON.stringify(seen)));
    // Where it stands, and why: from Now to the section in doubt.
    const page = await open(browser, server.url, { storage: visitor });
    const flagged = page.locator(".r-change .c-flags a").first();
    await eventually(async () => assert.equal(await flagged.count(), 1), { within: within() });
    t.diagnostic(`flagged after ${Math.round((Date.now() - started) / 1000)} s`);
    for (const [size, colour] of [["desktop", "light"], ["phone", "dark"]]) {
      const look = await open(browser, server.url, { storage: visitor, size, colour });
      for (const [name, path] of [["now", "/"], ["workflows", "/workflows"], ["workflow", "/workflows/order-to-erp"], ["runbook", "/runbooks/erp-refuses-orders"], ["reviews", "/reviews"], ["runs", "/workflows/order-to-erp/runs"], ["sources", "/sources"]]) {
        await look.goto(path);
        await shot(look, `demo-${name}-${size}-${colour}`);
        await axe(look);
        await fits(look);
      }
      calm(look);
      await look.context().close();
    }
    await flagged.click();
    await page.waitForURL(/\/reviews\//);
    assert.ok((await page.getByRole("button", { name: /^Still correct/ }).count()) > 0);
    for (const each of [now, workflow, page]) {
      calm(each);
      await each.context().close();
    }
  });

  for (const role of ["viewer", "operator", "editor", "admin"]) {
    it(`a button makes a visitor ${role}`, async () => {
      const page = await open(browser, `${server.url}/runbooks/erp-refuses-orders`);
      await be(page, role);
      assert.equal(new URL(page.url()).pathname, "/runbooks/erp-refuses-orders", "back to where they wanted to be");
      assert.match(await page.locator("details.who > summary").textContent(), new RegExp(role));
      const edits = await page.locator(".doc-top .actions a", { hasText: "Edit" }).count();
      assert.equal(edits, ["editor", "admin"].includes(role) ? 1 : 0);
      // Being somebody else takes two presses, from any page, and stays on it.
      await page.locator("details.who > summary").click();
      assert.equal(await page.locator("details.who button[aria-pressed=true]").textContent(), role);
      const other = role === "viewer" ? "admin" : "viewer";
      await Promise.all([page.waitForEvent("load"), page.locator("details.who").getByRole("button", { name: other, exact: true }).click()]);
      assert.equal(new URL(page.url()).pathname, "/runbooks/erp-refuses-orders");
      assert.match(await page.locator("details.who > summary").textContent(), new RegExp(other));
      calm(page);
      await page.context().close();
    });
  }
});
