// Writing a runbook in a real browser: the preview that follows, what goes in at the caret, a draft that is kept, two
// people at once, going back. With JavaScript and without, on a phone and at a desk.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Server, axe, calm, eventually, fits, launch, open, shot, signIn } from "./support.mjs";

const path = "/runbooks/courier-api-down";
const text = (page) => page.locator("#edit-text");

async function good(page, name) {
  await shot(page, `writing-${name}`);
  await axe(page);
  await fits(page);
  calm(page);
}

/** Presses a button that sends a form, and waits for the page after it. Gives the answer. */
async function sends(page, name) {
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.request().isNavigationRequest()),
    page.waitForEvent("load"),
    page.getByRole("button", { name }).first().click(),
  ]);
  return answer;
}

describe("writing", () => {
  let server, browser, storage;
  const pages = [];
  const see = async (address, way = {}) => {
    const page = await open(browser, `${server.url}${address}`, { storage, ...way });
    pages.push(page);
    return page;
  };
  before(async () => {
    server = await Server.start();
    browser = await launch();
    const password = server.account("anna", "editor");
    const page = await open(browser, `${server.url}/sign-in`);
    await signIn(page, "anna", password);
    storage = await page.context().storageState();
    await page.context().close();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  for (const size of ["phone", "desktop"]) {
    it(`the preview and the links follow what is typed, and the caret stays, on a ${size}`, async () => {
      const page = await see(`${path}/edit`, { size });
      await page.getByText("Preview, not saved yet").waitFor();
      await text(page).focus();
      await page.keyboard.press("Control+End");
      await page.keyboard.type("\n\nSee [this](component:nothing-like-it) and more");
      const preview = page.locator("[id='edit:preview']");
      await eventually(async () => assert.match(await preview.innerText(), /component "nothing-like-it" does not exist/));
      assert.match(await page.locator("[id='edit:links']").innerText(), /component:nothing-like-it\s*Leads nowhere/);
      const [caret, length] = await text(page).evaluate((box) => [box.selectionStart, box.value.length]);
      assert.equal(caret, length, "the caret is where it was");
      assert.ok(await text(page).evaluate((box) => box === document.activeElement));
      await good(page, `follows-${size}`);
    });
  }

  it("what is found goes in at the caret, words that are selected become its words, and it can be undone", async () => {
    const page = await see(`${path}/edit`);
    await page.getByText("Preview, not saved yet").waitFor();
    await page.getByText("Insert a link, a fact or a live panel").click();
    await page.getByLabel("Which part is it about?").fill("push");
    const found = page.locator("[id='insert:found']");
    await found.locator("summary", { hasText: "Push to ERP" }).first().click();
    await text(page).evaluate((box) => {
      box.value += "\n\nIt tries six times.";
      box.setSelectionRange(box.value.length - 10, box.value.length - 1);
    });
    await found.getByRole("button", { name: /retry\.max_attempts is/ }).first().click();
    assert.match(await text(page).inputValue(), /It tries \[six times\]\(fact:step:order-to-erp\/push-to-erp\?retry\.max_attempts=\d+\)\.$/);
    await good(page, "insert");
    await text(page).focus();
    await page.keyboard.press("Control+z");
    assert.match(await text(page).inputValue(), /It tries six times\.$/);
  });

  it("a draft is kept, offered with its time, and gone after a save", async () => {
    const page = await see(`${path}/edit`);
    await page.getByText("Preview, not saved yet").waitFor();
    const words = "\n\nThis was typed and never saved.\n";
    await text(page).fill((await text(page).inputValue()).trimEnd() + words);
    await eventually(async () => assert.ok(await page.evaluate(() => Object.keys(localStorage).some((key) => key.startsWith("draft:")))));
    page.on("dialog", (dialog) => dialog.accept());
    await page.reload();
    const offer = page.locator("[id='edit:draft']");
    await offer.waitFor();
    assert.match(await offer.innerText(), /until \d+ \w+ \d\d:\d\d and not saved/);
    assert.ok(!(await text(page).inputValue()).includes("never saved"));
    await good(page, "draft");
    await offer.getByRole("button", { name: "Put it into the text" }).click();
    assert.ok((await text(page).inputValue()).includes("never saved"));
    await page.getByLabel("Why this change").fill("It is saved now");
    await sends(page, /^Save as version/);
    assert.match(await page.locator(".notice.n-good").innerText(), /^Saved as version/);
    await eventually(async () => assert.equal(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("draft:")).length), 0));
  });

  for (const javaScript of [true, false]) {
    for (const size of ["phone", "desktop"]) {
      it(`a section alone, a conflict and going back, ${size}${javaScript ? "" : ", without JavaScript"}`, async () => {
        const way = { size, javaScript };
        const name = `${size}${javaScript ? "" : "-plain"}`;
        const page = await see(`${path}/edit?section=do-this-now`, way);
        const other = await see(`${path}/edit?section=do-this-now`, way);
        assert.match(await text(page).inputValue(), /^## Do this now/);
        assert.ok(!(await text(page).inputValue()).includes("## Background"));
        const write = async (page, words) => {
          await text(page).fill(`${(await text(page).inputValue()).trimEnd()}\n- [ ] ${words}\n`);
          await page.getByLabel("Why this change").fill(words);
        };
        await write(page, `One, ${name}`);
        if (!javaScript) {
          await sends(page, "Preview");
          assert.match(await page.locator("[id='edit:preview']").innerText(), new RegExp(`One, ${name}`));
          assert.ok((await text(page).inputValue()).includes(`One, ${name}`));
        }
        await good(page, `section-${name}`);
        await sends(page, "Save this section");
        await page.locator(".notice.n-good").waitFor();
        await write(other, `Two, ${name}`);
        assert.equal((await sends(other, "Save this section")).status(), 409);
        assert.match(await other.locator(".conflict").innerText(), /Changed by both/);
        const proposed = await text(other).inputValue();
        assert.ok(proposed.includes(`One, ${name}`) && proposed.includes(`Two, ${name}`), "both are kept");
        await good(other, `conflict-${name}`);
        await other.getByLabel(/I have read what/).check();
        await sends(other, /^Save mine as version/);
        // And back to the version before.
        await other.goto(`${server.url}${path}/history`);
        await good(other, `history-${name}`);
        await other.goto(`${server.url}${path}/blame`);
        await good(other, `blame-${name}`);
        await other.goto(`${server.url}${path}/versions/1`);
        await good(other, `old-${name}`);
        await sends(other, /^Restore as version/);
        assert.match(await other.locator(".doc-head").innerText(), /Restores version 1/);
        await other.goto(`${server.url}${path}/compare?from=1&to=2&source=1`);
        await good(other, `source-${name}`);
        await other.goto(`${server.url}/insert?q=push`);
        await good(other, `insert-page-${name}`);
      });
    }
  }
});
