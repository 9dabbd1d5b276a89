// Find as a person uses it: typing into the box, choosing with keys or a finger, and without JavaScript.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Book, Server, axe, calm, eventually, fits, launch, looks, open, release, shot, signIn, sizes } from "./support.mjs";

const box = (page) => page.getByRole("combobox");
const list = (page) => page.getByRole("listbox", { name: "Found so far" });
const options = (page) => list(page).getByRole("option");
const chosen = (page) => list(page).getByRole("option", { selected: true });

/** The box is one of ours once the script is there. */
const there = (page) => page.waitForSelector("#find-q[role=combobox]");

/** Types, and waits for what is found of it. */
async function finds(page, typed, reads) {
  await box(page).fill(typed);
  await eventually(async () => assert.match((await options(page).allInnerTexts()).join("\n"), reads));
}

describe("Find", () => {
  let book, server, browser;
  before(async () => {
    book = new Book();
    server = await Server.start({ args: ["--public-read"], book: book.folder });
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    book?.remove();
  });

  it("lists what is found while it is typed, and keys lead there", async () => {
    const page = await open(browser, server.url);
    await there(page);
    await page.keyboard.press("Control+k");
    assert.equal(await box(page).getAttribute("aria-expanded"), "false");
    await page.keyboard.type("courier do", { delay: 20 });
    await eventually(async () => assert.match(await options(page).first().innerText(), /Courier does not answer/));
    assert.equal(await box(page).getAttribute("aria-expanded"), "true");
    assert.equal(await box(page).getAttribute("aria-controls"), await list(page).getAttribute("id"));
    await eventually(async () => assert.match(await page.textContent("#announce"), /found$/));
    assert.equal(await chosen(page).count(), 0, "Enter still asks for what was typed");
    await page.keyboard.press("ArrowDown");
    assert.equal(await box(page).getAttribute("aria-activedescendant"), await chosen(page).getAttribute("id"));
    assert.match(await chosen(page).innerText(), /Courier does not answer/);
    await page.keyboard.press("ArrowUp");
    assert.equal(await chosen(page).count(), 0, "up from the first is the box again");
    await page.keyboard.press("ArrowUp");
    assert.match(await chosen(page).innerText(), /^Everything found for/);
    await page.keyboard.press("Escape");
    assert.equal(await list(page).isVisible(), false);
    assert.equal(await box(page).inputValue(), "courier do", "what was typed stays");
    await page.keyboard.press("ArrowDown");
    await eventually(async () => assert.ok(await list(page).isVisible()));
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/runbooks/courier-api-down");
    calm(page);
    await page.context().close();
  });

  it("leads to the section, and Enter alone to everything that was found", async () => {
    const page = await open(browser, `${server.url}/find`);
    await there(page);
    await finds(page, "surcharge column", /No rate for a country/);
    await page.getByRole("option", { name: /No rate for a country/ }).click();
    await page.waitForURL("**/runbooks/courier-api-down#no-rate-for-a-country");
    await page.goto(`${server.url}/find`);
    await there(page);
    await box(page).fill("surcharge column");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/find?q=surcharge+column");
    assert.match(await page.locator("main").innerText(), /things? found/);
    assert.deepEqual(await page.locator("main mark").first().innerText(), "surcharge");
    // Back in the page, the list is not in the way.
    assert.equal(await list(page).isVisible(), false);
    calm(page);
    await page.context().close();
  });

  it("says so when the words are only close, and when there is nothing", async () => {
    const page = await open(browser, `${server.url}/find`);
    await there(page);
    await finds(page, "surchrage colunm", /No rate for a country/);
    assert.match(await list(page).innerText(), /Nothing is written like this/);
    await finds(page, "zzzz", /^Nothing found for/);
    await box(page).fill("");
    await eventually(async () => assert.equal(await list(page).isVisible(), false));
    await page.context().close();
  });

  it("an answer to what is no longer asked is not shown", async () => {
    const page = await open(browser, `${server.url}/find`);
    await there(page);
    let release;
    const held = new Promise((resolve) => (release = resolve));
    await page.route("**/find/options?q=courier", async (route) => {
      await held;
      await route.continue();
    });
    await Promise.all([page.waitForRequest("**/find/options?q=courier"), box(page).fill("courier")]);
    await finds(page, "refund", /Refund/);
    const late = page.waitForResponse("**/find/options?q=courier");
    release();
    await late;
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    assert.doesNotMatch(await options(page).first().innerText(), /Courier/);
    await page.context().close();
  });

  for (const way of looks) {
    it(`the list is good to read: ${way.size}, ${way.colour}`, async () => {
      const page = await open(browser, `${server.url}/find`, way);
      await there(page);
      for (const [name, typed] of [["words", "order"], ["close", "surchrage colunm"], ["nothing", "zzzz"]]) {
        await finds(page, typed, /found for/);
        await page.keyboard.press("ArrowDown");
        await axe(page, `the list of "${typed}", ${way.size}, ${way.colour}`);
        await fits(page);
        await shot(page, `find-list-${name}-${way.size}-${way.colour}`);
        if (way.size === "phone") {
          await page.setViewportSize(sizes.narrow.viewport);
          await fits(page);
          await page.setViewportSize(sizes.phone.viewport);
        }
      }
      calm(page);
      await page.context().close();
    });
  }

  it("a section that may be wrong looks so, in the list and on the page", async () => {
    const page = await open(browser, `${server.url}/sign-in`);
    await signIn(page, "anna", server.account("anna", "editor"));
    // Somebody says of everything that it is right; then the courier is tried less often.
    await page.goto(`${server.url}/reviews/courier-api-down`);
    for (let left = 20; left > 0; left -= 1) {
      const right = page.getByRole("main").getByRole("button", { name: /This section is right/ }).first();
      if ((await right.count()) === 0) break;
      await Promise.all([page.waitForNavigation(), right.click()]);
      await page.goto(`${server.url}/reviews/courier-api-down`);
    }
    const row = () => page.locator(".r-found li", { hasText: "Courier does not answer: Do this now" });
    await page.goto(`${server.url}/find?q=first+hour+parcels`);
    assert.match(await row().innerText(), /Trusted/);
    book.edit("workflows/courier-booking.yaml", "max_attempts: 8", "max_attempts: 5");
    await eventually(async () => {
      await page.reload();
      assert.match(await row().innerText(), /Check needed/);
    });
    assert.match(await row().innerText(), /number of tries was 8, is 5\./);
    await there(page);
    await finds(page, "first hour parcels", /Check needed[^]*number of tries was 8, is 5\./);
    for (const colour of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: colour });
      await axe(page);
      await shot(page, `find-in-doubt-desktop-${colour}`);
    }
    await page.setViewportSize(sizes.phone.viewport);
    await fits(page);
    await shot(page, "find-in-doubt-phone-dark");
    await page.context().close();
  });

  it("without JavaScript the form leads to what was found", async () => {
    const page = await open(browser, server.url, { javaScript: false });
    await page.getByLabel("Find a workflow, run, component or runbook").fill("surcharge column");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/find?q=surcharge+column");
    assert.match(await page.locator("main").innerText(), /No rate for a country/);
    await axe(page);
    await page.getByLabel("A name, an id, or words from a runbook").fill("sap-business-one");
    await page.getByRole("main").getByRole("button", { name: "Find" }).click();
    await page.waitForURL("**/components/sap-business-one");
    await page.context().close();
  });

  it("the first thing found is there 150 ms after the key, on a page that was just opened", async (t) => {
    const took = [];
    for (const typed of ["courier", "refund", "stock"]) {
      const page = await open(browser, `${server.url}/find`);
      await there(page);
      const shown = page.evaluate(
        () =>
          new Promise((resolve) => {
            let pressed;
            document.querySelector("#find-q").addEventListener("input", () => (pressed ??= performance.now()));
            new MutationObserver(() => document.querySelector("#find-options [role=option]") && resolve(performance.now() - pressed)).observe(
              document.querySelector("#find-options"),
              { childList: true },
            );
          }),
      );
      await box(page).fill(typed);
      took.push(Math.round(await shown));
      await page.context().close();
    }
    t.diagnostic(`${took.join(", ")} ms`);
    if (release) assert.ok(Math.max(...took) < 150, `it took ${took.join(", ")} ms`);
  });

  it("what was typed before the script was there is asked for when it is", async () => {
    const page = await open(browser, undefined);
    let go;
    const wait = new Promise((resolve) => (go = resolve));
    await page.route("**/*.wasm", async (route) => {
      await wait;
      await route.continue();
    });
    await page.goto(`${server.url}/find`);
    await page.getByLabel("A name, an id, or words from a runbook").pressSequentially("courier");
    go();
    await eventually(async () => assert.match(await options(page).first().innerText(), /Courier/));
    await page.context().close();
  });
});
